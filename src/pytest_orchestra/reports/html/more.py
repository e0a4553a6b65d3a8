"""The smaller sections: gates, trends of flaky tests, what was slow, and warnings."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from pytest_orchestra.model.flakes import FlakeRecord, Standing
from pytest_orchestra.model.run import CaseRecord, WarningRecord
from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.reports.html.markup import Markup, el, one_line, plain
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import count, seconds, share, shortened, style_of

#: Of these there is nothing to tell.
_DULL: Final = frozenset({Standing.NEW, Standing.HEALTHY})

_PHASES: Final = ("setup", "call", "teardown")
_MOST_SLOW: Final = 15
_MOST_WARNINGS: Final = 40
_MOST_TRENDS: Final = 40

#: A sparkline shows so many runs, each so wide.
_RUNS: Final = 40
_RUN: Final = 5


def gates(story: Story) -> Markup:
    """Return the conditions on the run, those that were not met first."""
    rows = [
        el(
            "li",
            el(
                "b",
                "✓ met" if gate.is_met else "✗ not met",
                class_="met" if gate.is_met else "unmet",
            ),
            el("span", one_line(gate.name)),
            el("span", plain(gate.detail), class_="quiet"),
        )
        for gate in story.gates
    ]
    return section("gates", "Gates", el("ul", rows, class_="gates") if rows else Markup())


def trends(story: Story) -> Markup:
    """Return what the history says of tests that failed in this run, by chance or not."""
    flakes = [each for each in story.run.flakes if each.standing not in _DULL]
    rows = [_trend(story, each) for each in flakes[:_MOST_TRENDS]]
    more = len(flakes) - len(rows)
    head = el(
        "tr",
        [
            el("th", name, scope="col")
            for name in ("test", "judged", "fails by chance", "last runs")
        ],
    )
    return section(
        "flaky",
        "Flaky tests",
        el(
            "div",
            el("table", el("thead", head), el("tbody", rows)),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label="trends of flaky tests",
        )
        if rows
        else Markup(),
        el("p", f"and {more:,} more", class_="quiet") if more > 0 else Markup(),
    )


def _trend(story: Story, flake: FlakeRecord) -> Markup:
    rate = flake.rate
    return el(
        "tr",
        el("td", story.named(flake.case), el("div", plain(flake.sentence), class_="quiet")),
        el("td", flake.standing),
        el("td", f"{rate.mean:.1%}", el("small", f"{rate.low:.1%} to {rate.high:.1%}")),
        el("td", _sparkline(flake.outcomes[-_RUNS:])),
    )


def _sparkline(outcomes: tuple[Verdict, ...]) -> Markup:
    """Return a short bar for each run that passed, and a tall one for each that did not."""
    bars = []
    for at, verdict in enumerate(outcomes):
        high = 5 if verdict in SUCCESS and verdict is not Verdict.FLAKY else 16
        bars.append(
            el(
                "rect",
                x=at * _RUN,
                y=16 - high,
                width=_RUN - 1,
                height=high,
                class_=style_of(verdict),
            )
        )
    bad = sum(verdict in {Verdict.FAILED, Verdict.ERROR, Verdict.FLAKY} for verdict in outcomes)
    words = f"{bad} of the last {count(len(outcomes), 'run')} not passed at once"
    width = max(1, len(outcomes) * _RUN)
    return el(
        "svg",
        el("title", words),
        bars,
        viewBox=f"0 0 {width} 16",
        width=width,
        height=16,
        role="img",
        class_="spark",
    )


def slowest(story: Story) -> Markup:
    """Return the tests that took longest, by phase."""
    ran = [number for number, case in enumerate(story.run.cases) if case.seconds]
    ran.sort(key=lambda number: -(story.case(number).seconds or 0.0))
    shown = ran[:_MOST_SLOW]
    most = (story.case(shown[0]).seconds or 1.0) if shown else 1.0
    total = sum(case.seconds or 0.0 for case in story.run.cases)
    part = sum(story.case(number).seconds or 0.0 for number in shown)
    rows = [
        el(
            "li",
            el("span", seconds(story.case(number).seconds or 0.0), class_="figure"),
            _phases(story.case(number), most),
            story.named(number),
        )
        for number in shown
    ]
    key = [el("li", el("i", class_=f"chip ph-{phase}"), phase) for phase in (*_PHASES, "besides")]
    return section(
        "slowest",
        "Slowest tests",
        el("ul", key, class_="key") if rows else Markup(),
        el("ol", rows, class_="slow") if rows else Markup(),
        note=f"{count(len(shown), 'test')} with {share(part, total)} of the work",
    )


def _phases(case: CaseRecord, most: float) -> Markup:
    parts = [
        (phase, sum(getattr(each, phase) or 0.0 for each in case.attempts)) for phase in _PHASES
    ]
    # What pytest needed besides, to tell of a failure for instance.
    besides = (case.seconds or 0.0) - sum(took for _, took in parts)
    parts.append(("besides", max(0.0, besides)))
    bars = [
        el("i", class_=f"ph-{phase}", style=f"width:{took / most:.2%}")
        for phase, took in parts
        if took > 0
    ]
    words = ", ".join(f"{phase} {seconds(took)}" for phase, took in parts)
    return el("span", bars, class_="track", title=words)


def warnings(story: Story) -> Markup:
    """Return the warnings, those that were given most often first."""
    groups: defaultdict[tuple[str, str, str, int], list[WarningRecord]] = defaultdict(list)
    for each in story.run.warnings:
        groups[each.category, each.message, each.file, each.line].append(each)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    rows = [
        el(
            "li",
            el("b", f"{len(found):,} times"),
            el(
                "span",
                el("code", category),
                " ",
                shortened(plain(message).strip(), 300),
                el("span", f"{file}:{line}" if line else file, class_="quiet block"),
            ),
        )
        for (category, message, file, line), found in ordered[:_MOST_WARNINGS]
    ]
    if len(ordered) > len(rows):
        rows.append(el("li", f"and {len(ordered) - len(rows):,} others"))
    return section(
        "warnings",
        "Warnings",
        el(
            "details",
            el("summary", count(len(story.run.warnings), "warning")),
            el("ul", rows, class_="warned"),
        )
        if rows
        else Markup(),
    )

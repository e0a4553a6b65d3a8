"""The top of the page: the verdict in one sentence, the counts, and where the time went."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.reports.html.markup import Markup, el
from pytest_orchestra.reports.html.story import Story
from pytest_orchestra.reports.html.uncollected import lost
from pytest_orchestra.reports.html.words import BAD, LETTERS, badge, count, seconds, share, style_of


def headline(story: Story) -> str:
    """Return ``3 of 2,412 tests failed in 41.2 s on 4 workers``."""
    run = story.run
    counts = run.counts
    total = len(run.cases)
    workers = len(run.workers)
    place = f" on {count(workers, 'worker')}" if workers > 1 else ""
    tail = f"in {seconds(run.seconds)}{place}"
    lost_files = lost(story)
    if not (total or lost_files):
        return f"No tests were collected, {tail}"
    parts = [
        f"{counts[verdict]:,}" + (f" of {count(total, 'test')}" if first else "") + words
        for first, verdict, words in _unfortunate(story)
    ]
    if lost_files:
        parts.append(lost_files)
    if parts:
        return f"{_list(parts)} {tail}"
    passed = sum(counts.get(verdict, 0) for verdict in SUCCESS)
    if not story.is_met:
        tail += ", but not every gate was met"
    if passed == total:
        return f"{'All ' if total > 1 else ''}{count(total, 'test')} passed {tail}"
    return f"Nothing failed: {passed:,} of {count(total, 'test')} passed {tail}"


def _unfortunate(story: Story) -> Iterator[tuple[bool, Verdict, str]]:
    counts = story.run.counts
    is_first = True
    for verdict, words in (
        (Verdict.FAILED, " failed"),
        (Verdict.ERROR, " had an error" if counts.get(Verdict.ERROR) == 1 else " had errors"),
        (Verdict.BLOCKED, " were blocked" if counts.get(Verdict.BLOCKED) != 1 else " was blocked"),
        (Verdict.NOT_RUN, " did not run"),
    ):
        if counts.get(verdict):
            yield is_first, verdict, words
            is_first = False


def _list(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def is_bad(story: Story) -> bool:
    """Whether the run is to be looked at: something failed, was refused what it claims, or never ran."""
    counts = story.run.counts
    return bool(
        any(counts.get(each) for each in BAD)
        or story.run.denied
        or story.run.stopped
        or not story.is_met
        or lost(story)
    )


def head(story: Story) -> Markup:
    """Return the top of the page."""
    bad = is_bad(story)
    mark = el("span", "✗" if bad else "✓", class_="mark", aria_hidden="true")
    return el(
        "header",
        el("h1", mark, el("span", headline(story))),
        el("p", _circumstances(story), class_="meta"),
        _stopped(story),
        _counts(story),
        _figures(story),
        class_="bad" if bad else "good",
    )


def _circumstances(story: Story) -> str:
    run = story.run
    parts = []
    if run.started:
        parts.append(f"{datetime.fromtimestamp(run.started, UTC):%A %d %B %Y, %H:%M:%S} UTC")
    hosts = sorted({worker.host for worker in run.workers if worker.host})
    if hosts:
        parts.append(f"{'host' if len(hosts) == 1 else 'hosts'} {', '.join(hosts)}")
    parts.append(f"{count(run.edges, 'dependency')}")
    if run.resources:
        parts.append(count(len(run.resources), "resource"))
    return " · ".join(parts)


def _stopped(story: Story) -> Markup | None:
    if story.run.stopped is None:
        return None
    return el("p", el("b", "Stopped early: "), story.run.stopped, class_="notice")


def _counts(story: Story) -> Markup:
    counts = story.run.counts
    there = [verdict for verdict in LETTERS if counts.get(verdict)]
    bar = [
        el("i", class_=style_of(verdict), style=f"flex-grow:{counts[verdict]}") for verdict in there
    ]
    key = [
        el(
            "li",
            el(
                "a",
                badge(verdict),
                el("b", f"{counts[verdict]:,}"),
                f" {verdict.value}",
                href="#tests",
                data_verdict=LETTERS[verdict],
            ),
        )
        for verdict in there
    ]
    return el(
        "div", el("div", bar, class_="bar", aria_hidden="true"), el("ul", key, class_="counts")
    )


def _figures(story: Story) -> Markup:
    tiles = [
        el("div", el("dt", name), el("dd", el("b", figure), el("span", note)))
        for name, figure, note in _tiles(story)
    ]
    return el("div", el("dl", tiles, class_="tiles"), _use_bar(story))


def _tiles(story: Story) -> Iterator[tuple[str, str, str]]:
    use, run = story.use, story.run
    yield (
        "Wall time",
        seconds(run.seconds),
        "from the first worker's start to the last test's end",
    )
    workers = count(len(story.timeline.lanes), "worker")
    yield "Work", seconds(use.busy), f"by {workers}, {share(use.busy, use.total)} busy"
    waits = [case.held_up for case in run.cases if case.held_up > 0]
    if waits:
        lost = f"{seconds(use.held_up)} of workers lost by it"
        yield "Waits for tokens", seconds(sum(waits)), f"of {count(len(waits), 'test')}; {lost}"
    if run.quality is not None:
        yield "Quality", run.quality.grade, f"{run.quality.score:.1f} %, see below"
    bound = story.bound
    # Runs that were merged began when they liked: no bound holds for what they took together.
    if bound.seconds > 0 and not run.parts:
        over = f"{run.seconds / bound.seconds - 1:.0%}"
        more = "no more" if run.seconds <= bound.seconds or over == "0%" else f"{over} more"
        yield "Could not be less than", seconds(bound.seconds), f"{bound.reason}; it took {more}"


def _use_bar(story: Story) -> Markup | None:
    use = story.use
    if use.total <= 0:
        return None
    parts = [
        (style, part, name)
        for style, part, name in (
            ("u-busy", use.busy, "tests ran"),
            ("u-held", use.held_up, "idle while tests waited for tokens"),
            ("u-idle", use.idle, "idle otherwise"),
        )
        if part > 0
    ]
    bar = [
        el("i", class_=style, style=f"flex-grow:{part / use.total:.4f}") for style, part, _ in parts
    ]
    key = [
        el("li", el("i", class_=f"chip {style}"), f"{name} {share(part, use.total)}")
        for style, part, name in parts
    ]
    return el(
        "div",
        el("div", bar, class_="bar thin", aria_hidden="true"),
        el("ul", el("li", "Time of the workers:"), key, class_="key"),
    )

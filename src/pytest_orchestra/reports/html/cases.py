"""All tests of the run: a list by file that can be read, and that the script makes a table of.

There is only one copy of it in the page: a line of text for each test, in columns between tabs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from pytest_orchestra.model.requirement import Kind
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.markup import Markup, el, one_line, plain
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import LETTERS, badge, count, seconds

#: So much of what a test needs stands in its line, in characters.
_MOST_NEEDS: Final = 80

#: And so much of why it did not pass.
_MOST_WHY: Final = 60


def tests(story: Story) -> Markup:
    """Return all tests, by file."""
    files: defaultdict[str, list[int]] = defaultdict(list)
    for number, case in enumerate(story.run.cases):
        files[case.spec.nodeid.partition("::")[0]].append(number)
    blocks = [_file(story, file, numbers) for file, numbers in files.items()]
    if not blocks:
        return Markup()
    return section(
        "tests",
        "All tests",
        el(
            "div",
            id="table",
            data_verdicts="".join(f"{LETTERS[each]}{story.word(each)};" for each in LETTERS),
        ),
        el(
            "div",
            el(
                "p",
                "Verdict, seconds, start, worker, seconds of waiting for tokens, test, needs, why.",
                class_="quiet",
            ),
            blocks,
            id="list",
        ),
        note=f"{count(len(story.run.cases), 'test')} in {count(len(files), 'file')}",
    )


def _file(story: Story, file: str, numbers: list[int]) -> Markup:
    cases = [story.case(number) for number in numbers]
    counts = Counter(case.verdict for case in cases)
    spent = sum(case.seconds or 0.0 for case in cases)
    others = [
        el("span", badge(verdict), f"{counts[verdict]:,}", class_="tally")
        for verdict in LETTERS
        if verdict in counts and verdict is not Verdict.PASSED
    ]
    summary = el(
        "summary",
        el("b", one_line(file)),
        el("small", f"{count(len(cases), 'test')}, {seconds(spent)}"),
        others,
    )
    lines = "\n".join(_line(story, number) for number in numbers)
    return el("details", summary, el("pre", lines))


def _line(story: Story, number: int) -> str:
    case, spans = story.case(number), story.timeline.spans[number]
    name = case.spec.nodeid.partition("::")[2]
    start = f"{spans[0].start:.2f}" if spans else ""
    worker = one_line(spans[-1].worker) if spans else ""
    return "\t".join(
        (
            LETTERS[case.verdict],
            _figure(case.seconds),
            start,
            worker,
            _figure(case.held_up) if case.held_up else "",
            one_line(name),
            _needs(case),
            _why(story, case),
        )
    ).rstrip("\t")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"  # noqa: PLR2004


def _needs(case: CaseRecord) -> str:
    if not case.requirements and not case.spec.alone:
        return ""
    parts = ["alone"] if case.spec.alone else []
    for need in case.requirements:
        if need.kind in {Kind.RESOURCE, Kind.SERVICE}:
            parts.append(
                f"{need.what}={need.amount}" if need.amount not in {"", "1"} else need.what
            )
        else:
            parts.append(f"after {need.what}")
    return _cut(", ".join(parts), _MOST_NEEDS)


def _why(story: Story, case: CaseRecord) -> str:
    """Return in a few words why a case did not pass."""
    if case.cause is not None:
        root = case.cause.case
        text = (
            case.cause.reason if root is None else story.case(root).spec.nodeid.rpartition("/")[2]
        )
        return _cut(text if root is None else f"{text} {case.cause.reason}", _MOST_WHY)
    last = case.attempts[-1] if case.attempts else None
    if last is None or case.verdict is Verdict.PASSED:
        return ""
    message = last.failures[0].message if last.failures else last.reason
    return _cut(plain(message).strip().partition("\n")[0], _MOST_WHY)


def _cut(text: str, most: int) -> str:
    line = one_line(text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"

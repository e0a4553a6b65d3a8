"""What failed, and what passed only at last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from pytest_orchestra.model.attempt import Attempt
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.advice import artifacts
from pytest_orchestra.reports.html.markup import Markup, el, one_line, plain
from pytest_orchestra.reports.html.spans import Span
from pytest_orchestra.reports.html.story import MOST_LINES, MOST_TOLD, Story, section
from pytest_orchestra.reports.html.words import badge, count, seconds, shortened, style_of
from pytest_orchestra.scheduling.explain import waited_for_text

#: So many characters of tracebacks and of output are shown of one failure, and of all together.
MOST_TEXT: Final = 12_000
MOST_OUTPUT: Final = 6_000
MOST_IN_ALL: Final = 200_000

#: The tracebacks of so many failures are unfolded.
_MOST_OPEN: Final = 5
#: So many tests that ran beside a failure are named.
_MOST_BESIDE: Final = 6
#: So many names are listed where tests have something in common.
_MOST_ALIKE: Final = 8


class _Budget:
    """So many characters are left for texts, so that a thousand failures do not make a page of a gigabyte."""

    def __init__(self) -> None:
        self._left = MOST_IN_ALL

    def cut(self, text: str, most: int) -> str:
        most = max(400, min(most, self._left // 4))
        shown = shortened(text, most)
        self._left -= len(shown)
        return shown


def failing(story: Story) -> Markup:
    """Return everything about each failure, the most harmful first."""
    budget = _Budget()
    told = [_article(story, number, budget) for number in story.told]
    rest = story.failures[MOST_TOLD:]
    lines = [el("li", story.named(number)) for number in rest[:MOST_LINES]]
    more = len(rest) - len(lines)
    return section(
        "failing",
        "Failures",
        _kinds(story),
        *told,
        el("h3", "Others that failed") if lines else Markup(),
        el("ul", lines, class_="names") if lines else Markup(),
        el("p", f"and {more:,} more, in the table of all tests.", class_="quiet")
        if more
        else Markup(),
        note=count(len(story.failures), "test"),
    )


def _kinds(story: Story) -> Markup:
    """Say which failures are of one kind, if there are fewer kinds than failures."""
    kinds: defaultdict[str, list[int]] = defaultdict(list)
    for number in story.failures:
        attempt = story.case(number).attempts[-1:] or (Attempt(Verdict.FAILED),)
        kinds[attempt[0].signature or f"?{number}"].append(number)
    alike = sorted((each for each in kinds.values() if len(each) > 1), key=len, reverse=True)
    if not alike:
        return Markup()
    rows = [
        el(
            "li",
            el("b", f"{len(numbers):,} times"),
            " ",
            el("code", _first_line(_message(story.case(numbers[0])))),
            el("div", _names(story, numbers, _MOST_ALIKE), class_="quiet"),
        )
        for numbers in alike[:_MOST_ALIKE]
    ]
    return el("div", el("h3", "Of the same kind"), el("ul", rows), class_="kinds")


def _names(story: Story, numbers: list[int], most: int) -> list[Markup]:
    parts = []
    for number in numbers[:most]:
        parts += [story.link(number), el("span", ", ")]
    if len(numbers) > most:
        return [*parts, el("span", f"and {len(numbers) - most:,} more")]
    return parts[:-1]


def _message(case: CaseRecord) -> str:
    for attempt in reversed(case.attempts):
        for failure in attempt.failures:
            kind = (
                f"{failure.kind}: "
                if failure.kind and not failure.message.startswith(failure.kind)
                else ""
            )
            return kind + (failure.message or failure.phase)
    return case.cause.reason if case.cause else ""


def _first_line(text: str) -> str:
    return one_line(shortened(plain(text).strip().partition("\n")[0], 300))


def _article(story: Story, number: int, budget: _Budget) -> Markup:
    case = story.case(number)
    place = f"{case.spec.file}:{case.spec.line}" if case.spec.line else case.spec.file
    name = one_line(case.spec.nodeid)
    blocked = story.causes.blocked_by.get(number, [])
    attempts = [
        _attempt(attempt, at, len(case.attempts), budget, is_open=number in story.told[:_MOST_OPEN])
        for at, attempt in enumerate(case.attempts, 1)
    ]
    return el(
        "article",
        el("h3", badge(case.verdict), " ", el("span", name, class_="id")),
        el("pre", shortened(plain(_message(case)).strip(), 1000), class_="message"),
        el("p", _facts(story, number, place), class_="quiet"),
        el("p", "Blocked by it: ", _names(story, blocked, _MOST_ALIKE)) if blocked else None,
        attempts,
        artifacts(story, case),
        _company(story, number),
        id=f"c{number}",
        class_=style_of(case.verdict),
        tabindex="-1",
        data_id=name,
    )


def _facts(story: Story, number: int, place: str) -> list[Markup]:
    case = story.case(number)
    parts = [el("span", place)]
    spans = story.timeline.spans[number]
    if spans:
        last = spans[-1]
        text = f"{last.worker}, {seconds(last.start)} to {seconds(last.end)}"
        parts.append(
            el(
                "a",
                text,
                href=f"#s{number}",
                data_show=one_line(case.spec.nodeid),
                title="show it in the timeline",
            )
        )
    if case.held_up:
        what = waited_for_text(case.waited_for, alone=case.spec.alone)
        parts.append(el("span", f"waited {seconds(case.held_up)} for {what}"))
    if case.leases:
        parts.append(
            el(
                "span",
                "had " + ", ".join(_lease(each.resource, each.names) for each in case.leases),
            )
        )
    if len(case.attempts) > 1:
        parts.append(el("span", count(len(case.attempts), "attempt")))
    return [each for part in parts for each in (part, el("span", " · "))][:-1]


def _lease(resource: str, names: tuple[str, ...]) -> str:
    return f"{resource} ({', '.join(names)})" if names else resource


def _attempt(attempt: Attempt, at: int, of: int, budget: _Budget, *, is_open: bool) -> Markup:
    texts = [
        el("pre", budget.cut(plain(failure.text), MOST_TEXT))
        for failure in attempt.failures
        if failure.text
    ]
    number = f"Attempt {at} of {of} on {attempt.worker}: {attempt.verdict}" if of > 1 else ""
    phases = ", ".join(failure.phase for failure in attempt.failures)
    title = " · ".join(filter(None, (number, f"traceback ({phases})" if texts else "")))
    details = (
        [
            el(
                "details",
                el("summary", title or "nothing was recorded"),
                texts,
                open=is_open and at == of,
            )
        ]
        if title
        else []
    )
    for name, text in attempt.sections:
        shown = el("pre", budget.cut(plain(text), MOST_OUTPUT))
        details.append(
            el("details", el("summary", name, el("small", f"{len(text):,} characters")), shown)
        )
    if attempt.properties:
        rows = [
            el("li", el("code", f"{name} = {shortened(value, 300)}"))
            for name, value in attempt.properties
        ]
        details.append(el("details", el("summary", "recorded properties"), el("ul", rows)))
    return Markup("".join(details))


def _company(story: Story, number: int) -> Markup | None:
    """Say what ran before the test on its worker, and meanwhile on the others."""
    spans = story.timeline.spans[number]
    if not spans:
        return None
    span = spans[-1]
    items: list[Markup] = []
    for lane in story.timeline.lanes:
        if lane.worker == span.worker:
            before = lane.before(span.start)
            if before is not None:
                items.insert(0, el("li", f"before it on {lane.worker}: ", story.named(before.case)))
        else:
            items += _beside(story, lane.during(span.start, span.end), lane.worker)
    if not items:
        return None
    shown = items[: _MOST_BESIDE * 2]
    if len(shown) < len(items):
        shown.append(el("li", f"and {len(items) - len(shown):,} more"))
    return el(
        "details",
        el("summary", "what ran before it and beside it"),
        el("ul", shown, class_="names"),
    )


def _beside(story: Story, spans: Iterator[Span], worker: str) -> Iterator[Markup]:
    for at, span in enumerate(spans):
        if at >= _MOST_BESIDE:
            yield el("li", f"and more on {worker}")
            return
        yield el("li", f"meanwhile on {worker}: ", story.named(span.case))


def flaked(story: Story) -> Markup:
    """Return what passed at last, with the attempts that did not."""
    found = [number for number, case in enumerate(story.run.cases) if case.verdict is Verdict.FLAKY]
    rows = [
        el(
            "li",
            story.named(number),
            " ",
            [badge(attempt.verdict) for attempt in story.case(number).attempts],
            el("code", _first_line(_message(story.case(number))), class_="quiet"),
        )
        for number in found[:MOST_TOLD]
    ]
    if len(found) > len(rows):
        rows.append(el("li", f"and {len(found) - len(rows):,} more"))
    return section(
        "flaked",
        "Flaky in this run",
        el("ul", rows, class_="names") if rows else Markup(),
        note=f"{count(len(found), 'test')} passed after an attempt that did not",
    )

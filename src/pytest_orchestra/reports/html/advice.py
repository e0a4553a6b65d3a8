"""How good the suite is, what would make it better, and what else was written in the run."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.model.advice import Recommendation
from pytest_orchestra.model.run import CaseRecord
from pytest_orchestra.reports.html.markup import Markup, el, one_line
from pytest_orchestra.reports.html.story import Story, section
from pytest_orchestra.reports.html.words import count
from pytest_orchestra.reports.places import link_to

#: So many files of one test are linked.
_MOST_FILES: Final = 20


def quality(story: Story) -> Markup:
    """Return the score, what it is made of, and what was left out of it."""
    found = story.run.quality
    if found is None:
        return Markup()
    rows = [
        el(
            "tr",
            el("td", part.name),
            el("td", f"{part.value:.2f}"),
            el("td", str(part.weight)),
            el("td", part.why),
        )
        for part in found.parts
    ]
    rows += [
        el("tr", el("td", name), el("td", "not known"), el("td", "left out"), el("td", why))
        for name, why in found.unknown
    ]
    heads = [el("th", name, scope="col") for name in ("part", "value", "weight", "why")]
    return section(
        "quality",
        f"Quality: {found.grade}",
        el("p", found.formula),
        el("table", el("thead", el("tr", heads)), el("tbody", rows)),
        note=f"{found.score:.1f} %",
    )


def recommendations(story: Story) -> Markup:
    """Return what would make the suite better."""
    items = [_recommendation(story, each) for each in story.run.recommendations]
    missing = story.run.unadvised
    return section(
        "recommendations",
        "Recommendations",
        el("ol", items) if items else Markup(),
        el("p", f"Not looked for: {missing}", class_="quiet") if missing else Markup(),
    )


def _recommendation(story: Story, each: Recommendation) -> Markup:
    names = [el("li", story.named(number)) for number in each.cases]
    if each.total > len(names):
        names.append(el("li", f"and {each.total - len(names):,} more"))
    figures = [el("li", f"{name}: {figure}") for name, figure in each.figures]
    return el(
        "li",
        el("b", one_line(each.text)),
        el("div", one_line(each.remedy)),
        el("ul", figures, class_="quiet") if figures else None,
        el("details", el("summary", count(each.total, "test")), el("ul", names, class_="names"))
        if names
        else None,
    )


def elsewhere(story: Story) -> Markup:
    """Return links to what other tools wrote, and the coverage of the code."""
    run = story.run
    items = [
        el("li", el("a", link.name, href=_href(story, link.path)), " ", el("code", link.path))
        for link in run.links
    ]
    if run.coverage is not None:
        figure = f"{run.coverage.percent:.1f} %"
        items.append(el("li", "Coverage: ", el("b", figure), f" ({run.coverage.source})"))
    return section("elsewhere", "Other reports", el("ul", items) if items else Markup())


def artifacts(story: Story, case: CaseRecord) -> Markup | None:
    """Return links to what a test left behind."""
    if not case.artifacts:
        return None
    items = [
        el("li", el("a", one_line(path.rpartition("/")[2]), href=_href(story, path)))
        for path in case.artifacts[:_MOST_FILES]
    ]
    more = len(case.artifacts) - len(items)
    if more:
        items.append(el("li", f"and {more:,} more"))
    return el("div", el("p", "Left behind:", class_="quiet"), el("ul", items, class_="names"))


def _href(story: Story, path: str) -> str:
    return link_to(path, story.run.surroundings.root, story.extras.folder)

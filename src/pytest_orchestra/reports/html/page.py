"""The page as a whole: one file that asks for nothing from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Final

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.html.advice import elsewhere, quality, recommendations
from pytest_orchestra.reports.html.blocked import blocked
from pytest_orchestra.reports.html.cases import tests
from pytest_orchestra.reports.html.extras import ReportExtras
from pytest_orchestra.reports.html.failing import failing, flaked
from pytest_orchestra.reports.html.graph import critical, graphs
from pytest_orchestra.reports.html.head import head, headline, is_bad
from pytest_orchestra.reports.html.markup import Markup, el
from pytest_orchestra.reports.html.matrix import matrices
from pytest_orchestra.reports.html.more import gates, slowest, trends, warnings
from pytest_orchestra.reports.html.stages import stages
from pytest_orchestra.reports.html.story import Story
from pytest_orchestra.reports.html.timeline import timeline
from pytest_orchestra.reports.html.uncollected import uncollected

#: The sections in the order of the page: what is wrong comes first. Each is absent where it has nothing to say.
_SECTIONS: Final = (
    ("gates", "Gates", gates),
    ("stages", "Stages", stages),
    ("uncollected", "Not collected", uncollected),
    ("failing", "Failures", failing),
    ("blocked", "Blocked", blocked),
    ("flaked", "Flaky in this run", flaked),
    ("matrix", "Matrix", matrices),
    ("timeline", "Timeline", timeline),
    ("graph", "Around the failures", graphs),
    ("critical", "Critical path", critical),
    ("slowest", "Slowest", slowest),
    ("flaky", "Flaky", trends),
    ("quality", "Quality", quality),
    ("recommendations", "Recommendations", recommendations),
    ("elsewhere", "Other reports", elsewhere),
    ("warnings", "Warnings", warnings),
    ("tests", "All tests", tests),
)

#: The parts of the script in their order: each uses those before it.
_SCRIPTS: Final = ("common.js", "table.js", "keys.js", "timeline.js")


def render(run: RunRecord, extras: ReportExtras | None = None) -> str:
    """Return the report of ``run`` as HTML."""
    story = Story.of(run, extras or ReportExtras())
    parts = [(name, title, part) for name, title, make in _SECTIONS if (part := make(story))]
    title = f"{'✗' if is_bad(story) else '✓'} {headline(story)}"
    return assemble(title, head(story), parts)


def assemble(
    title: str, top: Markup, parts: Sequence[tuple[str, str, Markup]], style: str | None = None
) -> str:
    """Return a page with what is at its ``top`` and then ``parts``, each with a name and a title.

    ``style`` is a class of the whole page.
    """
    script = _script()
    page = el(
        "html",
        el(
            "head",
            el("meta", charset="utf-8"),
            el("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("title", title),
            el("style", Markup(_file("style.css"))),
        ),
        el(
            "body",
            top,
            _contents([(name, title) for name, title, _ in parts]),
            el("main", [part for *_, part in parts]),
            el("footer", el("p", "Written by pytest-orchestra.")),
            el("script", Markup(script)),
            class_=style,
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{page}\n"


def _contents(parts: list[tuple[str, str]]) -> Markup:
    links = [el("li", el("a", title, href=f"#{name}")) for name, title in parts]
    return el("nav", el("ul", links), aria_label="Sections")


def _policy(script: str) -> str:
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _script() -> str:
    parts = "".join(_file("script", name) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _file(*names: str) -> str:
    return files(__package__).joinpath(*names).read_text(encoding="utf-8")

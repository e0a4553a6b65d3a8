"""The page that follows a run: one file, which asks its server for nothing but what happens.

The script draws all of it from what it is sent, and puts texts of tests nowhere but into texts. Without scripts
the page is what was known when it was loaded, and loads itself again.
"""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from pytest_orchestra.live.area import printable
from pytest_orchestra.live.status import FailureNote, Status
from pytest_orchestra.live.words import minute_line, screen_lines, spell

#: What the page is without scripts: so many columns and lines of text.
_COLUMNS: Final = 110
_ROWS: Final = 60

#: Seconds after which it loads itself again then.
_AGAIN: Final = 3


def page(title: str, headline: str, status: Status, failures: Iterable[FailureNote]) -> str:
    """Return the page of a run of the project ``title``; ``headline`` says in a word or two how it is."""
    shown = "\n".join(map(printable, _plain(headline, status, failures)))
    name = html.escape(printable(title))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<noscript><meta http-equiv="refresh" content="{_AGAIN}"></noscript>'
        f"<title>{name}: {html.escape(headline)}</title><style>{_file('live.css')}</style></head>"
        f'<body data-title="{name}"><noscript><pre>{html.escape(shown)}</pre></noscript>'
        f"{_file('live.html')}<script>{_file('live.js')}</script></body></html>\n"
    )


def policy() -> str:
    """Return the Content-Security-Policy of the page: its own script and style, and events from its own place."""
    script, style = (_digest(_file(name)) for name in ("live.js", "live.css"))
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def status_json(headline: str, status: Status, *, is_over: bool, verdict: str = "") -> str:
    """Return what the script draws the page from; ``verdict`` is ``good`` or ``bad`` once that is known."""
    told: dict[str, Any] = asdict(status)
    told["counts"] = {str(verdict): count for verdict, count in status.counts.items()}
    return json.dumps(
        {"headline": headline, "is_over": is_over, "verdict": verdict, "status": told}
    )


def failure_json(failure: FailureNote) -> str:
    """Return what the script shows of a failure."""
    return json.dumps(asdict(failure) | {"verdict": str(failure.verdict)})


def _plain(headline: str, status: Status, failures: Iterable[FailureNote]) -> list[str]:
    lines = [headline, minute_line(status, status.now), ""]
    lines += screen_lines(status, status.now, _COLUMNS, _ROWS)[1:]
    for each in failures:
        lines += ["", f"{each.verdict} after {spell(each.at)} on {each.worker}: {each.test}"]
        lines += [f"    {line}" for line in each.text.splitlines()]
    return lines


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")

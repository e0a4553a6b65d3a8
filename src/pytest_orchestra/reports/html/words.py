"""Figures in words, all sections alike."""

from __future__ import annotations

from typing import Final

from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.reports.html.markup import Markup, el

#: One letter for each verdict, so that nobody has to tell colours apart.
LETTERS: Final = {
    Verdict.FAILED: "F",
    Verdict.ERROR: "E",
    Verdict.BLOCKED: "B",
    Verdict.NOT_RUN: "N",
    Verdict.FLAKY: "L",
    Verdict.XPASSED: "X",
    Verdict.XFAILED: "x",
    Verdict.SKIPPED: "s",
    Verdict.PASSED: "p",
}

#: Verdicts that need somebody's attention, in the order of their urgency.
BAD: Final = (Verdict.FAILED, Verdict.ERROR)

_MINUTE: Final = 60
_HOUR: Final = 3600


def seconds(value: float) -> str:
    """Return a length of time: ``<1 ms``, ``3 ms``, ``0.41 s``, ``41.2 s``, ``3 min 12 s`` or ``1 h 04 min``."""
    if 0 < value < 0.0005:  # noqa: PLR2004 - what would be rounded to none
        return "<1 ms"
    if value < 0.0995:  # noqa: PLR2004 - what is 0.10 s or more with two decimals
        return f"{value * 1000:.0f} ms"
    if value < 9.995:  # noqa: PLR2004
        return f"{value:.2f} s"
    if value < 99.95:  # noqa: PLR2004
        return f"{value:.1f} s"
    whole = round(value)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def count(amount: int, noun: str) -> str:
    """Return ``1 test``, ``2,412 tests`` or ``3 dependencies``."""
    if amount == 1:
        return f"1 {noun}"
    return f"{amount:,} {noun[:-1]}ies" if noun.endswith("y") else f"{amount:,} {noun}s"


def share(part: float, whole: float) -> str:
    """Return how much of ``whole`` is ``part``, in percent."""
    return f"{part / whole:.0%}" if whole > 0 else "0%"


def style_of(verdict: Verdict) -> str:
    """Return the class of elements that show ``verdict``."""
    return "v-" + verdict.value.replace(" ", "-")


def badge(verdict: Verdict) -> Markup:
    """Return the letter of ``verdict`` in its colour; its name for those who hear the page."""
    return el(
        "b",
        LETTERS[verdict],
        class_=f"badge {style_of(verdict)}",
        role="img",
        aria_label=verdict.value,
        title=verdict.value,
    )


def shortened(text: str, most: int) -> str:
    """Return ``text`` with its middle left out, and how much that was, if it is longer than ``most``."""
    if len(text) <= most:
        return text
    half = most // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n… {left_out:,} characters left out …\n{text[-half:]}"

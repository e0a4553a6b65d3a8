from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import pytest

CSS = files("pytest_orchestra.reports.html").joinpath("style.css").read_text(encoding="utf-8")

VERDICTS = (
    "passed",
    "failed",
    "error",
    "blocked",
    "not-run",
    "flaky",
    "xpassed",
    "xfailed",
    "skipped",
)

#: Text and what it stands on.
PAIRS = [
    *((name, ground) for name in ("ink", "soft", "accent") for ground in ("bg", "card", "faint")),
    *((name, "card") for name in ("passed", "failed", "error")),
    *(("on", verdict) for verdict in VERDICTS),
]


def palettes() -> dict[str, dict[str, str]]:
    """Return the colours of each scheme."""
    blocks = re.findall(r":root(?:[^{]*)\{color-scheme:(light|dark);(.*?)\}", CSS, re.DOTALL)
    assert [scheme for scheme, _ in blocks] == ["light", "dark", "dark"]
    colours = [dict(re.findall(r"--([\w-]+):(#\w+)", block)) for _, block in blocks]
    assert colours[1] == colours[2], "dark by choice is as dark by the system"
    return {"light": colours[0], "dark": colours[1]}


def luminance(colour: str) -> float:
    """Return the relative luminance of ``colour`` as WCAG defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(scheme: str, text: str, ground: str) -> None:
    """Every text has the contrast that WCAG asks for (AA, 4.5) in both schemes."""
    colours = palettes()[scheme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_failed_stands_out(scheme: str) -> None:
    """In the timeline, from what passed and from the ground, by more than its hue."""
    colours = palettes()[scheme]
    for ground in ("bar-passed", "faint"):
        assert contrast(colours["failed"], colours[ground]) >= 1.9


def test_no_two_verdicts_look_the_same() -> None:
    """Each has a colour of its own; that nobody needs it is for the letters."""
    for colours in palettes().values():
        for one, other in combinations(VERDICTS, 2):
            assert colours[one] != colours[other]

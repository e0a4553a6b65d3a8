"""Amounts of a resource as text: plain tokens, or bytes with a decimal or binary unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

#: Bytes in each unit: decimal first, then binary.
UNITS: Final[Mapping[str, int]] = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}

_QUANTITY: Final = re.compile(r"(?P<sign>[+-]?)(?P<number>[0-9]+(?:\.[0-9]+)?) *(?P<unit>[^0-9.]*)")

#: Smaller amounts are more likely to be tokens than bytes, so they are written without a unit.
_SMALLEST: Final = 1_000_000

#: A formatted quantity has at most three decimals.
_PARTS: Final = 1000

#: So many digits of a measured amount are worth showing.
_DIGITS: Final = 3


def parse_quantity(text: str) -> int:
    """Return the tokens or bytes that ``text`` states, such as ``"2"``, ``"4GB"``, ``"1.5GiB"``.

    Raises ValueError, with a message for the user, if ``text`` is malformed, has an unknown
    unit, is zero or negative, or is not a whole number of bytes.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a quantity such as 2, '512MB' or '1.5GiB'")
    unit = match["unit"]
    if unit and unit not in UNITS:
        raise ValueError(f"{text!r} has the unknown unit {unit!r}; known are {', '.join(UNITS)}")
    amount = Fraction(match["number"]) * UNITS.get(unit, 1)
    if match["sign"] == "-" or not amount:
        raise ValueError(f"{text!r} is not more than zero")
    if amount.denominator != 1:
        raise ValueError(f"{text!r} is not a whole number{' of bytes' if unit else ''}")
    return amount.numerator


def format_quantity(amount: int) -> str:
    """Return the shortest text that ``parse_quantity`` reads as ``amount`` tokens or bytes.

    Amounts below a million are plain digits, since most of them are tokens.
    """
    texts = [str(amount)]
    for unit, size in UNITS.items():
        thousandths, rest = divmod(amount * _PARTS, size)
        if is_in_bytes(amount) and not rest:
            texts.append(_decimal(thousandths) + unit)
    return min(texts, key=len)


def is_in_bytes(amount: int) -> bool:
    """Whether ``amount`` is more likely to be bytes than tokens."""
    return amount >= _SMALLEST


def round_bytes(amount: int) -> str:
    """Return ``amount`` bytes in the largest decimal unit, rounded up to three digits."""
    step = 10 ** max(0, len(str(amount)) - _DIGITS)
    rounded = -(-amount // step) * step
    unit, size = max(
        ((unit, UNITS[unit]) for unit in ("B", "kB", "MB", "GB", "TB") if UNITS[unit] <= rounded),
        key=lambda each: each[1],
        default=("B", 1),
    )
    return _decimal(rounded * _PARTS // size) + unit


def _decimal(thousandths: int) -> str:
    whole, parts = divmod(thousandths, _PARTS)
    return f"{whole}.{parts:03}".rstrip("0").rstrip(".")

"""What tests say can be sent, whatever it is."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum

import execnet
import pytest

from pytest_orchestra.running.dumpable import dumpable


class Word(StrEnum):
    """A text that execnet does not take for one."""

    A = "a"


class Number(IntEnum):
    """The same for a number."""

    ONE = 1


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (("report", 3, {"text": ["half \udc80", 1.5, None, True, b"\xff"]}), None),
        ({"\ud800": Decimal("1.5")}, {"#xD800": "1.5"}),
        ([Word.A, Number.ONE, {2}], ["a", "1", "{2}"]),
    ],
)
def test_everything_can_be_sent(value: object, sent: object) -> None:
    """What could be sent before is the same; the rest is text."""
    expected = sent or ("report", 3, {"text": ["half #xDC80", 1.5, None, True, b"\xff"]})
    assert execnet.loads(execnet.dumps(dumpable(value))) == expected

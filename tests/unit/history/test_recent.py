from __future__ import annotations

import struct

import pytest

from pytest_orchestra.history.recent import KEPT, NUMBERS, OUTCOMES, extend, unpack


def test_the_newest_are_kept_in_order() -> None:
    """However they came in."""
    entries = [(float(at), 0.5, 0, 1) for at in range(KEPT + 5)]
    assert unpack(extend(b"", reversed(entries))) == entries[5:]
    late = extend(extend(b"", entries[::2]), entries[1::2])
    assert unpack(late) == entries[5:]


def test_numbers_of_outcomes_never_change() -> None:
    """They stand in files that older versions have written."""
    assert [str(each) for each in OUTCOMES] == [
        "passed",
        "failed",
        "error",
        "skipped",
        "xfailed",
        "xpassed",
    ]
    assert [NUMBERS[each] for each in OUTCOMES] == [0, 1, 2, 3, 4, 5]


def test_what_is_no_entry_is_found_out() -> None:
    """A damaged file is not read as something else."""
    with pytest.raises(struct.error):
        unpack(b"123")

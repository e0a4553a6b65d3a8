from __future__ import annotations

import pytest

from pytest_orchestra.history.signature import MOST, make_signature, normalise


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert 3 == 4", "assert 17 == 4.5e-3"),
        ("<Foo object at 0x7f3a>", "<Foo object at 0x1b2c>"),
        ("no /tmp/pytest-of-a/pytest-3/x.txt", "no /var/tmp/b/x.txt"),
        ("job 5f0c1a2b3c4d5e6f failed", "job 0123456789abcdef failed"),
        ("job 5F0C1A2B3C4D5E6F failed", "job 0123456789ABCDEF failed"),
        (
            "id 123e4567-e89b-12d3-a456-426614174000 is gone",
            "id 00000000-e89b-12d3-a456-42661417400f is gone",
        ),
        ("first line\nmore", "first line\nof something else"),
        ("a   b", "a b"),
    ],
)
def test_what_changes_from_run_to_run_does_not_count(one: str, other: str) -> None:
    """Two failures of one kind have one signature."""
    assert make_signature("Error", one, "") == make_signature("Error", other, "")


def test_what_differs_in_kind_differs() -> None:
    """Exception, message and place all count."""
    signatures = {
        make_signature("KeyError", "x", "a.py: f()"),
        make_signature("ValueError", "x", "a.py: f()"),
        make_signature("ValueError", "y", "a.py: f()"),
        make_signature("ValueError", "x", "a.py: g()"),
        make_signature("ValueError", "x", ""),
    }
    assert len(signatures) == 5


def test_words_stay_words() -> None:
    """What only looks like hexadecimal is left as it is."""
    assert normalise("defaced facade in cafe") == "defaced facade in cafe"


def test_a_signature_has_an_end() -> None:
    """However long a message is, also where it is no more than one word."""
    assert len(normalise("x" * 100_000)) == MOST
    assert normalise("") == normalise("\n \n") == ""

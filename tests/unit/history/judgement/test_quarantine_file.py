from __future__ import annotations

from datetime import date
from textwrap import dedent

import pytest

from pytest_orchestra.history.judgement.quarantine import Entry
from pytest_orchestra.history.judgement.quarantine_file import (
    add_entry,
    read_entries,
    remove_entries,
    write_entries,
)

SOURCE = "quarantine.toml"
GOOD = """
    [[quarantine]]
    nodeid = "test_a.py::test_a[é]"
    owner = "ana"
    reason = "ticket 512"
    expires = 2027-01-31
"""
ENTRY = Entry("test_a.py::test_a[é]", "ana", "ticket 512", date(2027, 1, 31))


def read(text: str) -> tuple[tuple[Entry, ...], list[str]]:
    """Return the entries in ``text`` and what is wrong; every problem has a place and a remedy."""
    entries, problems = read_entries(dedent(text), SOURCE)
    assert all(each.where.startswith(SOURCE) and each.remedy for each in problems)
    return entries, [each.what for each in problems]


def test_entries_are_read() -> None:
    """An empty file is one without entries."""
    assert read(GOOD) == ((ENTRY,), [])
    assert read("") == ((), [])


def test_what_is_written_is_read_again() -> None:
    """Sorted, and whatever is in a node id."""
    odd = Entry('t.py::t["\\\n\t\r\x00\x7f\u2028]', "o", "r", date(2027, 1, 1))
    text = write_entries([odd, ENTRY])
    assert read_entries(write_entries([ENTRY, odd]), SOURCE) == ((odd, ENTRY), ())
    assert text.startswith("# Tests in quarantine")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            GOOD.replace('owner = "ana"', ""),
            "quarantine entry 1 (test_a.py::test_a[é]) has no owner",
        ),
        (
            GOOD.replace('"ticket 512"', '" "'),
            "quarantine entry 1 (test_a.py::test_a[é]) has no reason",
        ),
        (GOOD.replace("nodeid", "#"), "quarantine entry 1 has no nodeid"),
        (GOOD.replace("expires", "#"), "quarantine entry 1 (test_a.py::test_a[é]) has no expires"),
        (
            GOOD.replace("2027-01-31", '"soon"'),
            "quarantine entry 1 (test_a.py::test_a[é]) expires 'soon', which is no day",
        ),
        (
            GOOD + "    expiry = 1",
            "quarantine entry 1 (test_a.py::test_a[é]): unknown key 'expiry'",
        ),
        ("quarantine = 3", "quarantine is not a list of tables"),
        ("quarantine = [3]", "quarantine is not a list of tables"),
    ],
)
def test_a_mistake_is_named(text: str, what: str) -> None:
    """With the entry that it is in, which does not hold then."""
    assert read(text) == ((), [what])


def test_a_time_is_no_day() -> None:
    """Time zones would make it expire at different moments."""
    _, problems = read(GOOD.replace("2027-01-31", "2027-01-31T10:00:00"))
    assert "which is no day" in problems[0]


def test_sound_entries_survive_mistakes_elsewhere() -> None:
    """All mistakes are told at once, with what was probably meant."""
    text = dedent(GOOD) + dedent(GOOD) + "[[quarantin]]\n"
    entries, problems = read_entries(text, SOURCE)
    assert entries == (ENTRY,)
    assert [each.what for each in problems] == [
        "unknown key 'quarantin'",
        "quarantine entry 2 (test_a.py::test_a[é]) is there twice",
    ]
    assert problems[0].remedy == "did you mean quarantine?"


def test_what_is_not_toml_names_the_line() -> None:
    """So that an editor can go there; where the end is missing, the file is named."""
    entries, problems = read_entries("\nquarantine = [[\n=", SOURCE)
    assert entries == ()
    assert problems[0].where.startswith(SOURCE)
    entries, problems = read_entries("a = 1\nb =\n", SOURCE)
    assert problems[0].where == f"{SOURCE}:2"
    entries, problems = read_entries('a = "', SOURCE)
    assert problems[0].where == SOURCE


def test_an_unlikely_key_gets_the_known_ones() -> None:
    """Nothing near it is known."""
    _, problems = read_entries("zzz = 1", SOURCE)
    assert problems[0].remedy == "known are quarantine"


TWO = """# the head

# of ana
[[quarantine]]  # first
nodeid = "test_a.py::test_a"
owner = "ana"
reason = "r"
expires = 2027-01-31

# of bob
# and eve
[[ quarantine ]]
nodeid = "test_a.py::test_b"
owner = "bob"
reason = "r"
expires = 2027-01-31
"""


def test_an_entry_knows_its_line() -> None:
    """So that people find it; where entries are written otherwise nobody knows."""
    entries, _ = read_entries(TWO, SOURCE)
    assert [entry.line for entry in entries] == [4, 12]
    _, (problem,) = read_entries(TWO.replace('owner = "bob"', ""), SOURCE)
    assert problem.where == f"{SOURCE}:12"
    inline = 'quarantine = [{nodeid = "t", owner = "o", reason = "r", expires = 2027-01-31}]'
    assert [entry.line for entry in read_entries(inline, SOURCE)[0]] == [0]


def test_an_entry_is_added_at_the_end() -> None:
    """Nothing else is touched; a new file says what it is."""
    added = add_entry(TWO, ENTRY)
    assert added.startswith(TWO)
    assert read_entries(added, SOURCE)[0][-1] == ENTRY
    assert add_entry("", ENTRY) == write_entries([ENTRY])


def test_entries_are_removed_with_their_comments() -> None:
    """The head of the file and what belongs to others stay as they are."""
    first, second = read_entries(TWO, SOURCE)[0]
    without_first = remove_entries(TWO, [first])
    assert without_first.startswith("# the head\n\n# of bob\n# and eve\n[[ quarantine ]]\n")
    assert read_entries(without_first, SOURCE) == ((second,), ())
    without_second = remove_entries(TWO, [second])
    assert without_second.endswith("expires = 2027-01-31\n\n")
    assert read_entries(without_second, SOURCE) == ((first,), ())
    assert remove_entries(TWO, [first, second]) == "# the head\n\n"
    assert remove_entries(TWO, []) == TWO


def test_what_is_written_otherwise_is_left_alone() -> None:
    """Better nothing is removed than something else."""
    with pytest.raises(ValueError, match="each below a"):
        remove_entries("", [ENTRY])
    assert remove_entries("# nothing", []) == "# nothing"

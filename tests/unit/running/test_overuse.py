from __future__ import annotations

from pytest_orchestra.model.case import CaseSpec, Claim, Mode
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.overuse import overuse_lines

GB = 1_000_000_000


def lines(*cases: tuple[str, int | None, Claim | None], most: int | None = None) -> list[str]:
    """Return the lines for tests of which name, bytes used and claim are given."""
    records = tuple(
        CaseRecord(
            CaseSpec(name, claims=frozenset([claim] if claim else [])),
            Verdict.PASSED,
            memory_used=used,
        )
        for name, used, claim in cases
    )
    return list(overuse_lines(RunRecord(records, (), (), 0, 1.0), most))


def test_the_worst_come_first() -> None:
    """By the bytes that they used beyond their claims, which is said in three digits."""
    claim = Claim("memory", GB)
    assert lines(
        ("a", GB + 1, claim),
        ("b", 14 * GB // 10, claim),
        ("c", GB, claim),
        ("d", 2_345_678_901, Claim("memory", 2 * 1024**3)),
    ) == [
        "more memory than claimed:",
        "  b  used 1.4GB, claims 1GB",
        "  d  used 2.35GB, claims 2GiB",
        "  a  used 1.01GB, claims 1GB",
    ]


def test_who_is_not_judged() -> None:
    """Tests of which nothing is known, and those that claim no bytes of memory."""
    assert not lines(
        ("unknown", None, Claim("memory", GB)),
        ("unclaimed", GB, None),
        ("other", 2 * GB, Claim("disk", GB)),
        ("tokens", GB, Claim("memory", 2)),
        ("all", GB, Claim("memory", 1, Mode.WRITE)),
    )


def test_some_are_left_out() -> None:
    """A number says how many."""
    cases = [(f"test_{number}", 2 * GB, Claim("memory", GB)) for number in range(5)]
    assert lines(*cases, most=3)[3:] == [
        "  test_2  used 2GB, claims 1GB",
        "  and 2 more (-v shows all)",
    ]
    assert len(lines(*cases)) == 6

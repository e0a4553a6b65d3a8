"""The lines of the summary about tests that used more memory than they claimed."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_orchestra.model.capacity import MEMORY
from pytest_orchestra.model.case import Mode
from pytest_orchestra.model.run import CaseRecord, RunRecord
from pytest_orchestra.scheduling.quantity import format_quantity, is_in_bytes, round_bytes


def overuse_lines(record: RunRecord, most: int | None) -> Iterator[str]:
    """Yield a line for each test that used more than it claimed, ``most`` of them: worst first.

    Tests that claim no memory, or tokens of it instead of bytes, are not judged.
    """
    found = [
        (case.memory_used - claimed, case, case.memory_used, claimed)
        for case in record.cases
        if case.memory_used is not None
        and (claimed := claimed_memory(case)) is not None
        and case.memory_used > claimed
    ]
    if not found:
        return
    found.sort(key=lambda each: -each[0])
    shown = found[:most]
    yield "more memory than claimed:"
    for _, case, used, claimed in shown:
        text = f"used {round_bytes(used)}, claims {format_quantity(claimed)}"
        yield f"  {case.spec.nodeid}  {text}"
    if len(shown) < len(found):
        yield f"  and {len(found) - len(shown)} more (-v shows all)"


def claimed_memory(case: CaseRecord) -> int | None:
    """Return the bytes of memory that a test claimed; None if it claimed none."""
    for claim in case.spec.claims:
        if claim.resource == MEMORY and claim.mode is Mode.COUNT and is_in_bytes(claim.amount):
            return claim.amount
    return None

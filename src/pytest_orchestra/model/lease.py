"""What a test got of what it claims."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """So much of ``resource`` is a test's while it runs.

    ``amount`` is in tokens (bytes for a quantity). ``names`` are the instances that it got: as
    they were declared, or their numbers from 0 as text; none for a quantity, and for a lock that
    nobody declared.
    """

    resource: str
    amount: int
    names: tuple[str, ...] = ()

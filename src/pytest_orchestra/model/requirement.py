"""What one case needs, and from whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """In which way a case needs something."""

    DATA = "data"
    DEPENDENCY = "dependency"
    ORDER = "order"
    RESOURCE = "resource"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a case needs.

    ``what`` is its name: of data, of a resource, or of tests as their dependant names them.
    ``cases`` are the indices of those that it comes from (an order: that it comes after), and
    ``fixture`` is the one that holds it, for a service. ``amount`` says how much of a resource:
    tokens, bytes, ``read`` or ``write``; empty where there is nothing to count.
    """

    kind: Kind
    what: str
    cases: tuple[int, ...] = ()
    fixture: str = ""
    amount: str = ""

"""What must run although the run was stopped: it cleans up after something that has begun."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.verdict import ANY_VERDICT
from pytest_orchestra.scheduling.data import Pairing
from pytest_orchestra.scheduling.graph import Links

#: Our own marker for dependencies, as needs name it.
DEPENDS: Final = "depends"


def find_cleaners(
    specs: Sequence[CaseSpec], links: Links, data: Pairing
) -> Mapping[int, frozenset[int]]:
    """Return the cases that clean up, each with those after which it does.

    These are what cleans data, and what has dependencies on the end of others alone, whatever that is, neither
    makes nor uses data, and is needed by nobody but those who clean up. Who only has a place in an order does not.
    """
    found: dict[int, set[int]] = {}
    for case, need, meant in links.meanings:
        spec = specs[case]
        if need.marker == DEPENDS and not (spec.provides or spec.takes):
            found.setdefault(case, set()).update(meant)
    cleaners = {
        case: frozenset(cases)
        for case, cases in found.items()
        if all(need.accepts == ANY_VERDICT and need.marker == DEPENDS for need in specs[case].needs)
    }
    for case in _needed_otherwise(cleaners, links):
        del cleaners[case]
    return {**cleaners, **data.cleaners}


def _needed_otherwise(cleaners: Collection[int], links: Links) -> set[int]:
    """Return those of ``cleaners`` that others need, who are none or are no longer any for that reason."""
    needs: dict[int, list[int]] = {}
    for case, _, meant in links.meanings if cleaners else ():
        needs.setdefault(case, []).extend(each for each in meant if each in cleaners)
    found: set[int] = set()
    waiting = [each for case, meant in needs.items() if case not in cleaners for each in meant]
    while waiting:
        case = waiting.pop()
        if case not in found:
            found.add(case)
            waiting += needs.get(case, ())
    return found


class CleanUp:
    """The cases that clean up, and after which cases.

    ``cleaners`` maps each cleaner to those whose traces it removes, cleaners among them. ``may_have_begun``
    says whether a case runs, ran, or may be running by now, and ``may_begin`` whether it has neither begun nor
    a verdict.
    """

    def __init__(
        self,
        cleaners: Mapping[int, Collection[int]],
        may_have_begun: Callable[[int], bool],
        may_begin: Callable[[int], bool],
    ) -> None:
        self._cleaners: Final = cleaners
        self._may_have_begun: Final = may_have_begun
        self._may_begin: Final = may_begin
        self._torn: Final[set[int]] = set()

    def __contains__(self, case: int) -> bool:
        """Whether ``case`` cleans up."""
        return case in self._cleaners

    def tear(self, case: int) -> None:
        """``case`` may have begun on a worker that died, and is to run again."""
        self._torn.add(case)

    def is_owed(self, case: int) -> bool:
        """Whether ``case``, which waits for nothing more, cleans up after anything that has begun."""
        return any(
            each in self._torn or self._may_have_begun(each)
            for each in self._cleaners.get(case, ())
        )

    def owed(self, order: Iterable[int]) -> set[int]:
        """Return the cases that have not begun and are owed, as far as is known.

        So are cleaners that wait for others of these. ``order`` has every case after those that it waits for.
        """
        found: set[int] = set()
        for case in order if self._cleaners else ():
            if (
                case in self._cleaners
                and self._may_begin(case)
                and (self.is_owed(case) or not found.isdisjoint(self._cleaners[case]))
            ):
                found.add(case)
        return found

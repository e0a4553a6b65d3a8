"""Prerequisites, and what cleans up, that exist but were not selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.scheduling.data import pair
from pytest_orchestra.scheduling.names import Names


class Absent:
    """Which of the ``absent`` cases the selected ``specs`` depend on."""

    def __init__(self, specs: Sequence[CaseSpec], absent: Sequence[CaseSpec]) -> None:
        self._specs = specs
        self._all = [*specs, *absent]
        self._names = Names(self._all)
        self._data = pair(self._all)
        #: For each selected case that needs one, the first absent case that it names.
        self.needed_by: dict[int, int] = {}
        for case in range(len(specs)):
            for number in self._prerequisites(case):
                self.needed_by.setdefault(case, number)

    def closure(self) -> tuple[int, ...]:
        """Return the absent cases that selected ones need, also through one another.

        And those that clean up after what selected ones, or these, provide.
        """
        count = len(self._specs)
        found: set[int] = set()
        providing = (case for case in self._data.cleaners_of if case < count)
        stack = list(dict.fromkeys((*self.needed_by, *providing)))
        while stack:
            case = stack.pop()
            for number in (*self._prerequisites(case), *self._cleaners(case)):
                if number not in found:
                    found.add(number)
                    stack.append(count + number)
        return tuple(sorted(found))

    def loosened(self) -> tuple[CaseSpec, ...]:
        """Return the selected cases; they no longer insist on what is absent."""
        specs = list(self._specs)
        for case in self.needed_by:
            needs = tuple(
                replace(need, optional=True) if self._answers(need, case) else need
                for need in specs[case].needs
            )
            forgone = tuple(self._absent_data(case))
            specs[case] = replace(specs[case], needs=needs, forgone=forgone)
        return tuple(specs)

    def _prerequisites(self, case: int) -> list[int]:
        named = [number for need in self._all[case].needs for number in self._answers(need, case)]
        return [*self._absent_data(case).values(), *named]

    def _cleaners(self, case: int) -> list[int]:
        count = len(self._specs)
        return [each - count for each in self._data.cleaners_of.get(case, ()) if each >= count]

    def _absent_data(self, case: int) -> dict[str, int]:
        """Return the names of data that ``case`` takes from absent cases, and these."""
        count = len(self._specs)
        sources = self._data.sources.get(case, {})
        return {name: each - count for name, each in sources.items() if each >= count}

    def _answers(self, need: Need, case: int) -> list[int]:
        """Return the absent cases that ``need`` of ``case`` names."""
        count = len(self._specs)
        return [each - count for each in self._names.resolve(need, case) if each >= count]

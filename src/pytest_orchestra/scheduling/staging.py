"""Which stage each case of a run belongs to, and which stages wait for the gates of which.

A gate is an edge from every case of its stage to every case of the stages that need it. These edges
are never stored: there would be as many as there are pairs of such cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from pytest_orchestra.model.stage import StageSpec


@dataclass(frozen=True)
class Staging:
    """The stages of a run.

    ``of_case`` is the index of the stage that each case belongs to. Cases that are ``excused`` may be flaky.
    ``is_reviewed``: somebody has a say in each gate when its stage has ended.

    ``sequences`` are the cases of each sequential stage in the order in which they take turns, and ``implied`` the
    edges that are in the graph for nothing else, each from a case to the next.
    """

    specs: tuple[StageSpec, ...]
    of_case: tuple[int, ...]
    excused: frozenset[int] = field(default_factory=frozenset)
    is_reviewed: bool = False
    sequences: tuple[tuple[int, ...], ...] = ()
    implied: frozenset[tuple[int, int]] = field(default_factory=frozenset)

    @cached_property
    def needs(self) -> tuple[tuple[int, ...], ...]:
        """Per stage, those whose gates must have passed before it opens; they come before it."""
        number = {spec.name: stage for stage, spec in enumerate(self.specs)}
        return tuple(tuple(number[name] for name in spec.needs) for spec in self.specs)

    @cached_property
    def needed_by(self) -> tuple[tuple[int, ...], ...]:
        """Per stage, those that wait for its gate."""
        found: list[list[int]] = [[] for _ in self.specs]
        for stage, needed in enumerate(self.needs):
            for each in needed:
                found[each].append(stage)
        return tuple(map(tuple, found))

    @cached_property
    def ancestors(self) -> tuple[frozenset[int], ...]:
        """Per stage, all that have to pass before it opens."""
        found: list[frozenset[int]] = []
        for needed in self.needs:
            found.append(frozenset(needed).union(*(found[each] for each in needed)))
        return tuple(found)

    @cached_property
    def members(self) -> tuple[tuple[int, ...], ...]:
        """Per stage, its cases in the order of the collection."""
        found: list[list[int]] = [[] for _ in self.specs]
        for case, stage in enumerate(self.of_case):
            found[stage].append(case)
        return tuple(map(tuple, found))

    def after(self, stage: int) -> Iterator[int]:
        """Yield the stages that cannot open unless ``stage`` passes."""
        return (each for each, known in enumerate(self.ancestors) if stage in known)

    def is_barrier(self, stage: int) -> bool:
        """Whether its gate cannot pass before its last case is over, even if all pass."""
        return self.is_reviewed or self.specs[stage].gate.is_barrier

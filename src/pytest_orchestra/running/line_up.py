"""Which tests run with the target of a diagnosis, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pytest_orchestra.diagnosis.experiment import Scene
from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.running.plan import Plan, planned_order


class LineUp:
    """The tests of a plan, by their places in the order in which one worker would run them."""

    def __init__(self, plan: Plan, target: str, suspected: Collection[str] = ()) -> None:
        """Take a ``plan``, which is used up, and node ids in it: the ``target``, and who is ``suspected``."""
        self.target = target
        graph, self._specs = plan.graph, plan.specs
        self._order = planned_order(plan)
        place = {case: at for at, case in enumerate(self._order)}
        self._dependents: list[list[int]] = [[] for _ in self._order]
        self._prerequisites: list[list[int]] = [[] for _ in self._order]
        for case, dependents in enumerate(graph.dependents):
            for other, _ in dependents:
                self._dependents[place[case]].append(place[other])
                self._prerequisites[place[other]].append(place[case])
        self._place = next(
            at for at, case in enumerate(self._order) if self._specs[case].nodeid == target
        )
        self.scene = self._scene(suspected)

    def name(self, test: int) -> str:
        """Return the node id of a test."""
        return self._spec(test).nodeid

    def line_up(self, tests: Sequence[int], with_target: bool) -> tuple[str, ...]:  # noqa: FBT001 - one question
        """Return the node ids of ``tests`` and of what they need, in order; the target comes last."""
        target = {self._place} if with_target else set()
        needed = _reach((*tests, *target), self._prerequisites)
        return tuple(self.name(test) for test in (*sorted(needed - target), *target))

    def _spec(self, test: int) -> CaseSpec:
        return self._specs[self._order[test]]

    def _scene(self, suspected: Collection[str]) -> Scene:
        """Leave out what always runs before the target, and what never can."""
        fixed = _reach([self._place], self._prerequisites) | _reach([self._place], self._dependents)
        others = [test for test in range(len(self._order)) if test not in fixed]
        used = _resources(self._spec(self._place))
        return Scene(
            earlier=tuple(test for test in others if test < self._place),
            later=tuple(test for test in others if test > self._place),
            suspected=tuple(test for test in others if self.name(test) in suspected),
            rivals=tuple(test for test in others if used & _resources(self._spec(test))),
        )


def _resources(spec: CaseSpec) -> set[str]:
    held = (claim for hold in spec.holds for claim in hold.claims)
    return {claim.resource for claim in (*spec.claims, *held)}


def _reach(tests: Iterable[int], following: Sequence[Sequence[int]]) -> set[int]:
    """Return ``tests`` and all that follows from them."""
    found = set(tests)
    stack = list(found)
    while stack:
        for other in following[stack.pop()]:
            if other not in found:
                found.add(other)
                stack.append(other)
    return found

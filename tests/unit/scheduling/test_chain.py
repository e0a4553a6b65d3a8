"""The chain that holds up the end of a run."""

from __future__ import annotations

from dataclasses import replace

from engines import after, spec

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.stage import StageSpec
from pytest_orchestra.scheduling.chain import chain_from, critical_path
from pytest_orchestra.scheduling.graph import Graph, arrange
from pytest_orchestra.scheduling.score import score
from pytest_orchestra.scheduling.staging import Staging


def _tails(specs: list[CaseSpec], graph: Graph, seconds: list[float]) -> tuple[float, ...]:
    return score(specs, graph, seconds, 2).tail


def test_of_those_that_wait_the_one_with_the_longest_rest_goes_on() -> None:
    """Each case on the path waits for the one before; equals are told apart by the collection."""
    graph = arrange([{}, after(0), after(0), after(2), after(0)])
    seconds = [1.0, 2.0, 1.0, 3.0, 4.0]
    tails = _tails([spec()] * 5, graph, seconds)
    assert chain_from(0, graph, tails, seconds) == (0, 2, 3)
    assert critical_path([spec()] * 5, graph, tails, seconds) == (0, 2, 3)
    assert chain_from(4, graph, tails, seconds) == (4,)


def test_a_group_that_takes_longer_than_any_path_is_what_holds_up_the_end() -> None:
    """Its cases share a worker, so they follow one another, though none waits for another."""
    specs = [spec(), spec(group="g"), spec(group="g"), spec(group="g")]
    graph = arrange([{}, {}, {}, {}])
    seconds = [4.0, 2.0, 2.0, 2.0]
    assert critical_path(specs, graph, _tails(specs, graph, seconds), seconds) == (1, 2, 3)


def test_a_group_of_cases_in_a_chain_does_not_lengthen_it() -> None:
    """The path counts where it is as long as the group."""
    specs = [spec(group="g"), spec(group="g")]
    graph = arrange([{}, after(0)])
    assert critical_path(specs, graph, _tails(specs, graph, [1.0, 1.0]), [1.0, 1.0]) == (0, 1)


def test_the_path_ends_where_a_group_is_longer_than_what_follows() -> None:
    """What waits for one of the group does not make the path that the group is."""
    specs = [spec(group="g"), spec(group="g"), spec()]
    graph = arrange([{}, {}, after(0)])
    seconds = [1.0, 5.0, 2.0]
    tails = _tails(specs, graph, seconds)
    assert chain_from(0, graph, tails, seconds) == (0,)
    assert critical_path(specs, graph, tails, seconds) == (0, 1)


def test_without_cases_there_is_no_path() -> None:
    """Nothing holds up what is over at once."""
    assert critical_path([], arrange([]), (), ()) == ()


def test_a_chain_goes_on_behind_a_gate() -> None:
    """With the longest of what waits for it; where that is no path, it ends there."""
    stages = (
        StageSpec("first"),
        StageSpec("second", needs=("first",)),
        StageSpec("third", needs=("second",)),
    )
    graph = replace(arrange([{}, {}, {}, after(2)]), staging=Staging(stages, (0, 0, 1, 1)))
    specs, seconds = [spec()] * 4, [1.0, 2.0, 3.0, 4.0]
    tails = graph.longest(seconds)
    assert chain_from(0, graph, tails, seconds) == (0, 2, 3)
    assert critical_path(specs, graph, tails, seconds) == (1, 2, 3)
    shared = graph.longest(seconds, workers=1)
    assert chain_from(2, graph, shared, seconds) == (2, 3)
    tails[1] += 5.0
    assert chain_from(1, graph, tails, seconds) == (1,)

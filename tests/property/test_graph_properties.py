"""Orders and cycles of random graphs. Not checked: which of several cycles is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_orchestra.model.verdict import SUCCESS, Verdict
from pytest_orchestra.scheduling.graph import CycleError, Graph, arrange, closure


@st.composite
def prerequisites(draw: st.DrawFn) -> list[dict[int, frozenset[Verdict]]]:
    """Draw prerequisites per case, which may go in circles."""
    count = draw(st.integers(1, 12))
    case = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(case, case), max_size=count + 3))
    return [{b: SUCCESS for a, b in edges if a == case} for case in range(count)]


def startable(needed: Sequence[Mapping[int, object]]) -> set[int]:
    """Return the cases that can start at some time: peel off what waits for nothing."""
    done: set[int] = set()
    while more := {case for case, each in enumerate(needed) if done.issuperset(each)} - done:
        done |= more
    return done


def arranged(needed: list[dict[int, frozenset[Verdict]]]) -> Graph | CycleError:
    """Return the graph, or what is wrong with it."""
    try:
        return arrange(needed)
    except CycleError as error:
        return error


@settings(deadline=None)
@given(prerequisites())
def test_either_there_is_an_order_or_there_are_cycles(
    needed: list[dict[int, frozenset[Verdict]]],
) -> None:
    """A graph is refused exactly if some of its cases can never start."""
    assert isinstance(arranged(needed), Graph) == (len(startable(needed)) == len(needed))


@settings(deadline=None)
@given(prerequisites())
def test_the_order_is_topological(needed: list[dict[int, frozenset[Verdict]]]) -> None:
    """Every case is in it once, after all its prerequisites; no edge is lost or made up."""
    graph = arranged(needed)
    assume(isinstance(graph, Graph))
    assert isinstance(graph, Graph)
    assert sorted(graph.order) == list(range(len(needed)))
    place = {case: number for number, case in enumerate(graph.order)}
    assert all(place[b] < place[a] for a, each in enumerate(needed) for b in each)
    assert graph.waits_for == tuple(len(each) for each in needed)
    assert {(b, a) for b, each in enumerate(graph.dependents) for a, _ in each} == {
        (b, a) for a, each in enumerate(needed) for b in each
    }


@settings(deadline=None)
@given(prerequisites())
def test_cycles_are_real_and_explain_everything(
    needed: list[dict[int, frozenset[Verdict]]],
) -> None:
    """Each case of a cycle waits for the next one; every case that cannot start is behind one."""
    error = arranged(needed)
    assume(isinstance(error, CycleError))
    assert isinstance(error, CycleError)
    told = [case for cycle in error.cycles for case in cycle]
    assert len(told) == len(set(told))
    for cycle in error.cycles:
        assert all(b in needed[a] for a, b in pairwise((*cycle, cycle[0])))
    stuck = set(range(len(needed))) - startable(needed)
    assert all(closure([case], needed) & set(told) for case in stuck)

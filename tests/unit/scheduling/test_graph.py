import sys

import pytest

from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS
from pytest_orchestra.scheduling.graph import CycleError, arrange, closure, link


def case(name: str, *needs: str | Need, feeds: tuple[Need, ...] = ()) -> CaseSpec:
    """Return the test ``name`` of one file, with what it depends on."""
    return CaseSpec(
        f"test_a.py::{name}",
        needs=tuple(Need(need) if isinstance(need, str) else need for need in needs),
        feeds=feeds,
    )


# links


def test_names_become_edges() -> None:
    """Each case knows its prerequisites and what it accepts of them."""
    links = link([case("b", "a", Need("c", ANY_VERDICT)), case("a"), case("c")])
    assert links.prerequisites == ({1: SUCCESS, 2: ANY_VERDICT}, {}, {})
    assert links.unresolved == ()


def test_cases_without_dependencies_have_no_edges() -> None:
    """The common case costs nothing."""
    assert link([case("a"), case("b")]).prerequisites == ({}, {})


def test_two_needs_for_one_case_must_both_be_satisfied() -> None:
    """Asking for success and for order only comes to asking for success."""
    order_only = Need("a", ANY_VERDICT)
    links = link([case("a"), case("b", order_only, "a"), case("c", "a", order_only)])
    assert links.prerequisites[1:] == ({0: SUCCESS}, {0: SUCCESS})


def test_a_case_can_put_itself_before_others() -> None:
    """What it feeds depends on it."""
    links = link([case("a"), case("b", feeds=(Need("a", ANY_VERDICT),))])
    assert links.prerequisites == ({1: ANY_VERDICT}, {})


def test_a_need_that_nothing_answers_to_is_reported() -> None:
    """With the case that has it, unless it is optional."""
    typo, optional = Need("tpyo"), Need("gone", optional=True)
    links = link([case("a"), case("b", typo, optional)])
    assert links.unresolved == ((1, typo),)


def test_a_case_that_depends_on_itself_is_a_cycle_of_one() -> None:
    """It is left in, so that the user hears of it."""
    links = link([case("a", "a")])
    with pytest.raises(CycleError) as caught:
        arrange(links.prerequisites)
    assert caught.value.cycles == ((0,),)


# graphs


def test_the_order_is_topological() -> None:
    """Every case comes after its prerequisites, however they were collected."""
    graph = arrange([{1: SUCCESS}, {2: SUCCESS}, {}, {}])
    assert graph.order == (2, 3, 1, 0)
    assert graph.waits_for == (1, 1, 0, 0)
    assert graph.dependents == ((), ((0, SUCCESS),), ((1, SUCCESS),), ())
    assert graph.edges == 2


def test_each_knot_of_cases_is_told_as_one_cycle() -> None:
    """What only waits for a cycle is not part of it."""
    edges = [{1: SUCCESS}, {0: SUCCESS}, {1: SUCCESS}, {3: SUCCESS}, {}]
    with pytest.raises(CycleError, match="2 dependency cycles") as caught:
        arrange(edges)
    assert caught.value.cycles == ((0, 1), (3,))


def test_a_cycle_reads_as_who_waits_for_whom() -> None:
    """Each case of the path waits for the one after it, and the last for the first."""
    with pytest.raises(CycleError) as caught:
        arrange([{2: SUCCESS}, {0: SUCCESS}, {1: SUCCESS}])
    assert caught.value.cycles == ((0, 2, 1),)


def test_a_graph_without_cycles_does_without_networkx(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer to import than most suites take to be arranged."""
    monkeypatch.setitem(sys.modules, "networkx", None)
    assert arrange([{}, {0: SUCCESS}]).order == (0, 1)


# closures


def test_a_closure_holds_all_that_can_be_reached() -> None:
    """With the beginnings, and each only once, also where there are cycles."""
    assert closure([0], [[1], [2, 0], [], [0]]) == {0, 1, 2}
    assert closure([], [[0]]) == set()

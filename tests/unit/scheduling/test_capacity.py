from engines import DB, READ, WRITE, counted

from pytest_orchestra.model.capacity import UNBOUNDED
from pytest_orchestra.model.case import CaseSpec, Claim
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.capacity import settle_stock


def case(name: str, *claims: Claim) -> CaseSpec:
    """Return the test ``name`` with ``claims``."""
    return CaseSpec(f"test_a.py::{name}", claims=frozenset(claims))


def settle(
    specs: list[CaseSpec], declared: dict[str, int]
) -> tuple[dict[str, int], tuple[Problem, ...]]:
    """Return the tokens of each resource, and the problems."""
    stock, problems = settle_stock(specs, counted(declared))
    return {name: each.tokens for name, each in stock.capacities.items()}, problems


def test_what_nobody_declared_has_one_token() -> None:
    """The default is strict."""
    assert settle([case("a", DB)], {}) == ({"db": 1}, ())


def test_a_lock_that_nobody_declared_has_as_many_readers_as_want_to() -> None:
    """Only writing is exclusive."""
    assert settle([case("a", READ), case("b", WRITE)], {}) == ({"schema": UNBOUNDED}, ())


def test_what_was_declared_holds() -> None:
    """Also for resources that nobody claims, and for counts and locks of the same one."""
    specs = [case("a", Claim("schema", 2)), case("b", READ), case("c", WRITE)]
    capacities, problems = settle(specs, {"schema": 2, "gpu": 4})
    assert capacities == {"schema": 2, "gpu": 4}
    assert problems == ()


def test_a_claim_for_more_than_there_is_can_never_be_met() -> None:
    """The first case with it is named, once for each amount, with what can be done."""
    specs = [case("a", Claim("gpu", 3)), case("b", Claim("gpu", 3)), case("c", Claim("gpu", 5))]
    _, problems = settle(specs, {"gpu": 2})
    assert [(problem.nodeid, problem.what) for problem in problems] == [
        ("test_a.py::a", "test_a.py::a claims 3 of 'gpu', but it has 2"),
        ("test_a.py::c", "test_a.py::c claims 5 of 'gpu', but it has 2"),
    ]
    assert "gpu = 3 or more" in problems[0].remedy
    assert (problems[0].marker, problems[0].needle) == ("resources", "gpu")


def test_a_claim_for_more_than_one_of_what_nobody_declared_says_so() -> None:
    """The reader learns where the one token comes from."""
    _, (problem,) = settle([case("a", Claim("memory", 4 * 10**9))], {})
    assert "claims 4GB of 'memory', but nobody declared it, so it has 1" in problem.what


def test_counts_and_locks_of_one_resource_need_a_declaration() -> None:
    """Nobody could say how many tokens a writer takes."""
    specs = [case("a", READ), case("b", Claim("schema", 7))]
    _, (problem,) = settle(specs, {})
    assert problem.nodeid == "test_a.py::b"
    assert "as a read/write lock by test_a.py::a" in problem.what


def test_problems_come_in_the_same_order_every_time() -> None:
    """Case by case, and by the name of the resource within one."""
    names = [f"r{number}" for number in range(10)]
    specs = [case("a", Claim("z", 2)), case("b", *(Claim(name, 2) for name in names))]
    _, problems = settle(specs, {})
    assert [problem.needle for problem in problems] == ["z", *names]

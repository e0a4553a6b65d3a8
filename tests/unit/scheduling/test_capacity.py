from engines import DB, READ, WRITE, counted

from pytest_orchestra.model.capacity import UNBOUNDED, Capacity, Scope
from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode
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


def host_of(**tokens: int) -> dict[str, Capacity]:
    """Return what a host has."""
    return {name: Capacity(each, scope=Scope.HOST) for name, each in tokens.items()}


def test_each_host_counts_what_it_has_under_a_name_of_its_own() -> None:
    """What the run shares is counted once; one host needs no name."""
    declared = {"gpu": Capacity(1, scope=Scope.HOST, max_wait=5.0), "db": Capacity(2)}
    hosts = {"a": {}, "b": {"gpu": Capacity(4, scope=Scope.HOST, max_wait=9.0)}}
    stock, _ = settle_stock([], declared, hosts)
    counted = {name: each.tokens for name, each in stock.counted().items()}
    assert counted == {"gpu on a": 1, "gpu on b": 4, "db": 2}
    assert stock.limits() == {"gpu on a": 5.0, "gpu on b": 9.0}
    assert stock.best("gpu").tokens == 4
    assert stock.overall().capacities["gpu"] == Capacity(5, max_wait=5.0)
    alone, _ = settle_stock([], declared, {"a": {}})
    assert list(alone.counted()) == ["gpu", "db"]


def test_a_claim_is_measured_by_the_host_that_has_most() -> None:
    """It may run there."""
    declared = host_of(gpu=1)
    hosts = {"a": {}, "b": host_of(gpu=4)}
    assert settle_stock([case("a", Claim("gpu", 4))], declared, hosts)[1] == ()
    _, (problem,) = settle_stock([case("a", Claim("gpu", 5))], declared, hosts)
    assert problem.what.endswith("claims 5 of 'gpu', but the best of the hosts has 4")


def test_who_claims_several_slots_claims_several_instances() -> None:
    """So there must be as many."""
    declared = {"staging": Capacity(6, slots=2)}
    assert settle_stock([case("a", Claim("staging", 3))], declared)[1] == ()
    _, (problem,) = settle_stock([case("a", Claim("staging", 4))], declared)
    assert problem.what.endswith("claims 4 of 'staging', but it has 3 instances")


def test_fixtures_may_take_no_more_than_there_is() -> None:
    """By themselves, or all that one test uses together; told once for tests alike."""
    big = Hold("big", None, (Claim("db", 3),))
    one, two = Hold("one", "", (Claim("db"),)), Hold("two", None, (Claim("db", 2),))
    free = Hold("free", None, (Claim("net", mode=Mode.WRITE), Claim("db", mode=Mode.READ)))
    declared = counted({"db": 2})
    _, (problem,) = settle_stock([CaseSpec("a", holds=(big,))], declared)
    assert problem.what == "fixture 'big' of a takes 3 of 'db', but it has 2"
    alike = [CaseSpec("a", holds=(one, two)), CaseSpec("b", holds=(one, two))]
    _, (problem,) = settle_stock(alike, declared)
    assert problem.what == (
        "a uses the fixtures one, two, which together take 3 of 'db', but there is 2"
    )
    assert settle_stock([CaseSpec("a", holds=(one, free))], declared)[1] == ()

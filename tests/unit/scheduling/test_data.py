import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS
from pytest_orchestra.scheduling.data import Pairing, pair

Names = tuple[str, ...]


def case(
    name: str,
    *,
    provides: Names = (),
    uses: Names = (),
    cleans: Names = (),
    forgone: Names = (),
) -> CaseSpec:
    """Return the test ``name``; without a file it is one of ``test_a.py``."""
    nodeid = name if ".py::" in name else f"test_a.py::{name}"
    return CaseSpec(nodeid, provides=provides, uses=uses, cleans=cleans, forgone=forgone)


def make(name: str, *names: str) -> CaseSpec:
    """Return a test that provides."""
    return case(name, provides=names)


def use(name: str, *names: str) -> CaseSpec:
    """Return a test that uses."""
    return case(name, uses=names)


def clean(name: str, *names: str) -> CaseSpec:
    """Return a test that cleans."""
    return case(name, cleans=names)


def edges(pairing: Pairing, cases: int) -> list[dict[int, frozenset[str]]]:
    """Return what each case waits for, where no other dependencies are known."""
    return [dict(each) for each in pairing.join([{} for _ in range(cases)])]


def test_without_data_there_is_nothing_to_pair() -> None:
    """The common case costs nothing, and changes no dependency."""
    pairing = pair([case("x"), case("y")])
    assert pairing == Pairing()
    known = [{1: SUCCESS}, {}]
    assert pairing.join(known) == tuple(known)


def test_a_user_waits_for_its_provider_to_pass() -> None:
    """Whatever stands first; and it knows from whom it gets what."""
    pairing = pair([use("read", "user"), make("create", "user")])
    assert edges(pairing, 2) == [{1: SUCCESS}, {}]
    assert pairing.sources == {0: {"user": 1}}
    assert pairing.users(1, "user") == [0]
    assert pairing.users(1, "mail") == ()
    assert pairing.problems == ()


def test_a_cleaner_waits_for_all_users_whatever_becomes_of_them() -> None:
    """And for the provider, which may have left something behind though it failed."""
    specs = [clean("c", "user"), make("p", "user"), use("u", "user"), use("v", "user")]
    pairing = pair(specs)
    assert edges(pairing, 4)[0] == {1: ANY_VERDICT, 2: ANY_VERDICT, 3: ANY_VERDICT}
    assert pairing.cleaners == {0: {1}}
    assert pairing.cleaners_of == {1: [0]}


def test_what_is_known_already_must_be_met_too() -> None:
    """A case that depends on the provider by name, for order only, still needs it to pass."""
    pairing = pair([make("p", "user"), use("u", "user"), clean("c", "user")])
    joined = pairing.join([{}, {0: ANY_VERDICT}, {0: SUCCESS}])
    assert joined[1:] == ({0: SUCCESS}, {0: SUCCESS, 1: ANY_VERDICT})


def test_cleaners_do_not_wait_for_one_another() -> None:
    """Two that read what they both remove are no users whose end the other awaits."""
    specs = [
        make("p", "user"),
        case("c", uses=("user",), cleans=("user",)),
        case("d", uses=("user",), cleans=("user",)),
    ]
    assert edges(pair(specs), 3)[1:] == [{0: SUCCESS}, {0: SUCCESS}]


def test_a_test_may_provide_use_and_clean_several_names() -> None:
    """Each name has a provider of its own."""
    specs = [
        make("p", "db", "key"),
        case("q", provides=("user",), uses=("db",)),
        use("u", "user", "key"),
        clean("c", "user", "db"),
    ]
    pairing = pair(specs)
    assert pairing.sources == {1: {"db": 0}, 2: {"user": 1, "key": 0}, 3: {"user": 1, "db": 0}}
    assert pairing.cleaners == {3: {0, 1}}
    assert edges(pairing, 4)[3] == {0: ANY_VERDICT, 1: ANY_VERDICT, 2: ANY_VERDICT}


def test_a_single_provider_serves_everybody() -> None:
    """Parametrized or not, on either side."""
    specs = [make("p", "user"), use("u[a]", "user"), use("u[b]", "user"), make("q[x]", "mail")]
    pairing = pair([*specs, use("v[y]", "mail"), use("w", "mail")])
    assert pairing.problems == ()
    assert pairing.sources == {1: {"user": 0}, 2: {"user": 0}, 4: {"mail": 3}, 5: {"mail": 3}}


def test_parameter_sets_serve_those_with_the_same_id() -> None:
    """Users and cleaners alike, also in another file."""
    specs = [make("p[a]", "user"), make("p[b]", "user"), use("test_b.py::u[b]", "user")]
    pairing = pair([*specs, use("test_b.py::u[a]", "user"), clean("c[b]", "user")])
    assert pairing.problems == ()
    assert pairing.sources == {2: {"user": 1}, 3: {"user": 0}, 4: {"user": 1}}
    assert edges(pairing, 5)[4] == {1: ANY_VERDICT, 2: ANY_VERDICT}


@pytest.mark.parametrize(
    ("taker", "marker", "does"),
    [
        (use("u", "user"), "depends", "uses"),
        (use("u[c]", "user"), "depends", "uses"),
        (clean("u", "user"), "cleans", "cleans"),
    ],
)
def test_who_is_not_parametrized_alike_has_no_provider(
    taker: CaseSpec, marker: str, does: str
) -> None:
    """Of several parameter sets none can be told to be meant, and the message says so."""
    pairing = pair([make("p[a]", "user"), make("p[b]", "user"), taker])
    (problem,) = pairing.problems
    assert problem.what == (
        f"{taker.nodeid} {does} 'user', which 2 parameter sets provide (test_a.py::p[a] and "
        "others), but none with its parameters"
    )
    assert (problem.marker, problem.needle, problem.nodeid) == (marker, "user", taker.nodeid)
    assert pairing.sources == {}


@pytest.mark.parametrize(
    "rivals",
    [
        (make("p", "user"), make("q", "user")),
        (make("p", "user"), make("test_b.py::p", "user")),
        (make("p[a]", "user"), make("q[b]", "user")),
        (make("A::p[a]", "user"), make("B::p[b]", "user")),
        (make("p", "user"), make("p", "user")),
    ],
    ids=["two tests", "two files", "with parameters", "two classes", "collected twice"],
)
def test_two_tests_may_not_provide_one_name(rivals: tuple[CaseSpec, CaseSpec]) -> None:
    """Told once, whoever uses it, at the later one."""
    pairing = pair([*rivals, make("r", "user"), use("u", "user"), use("v[x]", "user")])
    (problem,) = pairing.problems
    first, second = (each.nodeid for each in rivals)
    assert problem.what == f"both {first} and {second} provide 'user'"
    assert (problem.marker, problem.needle, problem.nodeid) == ("provides", "user", second)
    assert pairing.sources == {}
    assert pairing.unprovided == ()


def test_what_nobody_provides_is_told_with_what_is_like_it() -> None:
    """Each taker once for each name."""
    taker = case("u", uses=("usr",), cleans=("usr", "mail"))
    pairing = pair([make("p", "user", "users"), taker])
    assert pairing.unprovided == ((1, "usr"), (1, "mail"))
    assert pairing.near("usr") == ["user", "users"]
    assert pairing.near("mail") == []


def test_what_a_case_forgoes_it_does_not_wait_for() -> None:
    """Its provider was left out on purpose; the rest holds."""
    pairing = pair([make("p", "db"), case("u", uses=("user", "db"), forgone=("user",))])
    assert pairing.sources == {1: {"db": 0}}
    assert pairing.unprovided == ()


def test_who_uses_what_it_provides_waits_for_itself() -> None:
    """That is a cycle, which is told as other cycles are."""
    assert edges(pair([case("p", provides=("user",), uses=("user",))]), 1) == [{0: SUCCESS}]

from pytest_orchestra.model.case import CaseSpec, Claim, Hold, Mode, Need
from pytest_orchestra.model.requirement import Kind, Requirement
from pytest_orchestra.model.verdict import ANY_VERDICT
from pytest_orchestra.scheduling.analysis import analyse
from pytest_orchestra.scheduling.data import pair
from pytest_orchestra.scheduling.graph import link


def requirements(*specs: CaseSpec) -> tuple[tuple[Requirement, ...], ...]:
    """Return what each case needs."""
    return analyse(specs, link(specs), pair(specs))


def test_who_needs_nothing_has_no_requirements() -> None:
    """It is reported all the same."""
    assert requirements(CaseSpec("a.py::x"), CaseSpec("a.py::y")) == ((), ())


def test_data_dependencies_and_order_name_whom_they_come_from() -> None:
    """What accepts any verdict is an order; a name stands as it was written."""
    create = CaseSpec("a.py::create[1]", provides=("user",))
    login = CaseSpec("a.py::login")
    needs = (Need("login"), Need("create", ANY_VERDICT))
    read = CaseSpec("a.py::read", uses=("user",), needs=needs)
    delete = CaseSpec("a.py::delete", cleans=("user",))
    assert requirements(create, login, read, delete) == (
        (),
        (),
        (
            Requirement(Kind.DATA, "user", (0,)),
            Requirement(Kind.DEPENDENCY, "login", (1,)),
            Requirement(Kind.ORDER, "create", (0,)),
        ),
        (Requirement(Kind.DATA, "user", (0,)),),
    )


def test_who_was_put_after_another_knows_by_whom() -> None:
    """A test that says that it comes before others is what those need."""
    first = CaseSpec("a.py::first", feeds=(Need("second", ANY_VERDICT, marker="order"),))
    expected = Requirement(Kind.ORDER, "a.py::first", (0,))
    assert requirements(first, CaseSpec("a.py::second")) == ((), (expected,))


def test_what_was_not_collected_is_no_requirement() -> None:
    """Nothing of this run can meet it."""
    assert requirements(CaseSpec("a.py::x", needs=(Need("gone", optional=True),))) == ((),)


def test_resources_come_with_their_amounts() -> None:
    """Tokens, quantities and ways to share; who runs alone takes all."""
    claims = {Claim("db", 2), Claim("memory", 4_000_000_000), Claim("schema", mode=Mode.READ)}
    found = requirements(CaseSpec("a.py::x", claims=frozenset(claims), alone=True))
    assert found == (
        (
            Requirement(Kind.RESOURCE, "*"),
            Requirement(Kind.RESOURCE, "db", amount="2"),
            Requirement(Kind.RESOURCE, "memory", amount="4GB"),
            Requirement(Kind.RESOURCE, "schema", amount="read"),
        ),
    )


def test_services_come_through_fixtures() -> None:
    """What a fixture holds for a test is named with the fixture."""
    hold = Hold("pg", "", (Claim("postgres"), Claim("disk", mode=Mode.WRITE)))
    found = requirements(CaseSpec("a.py::x"), CaseSpec("a.py::y", holds=(hold,)))
    assert found == (
        (),
        (
            Requirement(Kind.SERVICE, "disk", fixture="pg", amount="write"),
            Requirement(Kind.SERVICE, "postgres", fixture="pg", amount="1"),
        ),
    )

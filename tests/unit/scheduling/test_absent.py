from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.scheduling.absent import Absent


def case(name: str, *needs: str) -> CaseSpec:
    """Return the test ``name`` of one file, with what it depends on."""
    return CaseSpec(f"test_a.py::{name}", needs=tuple(Need(need) for need in needs))


def test_all_that_selected_cases_need_is_found() -> None:
    """Also over steps, but nothing that nobody needs; in the order of the collection."""
    absent = Absent(
        [case("z", "c"), case("y")],
        [case("a"), case("b"), case("c", "a", "y"), case("d", "b")],
    )
    assert absent.closure() == (0, 2)


def test_a_need_is_followed_once() -> None:
    """Absent cases may need one another in a circle; that is found out later."""
    absent = Absent([case("z", "a")], [case("a", "b"), case("b", "a")])
    assert absent.closure() == (0, 1)


def test_selected_cases_are_preferred_to_nobody() -> None:
    """What needs only selected cases needs nothing absent."""
    absent = Absent([case("z", "y"), case("y")], [case("a")])
    assert absent.needed_by == {}
    assert absent.closure() == ()


def test_each_case_is_explained_by_the_first_that_it_misses() -> None:
    """One is enough to say why it cannot run."""
    absent = Absent([case("y"), case("z", "y", "b", "a")], [case("a"), case("b")])
    assert absent.needed_by == {1: 1}


def test_a_loosened_case_no_longer_insists_on_what_is_absent() -> None:
    """The others stay as they are."""
    selected = [case("y", "z"), case("z", "a")]
    first, second = Absent(selected, [case("a")]).loosened()
    assert first is selected[0]
    assert second.needs == (Need("a", optional=True),)


def test_a_loosened_case_still_insists_on_the_rest() -> None:
    """A misspelt name beside an absent one is not forgiven."""
    (loosened,) = Absent([case("z", "a", "tpyo")], [case("a")]).loosened()
    assert loosened.needs == (Need("a", optional=True), Need("tpyo"))


def data(name: str, provides: str = "", uses: str = "", cleans: str = "") -> CaseSpec:
    """Return the test ``name`` with the data that it has to do with, names in one text."""
    return CaseSpec(
        f"test_a.py::{name}",
        provides=tuple(provides.split()),
        uses=tuple(uses.split()),
        cleans=tuple(cleans.split()),
    )


def test_a_user_brings_its_provider_and_what_cleans_up() -> None:
    """But no other user; also over steps, each with what it needs in turn."""
    absent = Absent(
        [data("read", uses="user")],
        [
            data("setup", provides="db"),
            data("other", uses="user"),
            data("create", provides="user", uses="db"),
            data("drop", cleans="db"),
            data("delete", cleans="user"),
            case("unrelated"),
        ],
    )
    assert absent.closure() == (0, 2, 3, 4)
    assert absent.needed_by == {0: 2}


def test_a_provider_brings_what_cleans_up() -> None:
    """And a cleaner brings the provider, or it would have nothing to clean."""
    create, delete = data("create", provides="user"), data("delete", cleans="user")
    assert Absent([create], [delete, data("read", uses="user")]).closure() == (0,)
    assert Absent([create], [delete]).needed_by == {}
    assert Absent([delete], [create]).closure() == (0,)


def test_the_parameter_set_that_serves_a_user_is_brought() -> None:
    """Not the others, although they provide the same name."""
    providers = [data("create[a]", provides="user"), data("create[b]", provides="user")]
    assert Absent([data("read[b]", uses="user")], providers).closure() == (1,)


def test_a_loosened_case_forgoes_the_data_of_absent_cases() -> None:
    """What a selected case provides it still waits for."""
    selected = [data("login", provides="key"), data("read", uses="user key")]
    first, second = Absent(selected, [data("create", provides="user")]).loosened()
    assert first is selected[0]
    assert (second.uses, second.forgone) == (("user", "key"), ("user",))

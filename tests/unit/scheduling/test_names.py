import time
from collections.abc import Mapping

import pytest

from pytest_orchestra.model.case import CaseSpec, Need
from pytest_orchestra.scheduling.names import Names
from pytest_orchestra.scheduling.nodeid import split_nodeid

SUITE = (
    "tests/test_a.py::test_load",
    "tests/test_a.py::test_save[pg]",
    "tests/test_a.py::test_save[lite]",
    "tests/test_a.py::TestA::test_load",
    "tests/test_a.py::TestA::test_one",
    "tests/test_a.py::TestA::TestIn::test_deep",
    "tests/test_a.py::TestAB::test_one",
    "tests/unit/test_a.py::test_only",
    "tests/unit/test_b.py::test_load",
    "tests/unit/test_b.py::test_path[x/y::z]",
    "tests/unit/deep/test_c.py::test_c",
    "test_root.py::test_root",
)


def suite(
    nodeids: tuple[str, ...] = SUITE, custom: Mapping[str, tuple[str, ...]] | None = None
) -> Names:
    """Return the names of cases which carry the ``custom`` names given by node id."""
    custom = custom or {}
    return Names([CaseSpec(nodeid, names=custom.get(nodeid, ())) for nodeid in nodeids])


def ask(
    need: Need | str,
    dependant: str,
    nodeids: tuple[str, ...] = SUITE,
    custom: Mapping[str, tuple[str, ...]] | None = None,
) -> list[str]:
    """Return the node ids of what ``need`` means to the case ``dependant``."""
    need = Need(need) if isinstance(need, str) else need
    found = suite(nodeids, custom).resolve(need, nodeids.index(dependant))
    assert list(found) == sorted(found)
    return [nodeids[index] for index in found]


@pytest.mark.parametrize(
    ("target", "dependant", "meant"),
    [
        pytest.param("tests/unit/test_b.py::test_load", 0, [8], id="a full node id"),
        pytest.param("tests/test_a.py::test_save[pg]", 8, [1], id="one parameter set in full"),
        pytest.param("test_load", 1, [0], id="a test of the file"),
        pytest.param("test_load", 4, [3], id="a method of the class before a test of the file"),
        pytest.param("test_one", 5, [4], id="a method of the class around the class"),
        pytest.param("test_load", 6, [0], id="a test of the file from a class without one"),
        pytest.param("TestA::test_one", 0, [4], id="a method from its file"),
        pytest.param("TestIn::test_deep", 4, [5], id="a nested method from its outer class"),
        pytest.param("test_save[pg]", 0, [1], id="one parameter set"),
        pytest.param("test_path[x/y::z]", 8, [9], id="parameters that look like a path"),
        pytest.param("test_save", 0, [1, 2], id="all parameter sets"),
        pytest.param("tests/test_a.py::test_save", 8, [1, 2], id="all parameter sets in full"),
        pytest.param("test_a.py::test_only", 8, [7], id="a test of a file of the directory"),
        pytest.param("../test_a.py::test_load", 8, [0], id="a test of a file further up"),
        pytest.param("deep/test_c.py::test_c", 8, [10], id="a test of a file further down"),
        pytest.param("test_root.py::test_root", 8, [11], id="a file of the root directory"),
        pytest.param("unit/test_b.py::test_load", 10, [8], id="from a directory above"),
        pytest.param("TestA", 0, [3, 4, 5], id="a class with the classes in it"),
        pytest.param("TestA", 6, [3, 4, 5], id="another class of the file"),
        pytest.param("tests/test_a.py::TestA", 8, [3, 4, 5], id="a class in full"),
        pytest.param("tests/unit/test_b.py", 0, [8, 9], id="a file"),
        pytest.param("test_b.py", 7, [8, 9], id="a file of the directory"),
        pytest.param("../test_a.py::TestAB", 7, [6], id="a class of a file further up"),
        pytest.param("tests/unit", 0, [7, 8, 9, 10], id="a directory"),
        pytest.param("./tests/unit/", 0, [7, 8, 9, 10], id="a directory, untidily"),
        pytest.param("deep", 8, [10], id="a directory beside the file"),
        pytest.param("test_l*", 1, [0], id="a glob in the file"),
        pytest.param("test_*", 5, [4 - 1, 4], id="a glob in the class around the class"),
        pytest.param("TestA*", 0, [3, 4, 5, 6], id="a glob of classes"),
        pytest.param("TestA?", 0, [6], id="a glob of one class"),
        pytest.param("test_[ls]???", 6, [0, 1, 2], id="a glob of tests, their parameters too"),
        pytest.param("tests/unit/test_?.py", 0, [7, 8, 9], id="a glob of files"),
        pytest.param("*/test_?.py::test_load", 11, [0, 8], id="a glob from the root directory"),
        pytest.param("test_?.py::test_load", 7, [8], id="a glob of files of the directory"),
        pytest.param("../t*_a.py::test_l*", 8, [0], id="a glob further up"),
        pytest.param("tests/unit/test_b.py::*", 0, [8, 9], id="a glob in a file"),
        pytest.param("tests/un?t", 0, [7, 8, 9, 10], id="a glob of directories"),
        pytest.param("test_nothing", 0, [], id="nothing"),
        pytest.param("test_nothing*", 0, [], id="a glob of nothing"),
        pytest.param("TestA::test_nothing", 0, [], id="nothing in a class"),
        pytest.param("zzz", 0, [], id="nothing past the last name"),
        pytest.param("", 0, [], id="no name"),
    ],
)
def test_a_name_means(target: str, dependant: int, meant: list[int]) -> None:
    """Each way of naming tests finds exactly those that it names."""
    assert ask(target, SUITE[dependant]) == [SUITE[index] for index in meant]


def test_a_custom_name_comes_first_and_means_all_who_carry_it() -> None:
    """A custom name wins over a test of that name, and all that carry it are meant."""
    custom = {SUITE[8]: ("test_load", "other"), SUITE[11]: ("test_load",)}
    assert ask("test_load", SUITE[1], custom=custom) == [SUITE[8], SUITE[11]]


def test_a_name_within_is_looked_for_there_first() -> None:
    """Scopes of pytest-dependency prefer the custom names and tests inside them."""
    custom = {SUITE[0]: ("login",), SUITE[3]: ("login",), SUITE[8]: ("login",)}
    names = suite(custom=custom)
    assert names.resolve(Need("login", within="tests/test_a.py"), 1) == (0, 3)
    assert names.resolve(Need("login", within="tests/test_a.py::TestA"), 4) == (3,)
    assert names.resolve(Need("login", within="tests/unit"), 7) == (8,)
    assert names.resolve(Need("test_load", within="tests/test_a.py"), 4) == (0,)


def test_a_name_that_is_not_within_is_looked_for_as_usual() -> None:
    """A scope is a preference: what it does not have may be elsewhere."""
    custom = {SUITE[8]: ("login",)}
    file = "tests/test_a.py"
    assert ask(Need("login", within=file), SUITE[0], custom=custom) == [SUITE[8]]
    assert ask(Need("tests/unit/test_b.py::test_load", within=file), SUITE[0]) == [SUITE[8]]


def test_a_name_from_anywhere_is_looked_for_in_every_file_last() -> None:
    """A name that is found nowhere near means the tests of that name in all files."""
    assert ask(Need("test_load", anywhere=True), SUITE[1]) == [SUITE[0]]
    assert ask(Need("test_load", anywhere=True), SUITE[11]) == [SUITE[0], SUITE[8]]
    assert ask(Need("TestA::test_one", anywhere=True), SUITE[11]) == [SUITE[4]]
    assert ask(Need("test_save", anywhere=True), SUITE[11]) == [SUITE[1], SUITE[2]]
    assert ask(Need("test_save[pg]", anywhere=True), SUITE[11]) == [SUITE[1]]
    assert ask(Need("nothing", anywhere=True), SUITE[11]) == []


@pytest.mark.parametrize("target", ["TestA", "tests/test_a.py::TestA", "TestA*", "TestA::*"])
def test_a_case_does_not_wait_for_itself_in_a_crowd(target: str) -> None:
    """Whoever is inside the class or glob that it names depends on the others only."""
    assert SUITE[4] not in ask(target, SUITE[4])
    assert SUITE[3] in ask(target, SUITE[4])


def test_a_case_alone_in_what_it_names_depends_on_nothing() -> None:
    """A file whose only test depends on the file gives no prerequisite."""
    assert ask("tests/unit/test_a.py", SUITE[7]) == []


@pytest.mark.parametrize("target", ["test_only", "tests/unit/test_a.py::test_only", "mine"])
def test_a_case_that_names_itself_is_told_so(target: str) -> None:
    """An exact name of the dependant itself is returned, so that it can be reported."""
    assert ask(target, SUITE[7], custom={SUITE[7]: ("mine",)}) == [SUITE[7]]


def test_matching_parameters_pair_cases_of_the_same_id() -> None:
    """With match_params a case waits for its own parameter set, or for a test without any."""
    nodeids = (
        "a.py::test_create[pg]",
        "a.py::test_create[lite]",
        "a.py::test_delete[pg]",
        "a.py::test_delete[my]",
        "a.py::test_plain",
    )
    pairs = {
        (dependant, target): ask(Need(target, match_params=True), nodeids[dependant], nodeids)
        for dependant, target in [
            (2, "test_create"),
            (3, "test_create"),
            (4, "test_create"),
            (2, "test_plain"),
        ]
    }
    assert pairs == {
        (2, "test_create"): ["a.py::test_create[pg]"],
        (3, "test_create"): [],
        (4, "test_create"): [],
        (2, "test_plain"): ["a.py::test_plain"],
    }


def test_an_own_parameter_set_is_nearer_than_a_test_of_the_file() -> None:
    """The innermost class that has the name at all decides what it means."""
    nodeids = ("a.py::test_x", "a.py::TestA::test_x[1]", "a.py::TestA::test_y")
    assert ask("test_x", nodeids[2], nodeids) == [nodeids[1]]


@pytest.mark.parametrize(
    ("target", "dependant", "best"),
    [
        pytest.param("test_laod", 1, "test_load", id="a slip in the same file"),
        pytest.param("test_laod", 4, "test_load", id="a slip in the same class"),
        pytest.param("tset_deep", 0, "TestA::TestIn::test_deep", id="a method, out of its class"),
        pytest.param("test_c", 0, SUITE[10], id="a test of another file"),
        pytest.param("test_rot", 0, SUITE[11], id="a slip for a test of another file"),
        pytest.param("test_deep", 0, "TestA::TestIn::test_deep", id="the wrong class"),
        pytest.param("tests/unit/test_d.py", 0, "tests/unit/test_b.py", id="a wrong file"),
        pytest.param("tests/unit/test_b.py::test_lod", 0, SUITE[8], id="a slip after a file"),
        pytest.param("tests/unt/test_b.py::test_load", 11, SUITE[0], id="a slip in a path"),
        pytest.param("loign", 0, "login", id="a slip in a custom name"),
    ],
)
def test_the_nearest_name_is_suggested(target: str, dependant: int, best: str) -> None:
    """What the user most likely meant comes first, as it would have to be written."""
    names = suite(custom={SUITE[11]: ("login",)})
    near = names.near(target, dependant)
    assert near[0] == best
    assert len(near) <= 3
    assert all(names.resolve(Need(name), dependant) for name in near)


def test_no_name_is_suggested_for_nonsense_or_for_the_case_itself() -> None:
    """A name like nothing gets no suggestion, and nobody is told to wait for himself."""
    nodeids = ("a.py::test_pay", "guide.md")
    assert suite(nodeids).near("xyzzy", 0) == ()
    assert suite(nodeids).near("test_pya", 0) == ()
    assert suite(nodeids).near("test_pya", 1) == (nodeids[0],)


def test_a_hundred_thousand_cases_are_indexed_and_asked_quickly() -> None:
    """Neither the index nor a question goes through the whole collection for each case."""
    cases = [
        CaseSpec(f"tests/p{i // 1000}/test_{i // 100}.py::TestX::test_{i % 100}[{i % 3}]")
        for i in range(100_000)
    ]
    begin = time.perf_counter()
    names = Names(cases)
    asked = range(0, 100_000, 50)
    assert all(names.resolve(Need("test_1"), i) for i in asked)
    assert not any(names.resolve(Need("test_nothing"), i) for i in asked)
    assert all(names.resolve(Need("test_*"), i) for i in asked)
    assert time.perf_counter() - begin < 100  # going through all for each takes hours


def test_many_parameter_sets_do_not_look_at_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With match_params each finds its own, without a look at all others; groups that are met in turn, too."""
    looks: list[str] = []

    def counted(nodeid: str) -> object:
        looks.append(nodeid)
        return split_nodeid(nodeid)

    number = 120
    tests = [f"a.py::test_{name}" for name in "abcd"]
    names = suite(tuple(f"{test}[{n}]" for test in tests for n in range(number)))
    monkeypatch.setattr("pytest_orchestra.scheduling.names.split_nodeid", counted)
    for n in range(number):
        for place in (1, 2, 3):
            need = Need(tests[place - 1], match_params=True)
            assert names.resolve(need, place * number + n) == ((place - 1) * number + n,)
    assert len(looks) < 10 * len(tests) * number


def test_parameters_are_kept_of_some_groups_only() -> None:
    """So who asks for ever other ones finds them all the same."""
    names = suite(tuple(f"a{n}.py::test_x[{p}]" for n in range(120) for p in "pq"))
    for dependant in (0, 1, 0):
        for n in range(1, 120):
            found = names.resolve(Need(f"a{n}.py::test_x", match_params=True), dependant)
            assert found == (2 * n + dependant,)

import pytest

from pytest_orchestra.scheduling.nodeid import directories, is_within, scopes, split_nodeid


@pytest.mark.parametrize(
    ("nodeid", "parts"),
    [
        ("tests/a.py::test_x", ("tests/a.py", "test_x", "")),
        ("tests/a.py::TestA::test_x[p]", ("tests/a.py", "TestA::test_x", "[p]")),
        ("a.py::test_x[b::c/d[e]]", ("a.py", "test_x", "[b::c/d[e]]")),
        ("tests/[a]/b.py::test_x", ("tests/[a]/b.py", "test_x", "")),
        ("docs/guide.md", ("docs/guide.md", "", "")),
    ],
)
def test_a_node_id_comes_apart(nodeid: str, parts: tuple[str, str, str]) -> None:
    """File, name and parameters are told apart, whatever text the parameters hold."""
    assert split_nodeid(nodeid) == parts


def test_scopes_go_from_the_inside_out() -> None:
    """The innermost class comes first and the file last."""
    assert scopes("tests/a.py::TestA::TestB::test_x[c::d]") == [
        "tests/a.py::TestA::TestB",
        "tests/a.py::TestA",
        "tests/a.py",
    ]


def test_directories_go_upwards() -> None:
    """The nearest directory comes first; the root directory is left out."""
    assert directories("tests/unit/a.py") == ["tests/unit", "tests"]
    assert directories("a.py") == []


@pytest.mark.parametrize(
    ("scope", "is_in_it"),
    [
        *[("", True), ("tests", True), ("tests/a.py", True), ("tests/a.py::TestA", True)],
        *[("test", False), ("tests/a.p", False), ("tests/a.py::Test", False)],
        ("tests/b.py", False),
    ],
)
def test_a_test_is_within_what_is_around_it(scope: str, is_in_it: bool) -> None:  # noqa: FBT001
    """Directory, file and class count, not what only begins alike."""
    assert is_within("tests/a.py::TestA::test_x", scope) is is_in_it

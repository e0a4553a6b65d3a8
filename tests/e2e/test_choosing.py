"""What pytest offers to choose, order and show tests, where tests depend on one another."""

from __future__ import annotations

import os

import pytest
from harness import FAILED, INTERRUPTED, PASSED, USAGE, Project, Result

LOGIN, USER, ORDER, FREE = (
    f"test_a.py::test_{name}" for name in ("login", "user", "order", "free")
)
SCHEMA, OTHER = (f"test_b.py::test_{name}" for name in ("schema", "other"))
DEEP_FIRST, DEEP_LAST = (f"test_b.py::TestDeep::test_{name}" for name in ("first", "last"))

#: What test_order needs, also through others.
CHAIN = {LOGIN, USER, SCHEMA, ORDER}


@pytest.fixture
def shop(project: Project) -> Project:
    """Write two files whose tests depend on one another; test_user fails unless ``SOUND`` is set."""
    project.configure(ini='markers = ["slow"]')
    project.write(
        "test_a",
        """
        import os
        from pytest import mark
        def test_login(): pass
        @mark.depends("test_login")
        def test_user(): assert "SOUND" in os.environ
        @mark.slow
        @mark.depends("test_user", "test_b.py::test_schema")
        def test_order(): pass
        def test_free(): pass
        """,
    )
    project.write(
        "test_b",
        """
        from pytest import mark
        def test_schema(): pass
        def test_other(): pass
        class TestDeep:
            @mark.depends("test_last")
            def test_first(self): pass
            @mark.depends("test_other")
            def test_last(self): pass
        """,
    )
    return project


def pulled(result: Result) -> set[str]:
    """Return the tests that a line says were pulled back in."""
    lines = result.lines("^orchestra: pulled back in .* deselected tests? that others depend on: ")
    return {nodeid for line in lines for nodeid in line.rpartition(": ")[2].split(", ")}


@pytest.mark.parametrize(
    ("options", "chosen", "back"),
    [
        (["-k", "order"], {ORDER}, CHAIN - {ORDER}),
        (["-m", "slow"], {ORDER}, CHAIN - {ORDER}),
        ([ORDER, "test_b.py"], {ORDER, SCHEMA, OTHER, DEEP_FIRST, DEEP_LAST}, {LOGIN, USER}),
        ([DEEP_FIRST], {DEEP_FIRST}, {DEEP_LAST, OTHER}),
        (
            ["--deselect", LOGIN, "--deselect", "test_b.py"],
            {USER, ORDER, FREE},
            {LOGIN, SCHEMA},
        ),
        (["-k", "free"], {FREE}, set()),
    ],
    ids=["keyword", "mark", "node-id", "node-id-in-class", "deselect", "independent"],
)
def test_prerequisites_are_pulled_back_in(
    shop: Project, options: list[str], chosen: set[str], back: set[str]
) -> None:
    """Whichever way tests are chosen, what they depend on comes along, and a line says so."""
    result = shop.orchestrate(*options, SOUND="1")
    assert result.code == PASSED
    assert set(result.begun) == chosen | back
    assert len(result.begun) == len(chosen | back)
    assert pulled(result) == back


def test_pulled_in_on_workers(shop: Project) -> None:
    """Workers pull back in what is needed as well, and a failure there blocks what was chosen."""
    result = shop.orchestrate("-n", "2", "-k", "order")
    assert result.code == FAILED
    assert pulled(result) == CHAIN - {ORDER}
    assert result.verdicts == {
        LOGIN: "passed", USER: "failed", SCHEMA: "passed", ORDER: "blocked"
    }  # fmt: skip


def test_missing_run(shop: Project) -> None:
    """With ``--orchestrate-missing=run`` nothing is pulled in: the test runs, and a line says so."""
    result = shop.orchestrate("-k", "order or first", "--orchestrate-missing=run")
    assert result.code == PASSED
    assert set(result.begun) == {ORDER, DEEP_FIRST}
    assert not pulled(result)
    assert result.lines(f"^orchestra: {ORDER} runs although {USER} was deselected$")
    assert result.lines(f"^orchestra: {DEEP_FIRST} runs although {DEEP_LAST} was deselected$")


def test_missing_skip(shop: Project, driver: tuple[str, ...]) -> None:
    """With ``missing = "skip"`` a test whose prerequisite was deselected is blocked by that."""
    shop.write("skip.toml", 'missing = "skip"')
    options = ("--orchestrate-config", "skip.toml", "-k", "order or free")
    result = shop.orchestrate(*driver, *options)
    assert result.code == PASSED
    assert result.begun == [FREE]
    assert result.blocked == {ORDER: f"blocked: {USER} was deselected"}
    assert result.counts["blocked"] == result.counts["passed"] == 1


def test_what_was_not_collected_counts_as_passed(shop: Project) -> None:
    """A prerequisite in a file that is not part of the run is taken as passed, with a warning."""
    shop.write(
        "sub/test_c",
        """
        from pytest import mark
        @mark.depends("test_a.py::test_login", "custom", "../test_b.py::TestDeep")
        def test_c(): pass
        """,
    )
    shop.write(
        "sub/test_d",
        """
        from pytest import mark
        @mark.depends(name="custom")
        def test_d(): pass
        """,
    )
    result = shop.orchestrate("sub/test_c.py")
    assert result.code == PASSED
    assert result.begun == ["sub/test_c.py::test_c"]
    for name, file in (
        (LOGIN, "test_a.py"),
        ("custom", "sub/test_d.py"),
        (r"\.\./test_b.py::TestDeep", "test_b.py"),
    ):
        text = f"depends on '{name}' in {file}, which was not collected: taken as passed"
        assert len(result.lines(f"^orchestra: sub/test_c.py::test_c {text}$")) == 1


def test_misspelled_names_in_uncollected_files(shop: Project) -> None:
    """A name that an uncollected file does not have either is a mistake all the same."""
    shop.write(
        "sub/test_c",
        """
        from pytest import mark
        @mark.depends("test_a.py::test_logout")
        def test_c(): pass
        @mark.depends("test_nowhere.py::test_login")
        def test_d(): pass
        """,
    )
    result = shop.orchestrate("sub/test_c.py")
    assert result.code == USAGE
    assert result.lines("^sub/test_c.py:2: .* depends on 'test_a.py::test_logout', but nothing")
    assert result.lines("^sub/test_c.py:4: .* depends on 'test_nowhere.py::test_login', but")


def test_last_failed(shop: Project, driver: tuple[str, ...]) -> None:
    """``--lf`` runs what failed or was blocked with what it needs, until all of it has passed."""
    first = shop.orchestrate(*driver)
    assert first.verdicts[USER] == "failed"
    assert first.verdicts[ORDER] == "blocked"
    again = shop.orchestrate(*driver, "--lf", SOUND="1")
    assert again.code == PASSED
    assert set(again.begun) == CHAIN
    assert pulled(again) == {LOGIN, SCHEMA}
    assert again.counts["passed"] == 4
    everything = shop.orchestrate("--lf", SOUND="1")
    assert len(everything.begun) == 8


@pytest.mark.parametrize(
    ("missing", "verdicts"),
    [
        ("run", {USER: "failed", ORDER: "blocked"}),
        ("skip", {USER: "blocked", ORDER: "blocked"}),
    ],
)
def test_last_failed_without_what_it_needs(
    shop: Project, missing: str, verdicts: dict[str, str]
) -> None:
    """``--lf`` keeps to what failed if nothing may be pulled in, and knows that it left it out."""
    shop.orchestrate()
    result = shop.orchestrate("--lf", f"--orchestrate-missing={missing}")
    assert result.verdicts == verdicts


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "worker"])
def test_failed_first_and_new_first(project: Project, options: tuple[str, ...]) -> None:
    """``--ff`` and ``--nf`` decide where nothing else does: after edges and priorities."""
    project.write(
        "test_a",
        """
        import os
        from pytest import mark
        def test_one(): pass
        @mark.depends("test_one")
        def test_two(): assert "SOUND" in os.environ
        @mark.resources("*")
        def test_three(): assert "SOUND" in os.environ
        """,
    )
    project.write("test_b", "from pytest import mark\n@mark.resources('*')\ndef test_new(): pass")
    long_ago = (project.path / "test_a.py").stat().st_mtime - 1000
    os.utime(project.path / "test_a.py", (long_ago, long_ago))
    one, two, three, new = (
        "test_a.py::test_one",
        "test_a.py::test_two",
        "test_a.py::test_three",
        "test_b.py::test_new",
    )
    first = project.orchestrate(*options, "--nf")
    assert first.begun.index(new) < first.begun.index(three)
    again = project.orchestrate(*options, "--ff")
    assert again.begun.index(one) < again.begun.index(two)
    assert again.begun.index(three) < again.begun.index(new)


def test_stepwise(shop: Project) -> None:
    """``--sw`` goes by the planned order, stops at a failure and goes on from there."""
    order = [
        line
        for line in shop.orchestrate("--collect-only", "-q").output.splitlines()
        if line.startswith("test_")
    ]
    first = shop.orchestrate("--sw")
    assert first.code == INTERRUPTED
    assert first.begun == order[: order.index(USER) + 1]
    assert list(first.verdicts.values()).count("not run") == len(order) - len(first.begun)
    again = shop.orchestrate("--sw", SOUND="1")
    assert again.code == PASSED
    assert set(again.begun) - pulled(again) == set(order[order.index(USER) :])


def test_collect_only_shows_the_plan(shop: Project, driver: tuple[str, ...]) -> None:
    """``--collect-only`` lists all tests in the order in which one worker would run them."""
    listed = shop.orchestrate(*driver, "--collect-only", "-q")
    assert listed.code == PASSED
    order = [line for line in listed.output.splitlines() if line.startswith("test_")]
    assert sorted(order) == sorted([LOGIN, USER, ORDER, FREE, SCHEMA, OTHER, DEEP_FIRST, DEEP_LAST])
    assert not listed.spans
    assert shop.orchestrate(SOUND="1").begun == order


def test_setup_plan(project: Project) -> None:
    """``--setup-plan`` shows what fixtures would do, in the planned order, and nothing runs."""
    project.write(
        "test_a",
        """
        import pathlib, pytest
        @pytest.fixture(scope="module")
        def database(): pathlib.Path("database").touch()
        @pytest.mark.depends("test_second")
        def test_first(database): pathlib.Path("first").touch()
        def test_second(database): pathlib.Path("second").touch()
        """,
    )
    plain = project.run("--setup-plan")
    result = project.orchestrate("--setup-plan")
    assert result.code == plain.code == PASSED
    assert not {"database", "first", "second"} & {path.name for path in project.path.iterdir()}
    ours, theirs = (run.lines("SETUP|TEARDOWN|fixtures used") for run in (result, plain))
    assert len(theirs) == 4
    assert sorted(ours) == sorted(theirs)
    uses = [line.split()[0] for line in ours if "fixtures used" in line]
    assert uses == ["test_a.py::test_second", "test_a.py::test_first"]


def test_durations(project: Project) -> None:
    """``--durations`` lists setup, call and teardown of each test, also of those sent compactly."""
    project.write("test_a", "def test_a(): pass\ndef test_b(): pass")
    result = project.orchestrate("-n", "1", "--durations=0", "-vv")
    for phase in ("setup", "call", "teardown"):
        for test in ("a", "b"):
            assert len(result.lines(rf"^[\d.]+s {phase} +test_a.py::test_{test}$")) == 1


def test_junit(project: Project, driver: tuple[str, ...]) -> None:
    """JUnit has one case for each test; a late teardown error is told once, on the last test."""
    project.write(
        "test_a",
        """
        import pytest
        pytestmark = pytest.mark.xdist_group("a")
        @pytest.fixture(scope="module")
        def stuck():
            yield
            raise ValueError("cannot let go")
        @pytest.mark.depends("test_two")
        def test_one(stuck): pass
        def test_two(stuck): pass
        def test_three(): pass
        """,
    )
    project.write(
        "test_b",
        """
        import pytest
        def test_one(): print("hello")
        @pytest.mark.skip
        def test_two(): pass
        @pytest.mark.depends("test_two")
        def test_three(): pass
        @pytest.mark.priority(-1)
        @pytest.mark.depends("test_a.py", when="finished")
        def test_four(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    names = [f"{file}::test_{test}" for file in "ab" for test in ("one", "two", "three")]
    assert result.junit_names == dict.fromkeys([f"test_{n}" for n in [*names, "b::test_four"]], 1)
    last = [nodeid for nodeid in result.begun if nodeid.startswith("test_a")][-1]
    errors = [case for case in result.testcases if list(case.iter("error"))]
    assert [f"test_a.py::{case.get('name')}" for case in errors] == [last]
    told = [entry["nodeid"] for entry in result.reports() if "cannot let go" in entry["text"]]
    assert told == [last]
    assert result.verdicts[last] == "error"
    assert len([each for each in result.reports(last) if each["when"] == "teardown"]) == 1


def test_without_cacheprovider(shop: Project) -> None:
    """``-p no:cacheprovider`` takes ``--lf`` and ``--sw`` away, and nothing else goes wrong."""
    result = shop.orchestrate("-p", "no:cacheprovider")
    assert result.code == FAILED
    assert result.verdicts[ORDER] == "blocked"
    assert result.counts == {"passed": 6, "failed": 1, "blocked": 1}
    assert not (shop.path / ".pytest_cache").exists()


@pytest.fixture
def broken(shop: Project) -> Project:
    """Add a file that cannot be imported, and a test that depends on what would be in it."""
    shop.write("test_c", "import nonsense\ndef test_lost(): pass\n")
    shop.write(
        "test_d",
        """
        from pytest import mark
        @mark.depends("test_c.py::test_lost")
        def test_needs_lost(): pass
        """,
    )
    return shop


def test_a_broken_file_stops_the_run(broken: Project, driver: tuple[str, ...]) -> None:
    """When a file cannot be collected nothing runs and the exit code is 2, as without us."""
    plain = broken.run()
    result = broken.orchestrate(*driver)
    assert result.code == plain.code == INTERRUPTED
    assert not result.spans
    assert result.counts == plain.counts == {"error": 1}
    assert result.lines("ModuleNotFoundError: No module named 'nonsense'")
    assert result.lines("Interrupted: 1 error during collection")


def test_going_on_in_spite_of_a_broken_file(broken: Project, driver: tuple[str, ...]) -> None:
    """With ``--continue-on-collection-errors`` the rest runs; what needs the file is blocked."""
    result = broken.orchestrate(*driver, "--continue-on-collection-errors", SOUND="1")
    assert result.code == FAILED
    assert result.counts == {"passed": 8, "error": 1, "blocked": 1}
    assert result.blocked == {
        "test_d.py::test_needs_lost": "blocked: test_c.py could not be collected"
    }

"""Shards: several runs, perhaps on several machines, that run one suite between them."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import FAILED, INTERRUPTED, NOTHING_COLLECTED, PASSED, USAGE, Project, Result

#: Of every kind of tie: dependencies over files, data, cleaners, groups, chains, parameters.
TIED = {
    "test_a": """
        import pytest

        def test_login(): pass

        @pytest.mark.depends("test_login")
        def test_user(): pass

        @pytest.mark.provides("id")
        def test_make(outputs): outputs["id"] = 7

        @pytest.mark.parametrize("n", range(7))
        def test_free(n): pass
    """,
    "test_b": """
        import pytest

        @pytest.mark.depends("test_a.py::test_user", when="finished")
        def test_order(): pass

        @pytest.mark.depends(data="id")
        def test_use(inputs): assert inputs["id"] == 7

        @pytest.mark.cleans("id")
        def test_clean(inputs): assert inputs["id"] == 7

        @pytest.mark.xdist_group("g")
        @pytest.mark.parametrize("n", range(3))
        def test_grouped(n): pass
    """,
    "test_c": """
        import pytest

        @pytest.mark.xdist_group("g")
        def test_grouped(): pass

        @pytest.mark.parametrize("n", range(4))
        class TestSteps:
            def test_first(self, n): pass

            @pytest.mark.depends("test_first", match_params=True)
            def test_second(self, n): pass

        def test_skipped(): pytest.skip("not here")
    """,
}
CHAINS = (
    {"test_a.py::test_login", "test_a.py::test_user", "test_b.py::test_order"},
    {"test_a.py::test_make", "test_b.py::test_use", "test_b.py::test_clean"},
    {*(f"test_b.py::test_grouped[{n}]" for n in range(3)), "test_c.py::test_grouped"},
    *(
        {f"test_c.py::TestSteps::test_first[{n}]", f"test_c.py::TestSteps::test_second[{n}]"}
        for n in range(4)
    ),
)
TESTS = 26

#: One test that takes longer than all others together, also where each takes several times as long.
UNEVEN = """
    import time, pytest

    def test_long(): time.sleep(0.6)

    @pytest.mark.parametrize("n", range(8))
    def test_short(n): time.sleep(0.01)
"""


def write(project: Project, files: Mapping[str, str]) -> None:
    """Write the files of a suite."""
    for name, text in files.items():
        project.write(name, text)


def shards(project: Project, count: int, *options: str) -> list[Result]:
    """Run all shards, one after the other, in one directory."""
    numbers = range(1, count + 1)
    return [project.orchestrate("--orchestrate-shard", f"{n}/{count}", *options) for n in numbers]


def begun(results: Iterable[Result]) -> Counter[str]:
    """Return how often each test began in any of the runs."""
    return Counter(nodeid for result in results for nodeid in result.begun)


def record(result: Result) -> Mapping[str, Any]:
    """Return what the record of a run says of its shard."""
    (entry,) = result.of("finished")
    found: Mapping[str, Any] = entry["shard"]
    return found


@pytest.mark.parametrize(
    ("options", "count"), [((), 1), ((), 2), (("-n", "2"), 3), ((), 9)], ids=[1, 2, 3, 9]
)
def test_no_test_is_lost_or_duplicated(
    project: Project, options: tuple[str, ...], count: int
) -> None:
    """All shards together run each test once, and what hangs together in one of them."""
    write(project, TIED)
    results = shards(project, count, *options)
    assert [result.code for result in results] == [PASSED] * count
    assert set(begun(results).values()) == {1}
    assert begun(results).total() == TESTS
    for chain in CHAINS:
        assert [chain & set(result.begun) for result in results if chain & set(result.begun)] == [
            chain
        ]
    assert all(result.begun for result in results)


def test_the_record_proves_it(project: Project, driver: tuple[str, ...]) -> None:
    """Each shard's record has its own tests only, and says of which partition it is."""
    write(project, TIED)
    results = shards(project, 3, *driver)
    records = [record(result) for result in results]
    assert [each["index"] for each in records] == [1, 2, 3]
    assert len({each["digest"] for each in records}) == 1
    assert all(each["sizes"] == records[0]["sizes"] for each in records)
    assert [len(result.verdicts) for result in results] == records[0]["sizes"]
    assert sum(records[0]["sizes"]) == TESTS
    assert [len(result.testcases) for result in results] == records[0]["sizes"]
    left_out = [result.counts["deselected"] for result in results]
    assert left_out == [TESTS - size for size in records[0]["sizes"]]
    assert all("[100%]" in result.output for result in results)


def test_with_and_without_workers_shards_are_the_same(project: Project) -> None:
    """One machine may have workers, and another one none."""
    write(project, TIED)
    results = [
        project.orchestrate("--orchestrate-shard", "1/2", "-n", "2"),
        project.orchestrate("--orchestrate-shard", "2/2", "-p", "no:cacheprovider"),
    ]
    assert set(begun(results).values()) == {1}
    assert begun(results).total() == TESTS


def test_whole_runs_have_no_shard(project: Project) -> None:
    """Nothing is said of shards where there are none."""
    write(project, TIED)
    result = project.orchestrate()
    (entry,) = result.of("finished")
    assert entry["shard"] is None
    assert not result.lines("orchestra: shard")


def test_shards_are_balanced_by_history(project: Project, driver: tuple[str, ...]) -> None:
    """The long test has one shard to itself, once it is known to be long."""
    project.write("test_a", UNEVEN)
    first = project.orchestrate("--orchestrate-shard", "1/2")
    assert first.lines("cut by number, since the first shard knew no durations")
    assert "test_a.py::test_long" in first.begun
    project.write("test_a", UNEVEN + "\n    def test_new(): time.sleep(0.01)\n")
    project.orchestrate()
    results = shards(project, 2, *driver)
    (alone,) = [result for result in results if "test_a.py::test_long" in result.begun]
    assert len(alone.begun) <= 2
    assert alone.lines(
        r"shard ./2: \d of 10 tests, \d+\.\d s of tests \(shards have \d+\.\d to \d+\.\d s\)"
    )


def test_what_a_shard_leaves_does_not_move_the_next(project: Project) -> None:
    """Shards run one after the other go by what the first of them knew, in one round."""
    project.write("test_a", UNEVEN)
    results = shards(project, 3)
    assert len({record(result)["digest"] for result in results}) == 1
    assert (project.path / ".pytest_orchestra" / "history.sqlite3").exists()


def test_another_commit_begins_another_round(project: Project) -> None:
    """What has been learned counts for the next commit, and for one commit all shards agree."""
    project.write("test_a", UNEVEN)
    project.write(".gitignore", "*\n!*.py\n")

    def commit(text: str) -> None:
        project.write("noise", f"WORD = {text!r}")
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        for command in (("add", "."), (*identity, "commit", "-q", "-m", text)):
            subprocess.run(["git", *command], cwd=project.path, check=True)  # noqa: S603, S607

    subprocess.run(["git", "init", "-q"], cwd=project.path, check=True)  # noqa: S607
    commit("one")
    before = shards(project, 2)
    again = shards(project, 2)
    commit("two")
    after = shards(project, 2)
    digests = [{record(result)["digest"] for result in each} for each in (before, again, after)]
    assert digests[0] == digests[1] != digests[2]
    assert list(map(len, digests)) == [1, 1, 1]
    assert set(begun(after).values()) == {1}


def test_durations_can_be_given(project: Project, tmp_path: Path) -> None:
    """The first one writes the file, the others go by it, wherever they run."""
    project.write("test_a", UNEVEN)
    project.orchestrate()
    file = tmp_path / "durations.json"
    options = (f"--orchestrate-shard-durations={file}",)
    planned = project.orchestrate("--orchestrate-shard", "1/2", "--collect-only", "-q", *options)
    assert planned.code == PASSED
    assert json.loads(file.read_text())["tests"]["test_a.py::test_long"] > 0.3
    results = shards(project, 2, "--orchestrate-history=none", *options)
    assert set(begun(results).values()) == {1}
    assert sorted(len(result.begun) for result in results) == [1, 8]
    assert all(result.begun for result in results)
    assert set(results[0].begun) == {
        line for line in planned.output.splitlines() if line.startswith("test_a.py::")
    }


def test_durations_of_another_suite_are_told_of(project: Project) -> None:
    """Shards are the same, but not balanced, and nobody should wonder why."""
    write(project, TIED)
    project.write("other.json", '{"elsewhere.py::test_a": 1.0}')
    results = shards(project, 2, "--orchestrate-shard-durations=other.json")
    assert all(result.lines("other.json knows none of the tests") for result in results)
    assert begun(results).total() == TESTS


def test_a_file_of_pytest_split_cuts(project: Project) -> None:
    """A committed .test_durations is the same on every machine."""
    project.write("test_a", UNEVEN)
    names = ["test_a.py::test_long", *(f"test_a.py::test_short[{n}]" for n in range(8))]
    seconds = dict.fromkeys(names, 1.0) | {"test_a.py::test_short[7]": 8.0}
    project.write(".test_durations", json.dumps(seconds))
    options = ("--orchestrate-shard-durations", ".test_durations")
    results = shards(project, 2, *options)
    assert sorted(len(result.begun) for result in results) == [1, 8]
    assert json.loads((project.path / ".test_durations").read_text()) == seconds


def test_collect_only_shows_what_a_shard_would_run(project: Project) -> None:
    """The same tests as it runs then."""
    write(project, TIED)
    shown = project.orchestrate("--orchestrate-shard", "2/3", "--collect-only", "-q")
    run = project.orchestrate("--orchestrate-shard", "2/3", "-n", "2")
    assert set(run.begun) == {
        line for line in shown.output.splitlines() if "::" in line and "orchestra:" not in line
    }


def test_a_selection_is_cut(project: Project, driver: tuple[str, ...]) -> None:
    """What -k leaves is what there is to share out, with what it depends on."""
    write(project, TIED)
    results = shards(project, 2, *driver, "-k", "order or free")
    expected = {*(f"test_a.py::test_free[{n}]" for n in range(7)), *CHAINS[0]}
    assert begun(results) == Counter(expected)


def test_node_ids_are_cut(project: Project) -> None:
    """Tests that were asked for by node id come with what they depend on."""
    write(project, TIED)
    results = shards(project, 2, "test_b.py::test_order", "test_a.py::test_free[1]")
    assert set(begun(results).values()) == {1}
    assert begun(results).keys() == {*CHAINS[0], "test_a.py::test_free[1]"}


def test_a_shard_too_many_is_empty_and_no_failure(
    project: Project, driver: tuple[str, ...]
) -> None:
    """CI stays green, and a line says why nothing ran."""
    project.write("test_a", "def test_one(): pass\ndef test_two(): pass\n")
    results = shards(project, 3, *driver)
    assert [result.code for result in results] == [PASSED] * 3
    assert sorted(len(result.begun) for result in results) == [0, 1, 1]
    (empty,) = [result for result in results if not result.begun]
    assert empty.lines(r"orchestra: shard ./3 is empty: there is too little to share out")
    assert record(empty)["sizes"].count(0) == 1


def test_where_there_are_no_tests_at_all_pytest_says_so(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A suite that is not found must not look like an empty shard."""
    project.write("test_a", "")
    assert project.orchestrate("--orchestrate-shard", "1/2", *driver).code == NOTHING_COLLECTED


def test_what_cannot_be_split_is_named(project: Project) -> None:
    """Whoever wonders why one shard takes longer is told."""
    project.write(
        "test_a",
        """
        import pytest
        def test_a(): pass
        @pytest.mark.parametrize("n", range(5))
        @pytest.mark.depends("test_a")
        def test_b(n): pass
        def test_c(): pass
        """,
    )
    result = project.orchestrate("--orchestrate-shard", "2/2")
    assert result.lines(
        r"cannot be split: test_a.py::test_a and 5 other tests hang together, more than a shard's "
        r"share of 3.5 tests"
    )


def test_what_is_wrong_anywhere_stops_every_shard(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A mistake in another shard's tests is no less a mistake."""
    write(project, TIED)
    project.write("test_z", "import pytest\n@pytest.mark.depends('nobody')\ndef test_z(): pass\n")
    for result in shards(project, 2, *driver):
        assert result.code == USAGE
        assert "nobody" in result.output
        assert not result.begun


def test_a_dependency_in_another_shards_file_is_no_stranger(project: Project) -> None:
    """A file of which this shard has no test has been collected all the same."""
    project.write("test_a", "def test_one(): pass\n")
    project.write(
        "test_b",
        "import pytest\n@pytest.mark.depends('test_a.py::test_none')\ndef test_two(): pass\n",
    )
    for result in shards(project, 2):
        assert result.code == USAGE
        assert "test_a.py::test_none" in result.output


def test_errors_in_collection_stop_the_shard(project: Project, driver: tuple[str, ...]) -> None:
    """As they do without shards; with --continue-on-collection-errors the rest is cut."""
    write(project, TIED)
    project.write("test_z", "import nowhere\n")
    result = project.orchestrate("--orchestrate-shard", "1/2", *driver)
    assert result.code == INTERRUPTED
    assert not result.begun
    results = shards(project, 2, *driver, "--continue-on-collection-errors")
    assert [each.code for each in results] == [FAILED, FAILED]
    assert begun(results).total() == TESTS
    assert set(begun(results).values()) == {1}


def test_a_dead_worker_costs_its_test_alone(project: Project) -> None:
    """A worker that comes in its place runs this shard's tests and no others."""
    write(project, TIED)
    project.write("test_d", "import os\ndef test_dies(): os.kill(os.getpid(), 9)\n")
    results = shards(project, 2, "-n", "1")
    assert begun(results).total() == TESTS + 1
    assert sorted(result.code for result in results) == [PASSED, FAILED]
    (failed,) = [result for result in results if result.code == FAILED]
    assert failed.verdicts["test_d.py::test_dies"] == "failed"
    assert Counter(failed.verdicts.values())["passed"] >= 10


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--orchestrate-shard", "0/3"), "there is no shard 0/3"),
        (("--orchestrate-shard", "4/3"), "there is no shard 4/3"),
        (("--orchestrate-shard", "a/b"), "'a/b' is no shard: write I/N"),
        (("--orchestrate-shard", "1"), "'1' is no shard"),
        (("--orchestrate-shard", "auto"), "GitLab .CI_NODE_INDEX and CI_NODE_TOTAL"),
        (("--orchestrate-shard", "1/2", "--lf"), "use --lf or --orchestrate-shard, not both"),
        (("--orchestrate-shard", "1/2", "--sw"), "use --stepwise or --orchestrate-shard, not both"),
        (("--orchestrate-shard-durations", "x.json"), "add --orchestrate-shard I/N"),
        (
            ("--orchestrate-shard", "1/2", "--orchestrate-shard-durations", "test_a.py"),
            "test_a.py: --orchestrate-shard-durations: Expecting value",
        ),
        (
            ("--orchestrate-shard", "1/2", "--orchestrate-shard-durations", "no/x.json"),
            "no/x.json: --orchestrate-shard-durations: No such file or directory",
        ),
    ],
)
def test_mistakes_are_told(project: Project, options: tuple[str, ...], complaint: str) -> None:
    """Before any test runs, with what to write; where there would be workers as well."""
    driver = ("-n", "2") if "test_a.py" in options else ()
    project.write("test_a", "def test_one(): pass\n")
    variables = ("CI_NODE_INDEX", "CI_NODE_TOTAL", "CIRCLE_NODE_INDEX", "BUILDKITE_PARALLEL_JOB")
    result = project.orchestrate(*options, *driver, **dict.fromkeys(variables, ""))
    assert result.code == USAGE
    assert result.lines(complaint)
    assert "Traceback" not in result.output
    assert not result.begun


def test_ci_says_which_shard(project: Project) -> None:
    """CircleCI counts from 0."""
    write(project, TIED)
    place = {"CIRCLE_NODE_INDEX": "1", "CIRCLE_NODE_TOTAL": "3"}
    result = project.orchestrate("--orchestrate-shard", "auto", **place)
    assert record(result)["index"] == 2
    assert record(result)["count"] == 3


def test_shards_need_the_orchestra(project: Project) -> None:
    """Without --orchestrate every machine would run everything."""
    project.write("test_a", "def test_one(): pass\n")
    result = project.run("--orchestrate-shard", "1/2")
    assert result.code == USAGE
    assert result.lines("--orchestrate-shard needs --orchestrate")


def test_where_nothing_can_be_written_shards_are_cut_all_the_same(project: Project) -> None:
    """A line says that they may not agree, and what to do."""
    write(project, TIED)
    project.write(".pytest_orchestra/shards", "in the way")
    result = project.orchestrate("--orchestrate-shard", "1/2")
    assert result.code == PASSED
    assert result.lines("cut by what this one knows.*--orchestrate-shard-durations")


def test_plugins_that_look_at_what_was_left_out_find_objects(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Hypothesis looks at all that the terminal has counted, as do others."""
    project.write("test_a", "def test_one(): pass\ndef test_two(): pass\n")
    run = project.orchestrate(*driver, "-p", "_hypothesis_pytestplugin", "--orchestrate-shard=1/2")
    assert run.code == PASSED
    assert run.lines("1 passed, 1 deselected")

"""``--orchestrate-plan`` and ``--orchestrate-explain``: what a run would do, while nothing runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from harness import FAILED, NOTHING_COLLECTED, PASSED, USAGE, Project, clean_environment

SUITE = """
    import pytest

    @pytest.mark.priority(5)
    @pytest.mark.depends("test_login")
    def test_checkout(): pass

    def test_slow(): pass

    def test_login(): pass

    @pytest.mark.resources("terminal")
    @pytest.mark.parametrize("card", ["visa", "amex", "giro"])
    def test_payment(card): pass
"""

SECONDS = {
    "test_a.py::test_checkout": 0.2,
    "test_a.py::test_login": 0.4,
    "test_a.py::test_slow": 0.1,
    "test_a.py::test_payment[visa]": 1.0,
    "test_a.py::test_payment[amex]": 1.5,
}


@pytest.fixture
def shop(project: Project) -> Project:
    """Return a project of which it is known what all tests but one take."""
    project.write("test_a", SUITE)
    project.write(".test_durations", json.dumps(SECONDS))
    return project


def test_a_run_does_what_was_planned_and_the_plan_ran_nothing(shop: Project) -> None:
    """In one process, where no clock has a say in it, tests begin in the very order of the plan."""
    planned = shop.orchestrate("--orchestrate-plan", "--orchestrate-json=plan.json")
    assert planned.code == PASSED
    assert not planned.begun
    assert not (shop.path / ".pytest_orchestra").exists()
    plan = json.loads((shop.path / "plan.json").read_text())
    order = [entry["nodeid"] for entry in plan["order"]]
    assert planned.lines("^6 tests are predicted to take 4.70 s on 1 worker$")
    assert planned.lines("known of 5 by .test_durations; 1 as with other parameters")
    ran = shop.orchestrate()
    assert ran.code == PASSED
    assert ran.begun == order


def test_a_plan_for_workers_says_what_holds_them_up_and_starts_none(shop: Project) -> None:
    """As text and as a page; the reports of an earlier run stay what they were."""
    shop.configure('[tool.pytest_orchestra]\nreport = "reports"')
    shop.write("conftest.py", "def pytest_configure_node(node): assert False, 'a worker'")
    planned = shop.orchestrate(
        *("-n", "3", "--orchestrate-plan", "--orchestrate-html=plan.html"),
        *("--orchestrate-ctrf=c.json", "--orchestrate-live=0", "--orchestrate-record"),
    )
    assert planned.code == PASSED
    assert planned.lines("^6 tests are predicted to take 4.00 s on 3 workers$")
    assert planned.lines(
        "^bottleneck: 'terminal', of which there is 1: in use for 100% of the run$"
    )
    assert planned.lines(r"^  terminal = 2 instead of 1  1\.\d\d s ")
    assert planned.lines(r"^gw2 \[")
    assert planned.lines(
        "^of a run only, so without effect here: --orchestrate-ctrf, --orchestrate-record, --orchestrate-live$"
    )
    assert planned.lines("= 6 tests collected in ")
    page = (shop.path / "plan.html").read_text()
    assert "A plan, not a run" in page
    assert {each.name for each in shop.path.iterdir()} >= {"plan.html"}
    assert not {"c.json", "junit.xml", "reports"} & {each.name for each in shop.path.iterdir()}


def _standard_output(project: Project, *arguments: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of pytest."""
    command = [sys.executable, "-m", "pytest", "-pxdist", "-porchestra", "--orchestrate"]
    done = subprocess.run(  # noqa: S603 - the interpreter that runs this test
        [*command, *arguments],
        cwd=project.path,
        env=clean_environment() | project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_json_has_standard_output_for_itself(shop: Project) -> None:
    """Whatever is printed besides goes to standard error: by pytest, by a plugin, by a child of one."""
    shop.write(
        "conftest.py",
        """
        import os

        def pytest_collection_finish(session):
            print("from a hook")
            os.system("echo from a child")
        """,
    )
    arguments = ("-s", "-n2", "--orchestrate-plan", "--orchestrate-json=-")
    code, out, err = _standard_output(shop, *arguments)
    assert code == PASSED
    document: dict[str, Any] = json.loads(out)
    assert document["format"] == "pytest-orchestra plan"
    assert document["workers"] == ["gw0", "gw1"]
    assert all(words in err for words in ("from a hook", "from a child", "6 tests collected"))
    assert _standard_output(shop, *arguments)[1] == out, "a plan is the same each time"


def test_a_plan_that_nobody_would_see_is_refused(shop: Project) -> None:
    """Without a terminal and without a file it would only have cost time."""
    code, _, err = _standard_output(shop, "--orchestrate-plan", "-pno:terminal")
    assert code == USAGE
    assert "a plan has nowhere to be printed: leave out -p no:terminal" in err


def test_an_explanation_says_what_a_test_waits_for(shop: Project) -> None:
    """By the test's own name in its file; nothing runs."""
    result = shop.orchestrate("-n", "2", "--orchestrate-explain", "test_a.py::test_checkout")
    assert result.code == PASSED
    assert not result.begun
    assert result.lines("^[0-9](st|nd|rd|th) of 6 tests to begin: at 0.40 s on gw")
    assert result.lines("^  test_a.py::test_login to pass, at 0.40 s$")
    assert result.lines("^its priority is 5$")
    assert not result.lines("are predicted to take")
    assert not result.lines("in the last run"), "there was none"


def test_after_a_run_an_explanation_leads_to_that_of_the_last_one(project: Project) -> None:
    """By a command that can be copied; what ran no test is no such run."""
    project.write("test_a", "import time\ndef test_x(): time.sleep(0.01)")
    assert project.orchestrate().code == PASSED
    record = project.path / ".pytest_orchestra" / "last-run.json.gz"
    before = record.read_bytes()
    assert project.orchestrate("-k", "nothing").code == NOTHING_COLLECTED
    assert record.read_bytes() == before
    result = project.orchestrate("--orchestrate-explain", "test_a.py::test_x")
    assert result.lines("^why it began when it did in the last run is told by$")
    assert result.lines("^  pytest-orchestra explain test_a.py::test_x$")


def test_a_misspelled_test_is_a_usage_error_with_those_like_it(shop: Project) -> None:
    """One that names several, too."""
    result = shop.orchestrate("--orchestrate-explain", "test_a.py::test_chekcout")
    assert result.code == USAGE
    assert result.lines("no such test was collected$")
    assert result.lines("did you mean test_a.py::test_checkout")
    result = shop.orchestrate("--orchestrate-explain", "test_checkout")
    assert result.lines("did you mean test_a.py::test_checkout")
    result = shop.orchestrate("--orchestrate-explain", "test_a.py::test_payment")
    assert result.code == USAGE
    assert result.lines("names 3 tests, give the node id of one:$")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--orchestrate", "--orchestrate-plan", "--collect-only"), "use one of them"),
        (
            ("--orchestrate", "--orchestrate-explain=x", "--orchestrate-diagnose=x"),
            "--orchestrate-explain says what a run would do",
        ),
        (("--orchestrate-plan",), "--orchestrate-plan needs --orchestrate: give both"),
        (
            ("--orchestrate", "--orchestrate-plan", "--orchestrate-html=test_a.py/x"),
            "is not a directory; name another place",
        ),
    ],
)
def test_contradictions_are_usage_errors(
    shop: Project, arguments: tuple[str, ...], words: str
) -> None:
    """Before anything is collected, as far as that can be known."""
    result = shop.run(*arguments)
    assert result.code == USAGE
    assert result.lines(words)


def test_what_a_run_would_complain_of_a_plan_does(project: Project) -> None:
    """An unknown name, a file that cannot be collected, and nothing at all, with the same exit codes."""
    assert project.orchestrate("--orchestrate-plan").code == NOTHING_COLLECTED
    project.write(
        "test_a", '    import pytest\n    @pytest.mark.depends("test_y")\n    def test_x(): pass'
    )
    result = project.orchestrate("--orchestrate-plan")
    assert result.code == USAGE
    assert result.lines("nothing of that name was collected")
    project.write("test_a", "assert False")
    result = project.orchestrate("--orchestrate-plan")
    assert result.code not in (PASSED, FAILED, USAGE)
    assert result.lines("1 error during collection")


def test_a_shard_is_planned_by_itself(shop: Project) -> None:
    """Its tests are those that a run of it would have."""
    result = shop.orchestrate(
        "--orchestrate-plan", "--orchestrate-shard=1/2", "--orchestrate-json=plan.json"
    )
    plan = json.loads((shop.path / "plan.json").read_text())
    assert plan["shard"] == "1/2"
    assert plan["tests"] < 6
    assert result.lines(f"orchestra: shard 1/2: {plan['tests']} of 6 tests")
    theirs = next(
        each for each in SECONDS if each not in {case["nodeid"] for case in plan["order"]}
    )
    result = shop.orchestrate("--orchestrate-shard=1/2", "--orchestrate-explain", theirs)
    assert result.code == USAGE
    assert result.lines("it is in another shard than 1/2; give that one, or none")

"""Stages and their gates, with real workers: what opens them, what holds them back, and what is said of it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest
from harness import FAILED, PASSED, Project, Result


def stage(name: str, **settings: str) -> str:
    """Return the table of a stage that takes the tests ``test_NAME_...``; settings are TOML."""
    lines = [f'name = "{name}"', f'glob = "*::test_{name}_*"']
    lines += [f"{key} = {value}" for key, value in settings.items()]
    return "\n".join(["[[tool.pytest_orchestra.stages]]", *lines, ""])


def configure(project: Project, *tables: str) -> None:
    """Write the configuration of a project with these stages."""
    project.configure("\n".join(tables))


def says(result: Result, text: str) -> list[str]:
    """Return the lines in which ``text`` stands."""
    return result.lines(re.escape(text))


def fate(result: Result, name: str) -> str:
    """Return the verdict of the test in ``test_a.py`` of that name."""
    return result.verdicts[f"test_a.py::test_{name}"]


#: Per criterion, a gate that fails and one that passes, and why the former does.
CRITERIA = {
    "rate": ("pass_rate = 0.51", "pass_rate = 0.5", "pass rate 0.50, at least 0.51 needed"),
    "failures": ("max_failures = 0", "max_failures = 1", "1 failed, at most 0 allowed"),
    "flaky": ("max_flaky_rate = 0.4", "max_flaky_rate = 0.5", "flaky rate 0.50, at most 0.40"),
    "blocked": ("max_blocked = 0", "max_blocked = 1", "1 blocked, at most 0 allowed"),
    "duration": ("max_duration = '20ms'", "max_duration = '10min'", "at most 20 ms allowed"),
    "slowest": ("max_slowest = '20ms'", "max_slowest = '10min'", "slowest test"),
    "hook": ("", "", "pytest_orchestra_gate: nobody likes it"),
    "broken": ("", "", "pytest_orchestra_gate raised KeyError: 'no such thing'"),
}

#: What the tests of a stage are, besides one that passes.
CULPRITS = {
    "rate": "def test_{}_culprit(): assert 0",
    "failures": "def test_{}_culprit(): assert 0",
    "flaky": "@mark.retries(1)\ndef test_{0}_culprit(attempt): assert attempt('{0}') == 2",
    "blocked": "@mark.depends('test_free_fails')\ndef test_{}_culprit(): pass",
    "duration": "def test_{}_culprit(): time.sleep(0.1)",
    "slowest": "def test_{}_culprit(): time.sleep(0.1)",
    "hook": "def test_{}_culprit(): pass",
    "broken": "def test_{}_culprit(): pass",
}

GATE_HOOK = """
    import pathlib, pytest
    CALLED = []
    def pytest_orchestra_gate(stage):
        assert stage.name not in CALLED
        CALLED.append(stage.name)
        with open("figures", "a") as file:
            print(stage.name, dict(stage.counts), stage.failures, stage.slowest, file=file)
        if stage.name == "hook_bad":
            return "nobody likes it"
        if stage.name == "broken_bad":
            raise KeyError("no such thing")

    @pytest.fixture
    def attempt():
        def count(name):
            place = pathlib.Path("attempts", name)
            place.mkdir(parents=True, exist_ok=True)
            (place / str(len(list(place.iterdir())))).touch()
            return len(list(place.iterdir()))
        return count
"""


def test_every_criterion_opens_and_holds_back(project: Project, driver: tuple[str, ...]) -> None:
    """Each gate lets pass by one figure and not by the next, and its dependants are blocked by that figure."""
    tables, tests = (
        [],
        ["import time", "from pytest import mark", "def test_free_fails(): assert 0"],
    )
    for name, (bad, good, _) in CRITERIA.items():
        for each, gate in ((f"{name}_bad", bad), (f"{name}_good", good)):
            tables.append(stage(each, needs="[]", gate=f"{{ {gate} }}"))
            tables.append(stage(f"{each}next", needs=f"['{each}']"))
            tests += [f"def test_{each}_passes(): pass", CULPRITS[name].format(each)]
            tests.append(f"def test_{each}next_one(): pass")
    tables.append('[[tool.pytest_orchestra.stages]]\nname = "free"\nneeds = []')
    configure(project, *tables)
    project.write("conftest", GATE_HOOK)
    project.write("test_a", "\n".join(tests))
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    for name, (_, _, why) in CRITERIA.items():
        assert fate(result, f"{name}_badnext_one") == "blocked", name
        assert fate(result, f"{name}_goodnext_one") == "passed", name
        cause = result.blocked[f"test_a.py::test_{name}_badnext_one"]
        assert cause.startswith(f"blocked: gate of stage '{name}_bad' failed: "), name
        if name != "hook":
            assert why.removesuffix(" needed") in cause.replace(" at best", ""), (name, cause)
        assert says(result, f"orchestra: stage {name}_good: gate passed after ")
        assert says(result, f"orchestra: stage {name}_bad: gate failed after ")
        assert says(result, f"gate of stage {name}_bad failed, so the run has: ")
    figures = (project.path / "figures").read_text().splitlines()
    assert [line.split()[0] for line in figures].count("rate_bad") == 1
    assert len(figures) == len({line.split()[0] for line in figures})
    assert any("rate_bad" in line and "test_rate_bad_culprit'" in line for line in figures)


def test_what_passed_too_slowly_fails_the_run(project: Project) -> None:
    """Every test is green and the exit code is not, and the only lines of a quiet run say why."""
    configure(
        project,
        stage("slow", gate="{ max_slowest = '10ms' }", on_fail='"continue"'),
        stage("next"),
        stage("measured", gate="{ min_coverage = 80 }"),
        stage("last"),
    )
    project.write(
        "test_a",
        """
        import time
        def test_slow_one(): time.sleep(0.1)
        def test_next_one(): pass
        def test_measured_one(): pass
        def test_last_one(): pass
        """,
    )
    result = project.orchestrate("-q")
    assert result.counts == {"passed": 4}
    assert result.code == FAILED
    assert says(result, "gate of stage slow failed, so the run has: slowest test ")
    assert says(result, "(test_a.py::test_slow_one)")
    remedy = "coverage was not measured, at least 80 % needed: install pytest-cov and give --cov"
    assert says(result, f"gate of stage measured failed, so the run has: {remedy}")


#: ``smoke`` fails; what needs it, what does not, and what cleans up.
HALTED = """
    import pytest
    from pytest import mark

    @mark.parametrize("number", range(4))
    def test_smoke_one(number): assert number != 1
    @mark.provides("user")
    def test_smoke_make(outputs): outputs["user"] = 7

    def test_unit_one(): pass
    @mark.depends("test_unit_one")
    def test_deep_one(): pass
    @mark.cleans("user")
    def test_deep_clean(inputs): assert inputs["user"] == 7
    @mark.depends("test_smoke_one", when="finished")
    def test_deep_tidy(): pass
    @mark.depends("test_deep_tidy", when="finished")
    def test_deep_tidier(): pass
    @mark.depends("test_unit_one", when="finished")
    def test_deep_tidy_nothing(): pass

    @mark.order(after="test_smoke_one")
    @mark.parametrize("number", range(3))
    def test_apart_one(number): pass
"""

CLEANERS = {"deep_clean", "deep_tidy", "deep_tidier"}


@pytest.mark.parametrize("on_fail", ["halt", "skip-dependents", "continue"])
def test_what_a_failed_gate_does_to_others(
    project: Project, driver: tuple[str, ...], on_fail: str
) -> None:
    """All, none, or those that need it do not run; it runs to its end itself, and clean-up is done."""
    configure(
        project,
        stage("smoke", gate="{ max_failures = 0 }", on_fail=f'"{on_fail}"'),
        stage("unit"),
        stage("deep"),
        stage("apart", needs="[]"),
    )
    project.write("test_a", HALTED)
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    ran = {nodeid.removeprefix("test_a.py::test_") for nodeid in result.begun}
    assert {f"smoke_one[{number}]" for number in range(4)} | {"smoke_make"} < ran
    assert ran >= CLEANERS
    apart = {f"apart_one[{number}]" for number in range(3)}
    rest = {"unit_one", "deep_one", "deep_tidy_nothing"}
    held = {"halt": apart | rest, "skip-dependents": rest, "continue": set[str]()}[on_fail]
    assert not ran & held
    assert {name for name in apart | rest if fate(result, name) == "blocked"} == held
    blocked_by = Counter(result.blocked.values())
    cause = "blocked: gate of stage 'smoke' failed: 1 failed, at most 0 allowed"
    named = f"{cause} (test_a.py::test_smoke_one[1])"
    assert blocked_by == (Counter({named: len(held)}) if held else Counter())
    if held:
        assert says(result, f"blocked by the gate of stage smoke: {len(held)} tests")


def test_a_stage_that_takes_too_long_is_halted_itself(
    project: Project, driver: tuple[str, ...]
) -> None:
    """What runs ends, what has not begun does not, not even of the stage itself."""
    configure(
        project,
        stage("slow", gate="{ max_duration = '100ms' }", on_fail='"halt"', strategy='"sequential"'),
        stage("next"),
    )
    project.write(
        "test_a",
        """
        import time, pytest
        @pytest.mark.parametrize("number", range(3))
        def test_slow_one(number): time.sleep(0.3)
        def test_next_one(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    assert Counter(result.verdicts.values()) == {"passed": 1, "blocked": 3}
    assert says(result, "at most 100 ms allowed; nothing else begins")


def test_independent_stages_overlap(project: Project) -> None:
    """A stage waits for the gates that it needs, and for nothing else: the tests of two others meet."""
    configure(
        project,
        stage("smoke"),
        stage("left", needs='["smoke"]'),
        stage("right", needs='["smoke"]'),
        stage("both", needs='["left", "right"]'),
    )
    project.write(
        "test_a",
        """
        import pytest
        @pytest.mark.parametrize("number", range(2))
        def test_smoke_one(number, meet): meet("smoke")
        def test_left_one(meet): meet("halves")
        def test_right_one(meet): meet("halves")
        def test_both_one(): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    smoke_ended = max(result.span(f"test_a.py::test_smoke_one[{each}]").ended for each in range(2))
    halves = [result.span(f"test_a.py::test_{each}_one") for each in ("left", "right")]
    assert smoke_ended <= min(span.began for span in halves)
    both = result.span("test_a.py::test_both_one")
    assert both.began >= max(span.ended for span in halves)


def test_sequential_stages_go_one_by_one(project: Project) -> None:
    """In the order of the collection, prerequisites first, whatever is urgent, beside other stages."""
    configure(project, stage("row", strategy='"sequential"'), stage("free", needs="[]"))
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.depends("test_row_late")
        def test_row_early(): pass
        @mark.parametrize("number", range(8))
        def test_row_one(number): pass
        @mark.priority(10)
        def test_row_late(): pass
        @mark.depends("test_free_fails")
        def test_row_blocked(): pass
        def test_row_last(witnessed): witnessed("test_free_one")
        @mark.priority(-5)
        def test_free_one(witnessed): witnessed("test_row_last")
        def test_free_fails(): assert 0
        """,
    )
    result = project.orchestrate("-n", "2")
    row = [
        nodeid.removeprefix("test_a.py::test_row_") for nodeid in result.begun if "_row_" in nodeid
    ]
    assert row == ["late", "early", *(f"one[{number}]" for number in range(8)), "last"]
    spans = [span for span in result.spans if "_row_" in span.nodeid]
    assert all(one.ended <= other.began for one, other in pairwise(spans))
    assert result.counts == {"passed": 12, "failed": 1, "blocked": 1}


def test_a_crash_is_judged_like_any_failure(project: Project) -> None:
    """The worker is replaced, the rest of the stage runs, and what needs it is blocked."""
    configure(
        project,
        stage("smoke", gate="{ pass_rate = 1.0 }"),
        stage("next"),
        stage("apart", needs="[]"),
    )
    project.write(
        "test_a",
        """
        import os, pytest
        def test_smoke_crash(meet):
            meet("both")
            os.kill(os.getpid(), 9)
        @pytest.mark.parametrize("number", range(4))
        def test_smoke_one(number, meet): meet("both")
        def test_next_one(): pass
        def test_apart_one(): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == FAILED
    assert fate(result, "smoke_crash") == "failed"
    assert [fate(result, f"smoke_one[{number}]") for number in range(4)] == ["passed"] * 4
    assert (fate(result, "next_one"), fate(result, "apart_one")) == ("blocked", "passed")
    assert says(result, "(1 of 5 failed: test_a.py::test_smoke_crash)")


def test_a_stop_is_a_stop(project: Project, driver: tuple[str, ...]) -> None:
    """After -x nothing is blocked: what has not begun is not run, and its gate not judged."""
    configure(
        project,
        stage("smoke", gate="{ pass_rate = 1.0 }", on_fail='"halt"'),
        stage("next", gate="{ max_failures = 3, max_slowest = '1min' }"),
        stage("last"),
    )
    project.write(
        "test_a",
        """
        from pytest import mark
        def test_smoke_one(): assert 0
        @mark.order(after="test_smoke_one")
        def test_smoke_more(): pass
        def test_next_one(): pass
        @mark.depends("test_smoke_one", when="finished")
        def test_last_tidy(): pass
        """,
    )
    result = project.orchestrate(*driver, "-x")
    assert result.code == FAILED
    assert fate(result, "next_one") == "not run"
    assert fate(result, "last_tidy") == "passed"
    assert "blocked" not in result.verdicts.values()
    assert result.lines(r"^smoke +\d+ .* failed ")
    assert result.lines(r"^next +1 +never +never +not judged +1 not run$")


def test_what_comes_too_late_is_pulled_forward(project: Project, driver: tuple[str, ...]) -> None:
    """A test that one of an earlier stage needs runs there; what no stage takes, in the last one."""
    project.configure(
        stage("smoke", gate="{ pass_rate = 1.0 }") + stage("void") + stage("late") + stage("last")
    )
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.depends("test_late_login")
        def test_smoke_one(): pass
        def test_late_login(): pass
        def test_late_one(): pass
        def test_stray(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == PASSED
    assert result.begun[:2] == ["test_a.py::test_late_login", "test_a.py::test_smoke_one"]
    assert says(
        result,
        "orchestra: test_a.py::test_late_login of stage late runs in stage smoke, since "
        "test_a.py::test_smoke_one needs it",
    )
    assert says(
        result,
        "orchestra: test_a.py::test_stray belongs to the last stage, last, since no stage takes them",
    )
    assert says(result, "orchestra: stage void has no tests, so its gate passes")
    assert says(result, "orchestra: stage smoke: 2 tests, parallel; gate: pass_rate 1, else ")
    assert result.lines(r"^smoke +2 +0\.00 s +[\d.]+ s +passed +2 passed$")


def test_a_gate_waits_for_the_test_to_be_torn_down(project: Project) -> None:
    """In one process too, where what follows is looked for before: an error there may be what it fails for."""
    configure(project, stage("smoke", gate="{ max_failures = 0 }"), stage("rest"))
    project.write(
        "test_a",
        """
        import pytest

        @pytest.fixture
        def broken():
            yield
            raise OSError("cannot be torn down")

        def test_smoke_it(broken): pass

        def test_rest_it(): pass
        """,
    )
    result = project.orchestrate()
    assert (fate(result, "smoke_it"), fate(result, "rest_it")) == ("error", "blocked")

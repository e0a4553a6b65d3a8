from collections.abc import Callable
from typing import Any

import pytest

from pytest_orchestra.marker_lines import PEER_MARKER_LINES
from pytest_orchestra.model.case import CaseSpec, Claim, Need
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.verdict import ANY_VERDICT, SUCCESS, Verdict
from pytest_orchestra.running.peer_markers import FIRST, LAST, ORDINALS, PEER_READERS

Read = Callable[..., tuple[CaseSpec, tuple[Problem, ...]]]
Make = Callable[..., pytest.Mark]

FILE = "tests/test_a.py"
METHOD = f"{FILE}::TestA::TestIn::test_x[1]"


@pytest.mark.parametrize(
    ("scope", "nodeid", "within"),
    [
        ({}, METHOD, FILE),
        ({"scope": "module"}, METHOD, FILE),
        ({"scope": "class"}, METHOD, f"{FILE}::TestA"),
        ({"scope": "class"}, f"{FILE}::test_x", ""),
        ({"scope": "package"}, METHOD, "tests"),
        ({"scope": "session"}, METHOD, ""),
    ],
)
def test_a_scope_of_dependency_says_where_to_look_first(
    read: Read, mark: Make, scope: dict[str, str], nodeid: str, within: str
) -> None:
    """Names of pytest-dependency are relative to their scope, and so are custom ones."""
    spec, problems = read(mark("dependency", depends=["test_a", "b"], **scope), nodeid=nodeid)
    assert spec.needs == tuple(
        Need(target, SUCCESS, within=within, marker="dependency") for target in ("test_a", "b")
    )
    assert problems == ()


def test_dependency_gives_a_name(read: Read, mark: Make) -> None:
    """The name is one that others depend on; a bare marker says nothing here."""
    assert read(mark("dependency", name="login"))[0].names == ("login",)
    assert read(mark("dependency")) == read()


def test_a_string_in_dependency_is_one_name(read: Read, mark: Make) -> None:
    """Unlike pytest-dependency, which takes its letters for names."""
    assert [need.target for need in read(mark("dependency", depends="test_a"))[0].needs] == [
        "test_a"
    ]


def test_only_the_closest_dependency_counts(read: Read, mark: Make) -> None:
    """A marker on the test replaces that on its class, as in pytest-dependency."""
    spec, _ = read(
        mark("dependency", name="n"), around=(mark("dependency", depends=["test_a"], name="m"),)
    )
    assert (spec.names, spec.needs) == (("n",), ())


def test_unknown_names_are_fine_where_pytest_dependency_is_told_so(read: Read, mark: Make) -> None:
    """Its option --ignore-unknown-dependency keeps its meaning."""
    spec, _ = read(mark("dependency", depends=["test_a"]), ignore_unknown_dependency=True)
    assert spec.needs[0].optional


def test_a_module_may_depend_on_one_of_its_tests(read: Read, mark: Make) -> None:
    """The test itself does not wait for itself; a method of the same name does wait."""
    around = (mark("dependency", depends=["test_x", "test_y"]),)
    alone, _ = read(around=around, nodeid=f"{FILE}::test_x")
    method, _ = read(around=around, nodeid=f"{FILE}::TestA::test_x")
    assert [need.target for need in alone.needs] == ["test_y"]
    assert [need.target for need in method.needs] == ["test_x", "test_y"]


def test_indexes_of_order_become_priorities_in_their_order(read: Read, mark: Make) -> None:
    """First, second and so on come before what has no index, and last comes last."""
    marks = [
        mark("order", 0),
        mark("order", index=1),
        mark("order", "third"),
        mark("order", 7),
        mark("order", 100_000),
        mark("slow"),
        mark("order", -100_000),
        mark("order", "eighth_to_last"),
        mark("order", -2),
        mark("order", "last"),
    ]
    priorities = [read(each)[0].priority for each in marks]
    assert priorities == sorted(set(priorities), reverse=True)
    assert (priorities[0], priorities[5], priorities[-1]) == (FIRST, 0, LAST)


def test_the_words_of_order_are_its_own() -> None:
    """All sixteen words mean what pytest-order means by them."""
    assert len(ORDINALS) == 16
    assert ORDINALS["first"] == 0
    assert ORDINALS["eighth"] == 7
    assert ORDINALS["last"] == -1
    assert ORDINALS["second_to_last"] == -2
    assert ORDINALS["eighth_to_last"] == -8


def test_order_relates_tests_whatever_their_outcome(read: Read, mark: Make) -> None:
    """Before and after are edges only: nothing is blocked, and unknown names are ignored."""
    spec, problems = read(
        mark("order", before="test_b", after=["test_c", "TestA::test_d"]),
        mark("order", 2, after=("test_m.py::test_e",)),
    )
    wanted: dict[str, Any] = {"accepts": ANY_VERDICT, "marker": "order", "optional": True}
    assert spec.feeds == (Need("test_b", **wanted),)
    assert [need.target for need in spec.needs] == ["test_c", "TestA::test_d", "test_m.py::test_e"]
    assert spec.needs[0] == Need("test_c", **wanted)
    assert spec.priority == FIRST - 2
    assert problems == ()


def test_the_closest_index_holds(read: Read, mark: Make) -> None:
    """A test's own index goes before its class's, and its priority before both."""
    around = (mark("order", 5, after="test_a"),)
    spec, _ = read(mark("order", 1, before="test_b"), around=around)
    assert (spec.priority, len(spec.needs), len(spec.feeds)) == (FIRST - 1, 1, 1)
    assert read(mark("order", 1), around=(mark("priority", 3),))[0].priority == 3


def test_order_of_a_class_looks_outside_of_it_first(read: Read, mark: Make) -> None:
    """A class ordered after test_x does not mean its own method of that name."""
    around = (mark("order", after="test_x", before="test_y"),)
    spec, _ = read(around=around, nodeid=f"{FILE}::TestA::test_x")
    assert spec.needs[0].within == FILE
    assert spec.feeds[0].within == FILE


def test_depends_on_names_tests_and_the_status_they_should_have(read: Read, mark: Make) -> None:
    """Each entry may say for itself what the marker says for all."""
    spec, problems = read(
        mark(
            "depends_on",
            tests=[
                "test_a",
                {"name": "test_b", "status": "failed"},
                {"name": "test_c", "allowed_not_run": True, "match_params": True},
            ],
        ),
        around=(mark("depends_on", tests=["test_z"]),),
    )
    passed = frozenset({Verdict.PASSED, Verdict.FLAKY})
    soft = passed | {Verdict.NOT_RUN, Verdict.BLOCKED, Verdict.SKIPPED}
    rest: dict[str, Any] = {"marker": "depends_on", "anywhere": True}
    assert spec.needs == (
        Need("test_a", passed, **rest),
        Need("test_b", frozenset({Verdict.FAILED}), **rest),
        Need("test_c", soft, match_params=True, optional=True, **rest),
    )
    assert problems == ()


def test_depends_on_takes_one_test_and_a_status_for_all(read: Read, mark: Make) -> None:
    """A single name needs no list."""
    spec, _ = read(mark("depends_on", tests="test_a", status="xfailed"))
    (need,) = spec.needs
    assert (need.target, need.accepts) == ("test_a", frozenset({Verdict.XFAILED}))


def test_isolate_claims_whole_resources(read: Read, mark: Make) -> None:
    """A part of a GPU takes all of it; limits are left to pytest-isolate."""
    spec, problems = read(mark("isolate", 10, resources={"gpu": 0.5, "tpu": 2}, mem_limit=10**6))
    assert spec.claims == {Claim("gpu", 1), Claim("tpu", 2)}
    assert problems == ()
    assert read(mark("isolate", timeout=10))[0].claims == frozenset()


def test_our_own_claim_holds_before_that_of_isolate(read: Read, mark: Make) -> None:
    """Where both markers name a resource, this plugin's is meant."""
    spec, _ = read(mark("isolate", resources={"gpu": 2}), around=(mark("resources", gpu=1),))
    assert spec.claims == {Claim("gpu", 1)}


def test_isolated_in_series_is_alone(read: Read, mark: Make) -> None:
    """An exclusive group runs alone, also where only the class says so."""
    spec, problems = read(mark("isolated"), around=(mark("isolated", serial=True, timeout=3),))
    assert (spec.alone, spec.group, problems) == (True, None, ())
    assert not read(mark("isolated"))[0].alone


def test_a_group_of_isolated_stays_together(read: Read, mark: Make) -> None:
    """Its tests may share state, so they run on one worker; a group of xdist goes before."""
    assert read(mark("isolated", "g"))[0].group == "g"
    assert read(mark("isolated", group="g"))[0].group == "g"
    assert read(mark("isolated", group="g"), mark("xdist_group", "h"))[0].group == "h"


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (("dependency", ("test_a",), {}), "'test_a' has no keyword"),
        (("dependency", (), {"depend": ["a"]}), "unknown keyword 'depend'"),
        (("dependency", (), {"depends": [1]}), "1 is not the name of a test"),
        (("dependency", (), {"name": 1}), "1 is not a name"),
        (("dependency", (), {"depends": ["a"], "scope": "file"}), "there is no scope 'file'"),
        (("dependency", (), {"scope": ["class"]}), "there is no scope ['class']"),
        (("order", ("seconds",), {}), "'seconds' is no index"),
        (("order", (1.5,), {}), "1.5 is no index"),
        (("order", (True,), {}), "True is no index"),
        (("order", (1, 2), {}), "it takes one index"),
        (("order", (1,), {"index": 2}), "it takes one index"),
        (("order", (), {"befor": "a"}), "unknown keyword 'befor'"),
        (("order", (), {"after": ["a", 2]}), "2 is not the name of a test"),
        (("order", (), {"before": ""}), "'' is not the name of a test"),
        (("depends_on", (), {}), "it names no tests"),
        (("depends_on", (), {"tests": []}), "it names no tests"),
        (("depends_on", (), {"tests": [{"status": "failed"}]}), "None is not the name of a test"),
        (("depends_on", (), {"tests": [1]}), "1 is not the name of a test"),
        (("depends_on", (), {"tests": ["a"], "status": "ok"}), "there is no status 'ok'"),
        (("depends_on", (), {"tests": ["a"], "status": None}), "there is no status None"),
        (("depends_on", ("a",), {"tests": ["a"]}), "'a' has no keyword"),
        (("depends_on", (), {"tests": ["a"], "allow": 1}), "unknown keyword 'allow'"),
        (("isolate", (), {"resources": ["gpu"]}), "resources=['gpu'] is no dictionary"),
        (("isolate", (), {"resources": {"gpu": 0}}), "0 is no number of 'gpu'"),
        (("isolate", (), {"resources": {"gpu": "2"}}), "'2' is no number of 'gpu'"),
        (("isolate", (), {"resources": {"gpu": float("inf")}}), "inf is no number of 'gpu'"),
    ],
)
def test_a_malformed_marker_of_a_peer_is_a_problem(
    read: Read, mark: Make, written: tuple[str, tuple[Any, ...], dict[str, Any]], what: str
) -> None:
    """Markers of other plugins are checked like our own."""
    name, args, kwargs = written
    _, (problem,) = read(mark(name, *args, **kwargs))
    assert problem.what.startswith(f"{name}: {what}")
    assert problem.marker == name


def test_every_marker_that_is_read_is_registered() -> None:
    """--strict-markers accepts what this plugin honours."""
    assert {line.partition("(")[0] for line in PEER_MARKER_LINES} == set(PEER_READERS)

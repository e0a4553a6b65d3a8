"""What ``depends`` promises: order, blocking and the cause, whatever a name looks like."""

from __future__ import annotations

from harness import FAILED, PASSED, Project

#: What others depend on. It is collected last, so nothing is in order by chance.
BASE = """
    from pytest import mark

    @mark.depends(name="schema")
    def test_named(): assert 0

    def test_good(): pass
    def test_bad(): assert 0

    class TestGood:
        def test_one(self): pass
        def test_two(self): pass

    class TestBad:
        def test_one(self): pass
        def test_two(self): assert 0

    @mark.parametrize("engine", ["pg", "lite"])
    def test_create(engine): assert engine != "pg"

    @mark.parametrize("engine", ["pg", "lite"])
    def test_load(engine): pass
"""

#: A dependant for each form of a name: those in ``bad_`` name what fails.
FORMS = """
    from pytest import mark

    depends = mark.depends

    @depends("tests/low/test_base.py::test_good")
    def test_node_id(): pass
    @depends("tests/low/test_base.py::test_bad")
    def test_bad_node_id(): pass

    @depends("test_local")
    def test_same_file(): pass
    @depends("test_bad_local")
    def test_bad_same_file(): pass

    @depends("test_beside.py::test_good")
    def test_relative(): pass
    @depends("../low/test_base.py::test_bad")
    def test_bad_relative(): pass

    @depends("tests/low/test_base.py::TestGood")
    def test_class(): pass
    @depends("tests/low/test_base.py::TestBad")
    def test_bad_class(): pass

    @depends("tests/high/test_beside.py")
    def test_file(): pass
    @depends("tests/low/test_base.py")
    def test_bad_file(): pass

    @depends("tests/low/test_base.py::TestGood::test_*")
    def test_glob(): pass
    @depends("tests/low/test_base.py::test_*d")
    def test_bad_glob(): pass

    @depends("tests/low/test_base.py::test_load")
    def test_parameters(): pass
    @depends("tests/low/test_base.py::test_create")
    def test_bad_parameters(): pass

    @depends("tests/low/test_base.py::test_create[lite]")
    def test_one_parameter(): pass

    @depends("schema")
    def test_bad_name(): pass

    @depends("tests/low/test_base.py::test_bad", when="finished")
    def test_finished(): pass

    @depends("tests/low/test_base.py::test_create", match_params=True)
    @mark.parametrize("engine", ["pg", "lite"])
    def test_matching(engine): pass

    @depends("test_node_id", "test_class", on=["test_glob", "tests/low/test_base.py::test_bad"])
    def test_bad_several(): pass

    def test_local(): pass
    def test_bad_local(): assert 0

    @depends(on=test_local)
    def test_function(): pass
    @depends(on=[test_bad_local])
    def test_bad_function(): pass

    class TestLocal:
        def test_inside(self): pass

        @depends("test_inside")
        def test_sibling(self): pass

        @depends("test_local")
        def test_of_the_file(self): pass

    @depends(on=TestLocal)
    def test_class_object(): pass
"""

BESIDE = "def test_good(): pass"

#: The prerequisites of each dependant that runs.
EDGES = {
    "test_node_id": ["low/test_base.py::test_good"],
    "test_same_file": ["high/test_forms.py::test_local"],
    "test_relative": ["high/test_beside.py::test_good"],
    "test_class": [f"low/test_base.py::TestGood::test_{each}" for each in ("one", "two")],
    "test_file": ["high/test_beside.py::test_good"],
    "test_glob": [f"low/test_base.py::TestGood::test_{each}" for each in ("one", "two")],
    "test_parameters": [f"low/test_base.py::test_load[{each}]" for each in ("pg", "lite")],
    "test_one_parameter": ["low/test_base.py::test_create[lite]"],
    "test_finished": ["low/test_base.py::test_bad"],
    "test_matching[lite]": ["low/test_base.py::test_create[lite]"],
    "test_function": ["high/test_forms.py::test_local"],
    "TestLocal::test_sibling": ["high/test_forms.py::TestLocal::test_inside"],
    "TestLocal::test_of_the_file": ["high/test_forms.py::test_local"],
    "test_class_object": [
        f"high/test_forms.py::TestLocal::test_{each}"
        for each in ("inside", "sibling", "of_the_file")
    ],
}

#: What each blocked dependant is blocked by; a file has several tests that may be the first.
CAUSES = {
    "test_bad_node_id": ["low/test_base.py::test_bad"],
    "test_bad_same_file": ["high/test_forms.py::test_bad_local"],
    "test_bad_relative": ["low/test_base.py::test_bad"],
    "test_bad_class": ["low/test_base.py::TestBad::test_two"],
    "test_bad_file": [
        f"low/test_base.py::{each}"
        for each in ("test_named", "test_bad", "TestBad::test_two", "test_create[pg]")
    ],
    "test_bad_glob": ["low/test_base.py::test_bad", "low/test_base.py::test_named"],
    "test_bad_parameters": ["low/test_base.py::test_create[pg]"],
    "test_bad_name": ["low/test_base.py::test_named"],
    "test_matching[pg]": ["low/test_base.py::test_create[pg]"],
    "test_bad_several": ["low/test_base.py::test_bad"],
    "test_bad_function": ["high/test_forms.py::test_bad_local"],
}


def test_every_form_of_a_name(project: Project, driver: tuple[str, ...]) -> None:
    """Whatever a name looks like, its dependant runs after what it means, or is blocked by it."""
    project.write("tests/low/test_base", BASE)
    project.write("tests/high/test_forms", FORMS)
    project.write("tests/high/test_beside", BESIDE)
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    for name, prerequisites in EDGES.items():
        dependant = result.span(f"tests/high/test_forms.py::{name}")
        for prerequisite in prerequisites:
            assert result.span(f"tests/{prerequisite}").ended <= dependant.began, name
    causes = {
        f"tests/high/test_forms.py::{name}": {
            f"blocked: tests/{root} failed ({result.span(f'tests/{root}').worker})"
            for root in roots
        }
        for name, roots in CAUSES.items()
    }
    assert result.blocked.keys() == causes.keys()
    for nodeid, reasons in causes.items():
        assert result.blocked[nodeid] in reasons
        assert nodeid not in result.begun
    assert result.counts == {"failed": 5, "passed": 24, "blocked": 11}


def test_a_blocked_test_names_the_root_cause(project: Project, driver: tuple[str, ...]) -> None:
    """Over several steps and files the first failure is named: in report, summary and JUnit."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.depends("test_b.py::test_middle")
        def test_last(): pass
        """,
    )
    project.write(
        "test_b",
        """
        from pytest import mark
        @mark.depends("root")
        def test_middle(): pass
        @mark.depends("test_middle", "test_other")
        class TestMore:
            def test_end(self): pass
        def test_other(): pass
        """,
    )
    project.write(
        "test_c",
        """
        from pytest import mark
        @mark.depends(name="root")
        def test_root(): assert 0
        """,
    )
    result = project.orchestrate(*driver)
    worker = result.span("test_c.py::test_root").worker
    text = f"blocked: test_c.py::test_root failed ({worker})"
    blocked = ["test_a.py::test_last", "test_b.py::test_middle", "test_b.py::TestMore::test_end"]
    assert result.blocked == dict.fromkeys(blocked, text)
    for nodeid in blocked:
        assert f"  {nodeid}  {text}" in result.output.splitlines()
        assert result.verdicts[nodeid] == "blocked"
    skips = [skip.get("message") for case in result.testcases for skip in case.iter("skipped")]
    assert skips == [text] * 3
    assert len(result.testcases) == 5


def test_what_is_no_success(project: Project, driver: tuple[str, ...]) -> None:
    """A skip, an expected failure and an error in setup or teardown block; an xpass does not."""
    project.write(
        "test_a",
        """
        import pytest
        from pytest import mark

        @mark.parametrize("number", [0])
        @mark.depends("skipped")
        def test_of_skipped(number): pass
        @mark.depends("test_skips")
        def test_of_skips(): pass
        @mark.depends("test_xfails")
        def test_of_xfails(): pass
        @mark.depends("test_setup")
        def test_of_setup(): pass
        @mark.depends("test_teardown")
        def test_of_teardown(): pass
        @mark.depends("test_strict")
        def test_of_strict(): pass
        @mark.depends("test_xpasses")
        def test_of_xpasses(): pass
        @mark.depends("test_skips", "test_setup", when="finished")
        def test_of_finished(): pass

        @pytest.fixture
        def no_setup(): raise ValueError

        @pytest.fixture
        def no_teardown():
            yield
            raise ValueError

        @mark.skip(reason="not today")
        @mark.depends(name="skipped")
        def test_skipped(): pass
        def test_skips(): pytest.skip("not now")
        @mark.xfail
        def test_xfails(): assert 0
        def test_setup(no_setup): pass
        def test_teardown(no_teardown): pass
        @mark.xfail(strict=True)
        def test_strict(): pass
        @mark.xfail
        def test_xpasses(): pass
        """,
    )
    result = project.orchestrate(*driver)
    assert result.code == FAILED
    ends = {
        "of_skipped[0]": "skipped was skipped",
        "of_skips": "skips was skipped",
        "of_xfails": "xfails xfailed",
        "of_setup": "setup had an error",
        "of_teardown": "teardown had an error",
        "of_strict": "strict failed",
    }
    assert {nodeid: text.rpartition(" (")[0] for nodeid, text in result.blocked.items()} == {
        f"test_a.py::test_{name}": f"blocked: test_a.py::test_{end}" for name, end in ends.items()
    }
    assert result.verdicts["test_a.py::test_of_xpasses"] == "passed"
    assert result.verdicts["test_a.py::test_of_finished"] == "passed"
    assert result.verdicts["test_a.py::test_teardown"] == "error"


def test_marks_of_classes_and_modules(project: Project, driver: tuple[str, ...]) -> None:
    """A mark on a class or a module holds for all in it, but not for what it names itself."""
    project.write(
        "test_a",
        """
        from pytest import mark
        pytestmark = [mark.depends("test_b.py::test_first"), mark.priority(5)]

        def test_one(): pass

        @mark.depends("test_login")
        class TestUser:
            def test_profile(self): pass
            def test_login(self): assert 0
            class TestDeep:
                def test_settings(self): pass
        """,
    )
    project.write("test_b", "def test_first(): pass")
    result = project.orchestrate(*driver)
    assert result.begun[0] == "test_b.py::test_first"
    login = "test_a.py::TestUser::test_login"
    assert {nodeid: text.split(" (")[0] for nodeid, text in result.blocked.items()} == {
        "test_a.py::TestUser::test_profile": f"blocked: {login} failed",
        "test_a.py::TestUser::TestDeep::test_settings": f"blocked: {login} failed",
    }
    assert result.verdicts["test_a.py::test_one"] == "passed"
    assert result.verdicts[login] == "failed"


def test_prerequisites_inherit_priority(project: Project, driver: tuple[str, ...]) -> None:
    """What an urgent test depends on comes before what is not urgent, as far as it goes."""
    project.write(
        "test_a",
        """
        from pytest import mark
        def test_a(): pass
        @mark.depends("test_e")
        def test_b(): pass
        @mark.priority(-1)
        def test_c(): pass
        @mark.priority(10)
        @mark.depends("test_b")
        def test_d(): pass
        def test_e(): pass
        @mark.priority(20)
        def test_f(): pass
        """,
    )
    result = project.orchestrate(*driver, "--collect-only", "-q")
    assert result.code == PASSED
    order = [line.removeprefix("test_a.py::test_") for line in result.lines("^test_a.py::")]
    assert order == ["f", "e", "b", "d", "a", "c"]


def test_dependencies_hold_across_workers(project: Project) -> None:
    """A dependant waits for prerequisites on other workers, and may run on another one."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.depends("test_b.py")
        @mark.parametrize("number", [0, 1])
        def test_dependant(number, meet): meet("dependants")
        """,
    )
    project.write(
        "test_b",
        """
        from pytest import mark
        @mark.parametrize("number", [0, 1])
        def test_first(number, meet): meet("prerequisites")
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.code == PASSED
    workers = {span.nodeid: span.worker for span in result.spans}
    for test in ("test_a.py::test_dependant", "test_b.py::test_first"):
        assert {workers[f"{test}[0]"], workers[f"{test}[1]"]} == {"gw0", "gw1"}
    last = max(result.span(f"test_b.py::test_first[{number}]").ended for number in (0, 1))
    assert all(last <= span.began for span in result.spans[2:])

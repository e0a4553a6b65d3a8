"""Data goes from the test that makes it to those that use it, on whatever worker they run."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from harness import FAILED, PASSED, Project

CREATE, READ, DELETE = (f"test_{name}.py::test_{name}" for name in ("create", "read", "delete"))


@pytest.fixture
def crud(project: Project) -> Project:
    """Write a test that makes a user, one that uses it, and one that cleans up, in three files."""
    project.write(
        "test_create",
        """
        from pytest import mark
        @mark.provides("user")
        def test_create(outputs): outputs["user"] = {"id": 7, "roles": ["a", "b"]}
        """,
    )
    project.write(
        "test_read",
        """
        from pytest import mark
        @mark.depends(data="user")
        def test_read(inputs): assert inputs["user"]["id"] == 7
        def test_free(): pass
        """,
    )
    project.write(
        "test_delete",
        """
        from pytest import mark
        @mark.cleans("user")
        def test_delete(inputs): print("found", inputs.get("user"))
        """,
    )
    return project


def test_values_arrive_as_they_were_sent(project: Project, driver: tuple[str, ...]) -> None:
    """Every kind of JSON, any text, several names; users on both workers get all of it."""
    project.write(
        "test_a",
        r"""
        from pytest import mark
        VALUE = {"a": [1, -2.5, True, None, "\u00e4\ud800\0\U0001f600"], "": {}, "big": 2**80}

        @mark.depends(data=["first", "second"])
        @mark.parametrize("number", range(2))
        def test_use(number, inputs, request, meet):
            if hasattr(request.config, "workerinput"):
                meet("both")
            assert inputs["first"] == VALUE
            assert inputs["second"] == "x" * 900_000
            assert sorted(inputs) == ["first", "second"] and len(inputs) == 2

        @mark.provides("first", "second")
        def test_make(outputs):
            outputs["first"] = "not this"
            outputs["first"] = VALUE
            outputs["second"] = "x" * 900_000
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 3}
    assert result.begun[0] == "test_a.py::test_make"


def test_each_test_has_a_copy_of_its_own(project: Project, driver: tuple[str, ...]) -> None:
    """What maker or user change later changes nobody else's; within a test it is one object."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.provides("user")
        def test_make(outputs):
            user = {"id": 7}
            outputs["user"] = user
            user["id"] = 8
        @mark.depends(data="user")
        @mark.parametrize("number", range(6))
        def test_use(number, inputs):
            assert inputs["user"] == {"id": 7}
            inputs["user"]["id"] = number
            assert inputs["user"] == {"id": number}
        """,
    )
    assert project.orchestrate(*driver).counts == {"passed": 7}


def test_fixtures_may_provide_and_take(project: Project, driver: tuple[str, ...]) -> None:
    """While they are set up and while they are torn down, if they are those of a function."""
    project.write(
        "test_a",
        """
        import pytest
        from pytest import mark

        @pytest.fixture
        def user(outputs):
            outputs["early"] = 1
            yield
            outputs["late"] = 2

        @pytest.fixture
        def taken(inputs):
            assert (inputs["early"], inputs["late"]) == (1, 2)
            yield
            assert inputs["late"] == 2

        @mark.provides("early", "late")
        def test_make(user): pass
        @mark.depends(data=("early", "late"))
        def test_use(taken): pass
        """,
    )
    assert project.orchestrate(*driver).counts == {"passed": 2}


#: A line in a test that provides ``user``, and what is said of it.
MISTAKES = {
    'outputs["mail"] = 1': (
        r"test_a.py::test_it does not say that it provides 'mail': mark it with "
        r"@pytest.mark.provides\('mail'\)"
    ),
    'outputs["user"] = {"a": [1, {2}]}': (
        r"'user' must be JSON .*: the value at \['a'\]\[1\] is a set"
    ),
    'outputs["user"] = (1, 2)': "'user' must be JSON .*: it is a tuple",
    'outputs["user"] = {"a": {1: 2}}': r"the value at \['a'\] has the key 1, a int",
    'outputs["user"] = [float("nan")]': r"the value at \[0\] is nan",
    'a = []; a.append(a); outputs["user"] = a': "'user' must be JSON .* contains itself",
    'outputs["user"] = 10 ** 5000': "'user' must be JSON .*: Exceeds the limit",
    'outputs["user"] = "x" * 1_000_001': (
        "'user' is 1.0 MB of JSON, more than 1 MB: write it to a file or keep it in an environment"
    ),
    'inputs["user"]': (
        r"test_a.py::test_it does not depend on data 'user': mark it with "
        r"@pytest.mark.depends\(data='user'\)"
    ),
    'inputs.get("user")': "does not depend on data 'user'",
    '"user" in inputs': "does not depend on data 'user'",
}


def test_mistakes_are_told(project: Project) -> None:
    """With the name, the place in the value and the marker; the test's line is the last shown."""
    for number, body in enumerate(MISTAKES):
        text = f"""
            from pytest import mark
            @mark.provides("user")
            def test_it(outputs, inputs):
                {body}
        """
        project.write(f"test_{number}", text.replace('"user"', f'"user{number}"'))
    result = project.orchestrate()
    assert result.counts == {"failed": len(MISTAKES)}
    assert "data_port" not in result.output
    for number, error in enumerate(MISTAKES.values()):
        (case,) = (each for each in result.testcases if each.get("classname") == f"test_{number}")
        text = "".join(case.itertext())
        wanted = error.replace("test_a", f"test_{number}").replace("'user'", f"'user{number}'")
        assert re.search(f"^E .*{wanted}", text, re.MULTILINE)
        assert re.search(rf"^test_{number}.py:4: DataError$", text, re.MULTILINE)


def test_outputs_end_with_their_test(project: Project) -> None:
    """Who keeps them cannot put words into the mouth of another."""
    project.write(
        "test_a",
        """
        from pytest import mark
        kept = []
        @mark.provides("user")
        def test_make(outputs):
            outputs["user"] = 1
            kept.append(outputs)
        @mark.depends(data="user")
        def test_use(inputs):
            kept[0]["user"] = 2
        """,
    )
    result = project.orchestrate()
    assert result.counts == {"passed": 1, "failed": 1}
    assert result.lines("test_a.py::test_make is over: it can provide 'user' no more")


def test_fixtures_need_orchestrate(crud: Project) -> None:
    """Without it there is an error at setup that says so, and everything else is plain."""
    result = crud.run("-q")
    assert result.code == FAILED
    assert result.counts == {"passed": 1, "errors": 3}
    for name in ("inputs", "outputs"):
        assert result.lines(
            f"the fixture '{name}' hands data from test to test, which needs pytest --orchestrate"
        )


def test_who_provides_nothing_blocks_its_users(project: Project, driver: tuple[str, ...]) -> None:
    """Though it passed; with that as the cause, also for what depends on them."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.provides("user", "mail")
        def test_make(outputs): outputs["mail"] = 1
        @mark.depends(data="user")
        def test_use(inputs): pass
        @mark.depends("test_use")
        def test_after(): pass
        @mark.depends(data="mail")
        def test_mail(inputs): assert inputs["mail"] == 1
        @mark.cleans("user")
        def test_clean(inputs):
            assert "user" not in inputs and inputs.get("user", 5) == 5 and not list(inputs)
            inputs["user"]
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 2, "blocked": 2, "failed": 1}
    place = r"\((main|gw[01])\)"
    cause = rf"^blocked: test_a.py::test_make passed, but provided no 'user' {place}$"
    assert set(result.blocked) == {"test_a.py::test_use", "test_a.py::test_after"}
    assert all(re.search(cause, text) for text in result.blocked.values())
    assert result.lines("there is no 'user' for test_a.py::test_clean: nobody provided it")


def test_clean_up_comes_last_whatever_happens(project: Project, driver: tuple[str, ...]) -> None:
    """A provider that failed after it provided, its blocked user: what is there is cleaned."""
    project.write(
        "test_a",
        """
        from pytest import mark
        @mark.priority(9)
        @mark.cleans("user")
        def test_clean(inputs): assert inputs["user"] == 3
        @mark.depends(data="user")
        def test_use(inputs): pass
        @mark.provides("user")
        def test_make(outputs):
            outputs["user"] = 3
            assert 0
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 1, "blocked": 1, "failed": 1}
    assert result.begun == ["test_a.py::test_make", "test_a.py::test_clean"]


def test_parameter_sets_are_paired(project: Project, driver: tuple[str, ...]) -> None:
    """Each user and each cleaner gets the value of its own set."""
    project.write(
        "test_a",
        """
        from pytest import mark
        sets = mark.parametrize("engine", ["pg", "lite"])
        @sets
        @mark.cleans("db")
        def test_drop(engine, inputs): assert inputs["db"] == engine
        @sets
        @mark.depends(data="db")
        def test_query(engine, inputs): assert inputs["db"] == engine
        @sets
        @mark.provides("db")
        def test_create(engine, outputs): outputs["db"] = engine
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 6}
    for engine in ("pg", "lite"):
        order = [name for name in result.begun if f"[{engine}]" in name]
        names = ("create", "query", "drop")
        assert order == [f"test_a.py::test_{name}[{engine}]" for name in names]


@pytest.mark.parametrize(
    "options",
    [("-k", "test_read"), (READ,), ("-m", "mine"), ("--deselect", CREATE, "--deselect", DELETE)],
    ids=["-k", "node id", "-m", "deselect"],
)
def test_a_user_brings_provider_and_cleaner(
    crud: Project, driver: tuple[str, ...], options: tuple[str, ...]
) -> None:
    """However it was selected; of files that were not named only what was asked for is known."""
    crud.configure(ini='markers = ["mine"]')
    text = (crud.path / "test_read.py").read_text()
    (crud.path / "test_read.py").write_text(text.replace("@mark.dep", "@mark.mine\n@mark.dep"))
    files = ("test_create.py::test_none", "test_delete.py::test_none") if READ in options else ()
    for file in ("test_create.py", "test_delete.py"):
        with (crud.path / file).open("a") as stream:
            stream.write("def test_none(): pass\n")
    result = crud.orchestrate(*driver, *options, *files)
    assert result.code == PASSED
    wanted = [each for each in result.begun if each in (CREATE, READ, DELETE)]
    assert wanted == [CREATE, READ, DELETE]
    assert result.lines("pulled back in 1 deselected test that others depend on: .*test_create$")
    assert result.lines("pulled back in 1 deselected test to clean up: .*test_delete$")


def test_lf_brings_provider_and_cleaner(crud: Project, driver: tuple[str, ...]) -> None:
    """A user that failed can run again only with what it needs."""
    text = (crud.path / "test_read.py").read_text()
    (crud.path / "test_read.py").write_text(text.replace("== 7", "== 8"))
    assert crud.orchestrate(*driver).counts == {"passed": 3, "failed": 1}
    result = crud.orchestrate(*driver, "--lf")
    assert result.begun == [CREATE, READ, DELETE]


def test_missing_providers(crud: Project, driver: tuple[str, ...]) -> None:
    """``run`` lets the user run, whose ``inputs`` say what is missing; ``skip`` blocks it."""
    result = crud.orchestrate(*driver, "-k", "read", "--orchestrate-missing=run")
    assert result.verdicts == {READ: "failed", "test_read.py::test_free": "passed"}
    assert result.lines(
        f"E .*there is no 'user' for {READ}: the test that provides it was deselected; "
        "--orchestrate-missing=pull selects it again"
    )
    result = crud.orchestrate(*driver, "-k", "read", "--orchestrate-missing=skip")
    assert result.verdicts == {READ: "blocked", "test_read.py::test_free": "passed"}
    assert result.blocked == {READ: f"blocked: {CREATE} was deselected"}


def test_providers_of_files_that_were_not_collected(crud: Project, driver: tuple[str, ...]) -> None:
    """A user is blocked, since it cannot run without; a cleaner runs, with a line that says so."""
    result = crud.orchestrate(*driver, "test_read.py", "test_delete.py")
    cause = "'user' comes from test_create.py, which was not collected"
    assert result.blocked == {READ: f"blocked: {cause}"}
    assert result.verdicts[DELETE] == "passed"
    assert result.lines(
        f"{DELETE} cleans 'user', which is made in test_create.py, which was not collected: "
        "it finds nothing to clean"
    )


def test_providers_of_files_that_cannot_be_collected(
    crud: Project, driver: tuple[str, ...]
) -> None:
    """The file that broke is the cause."""
    with (crud.path / "test_create.py").open("a") as stream:
        stream.write("import no_such_module\n")
    result = crud.orchestrate(*driver, "--continue-on-collection-errors")
    cause = "'user' comes from test_create.py, which could not be collected"
    assert result.blocked == {READ: f"blocked: {cause}"}


@pytest.mark.parametrize("kills", ["finished", "running"])
def test_no_death_of_a_worker_loses_a_value(project: Project, kills: str) -> None:
    """Neither one after its provider has finished there, nor one while it still runs."""
    project.write(
        "test_a",
        f"""
        import os, signal
        from pytest import mark
        def die(): os.kill(os.getpid(), signal.SIGKILL)

        @mark.priority(1)
        @mark.provides("user")
        def test_make(outputs):
            outputs["user"] = {{"id": 7}}
            if {kills == "running"}: die()

        @mark.depends("test_make", when="finished")
        @mark.xdist_group("home")
        def test_dies(): die()

        @mark.depends(data="user")
        @mark.depends("test_dies", when="finished")
        def test_use(inputs): assert inputs["user"] == {{"id": 7}}

        @mark.cleans("user")
        @mark.depends("test_dies", when="finished")
        def test_clean(inputs): assert inputs["user"] == {{"id": 7}}
        """,
    )
    result = project.orchestrate("-n", "1")
    names = ("make", "dies", "use", "clean")
    verdicts = [result.verdicts[f"test_a.py::test_{name}"] for name in names]
    if kills == "running":
        assert verdicts == ["failed", "failed", "blocked", "passed"]
    else:
        assert verdicts == ["passed", "failed", "passed", "passed"]


def test_a_provider_that_runs_again_replaces_its_value(project: Project) -> None:
    """After a crash that a plugin forgives, what the first attempt provided is void."""
    project.write(
        "conftest",
        """
        def pytest_handlecrashitem(crashitem, report, sched):
            sched.mark_test_pending(crashitem)
            report.outcome = "rerun"
        """,
    )
    project.write(
        "test_a",
        """
        import os, pathlib
        from pytest import mark
        def attempt(name):
            path = pathlib.Path(name)
            if path.exists():
                return 2
            path.touch()
            return 1

        @mark.provides("user")
        def test_make(outputs):
            number = attempt("make")
            outputs["user"] = number
            if number == 1: os._exit(1)
        @mark.depends(data="user")
        def test_use(inputs): assert inputs["user"] == 2

        @mark.provides("mail")
        def test_send(outputs):
            if attempt("send") == 1:
                outputs["mail"] = 1
                os._exit(1)
        @mark.depends(data="mail")
        def test_receive(inputs): pass
        """,
    )
    result = project.orchestrate("-n", "1")
    assert result.verdicts["test_a.py::test_use"] == "passed"
    assert "provided no 'mail'" in result.blocked["test_a.py::test_receive"]


def test_what_tests_need_is_told(crud: Project) -> None:
    """``--collect-only -v`` prints it after the tree, by kind and with whom it comes from."""
    crud.write(
        "test_more",
        """
        from pytest import mark
        @mark.depends("test_one", "test_read.py")
        @mark.depends("test_many", when="finished")
        @mark.resources("db", schema="read")
        def test_all(): pass
        def test_one(): pass
        @mark.parametrize("number", range(5))
        def test_many(number): pass
        @mark.resources("*")
        def test_alone(): pass
        """,
    )
    result = crud.orchestrate("--collect-only", "-v")
    assert result.code == PASSED
    _, section = result.output.split(" orchestra: what tests need ")
    many = ", ".join(f"test_more.py::test_many[{number}]" for number in range(3))
    assert section.splitlines()[1:-2] == [
        DELETE,
        f"  data        user from {CREATE}",
        "test_more.py::test_all",
        f"  order       test_many: {many} and 2 more",
        "  dependency  test_one: test_more.py::test_one",
        f"  dependency  test_read.py: {READ}, test_read.py::test_free",
        "  resource    db 1",
        "  resource    schema read",
        "test_more.py::test_alone",
        "  resource    all, to run alone",
        READ,
        f"  data        user from {CREATE}",
    ]
    assert "what tests need" not in crud.orchestrate("--collect-only").output


def test_the_record_says_what_tests_need(crud: Project, driver: tuple[str, ...]) -> None:
    """A hook can walk from each test to those that it got something from."""
    crud.write(
        "conftest",
        """
        def pytest_orchestra_finished(run):
            for case in run.cases:
                for need in case.requirements:
                    sources = [run.cases[each].spec.nodeid for each in need.cases]
                    print("NEEDS", case.spec.nodeid, need.kind, need.what, *sources)
        """,
    )
    result = crud.orchestrate(*driver, "-s")
    found = Counter(re.findall(r"NEEDS (.*)", result.output))
    assert found == Counter(f"{nodeid} data user {CREATE}" for nodeid in (READ, DELETE))

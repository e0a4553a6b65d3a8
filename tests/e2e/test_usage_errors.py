"""What bad input gets: exit code 4 before any test runs, and all that is wrong in one go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent

import pytest
from harness import USAGE, Project, Result


@dataclass(frozen=True)
class Mistake:
    """A piece of a test file, the line in it that is to blame, and what is to be said of it."""

    source: str
    line: int
    what: str
    remedy: str


MARKER_MISTAKES = (
    Mistake(
        """
        @mark.depends("test_c")
        def test_a(): pass
        @mark.depends("test_a")
        def test_b(): pass
        @mark.depends("test_b")
        def test_c(): pass
        """,
        1,
        r"dependency cycle: test_m.py::test_a -> test_m.py::test_c -> test_m.py::test_b "
        r"-> test_m.py::test_a$",
        "remove one of these dependencies",
    ),
    Mistake(
        """
        @mark.priority(1)
        @mark.depends("test_self")
        def test_self(): pass
        """,
        2,
        "test_m.py::test_self depends on itself$",
        "remove that dependency",
    ),
    Mistake(
        """
        @mark.depends(
            "test_login",
        )
        @mark.depends(
            on=["test_lgin"],
        )
        def test_misspelled(): pass
        def test_login(): pass
        """,
        4,
        "test_m.py::test_misspelled depends on 'test_lgin', but nothing of that name",
        "did you mean 'test_login'",
    ),
    Mistake(
        """
        @mark.depends("nothing like it")
        @mark.parametrize("number", range(3))
        def test_unlike(number): pass
        """,
        1,
        r"depends on 'nothing like it', but .* \(and so for 2 more tests\)$",
        r"name a test, class, file, glob, or a name given with depends\(name=...\)",
    ),
    Mistake(
        """
        @mark.resources(gpu=3)
        def test_large(): pass
        """,
        1,
        "test_m.py::test_large claims 3 of 'gpu', but it has 2$",
        r"claim less, or declare gpu = 3 or more in \[tool.pytest_orchestra.resources\]",
    ),
    Mistake(
        """
        @mark.resources(undeclared=2)
        class TestLarge:
            def test_one(self): pass
            def test_two(self): pass
        """,
        1,
        r"claims 2 of 'undeclared', but nobody declared it, so it has 1",
        r"declare undeclared = 2 or more in \[tool.pytest_orchestra.resources\]",
    ),
    Mistake(
        """
        @mark.resources(gpu=-1)
        def test_negative(): pass
        """,
        1,
        "resources: gpu: -1 is not an amount",
        "write a whole number of at least 1",
    ),
    Mistake(
        """
        @mark.resources(gpu=0)
        def test_zero(): pass
        """,
        1,
        "resources: gpu: 0 is not an amount",
        "write a whole number of at least 1",
    ),
    Mistake(
        """
        @mark.resources(gpu=1.5)
        def test_fraction(): pass
        """,
        1,
        r"resources: gpu: 1\.5 is not an amount",
        "write a whole number of at least 1",
    ),
    Mistake(
        """
        @mark.resources(memory="4XB")
        def test_unit(): pass
        """,
        1,
        "resources: memory: '4XB' has the unknown unit 'XB'; known are B, kB",
        "a quantity as '4GB'",
    ),
    Mistake(
        """
        @mark.resources("lock")
        def test_counts(): pass
        @mark.resources(lock="read")
        def test_locks(): pass
        """,
        1,
        "'lock' is claimed as a count here and as a read/write lock by test_m.py::test_locks",
        "use one way throughout, or declare lock = N",
    ),
    Mistake(
        """
        @mark.depends
        def test_bare(): pass
        """,
        1,
        "depends: it names nothing",
        "write a name",
    ),
    Mistake(
        """
        @mark.depends("test_login", when="always")
        def test_when(): pass
        """,
        1,
        "depends: when='always' is neither 'passed' nor 'finished'",
        "write one of them",
    ),
    Mistake(
        """
        @mark.depends(5)
        def test_number(): pass
        """,
        1,
        "depends: 5 is not the name of a test",
        "as a string",
    ),
    Mistake(
        """
        @mark.depends("test_login", whem="finished")
        def test_keyword(): pass
        """,
        1,
        "depends: unknown keyword 'whem'",
        r"did you mean when\?",
    ),
    Mistake(
        """
        class TestUrgent:
            pytestmark = [
                mark.priority("high"),
            ]
            def test_urgent(self): pass
        """,
        3,
        "priority: 'high' is not a finite number",
        "write a number such as 10",
    ),
    Mistake(
        """
        @mark.resources()
        def test_nothing(): pass
        """,
        1,
        "resources: it names nothing",
        r"write resources\('db'\)",
    ),
    Mistake(
        """
        @mark.provides("twice")
        def test_makes(): pass
        @mark.provides("twice")
        def test_makes_too(): pass
        @mark.depends(data="twice")
        def test_uses_either(): pass
        """,
        3,
        "both test_m.py::test_makes and test_m.py::test_makes_too provide 'twice'$",
        "give one of them another name; only parameter sets of one test may share it",
    ),
    Mistake(
        """
        @mark.provides("engine")
        @mark.parametrize("engine", ["pg", "lite"])
        def test_starts(engine): pass
        @mark.depends(data="engine")
        def test_unlike_its_provider(): pass
        """,
        4,
        r"test_m.py::test_unlike_its_provider uses 'engine', which 2 parameter sets provide "
        r"\(test_m.py::test_starts\[pg\] and others\), but none with its parameters$",
        "parametrize both alike, with the same ids",
    ),
    Mistake(
        """
        @mark.cleans("twise")
        def test_cleans_a_typo(): pass
        """,
        1,
        "test_m.py::test_cleans_a_typo cleans 'twise', but no collected test provides it$",
        "did you mean 'twice'",
    ),
    Mistake(
        """
        @mark.depends("test_sound.py", data="quite")
        def test_uses_nothing(): pass
        """,
        1,
        "test_m.py::test_uses_nothing uses 'quite', but no collected test provides it",
        r"mark the test that makes it with provides\('quite'\)",
    ),
    Mistake(
        """
        @mark.provides("snake")
        @mark.depends("test_bites")
        def test_tail(): pass
        @mark.depends(data="snake")
        def test_bites(): pass
        """,
        2,
        "dependency cycle: test_m.py::test_tail -> test_m.py::test_bites -> test_m.py::test_tail$",
        "remove one of these dependencies",
    ),
)

SETTING_MISTAKES = (
    ("unknown key tool.pytest_orchestra.resorces", r"did you mean resources\?"),
    ("tool.pytest_orchestra.missing does not know 3", "write one of pull, run, skip"),
    ("tool.pytest_orchestra.resources.db: -1 is not a capacity", "write NAME = 2"),
    ("tool.pytest_orchestra.resources.flag: True is not a capacity", "write NAME = 2"),
    ("tool.pytest_orchestra.resources.mem: '3 parsecs' has the unknown unit", "write NAME = 2"),
)

SETTINGS = """
    [tool.pytest_orchestra]
    resorces = 1
    missing = 3
    [tool.pytest_orchestra.resources]
    db = -1
    flag = true
    gpu = 2
    mem = "3 parsecs"
"""


def write_mistakes(project: Project) -> list[tuple[int, Mistake]]:
    """Write a test file with all mistakes; return each with the line that is to blame."""
    text = "from pytest import mark\n"
    placed: list[tuple[int, Mistake]] = []
    for mistake in MARKER_MISTAKES:
        placed.append((text.count("\n") + mistake.line, mistake))
        text += dedent(mistake.source).lstrip("\n")
    project.write("test_m", text)
    project.write("test_sound", "def test_sound(): pass")
    return placed


def check_refused(result: Result) -> None:
    """Assert that the run was refused as a mistake of the user's, before any test ran."""
    __tracebackhide__ = True
    assert result.code == USAGE
    assert not result.spans
    assert "Traceback" not in result.output
    assert "INTERNALERROR" not in result.output


def is_told(result: Result, where: str, what: str, remedy: str) -> bool:
    """Whether a line says where and what, and the next one what to do about it."""
    text = rf"^{re.escape(where)}: .*{what.rstrip('$')}"
    ending = "$" if what.endswith("$") else ".*$"
    return bool(re.search(rf"{text}{ending}\n +.*{remedy}", result.output, re.MULTILINE))


@pytest.mark.parametrize(
    "options",
    [(), ("-n", "2"), ("--collect-only",), ("-n", "2", "--collect-only", "-q")],
    ids=["alone", "workers", "collect-only", "collect-only-workers"],
)
def test_everything_at_once(project: Project, options: tuple[str, ...]) -> None:
    """Each mistake in markers and settings is told once, with its place and a remedy."""
    project.configure(SETTINGS)
    placed = write_mistakes(project)
    result = project.orchestrate(*options)
    check_refused(result)
    for line, mistake in placed:
        assert is_told(result, f"test_m.py:{line}", mistake.what, mistake.remedy), mistake
    for what, remedy in SETTING_MISTAKES:
        assert is_told(result, "pyproject.toml", what, remedy), what
    count = len(MARKER_MISTAKES) + len(SETTING_MISTAKES)
    assert result.lines(f"^ERROR: pytest-orchestra found {count} problems$")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("absent.toml", None, r"absent\.toml: cannot be read: No such file or directory"),
        ("broken.toml", "[resources]\ndb = = 2\n", r"broken\.toml:2: is not valid TOML"),
        ("table.toml", "resources = 5", r"table\.toml: tool\.pytest_orchestra\.resources is 5"),
        ("tool.toml", "[tool]\npytest_orchestra = 5", r"tool\.toml: .*pytest_orchestra is not a"),
    ],
    ids=["absent", "broken", "resources", "tool"],
)
def test_configuration_files(project: Project, name: str, text: str | None, what: str) -> None:
    """A file that is not there, is no TOML or has something else in it is named."""
    if text is not None:
        project.write(name, text)
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate("--orchestrate-config", name)
    check_refused(result)
    assert len(result.lines(what)) == 1
    assert result.lines("^ERROR: pytest-orchestra found 1 problem$")


def test_broken_pyproject(project: Project) -> None:
    """A pyproject.toml that is no TOML is refused by pytest itself, and we add nothing to that."""
    project.configure("[tool.pytest_orchestra]\nmissing = \n")
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate()
    check_refused(result)
    assert result.lines("pyproject.toml")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (
            ["--orchestrate-resource=gpu=2", "--orchestrate-resource=gpu=3"],
            "two different capacities for one resource: --orchestrate-resource gpu=2 and gpu=3",
        ),
        (["--orchestrate-resource=gpu"], "--orchestrate-resource gpu: '' is not a quantity"),
        (["--orchestrate-resource=gpu=0"], "--orchestrate-resource gpu=0: '0' is not more than"),
        (["--orchestrate-resource==2"], "--orchestrate-resource =2: '' is not the name of a"),
        (["--orchestrate-missing=push"], "argument --orchestrate-missing: invalid choice: 'push'"),
        (["--orchestrate-order=fast"], "argument --orchestrate-order: invalid choice: 'fast'"),
    ],
    ids=["two-capacities", "no-capacity", "zero", "no-name", "missing", "order"],
)
def test_options(project: Project, options: list[str], what: str) -> None:
    """An option that makes no sense is quoted as it was written."""
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate(*options)
    check_refused(result)
    assert result.lines(re.escape(what))


def test_dist_each(project: Project) -> None:
    """``--dist each`` contradicts ``--orchestrate``, and the message says what to do."""
    project.write("test_a", "def test_a(): pass")
    result = project.orchestrate("--dist", "each", "--tx", "2*popen")
    check_refused(result)
    assert result.lines("ERROR: --dist each runs every test on every worker, .*: use one of them")


def test_a_mistake_in_a_module_mark(project: Project) -> None:
    """What one mark does to many tests is told once, also with ``-q``, at the line of the mark."""
    project.write(
        "sub/test_a",
        """
        import pytest
        pytestmark = [
            pytest.mark.priority(1),
            pytest.mark.resources("db", gpu="much"),
        ]
        def test_a(): pass
        def test_b(): pass
        def test_c(): pass
        """,
    )
    result = project.orchestrate("-q")
    check_refused(result)
    assert result.lines("^ERROR: pytest-orchestra found 1 problem$")
    assert is_told(
        result,
        "sub/test_a.py:4",
        r"resources: gpu: 'much' is not a quantity .* \(and so for 2 more tests\)$",
        "write a whole number",
    )

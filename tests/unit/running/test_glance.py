"""What sources tell of how many tests can run side by side."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_orchestra.running.glance import MOST_FILES, glance


def seen(
    root: Path, *arguments: str, most: int = 16, fixtures: tuple[str, ...] = (), **options: Any
) -> int:
    """Return what a glance at a project finds; options as pytest has them."""
    ini = {"python_files": ["test_*.py", "*_test.py"], "norecursedirs": [".*", "venv"]}
    config: Any = SimpleNamespace(
        args=list(arguments) or [str(root)],
        invocation_params=SimpleNamespace(dir=root),
        getini=ini.__getitem__,
        getoption=options.get,
    )
    return glance(config, fixtures, most)


THREE = """
def test_one(): pass
class TestIt:
    def test_two(self): pass
    async def test_three(self): pass
    def helper(self): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with three tests in one file and files that hold none."""
    for name in ("tests/test_a.py", "venv/test_b.py", "tests/helper.py", "tests/test_c.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(THREE)
    return tmp_path


def test_functions_are_counted(project: Path) -> None:
    """Those of files that pytest would collect, up to what matters."""
    assert seen(project) == 3
    assert seen(project, most=2) == 2
    assert seen(project, "tests/test_a.py") == 3
    assert seen(project, "tests/test_a.py", "tests/test_a.py") == 3


def test_a_single_test_is_one(project: Path) -> None:
    """What is named by its node id counts once for each."""
    assert seen(project, "tests/test_a.py::test_one") == 1
    assert seen(project, "tests/test_a.py::test_one", "tests/test_a.py::TestIt::test_two") == 2


def test_nothing_there_is_one(tmp_path: Path) -> None:
    """One worker finds out what is wrong."""
    assert seen(tmp_path) == 1
    assert seen(tmp_path, "absent.py") == 1


@pytest.mark.parametrize(
    "mark",
    [
        'depends("test_one")',
        'dependency(depends=["a"])',
        'resources("db")',
        "order(2)",
        'xdist_group("g")',
    ],
)
def test_what_may_keep_tests_apart_does_not_count(project: Path, mark: str) -> None:
    """It is known how wide the run is when its markers are, and more workers are started then."""
    text = THREE.replace("    def test_two", f"    @pytest.mark.{mark}\n    def test_two")
    (project / "tests/test_a.py").write_text(text)
    assert seen(project) == 2


def test_fixtures_with_resources_do_not_count(project: Path) -> None:
    """A test that uses one waits for its tokens."""
    (project / "tests/test_a.py").write_text(THREE.replace("test_two(self)", "test_two(self, pg)"))
    assert seen(project) == 3
    assert seen(project, fixtures=("pg", "x.y")) == 2


def test_parameters_are_more_than_one_test(tmp_path: Path) -> None:
    """How many they are is not known, but two at least."""
    (tmp_path / "test_a.py").write_text('@parametrize("n", range(99))\ndef test_a(n): pass\n')
    assert seen(tmp_path) == 2


def test_files_that_stay_together_count_once(project: Path) -> None:
    """With ``--dist loadfile`` a file is for one worker."""
    (project / "tests/more_test.py").write_text(THREE)
    assert seen(project) == 6
    assert seen(project, dist="loadfile") == 2


@pytest.mark.parametrize("options", [{"keyword": "login"}, {"lf": True}, {"stepwise": True}])
def test_what_is_chosen_by_other_means_is_not_known(project: Path, options: dict[str, Any]) -> None:
    """Then it is two: no more are in vain than one, and a machine with two cores loses nothing."""
    assert seen(project, **options) == 2
    assert seen(project, most=1, **options) == 1


def test_only_so_many_files_are_read(tmp_path: Path) -> None:
    """A project of any size costs a moment only."""
    for number in range(MOST_FILES + 5):
        (tmp_path / f"test_{number}.py").write_text("def test_a(): pass\n")
    assert seen(tmp_path, most=1000) == MOST_FILES

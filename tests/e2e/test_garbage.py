"""What is left at the end of a run is finalized, without searching for it again and again."""

from __future__ import annotations

import subprocess
import sys

from harness import PASSED, PATIENCE, Project, clean_environment

LEFT_BEHIND = """
    class Node:
        def __init__(self): self.itself = self
        def __del__(self):
            with open("finalized.txt", "a") as file: file.write("x")
    def test_a(): Node()
"""

SEARCHES = """
    import atexit, gc, os, pytest

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish():
        searched = []
        def look(phase, info):
            if phase == "start" and info["generation"] == 2:
                searched.append("few" if gc.get_freeze_count() else "all")
        def write():
            gc.callbacks.remove(look)
            with open(f"searches-{os.getpid()}.txt", "w") as file:
                print(*searched, gc.get_freeze_count(), file=file)
        gc.callbacks.append(look)
        atexit.register(write)
        return (yield)
"""


def test_all_is_searched_once_at_the_end(project: Project, driver: tuple[str, ...]) -> None:
    """What the last test left is finalized then, and nothing is kept from a process that goes on.

    A process in which nothing has a finalizer has nothing to search for; the others do it once.
    """
    project.write("conftest", SEARCHES)
    project.write("test_a", LEFT_BEHIND)
    assert project.orchestrate(*driver).code == PASSED
    assert (project.path / "finalized.txt").read_text() == "x"
    found = [path.read_text() for path in project.path.glob("searches-*.txt")]
    assert len(found) == (3 if driver else 1)
    for text in found:
        *searches, frozen = text.split()
        assert searches.count("all") <= 1
        assert frozen == "0"
    assert any("all" in text for text in found)


def test_a_process_that_goes_on_searches_as_before(project: Project) -> None:
    """Where pytest was called by a program, that program's objects are not put aside for good."""
    project.write("test_a", "def test_a(): pass")
    project.write(
        "program",
        """
        import gc, pytest, sys
        assert pytest.main(["-pxdist", "-porchestra", "--orchestrate", *sys.argv[1:]]) == 0
        assert gc.get_freeze_count() == 0
        """,
    )
    command = [sys.executable, "program.py"]
    environment = clean_environment()
    subprocess.run(command, cwd=project.path, env=environment, check=True, timeout=PATIENCE)  # noqa: S603 - ours

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from pytest_orchestra.running import inquiry, link
from pytest_orchestra.running.identify import read_host

NOTHING: dict[str, Any] = {
    "directory": None,
    "files": [],
    "first_path": [],
    "plugin_path": None,
}

#: Runs the inquiry as it runs elsewhere: in a process that has imported nothing of ours.
FRESH = """
import json, runpy, sys
answer = runpy.run_path(sys.argv[1])["answer"]
print(json.dumps(answer(json.loads(sys.argv[2]))))
"""


def ask(**question: Any) -> dict[str, Any]:
    """Ask a fresh process."""
    told = json.dumps({**NOTHING, **question})
    command = [sys.executable, "-c", FRESH, str(inquiry.__file__), told]
    output = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    answer: dict[str, Any] = json.loads(output.stdout)
    return answer


def test_what_is_here(tmp_path: Path) -> None:
    """Version, packages, identity, directory and files are told."""
    (tmp_path / "there.toml").touch()
    answer = ask(directory=str(tmp_path), files=["there.toml", "gone.toml"])
    assert answer["version"] == list(sys.version_info[:3])
    assert answer["executable"] == sys.executable
    assert answer["cwd"] == str(tmp_path.resolve())
    assert answer["missing"] == ["gone.toml"]
    for name in ("pytest", "execnet", "pytest-xdist", "pytest-orchestra"):
        assert answer["found"][name] == metadata.version(name)
    assert link.unpack_host(answer["host"]) == read_host()


def test_nothing_is_changed(tmp_path: Path) -> None:
    """Directory and path are as before, and no directory is made."""
    before = list(sys.path), Path.cwd()
    inquiry.answer({**NOTHING, "directory": str(tmp_path), "first_path": ["/first"]})
    answer = inquiry.answer({**NOTHING, "directory": str(tmp_path / "no" / "such")})
    assert (list(sys.path), Path.cwd()) == before
    assert not answer["has_directory"]
    assert not answer["has_parent"]
    assert ask(directory=str(tmp_path / "new"))["has_parent"]
    assert not os.listdir(tmp_path)  # noqa: PTH208 - that is what it is about


def test_plugins_are_looked_for_where_the_worker_will(tmp_path: Path) -> None:
    """A package that only this process could import does not count."""
    found = ask(plugin_path=[str(tmp_path)])["found"]
    assert found["pytest-orchestra"] is None
    assert found["pytest-xdist"] is None
    assert found["pytest"] is not None


def test_a_package_without_metadata_is_there(tmp_path: Path) -> None:
    """Its version is unknown."""
    for name in ("xdist", "pytest_orchestra"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    found = ask(plugin_path=[str(tmp_path)])["found"]
    assert found["pytest-orchestra"] == ""
    assert found["pytest-xdist"] == ""


def test_it_needs_nothing_but_the_standard_library() -> None:
    """Its source runs where nothing is installed, but for what it tries."""
    tree = ast.parse(Path(inquiry.__file__).read_text(encoding="utf-8"))
    names = {
        name.partition(".")[0]
        for node in tree.body
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= sys.stdlib_module_names

"""Whether a name that no collected test answers to lies in a file that was not collected."""

from __future__ import annotations

import ast
import fnmatch
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_orchestra.model.case import CaseSpec, Need

#: The file by which a virtual environment is known.
VENV: Final = "pyvenv.cfg"

#: The marker of tests that make data for others.
PROVIDING_MARKER: Final = "provides"

#: Markers whose ``name=`` lets others depend on their test.
NAMING_MARKERS: Final = frozenset({"depends", "dependency"})


class Elsewhere:
    """Looks through test files that this run did not collect, and reads each at most once.

    ``collected`` are files relative to ``rootpath`` with forward slashes; ``patterns`` are
    pytest's ``python_files``; ``skipped`` its ``norecursedirs``.
    """

    def __init__(
        self,
        rootpath: Path,
        collected: Collection[str],
        patterns: Sequence[str],
        skipped: Sequence[str],
    ) -> None:
        self._rootpath = rootpath
        self._collected = frozenset(collected)
        self._patterns = patterns
        self._skipped = skipped
        self._scanned: tuple[dict[str, str], dict[str, str]] | None = None

    def find(self, need: Need, spec: CaseSpec) -> str | None:
        """Return the uncollected file in which the target of ``need`` lies, or None."""
        path, separator, rest = need.target.partition("::")
        if separator or path.endswith(".py"):
            return self._find_in_file(path, rest, spec)
        return self._scan()[0].get(need.target)

    def find_data(self, name: str) -> str | None:
        """Return the uncollected file in which a test provides data of that ``name``, or None."""
        return self._scan()[1].get(name)

    def _find_in_file(self, path: str, rest: str, spec: CaseSpec) -> str | None:
        for folder in (self._rootpath, (self._rootpath / spec.file).parent):
            file = Path(os.path.normpath(folder / path))
            if not _is_file(file):
                continue
            try:
                relative = file.relative_to(self._rootpath).as_posix()
            except ValueError:
                relative = str(file)
            if relative in self._collected:
                return None
            wanted = rest.partition("[")[0].split("::")[-1]
            return relative if not wanted or wanted in _defined_in(file) else None
        return None

    def _scan(self) -> tuple[dict[str, str], dict[str, str]]:
        """Map custom names, and names of data, to the first uncollected file that has each."""
        if self._scanned is None:
            named: dict[str, str] = {}
            provided: dict[str, str] = {}
            for file in self._uncollected_files():
                relative = file.relative_to(self._rootpath).as_posix()
                tree = _parse(file)
                for name in _named_in(tree):
                    named.setdefault(name, relative)
                for name in _provided_in(tree):
                    provided.setdefault(name, relative)
            self._scanned = named, provided
        return self._scanned

    def _uncollected_files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self._rootpath):
            folders[:] = sorted(
                name
                for name in folders
                if not _matches(name, self._skipped) and not Path(folder, name, VENV).exists()
            )
            for name in sorted(files):
                file = Path(folder, name)
                if not name.endswith(".py") or not _matches(name, self._patterns):
                    continue
                if file.relative_to(self._rootpath).as_posix() not in self._collected:
                    yield file


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def _called(call: ast.Call) -> str | None:
    """Return the last name of what is called: ``depends`` for ``pytest.mark.depends(...)``."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return None


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _parse(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _defined_in(file: Path) -> set[str]:
    """Return the names of all functions and classes in ``file``."""
    tree = _parse(file)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)} if tree else set()


def _named_in(tree: ast.Module | None) -> Iterator[str]:
    """Yield every text that stands as ``name=`` in a marker in ``tree``."""
    for call in _calls(tree):
        if _called(call) in NAMING_MARKERS:
            for keyword in call.keywords:
                if keyword.arg == "name":
                    yield from _texts(keyword.value)


def _provided_in(tree: ast.Module | None) -> Iterator[str]:
    """Yield every text that stands in a marker of a test that makes data."""
    for call in _calls(tree):
        if _called(call) == PROVIDING_MARKER:
            for argument in call.args:
                yield from _texts(argument)


def _calls(tree: ast.Module | None) -> Iterator[ast.Call]:
    return (node for node in (ast.walk(tree) if tree else ()) if isinstance(node, ast.Call))


def _texts(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

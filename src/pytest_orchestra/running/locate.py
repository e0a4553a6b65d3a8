"""The line of a test file that a problem is about."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.scheduling.nodeid import split_nodeid

#: So many files are kept parsed.
_FILES: Final = 256

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class _Source:
    tree: ast.Module
    lines: list[bytes]


def locate(problem: Problem, spec: CaseSpec, rootpath: Path) -> str:
    """Return ``file:line`` of the marker that ``problem`` is about, or else of the function.

    The file is relative to ``rootpath``. The closest place that mentions the marker and the
    needle wins: decorators of the function, decorators and ``pytestmark`` of its classes, then
    the module. Never raises: a file that cannot be read here gives what ``spec`` says.
    """
    if problem.marker:
        for file, line in _mentions(problem, spec, rootpath):
            return f"{file}:{line}"
    return f"{spec.file}:{spec.line}" if spec.line else spec.file


def _mentions(problem: Problem, spec: CaseSpec, rootpath: Path) -> Iterator[tuple[str, int]]:
    """Yield the places that mention the marker, those which mention the needle too first."""
    places = [
        (file, source, place)
        for file in dict.fromkeys((spec.file, split_nodeid(spec.nodeid).file))
        if (source := _parse(rootpath / file)) is not None
        for place in _marking(source.tree, spec, file)
    ]
    for needle in dict.fromkeys((problem.needle, "")):
        for file, source, place in places:
            for line in _mentioned(source, place, problem.marker, needle):
                yield file, line


@lru_cache(maxsize=_FILES)
def _parse(path: Path) -> _Source | None:
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pytest has shown those of this file already
            return _Source(ast.parse(content), content.splitlines())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _marking(tree: ast.Module, spec: CaseSpec, file: str) -> Iterator[ast.expr]:
    """Yield the expressions that mark the test, from the closest to the farthest."""
    around = _around(tree, spec, file)
    for node in around:
        yield from node.decorator_list
        if isinstance(node, ast.ClassDef):
            yield from _assigned(node.body, only_marks=True)
    yield from _assigned(tree.body, only_marks=True)
    yield from _assigned(tree.body, only_marks=False)


def _around(tree: ast.Module, spec: CaseSpec, file: str) -> list[_Definition]:
    """Return the function of the test and its classes, from the inside out.

    A method that is inherited is not in the class that its node id names, nor need that class be
    in the same file; then the function is the one at the line of ``spec``.
    """
    found: list[_Definition] = []
    body: list[ast.stmt] = tree.body
    for name in split_nodeid(spec.nodeid).name.split("::"):
        definition = next((each for each in _definitions(body) if each.name == name), None)
        if definition is None:
            break
        found.insert(0, definition)
        body = definition.body
    if file == spec.file and (not found or not _holds_line(found[0], spec.line)):
        found = [*_at_line(tree, spec.line), *found]
    return found


def _definitions(body: Iterable[ast.AST]) -> Iterator[_Definition]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def _at_line(tree: ast.Module, line: int) -> list[_Definition]:
    """Return the definitions around ``line``, from the inside out."""
    found = [node for node in _definitions(ast.walk(tree)) if _holds_line(node, line)]
    return sorted(found, key=lambda node: -node.lineno)


def _holds_line(node: _Definition, line: int) -> bool:
    first = min(each.lineno for each in (node, *node.decorator_list))
    return first <= line <= (node.end_lineno or first)


def _assigned(body: Iterable[ast.stmt], *, only_marks: bool) -> Iterator[ast.expr]:
    """Yield what is assigned to ``pytestmark``, or to any name: it may be used as a decorator."""
    for node in body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name == "pytestmark" or not only_marks:
                yield value


def _mentioned(source: _Source, place: ast.expr, marker: str, needle: str) -> Iterator[int]:
    """Yield the lines at which ``place`` uses the marker in a text with the needle as a word."""
    wanted = re.compile(rb"(?<!\w)%b(?!\w)" % re.escape(needle).encode(errors="surrogatepass"))
    for node in ast.walk(place):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) | ast.Attribute(attr=name):
                text = b"\n".join(source.lines[node.lineno - 1 : node.end_lineno])
                if name == marker and (not needle or wanted.search(text)):
                    yield node.lineno

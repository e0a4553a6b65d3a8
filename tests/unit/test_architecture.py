"""Which layer may import what: ``model <- scheduling <- running <- plugin``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import pytest_orchestra

ROOT: Final = Path(pytest_orchestra.__file__).parent
PACKAGE: Final = "pytest_orchestra"

#: Our own layers that each layer may import (one that is not listed: none); the standard
#: library is free to all.
OURS: Final[dict[str, set[str]]] = {
    "model": {"model"},
    "scheduling": {"model", "scheduling"},
    "errors": {"model", "scheduling"},
    "resource_settings": {"model", "scheduling"},
    "history_settings": {"model", "resource_settings"},
    "retry_settings": {"model"},
    "stage_settings": {"model", "resource_settings", "scheduling"},
    "settings": {
        "model",
        "scheduling",
        "errors",
        "history_settings",
        "resource_settings",
        "retry_settings",
        "stage_settings",
    },
    "machine": {"model", "errors", "machine"},
    "history": {"model", "errors", "history"},
    "reports": {"model", "scheduling", "errors", "reports"},
    "live": {"model", "live"},
    "diagnosis": {"history", "diagnosis"},
    "merging": {"model", "errors", "merging"},
    "cli": {
        "model",
        "scheduling",
        "errors",
        "settings",
        "history_settings",
        "resource_settings",
        "history",
        "merging",
        "machine",
        "reports",
        "advice",
        "cli",
    },
    "advice": {"model", "scheduling", "advice"},
    "hookspecs": {"model"},
    "marker_lines": set(),
    "scales": set(),
    "running": {
        "model",
        "scheduling",
        "errors",
        "settings",
        "retry_settings",
        "history_settings",
        "machine",
        "history",
        "reports",
        "live",
        "diagnosis",
        "advice",
        "hookspecs",
        "scales",
        "running",
    },
    "plugin": {"hookspecs", "marker_lines", "scales", "running"},
    "": {"model"},
}

#: The rim: what may import pytest and the like.
RIM: Final = {"running", "plugin", "hookspecs", "scales"}

#: Packages of others that a layer may import inside a function, so that they load when needed.
LAZY: Final = {"scheduling": {"networkx"}, "machine": {"filelock"}}

#: The same for single modules that are themselves imported inside a function only.
LATE: Final = {"reports.junit": {"junitparser"}}


def violations(module: str, source: str) -> Iterator[str]:
    """Yield what is wrong with the ``source`` of ``module``, such as ``scheduling.graph``."""
    layer = module.partition(".")[0]
    tree = ast.parse(source)
    lazy = {node for each in ast.walk(tree) if _is_function(each) for node in ast.walk(each)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield f"{module}:{node.lineno}: pytest would collect the class {node.name}"
        for name in _imported(node):
            if name.partition(".")[0] in LATE.get(module, ()):
                continue
            if not _is_allowed(layer, name, is_lazy=node in lazy):
                line = getattr(node, "lineno", 0)
                yield f"{module}:{line}: {layer or PACKAGE} must not import {name}"


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _imported(node: ast.AST) -> list[str]:
    """Return the modules that ``node`` imports, in full; a relative one begins with a dot."""
    match node:
        case ast.Import(names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module, names, level) if level:
            return ["." * level + (module or "")]
        case ast.ImportFrom(str() as module, names) if module == PACKAGE:
            return [f"{module}.{alias.name}" for alias in names]
        case ast.ImportFrom(str() as module):
            return [module]
    return []


def _is_allowed(layer: str, name: str, *, is_lazy: bool) -> bool:
    top, _, rest = name.partition(".")
    if top == PACKAGE:
        return rest.partition(".")[0] in OURS.get(layer, set())
    if top in sys.stdlib_module_names or layer in RIM:
        return True
    return is_lazy and top in LAZY.get(layer, ())


def modules() -> dict[str, Path]:
    """Return every module of the package by its name, without that of the package."""
    names = {path: path.relative_to(ROOT).with_suffix("").parts for path in ROOT.rglob("*.py")}
    return {
        ".".join(part for part in parts if part != "__init__"): path
        for path, parts in names.items()
    }


def test_every_module_imports_only_what_its_layer_may() -> None:
    """No exception is made, wherever the import stands."""
    found = [
        violation
        for module, path in modules().items()
        for violation in violations(module, path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_every_module_is_looked_at() -> None:
    """The check would pass if it found no files."""
    assert {"", "plugin", "model", "model.case", "scheduling.engine"} <= modules().keys()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.case", "from pytest_orchestra.scheduling.pool import Pool"),
        ("model.case", "import networkx"),
        ("model.case", "def f():\n    import networkx"),
        ("scheduling.pool", "import pytest_orchestra.running.link"),
        ("scheduling.pool", "from pytest_orchestra import settings"),
        ("scheduling.pool", "import networkx as nx"),
        ("scheduling.pool", "def f():\n    from pytest import fixture"),
        ("scheduling.pool", "if True:\n    import execnet"),
        ("scheduling.pool", "from .. import running"),
        ("settings", "from pytest_orchestra.running.run import Run"),
        ("settings", "import pytest"),
        ("errors", "import _pytest.outcomes"),
        ("machine.guard", "import filelock"),
        ("machine.ledger", "from pytest_orchestra.scheduling.pool import Pool"),
        ("machine.ledger", "def f():\n    import pytest"),
        ("scheduling.pool", "from pytest_orchestra.machine import Ledger"),
        ("scheduling.pool", "from pytest_orchestra.history.estimates import guess"),
        ("history.store", "from pytest_orchestra.scheduling.nodeid import split_nodeid"),
        ("history.store", "def f():\n    import pytest"),
        ("cli.flaky", "from pytest_orchestra.running.memory import Memory"),
        ("cli.flaky", "def f():\n    import pytest"),
        ("running.link", "from pytest_orchestra.plugin import pytest_configure"),
        ("running.link", "from pytest_orchestra import plugin"),
        ("", "import xdist.dsession"),
        ("unheard_of", "from pytest_orchestra.model.case import CaseSpec"),
        ("running.link", "class TestLink: pass"),
        ("model.case", "def f():\n    class TestCase: pass"),
    ],
)
def test_the_check_can_fail(module: str, source: str) -> None:
    """A made-up module that breaks a rule is found out."""
    assert list(violations(module, source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.case", "from enum import StrEnum\nfrom pytest_orchestra.model.verdict import X"),
        ("scheduling.graph", "def f():\n    import networkx.algorithms"),
        ("scheduling.graph", "import heapq, os.path\nfrom pytest_orchestra.model import case"),
        ("settings", "from pytest_orchestra.scheduling.quantity import parse_quantity"),
        ("machine.guard", "import fcntl\ndef f():\n    from filelock import FileLock"),
        ("running.link", "import pytest\nimport execnet\nfrom pytest_orchestra import settings"),
        ("plugin", "from pytest_orchestra.running.run import Run\nclass Contest: pass"),
    ],
)
def test_the_check_can_pass(module: str, source: str) -> None:
    """A made-up module that keeps the rules is left in peace."""
    assert not list(violations(module, source))

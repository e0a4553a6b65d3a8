from pathlib import Path
from textwrap import dedent

import pytest

from pytest_orchestra.model.case import CaseSpec
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.running.locate import locate

FILE = dedent('''\
    """A suite."""
    import pytest
    from pytest import mark
    slow = mark.priority("alias")
    pytestmark = [
        mark.usefixtures("x"),
        mark.depends("of_module"),
    ]
    @pytest.mark.parametrize("x", [
        1,
        pytest.param(2, marks=mark.depends("of_param")),
    ])
    @mark.depends("test_ab")
    @mark.depends(
        "test_a",
    )
    def test_function(x): ...
    @mark.resources
    class TestOuter:
        pytestmark = mark.depends("of_outer")
        note: str
        @mark.depends("of_inner")
        class TestInner:
            pytestmark: object = mark.priority(1)
            @slow
            async def test_method(self): ...
    class Base:
        @mark.depends("of_base")
        def test_inherited(self): ...
    @mark.depends("of_child")
    class TestChild(Base): ...
    if True:
        @mark.depends("of_hidden")
        def test_hidden(): ...
    def test_plain(): ...
    ''')

FUNCTION = CaseSpec("test_x.py::test_function[2]", "test_x.py", 9)
METHOD = CaseSpec("test_x.py::TestOuter::TestInner::test_method", "test_x.py", 25)
INHERITED = CaseSpec("test_x.py::TestChild::test_inherited", "test_x.py", 28)
HIDDEN = CaseSpec("test_x.py::test_hidden", "test_x.py", 33)
PLAIN = CaseSpec("test_x.py::test_plain", "test_x.py", 35)


def line_of(root: Path, spec: CaseSpec, marker: str, needle: str = "") -> str:
    """Return the place of a problem with ``marker``."""
    problem = Problem("w", "r", nodeid=spec.nodeid, marker=marker, needle=needle)
    return locate(problem, spec, root)


@pytest.mark.parametrize(
    ("spec", "marker", "needle", "line"),
    [
        pytest.param(FUNCTION, "depends", "test_ab", 13, id="a decorator"),
        pytest.param(FUNCTION, "depends", "test_a", 14, id="a whole word over several lines"),
        pytest.param(FUNCTION, "depends", "of_param", 11, id="a parameter set's mark"),
        pytest.param(FUNCTION, "depends", "of_module", 7, id="an element of the module's marks"),
        pytest.param(FUNCTION, "depends", "computed", 11, id="no needle: the closest marker"),
        pytest.param(FUNCTION, "depends", "\ud800", 11, id="a needle that no file can hold"),
        pytest.param(FUNCTION, "resources", "", 9, id="no such marker: the function"),
        pytest.param(FUNCTION, "", "", 9, id="no marker at all: the function"),
        pytest.param(METHOD, "depends", "of_inner", 22, id="a decorator of the class"),
        pytest.param(METHOD, "depends", "of_outer", 20, id="the marks of the outer class"),
        pytest.param(METHOD, "depends", "", 22, id="the closest of several"),
        pytest.param(METHOD, "priority", "1", 24, id="annotated marks of a class"),
        pytest.param(METHOD, "priority", "alias", 4, id="a marker by another name"),
        pytest.param(METHOD, "resources", "", 18, id="a bare marker"),
        pytest.param(INHERITED, "depends", "of_base", 28, id="an inherited method"),
        pytest.param(INHERITED, "depends", "of_child", 30, id="the class that inherits it"),
        pytest.param(HIDDEN, "depends", "of_hidden", 33, id="a function under a condition"),
        pytest.param(PLAIN, "depends", "", 7, id="only the module has it"),
    ],
)
def test_the_line_of_the_marker_is_found(
    tmp_path: Path, spec: CaseSpec, marker: str, needle: str, line: int
) -> None:
    """The closest use of the marker that has the needle is where the problem is."""
    (tmp_path / "test_x.py").write_text(FILE)
    assert line_of(tmp_path, spec, marker, needle) == f"test_x.py:{line}"


def test_a_method_inherited_from_another_file_is_found_in_both(tmp_path: Path) -> None:
    """The function's markers are in its own file, those of its class in the test's."""
    (tmp_path / "base.py").write_text(
        "class Base:\n    @mark.depends('a')\n    def test_x(s): ...\n"
    )
    (tmp_path / "test_y.py").write_text("\n@mark.depends('b')\nclass TestY(Base): ...\n")
    spec = CaseSpec("test_y.py::TestY::test_x", "base.py", 2)
    assert line_of(tmp_path, spec, "depends", "a") == "base.py:2"
    assert line_of(tmp_path, spec, "depends", "b") == "test_y.py:2"


@pytest.mark.parametrize(
    "content",
    [b"def test_x(:", b"# -*- coding: nonsense -*-", b"\0", b"'\\d'; " + b"(" * 999, None],
)
def test_a_file_that_cannot_be_parsed_gives_the_function(
    tmp_path: Path, content: bytes | None
) -> None:
    """Files with errors, or on another machine, are no reason to fail."""
    if content is not None:
        (tmp_path / "test_x.py").write_bytes(content)
    assert line_of(tmp_path, FUNCTION, "depends") == "test_x.py:9"


def test_an_unknown_line_is_left_out(tmp_path: Path) -> None:
    """A file without Python functions is named without a line."""
    assert line_of(tmp_path, CaseSpec("guide.md::step 1", "guide.md"), "depends") == "guide.md"

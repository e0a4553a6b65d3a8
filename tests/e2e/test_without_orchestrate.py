"""Without ``--orchestrate`` the plugin is as good as not installed."""

from __future__ import annotations

import json

from harness import FAILED, PASSED, Project

HEAVY = {"networkx", "junitparser", "sqlite3", "filelock", "xdist", "execnet"}

SUITE = """
    import pytest
    from pytest import mark

    @mark.depends("test_fails")
    @mark.priority(-1)
    def test_first(): pass
    @mark.resources("db", gpu=500)
    def test_claims(): pass
    @mark.priority(10)
    def test_fails(): assert 0
    @mark.depends("no such test")
    def test_last(): pass
"""


def test_nothing_heavy_is_imported(project: Project) -> None:
    """No package that only orchestrated runs need is imported, nor what drives them."""
    project.write(
        "conftest",
        """
        import json, pathlib, sys, pytest
        @pytest.hookimpl(trylast=True)
        def pytest_unconfigure():
            pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
        """,
    )
    project.write("test_a", SUITE)
    project.plugins = ("orchestra",)
    result = project.run()
    assert result.counts == {"passed": 3, "failed": 1}
    modules = set(json.loads((project.path / "modules.json").read_text()))
    assert "pytest_orchestra.plugin" in modules
    assert not modules & HEAVY
    ours = {name for name in modules if name.startswith("pytest_orchestra")}
    assert ours == {
        "pytest_orchestra",
        "pytest_orchestra.plugin",
        "pytest_orchestra.hookspecs",
        "pytest_orchestra.marker_lines",
        "pytest_orchestra.scales",
    }


def test_behaviour_is_plain(project: Project, driver: tuple[str, ...]) -> None:
    """Tests run in pytest's order, whatever their markers say, and nothing of ours is printed."""
    project.configure(
        "[tool.pytest_orchestra]\nno_such_key = 1", ini='addopts = "--strict-markers"'
    )
    project.write("test_a", SUITE)
    result = project.run(*driver, "-v")
    assert result.code == FAILED
    assert result.counts == {"passed": 3, "failed": 1}
    if driver:
        assert result.lines("^scheduling tests via LoadScheduling$")
    else:
        names = [nodeid.rpartition("_")[2] for nodeid in result.begun]
        assert names == ["first", "claims", "fails", "last"]
    assert not result.cases
    assert not result.lines("(?i)orchestra: |^=+ orchestra|waited")


def test_markers_and_options_are_described(project: Project) -> None:
    """``--markers`` and ``--help`` describe what there is, and the entry point is found."""
    project.plugins = ("witness",)
    markers = project.run("--markers", PYTEST_DISABLE_PLUGIN_AUTOLOAD="")
    assert markers.code == PASSED
    for name in ("depends", "priority", "resources"):
        (line,) = markers.lines(rf"^@pytest\.mark\.{name}\(")
        assert "Example: @pytest.mark." in line
    helped = project.run("--help", PYTEST_DISABLE_PLUGIN_AUTOLOAD="")
    assert helped.lines("^test orchestration:$")
    for option in (
        "--orchestrate ",
        "--orchestrate-config=FILE",
        "--orchestrate-resource=NAME=CAPACITY",
        "--orchestrate-missing=pull|run|skip",
        "--orchestrate-order=balanced|makespan|feedback",
        "--orchestrate-history=PATH|none",
    ):
        start = helped.output.find(f"\n  {option}")
        assert start > 0, option
        assert len(helped.output[start : start + 200].split()) > 8

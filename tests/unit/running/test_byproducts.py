"""Which files count as written in this run."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import coverage
import pytest

from pytest_orchestra.running import byproducts
from pytest_orchestra.running.byproducts import read_coverage, read_links

BEGAN = 1000.0


def config_of(path: Path, plugins: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return what is asked of a configuration with these plugins and options."""
    found = plugins or {}
    return SimpleNamespace(
        rootpath=path,
        invocation_params=SimpleNamespace(dir=path),
        option=SimpleNamespace(**options),
        pluginmanager=SimpleNamespace(get_plugin=found.get, has_plugin=found.__contains__),
    )


def write(path: Path, at: float) -> None:
    """Write a file at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (at, at))


def test_reports_of_earlier_runs_are_not_linked(tmp_path: Path) -> None:
    """Only what is newer than the beginning of the run."""
    write(tmp_path / "htmlcov/index.html", BEGAN + 1)
    write(tmp_path / "coverage.xml", BEGAN - 1)
    links = read_links(config_of(tmp_path), BEGAN)
    assert [each.path for each in links] == ["htmlcov/index.html"]


def test_reports_are_linked_where_they_were_sent(tmp_path: Path) -> None:
    """As pytest-cov, pytest-html and allure were told; pytest-html has not written its page yet."""
    write(tmp_path / "out/html/index.html", BEGAN + 1)
    write(tmp_path / "out/c.xml", BEGAN + 1)
    write(tmp_path / "allure/x", BEGAN)
    config = config_of(
        tmp_path,
        {"html": object()},
        cov_report={"html": "out/html", "xml": "out/c.xml", "term": None},
        htmlpath="out/page.html",
        allure_report_dir="allure",
    )
    found = [each.path for each in read_links(config, BEGAN)]
    assert found == ["out/html/index.html", "out/c.xml", "out/page.html", "allure"]


def test_the_total_of_pytest_cov_is_taken(tmp_path: Path) -> None:
    """With the threshold that it was given, or ours."""
    plugin = SimpleNamespace(cov_total=81.5, options=SimpleNamespace(cov_fail_under=90))
    found = read_coverage(config_of(tmp_path, {"_cov": plugin}), BEGAN)
    assert found is not None
    assert (found.percent, found.least) == (81.5, 90.0)
    plugin.options.cov_fail_under = None
    found = read_coverage(config_of(tmp_path, {"_cov": plugin}), BEGAN)
    assert found is not None
    assert found.least == byproducts.LEAST_COVERAGE


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """Return a directory with coverage that was measured of a file there."""
    code = tmp_path / "lib.py"
    code.write_text("a = 1\nif a > 1:\n    a = 2\n    a = 3\n")
    data = coverage.CoverageData(basename=str(tmp_path / ".coverage"))
    data.add_lines({str(code): [1, 2]})
    data.write()
    return tmp_path


def test_a_coverage_file_gives_its_total(measured: Path) -> None:
    """If it is of this run."""
    began = (measured / ".coverage").stat().st_mtime
    found = read_coverage(config_of(measured), began)
    assert found is not None
    assert (found.percent, found.source) == (50.0, ".coverage")
    assert read_coverage(config_of(measured), began + 10) is None


def test_coverage_that_cannot_be_told_is_none(
    measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is none, code that has gone, too much of it, and none at all."""
    config = config_of(measured)
    with monkeypatch.context() as patch:
        patch.setattr(byproducts, "MOST_MEASURED", 0)
        assert read_coverage(config, 0.0) is None
    (measured / "lib.py").unlink()
    assert read_coverage(config, 0.0) is None
    (measured / ".coverage").write_text("no database")
    assert read_coverage(config, 0.0) is None
    (measured / ".coverage").unlink()
    assert read_coverage(config, 0.0) is None

"""What other plugins wrote in this run, and how much of the code it covered."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pytest_orchestra.model.advice import Coverage, Link

#: What the coverage should be, in per cent, where its configuration does not say so (``fail_under``).
LEAST_COVERAGE: Final = 70.0

#: Data of more files than this is not looked into: to find what of them could run would take too long.
MOST_MEASURED: Final = 500

#: The clock that the kernel gives files may be so many seconds behind.
_TOLERANCE: Final = 0.01

#: Reports of coverage by the name that pytest-cov gives to their form: what they are called, and where they are
#: unless somebody said so.
_COVERAGE_REPORTS: Final = {
    "html": ("Coverage, by line", "htmlcov/index.html"),
    "xml": ("Coverage, as XML", "coverage.xml"),
    "json": ("Coverage, as JSON", "coverage.json"),
    "lcov": ("Coverage, for lcov", "coverage.lcov"),
}


def read_links(config: pytest.Config, since: float) -> tuple[Link, ...]:
    """Return what other plugins have written after ``since``, or are about to write.

    ``since`` is in seconds since the epoch.
    """
    found = [*_coverage_reports(config, since), *_others(config, since)]
    return tuple(Link(name, _shown(config, path)) for name, path in found)


def _coverage_reports(config: pytest.Config, since: float) -> Iterator[tuple[str, Path]]:
    wanted = getattr(config.option, "cov_report", None)
    chosen = wanted if isinstance(wanted, dict) else {}
    for form, (name, default) in _COVERAGE_REPORTS.items():
        where = chosen.get(form) or default
        path = config.invocation_params.dir / where
        if form == "html" and path.suffix != ".html":
            path /= "index.html"
        if _is_fresh(path, since):
            yield name, path


def _others(config: pytest.Config, since: float) -> Iterator[tuple[str, Path]]:
    here = config.invocation_params.dir
    # pytest-html writes when all others are done, so it cannot be there yet.
    page = getattr(config.option, "htmlpath", None)
    if page and config.pluginmanager.has_plugin("html"):
        yield "Report of pytest-html", here / page
    allure = getattr(config.option, "allure_report_dir", None)
    if allure and _is_fresh(here / allure, since):
        yield "Results for Allure", here / allure


def read_coverage(config: pytest.Config, since: float) -> Coverage | None:
    """Return the coverage that was measured in this run, None if none was, or nobody can read it.

    ``since`` is when the run began, in seconds since the epoch.
    """
    plugin = config.pluginmanager.get_plugin("_cov")
    total = getattr(plugin, "cov_total", None)
    if isinstance(total, int | float):
        least = getattr(getattr(plugin, "options", None), "cov_fail_under", None)
        return Coverage(float(total), float(least or LEAST_COVERAGE), "pytest-cov")
    path = config.rootpath / os.environ.get("COVERAGE_FILE", ".coverage")
    if not _is_fresh(path, since):
        return None
    return _of_file(path, _shown(config, path))


def _of_file(path: Path, shown: str) -> Coverage | None:
    try:
        import coverage  # noqa: PLC0415 - only where it has measured something
    except ImportError:
        return None
    measured = coverage.Coverage(data_file=str(path))
    try:
        measured.load()
        if len(measured.get_data().measured_files()) > MOST_MEASURED:
            return None
        percent = measured.report(file=io.StringIO())
    except coverage.CoverageException:
        return None
    least = measured.get_option("report:fail_under")
    is_set = isinstance(least, int | float) and least > 0
    return Coverage(percent, float(least) if is_set else LEAST_COVERAGE, shown)  # type: ignore[arg-type]


def _is_fresh(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime >= since - _TOLERANCE
    except OSError:
        return False


def _shown(config: pytest.Config, path: Path) -> str:
    root = config.rootpath
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

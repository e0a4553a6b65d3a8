"""Markers of pytest-order and pytest-dependency hold, and their plugins keep still."""

from __future__ import annotations

import pytest

DRIVERS = [pytest.param((), id="one process"), pytest.param(("-n", "2"), id="workers")]

SUITE = """
    import pytest

    @pytest.mark.dependency(depends=["created"])
    def test_deleted():
        pass

    @pytest.mark.order(before="test_first")
    def test_zeroth():
        pass

    @pytest.mark.dependency(name="created")
    def test_create():
        {outcome}

    def test_first():
        pass

    @pytest.mark.order("last")
    def test_last():
        pass

    def test_unmarked():
        pass
"""


#: These and no others: each costs time in every process.
PLUGINS = ("-pxdist", "-porchestra", "-ppytest_order", "-pdependency")


@pytest.fixture(autouse=True)
def _peers_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the real plugins these tests would prove nothing."""
    pytest.importorskip("pytest_order")
    pytest.importorskip("pytest_dependency")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def test_order_is_ours(pytester: pytest.Pytester) -> None:
    """The planned order satisfies both plugins' markers at once."""
    pytester.makepyfile(test_peers=SUITE.format(outcome="pass"))
    options = ("--orchestrate", "--collect-only", "-q")
    result = pytester.runpytest_subprocess(*PLUGINS, *options, timeout=300)
    order = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert sorted(order) == sorted(set(order))
    assert order.index("test_create") < order.index("test_deleted")
    assert order.index("test_zeroth") < order.index("test_first")
    assert order[-1] == "test_last"


@pytest.mark.parametrize("driver", DRIVERS)
def test_dependency_is_not_skipped_by_its_own_plugin(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """A test runs although pytest-dependency, in its worker, never saw the prerequisite pass."""
    pytester.makepyfile(SUITE.format(outcome="pass"))
    options = ("--orchestrate", "--strict-markers", *driver)
    result = pytester.runpytest_subprocess(*PLUGINS, *options, timeout=300)
    result.assert_outcomes(passed=6)


@pytest.mark.parametrize("driver", DRIVERS)
def test_failed_dependency_blocks(pytester: pytest.Pytester, driver: tuple[str, ...]) -> None:
    """A test whose pytest-dependency prerequisite failed is blocked and names it."""
    pytester.makepyfile(test_peers=SUITE.format(outcome="assert False"))
    result = pytester.runpytest_subprocess(*PLUGINS, "--orchestrate", *driver, timeout=300)
    assert result.parseoutcomes() == {"failed": 1, "passed": 4, "blocked": 1}
    result.stdout.fnmatch_lines(
        ["*test_peers.py::test_deleted  blocked: test_peers.py::test_create failed*"]
    )

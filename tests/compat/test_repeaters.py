"""Plugins that repeat tests on their own are let do so; their attempts are seen, and no more are made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest
from harness import WITHOUT_DELAY

#: Where those are that cannot be installed beside each other; `make .venv/installed` puts them there.
PEERS: Final = Path(sys.prefix, "peers")

DRIVERS = [pytest.param((), id="one process"), pytest.param(("-n", "2"), id="workers")]

#: How each is told to repeat one test twice, or all. Only one is loaded at a time: all know the marker.
RERUNFAILURES: Final = ("pytest-rerunfailures", "reruns=2", ("--reruns", "2"))
RETRY: Final = ("pytest-retry", "retries=2", ("--retries", "2"))
FLAKY: Final = ("flaky", "max_runs=3", ("--force-flaky", "--max-runs=3"))
PLUGINS: Final = {
    "pytest-rerunfailures": "rerunfailures",
    "pytest-retry": "pytest-retry",
    "flaky": "flaky",
}

SUITE = """
    import pathlib, pytest

    def attempt(name):
        place = pathlib.Path(__file__).parent / "attempts" / name
        place.mkdir(parents=True, exist_ok=True)
        number = len(list(place.iterdir())) + 1
        (place / str(number)).touch()
        return number

    {mark}
    def test_theirs():
        assert attempt("theirs") == 3, "not yet"

    {mark}
    def test_broken():
        assert not attempt("broken"), "never"

    {ours}
    def test_ours():
        assert attempt("ours") == 2

    @pytest.mark.parametrize("number", range(8))
    def test_tiny(number): pass
"""


@pytest.fixture(autouse=True)
def peers(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs find the plugins that are not installed beside the others."""
    assert PEERS.is_dir(), "make .venv/installed"
    pytester.makeconftest(WITHOUT_DELAY)
    monkeypatch.setenv("PYTHONPATH", str(PEERS))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, peer: str | None, *options: str) -> pytest.RunResult:
    """Run the suite with one of the plugins, and with retries of our own."""
    plugins = ["-pxdist", "-porchestra", *([f"-p{PLUGINS[peer]}"] if peer else [])]
    return pytester.runpytest_subprocess(
        *plugins, "--orchestrate", "--orchestrate-retries", "1", *options, timeout=300
    )


def attempts(pytester: pytest.Pytester, name: str) -> int:
    """Return how often a test has run."""
    return len(list((pytester.path / "attempts" / name).iterdir()))


@pytest.mark.parametrize(("peer", "arguments", "_"), [RERUNFAILURES, RETRY, FLAKY])
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_marked_test_is_theirs(
    pytester: pytest.Pytester, peer: str, arguments: str, _: object, driver: tuple[str, ...]
) -> None:
    """It is not tried again when they have given up, and flaky if it passed at last; others are ours."""
    pytester.makepyfile(SUITE.format(mark=f"@pytest.mark.flaky({arguments})", ours=""))
    result = run(pytester, peer, *driver)
    assert result.ret == 1
    assert (attempts(pytester, "theirs"), attempts(pytester, "broken")) == (3, 3)
    assert attempts(pytester, "ours") == 2
    result.stdout.fnmatch_lines(
        [
            f"orchestra: 2 tests are left to {peer} to repeat, and not tried again besides",
            "11 tests collected: 8 passed, 2 flaky, 1 failed",
            "*::test_theirs  failed on *, passed on *",
            "*::test_ours  failed on *, passed on *",
        ]
    )
    assert result.parseoutcomes()["flaky"] == 2


@pytest.mark.parametrize(("peer", "_", "options"), [RERUNFAILURES, RETRY, FLAKY])
def test_an_option_makes_all_tests_theirs(
    pytester: pytest.Pytester, peer: str, _: object, options: tuple[str, ...]
) -> None:
    """Also those that our marker is on."""
    pytester.makepyfile(SUITE.format(mark="", ours="@pytest.mark.retries(5)"))
    result = run(pytester, peer, "-n", "2", *options)
    assert (attempts(pytester, "theirs"), attempts(pytester, "broken")) == (3, 3)
    result.stdout.fnmatch_lines([f"orchestra: 11 tests are left to {peer} to repeat, *"])


@pytest.mark.parametrize("driver", DRIVERS)
def test_without_such_a_plugin_their_marker_means_nothing(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """A test is tried again like any other."""
    pytester.makeini("[pytest]\nmarkers = flaky")
    pytester.makepyfile(SUITE.format(mark="@pytest.mark.flaky(reruns=5)", ours=""))
    result = run(pytester, None, *driver)
    assert (attempts(pytester, "theirs"), attempts(pytester, "broken")) == (2, 2)
    result.stdout.no_fnmatch_line("*left to*")

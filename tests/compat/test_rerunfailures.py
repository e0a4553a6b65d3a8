"""pytest-rerunfailures repeats tests on its own; the final attempt counts, and one that passes is flaky."""

from __future__ import annotations

import pytest

#: These and no others: each costs time in every process.
PLUGINS = ("-pxdist", "-porchestra", "-prerunfailures")

DRIVERS = [pytest.param((), id="one process"), pytest.param(("-n", "2"), id="workers")]

FLAKY = """
    import os, pathlib, pytest

    def attempt(name):
        file = pathlib.Path(__file__).with_name(name)
        number = int(file.read_text()) + 1 if file.exists() else 1
        file.write_text(str(number))
        return number

    @pytest.mark.flaky(reruns=2)
    def test_flaky():
        {flaw}

    @pytest.mark.depends("test_flaky")
    def test_after():
        assert attempt("after") == 1
"""


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load only the plugins that are named."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize("driver", DRIVERS)
def test_dependants_wait_for_the_last_attempt(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """A test that passes at the third attempt lets its dependants run, once."""
    pytester.makepyfile(FLAKY.format(flaw='assert attempt("flaky") == 3'))
    result = pytester.runpytest_subprocess(*PLUGINS, "--orchestrate", *driver, timeout=300)
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "flaky": 1, "rerun": 2}
    result.stdout.fnmatch_lines(["2 tests collected: 1 passed, 1 flaky"])


@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize("driver", DRIVERS)
def test_last_failure_blocks(pytester: pytest.Pytester, driver: tuple[str, ...]) -> None:
    """A test that fails at every attempt blocks its dependants."""
    pytester.makepyfile(FLAKY.format(flaw="assert not attempt('flaky')"))
    result = pytester.runpytest_subprocess(*PLUGINS, "--orchestrate", *driver, timeout=300)
    assert result.ret == 1
    assert result.parseoutcomes() == {"failed": 1, "rerun": 2, "blocked": 1}


def test_crash_is_repeated_on_another_worker(pytester: pytest.Pytester) -> None:
    """A test whose worker dies is run again if the plugin asks for it, and may pass then."""
    pytester.makepyfile(FLAKY.format(flaw='attempt("flaky") > 1 or os._exit(3)'))
    result = pytester.runpytest_subprocess("--orchestrate", "-n", "2", timeout=300)
    assert result.ret == 0, result.stdout.str()
    assert result.parseoutcomes() == {"passed": 1, "flaky": 1, "rerun": 1}


@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize("driver", DRIVERS)
def test_data_is_that_of_the_last_attempt(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """What an attempt that failed provided is void, also if the last one provides nothing."""
    pytester.makepyfile(
        """
        import pytest
        attempts = {"user": 0, "mail": 0}

        @pytest.mark.flaky(reruns=2)
        @pytest.mark.provides("user")
        def test_user(outputs):
            attempts["user"] += 1
            outputs["user"] = attempts["user"]
            assert attempts["user"] == 3
        @pytest.mark.depends(data="user")
        def test_uses(inputs): assert inputs["user"] == 3

        @pytest.mark.flaky(reruns=2)
        @pytest.mark.provides("mail")
        def test_mail(outputs):
            attempts["mail"] += 1
            if attempts["mail"] < 3:
                outputs["mail"] = attempts["mail"]
                assert 0
        @pytest.mark.depends(data="mail")
        def test_reads(inputs): pass
        """
    )
    result = pytester.runpytest_subprocess(*PLUGINS, "--orchestrate", *driver, timeout=300)
    assert result.parseoutcomes() == {"passed": 1, "flaky": 2, "rerun": 4, "blocked": 1}
    result.stdout.fnmatch_lines(
        ["*test_reads  blocked: *test_mail passed, but provided no 'mail'*"]
    )


@pytest.mark.usefixtures("lean")
def test_its_line_to_the_workers_keeps_nobody_from_leaving(pytester: pytest.Pytester) -> None:
    """Workers have a socket open for it to the end, which is nothing to search for, or to take apart."""
    pytester.makepyfile("def test_x(): pass")
    pytester.makeconftest(
        """
        import atexit, gc, os

        def pytest_configure(config):
            worker = os.environ.get("PYTEST_XDIST_WORKER")
            if worker:
                atexit.register(lambda: print("", file=open(f"{worker}.{gc.get_freeze_count() > 0}", "w")))
        """
    )
    result = pytester.runpytest_subprocess(*PLUGINS, "--orchestrate", "-n1", timeout=300)
    assert result.ret == 0
    assert pytester.path.joinpath("gw0.True").exists()

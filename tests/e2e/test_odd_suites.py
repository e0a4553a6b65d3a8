"""Suites and plugins that do unusual things are run as plain pytest runs them, or told why not."""

from __future__ import annotations

import pytest

DRIVERS = [pytest.param((), id="alone"), pytest.param(("-n", "2"), id="workers")]


@pytest.fixture(autouse=True)
def _lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load only the plugins that are named: each costs time in every process."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def orchestrate(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the made-up suite."""
    options = ("-pxdist", "-porchestra", "--orchestrate", "-p", "no:cacheprovider")
    return pytester.runpytest_subprocess(*options, *arguments, timeout=300)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("kind", ["ValueError", "pytest.UsageError", "pytest.exit"])
def test_errors_of_other_plugins_during_collection_are_shown(
    pytester: pytest.Pytester, driver: tuple[str, ...], kind: str
) -> None:
    """What a conftest raises while tests are collected is what the user reads."""
    raising = (
        f'{kind}("my own words")' if kind == "pytest.exit" else f'raise {kind}("my own words")'
    )
    pytester.makeconftest(
        f"import pytest\ndef pytest_collection_modifyitems(items):\n    {raising}\n"
    )
    pytester.makepyfile("def test_one(): pass")
    result = orchestrate(pytester, *driver)
    assert result.ret != 0
    assert "my own words" in result.stdout.str() + result.stderr.str()
    assert "zip()" not in result.stdout.str()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    "ending",
    ['pytest.exit("my own words")', 'raise pytest.UsageError("my own words")'],
    ids=["exit", "usage"],
)
def test_a_worker_that_ended_before_it_was_listened_to_is_heard(
    pytester: pytest.Pytester, ending: str, workers: str
) -> None:
    """What it could not collect for is said, however late it is known that it had started."""
    pytester.makeconftest(
        f"""
        import pytest, time
        def pytest_collection_modifyitems(items):
            {ending}
        NODES = []
        def pytest_configure_node(node):
            NODES.append(node)
        def pytest_testnodeready(node):
            while not all(each._down for each in NODES):
                time.sleep(0.01)
        """
    )
    pytester.makepyfile("def test_one(): pass")
    result = orchestrate(pytester, "-n", workers)
    assert "my own words" in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_module_that_skips_itself_blocks(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """A test in a module that was collected and skipped did not pass."""
    pytester.makepyfile(
        test_gone='import pytest\npytest.skip("not here", allow_module_level=True)\ndef test_x(): pass',
        test_user='import pytest\n@pytest.mark.depends("test_gone.py::test_x")\ndef test_y(): pass',
    )
    result = orchestrate(pytester, *driver)
    assert result.parseoutcomes()["blocked"] == 1
    result.stdout.fnmatch_lines(["*blocked: test_gone.py was skipped as a whole"])


def test_only_markers_give_names(pytester: pytest.Pytester) -> None:
    """A ``name=`` in some other call of a file that was not collected is no custom name."""
    pytester.makepyfile(
        test_other='def test_user():\n    dict(name="login")\n',
        test_dep='import pytest\n@pytest.mark.depends("login")\ndef test_x(): pass',
    )
    assert orchestrate(pytester, "test_dep.py").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("driver", DRIVERS)
def test_node_ids_do_not_collect_more_than_is_needed(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """A class that cannot be collected does not matter to a test that needs nothing of it."""
    pytester.makepyfile(
        test_s="""
        import pytest
        def test_a(): pass
        @pytest.mark.depends("test_a")
        def test_b(): pass
        class TestBroken:
            @pytest.mark.parametrize("x", [1])
            def test_c(self): pass
        """
    )
    orchestrate(pytester, "test_s.py::test_a", *driver).assert_outcomes(passed=1)
    orchestrate(pytester, "test_s.py::test_b", *driver).assert_outcomes(passed=2)


@pytest.mark.parametrize("driver", DRIVERS)
def test_plugins_have_a_say_in_what_is_pulled_in(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """A prerequisite that a conftest always skips is skipped, and blocks."""
    pytester.makeconftest(
        """
        import pytest
        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "test_slow":
                    item.add_marker(pytest.mark.skip("slow"))
        """
    )
    pytester.makepyfile(
        test_s="""
        import pytest
        def test_slow(): assert False
        @pytest.mark.depends("test_slow")
        def test_d(): pass
        """
    )
    result = orchestrate(pytester, "test_s.py::test_d", *driver)
    assert result.parseoutcomes() == {"skipped": 1, "blocked": 1}


def test_filters_of_warnings_hold_in_a_late_teardown(pytester: pytest.Pytester) -> None:
    """What a test's marks say of warnings holds while its wider fixtures go down."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makepyfile(
        test_a="""
        import pytest, warnings
        pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
        @pytest.fixture(scope="module")
        def warner():
            yield
            warnings.warn("late", UserWarning)
        def test_one(warner): pass
        """,
        test_b="""
        import pytest
        @pytest.mark.depends("test_a.py::test_one")
        def test_two(): pass
        """,
    )
    orchestrate(pytester, "-n", "1").assert_outcomes(passed=2)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "marker",
    [
        "priority(10**400)",
        "order(10**400)",
        "resources(gpu=10**5000)",
        'depends("a" * 5000 + ".py")',
    ],
)
def test_absurd_values_are_usage_errors(
    pytester: pytest.Pytester, driver: tuple[str, ...], marker: str
) -> None:
    """No value of a marker gets as far as an internal error."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.{marker}\ndef test_one(): pass")
    result = orchestrate(pytester, *driver)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "INTERNALERROR" not in result.stdout.str()


@pytest.mark.parametrize("plugin", ["debugging", "capture", "python", "terminal", "warnings"])
def test_plugins_of_pytest_may_be_switched_off(pytester: pytest.Pytester, plugin: str) -> None:
    """Nothing of ours falls over because a plugin of pytest's is not there."""
    pytester.makepyfile("def test_one(): pass")
    result = orchestrate(pytester, "-p", f"no:{plugin}")
    assert result.ret == (5 if plugin == "python" else 0)


@pytest.mark.parametrize("driver", DRIVERS)
def test_items_that_a_plugin_replaces_are_read_anew(
    pytester: pytest.Pytester, driver: tuple[str, ...]
) -> None:
    """``session.items`` is what runs, whoever set it, each test with its own markers."""
    pytester.makeconftest(
        """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_collection_finish(session):
            session.items = session.items[1:]
        """
    )
    pytester.makepyfile(
        """
        import pytest
        def test_dropped(): assert False
        def test_fails(): assert False
        @pytest.mark.depends("test_fails")
        def test_blocked(): pass
        """
    )
    result = orchestrate(pytester, *driver)
    assert result.parseoutcomes() == {"failed": 1, "blocked": 1}


def test_missing_parameter_sets_are_named(pytester: pytest.Pytester) -> None:
    """``match_params`` without a match says so, and not that the test does not exist."""
    pytester.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("n", [1, 2])
        def test_a(n): pass
        @pytest.mark.depends("test_a", match_params=True)
        @pytest.mark.parametrize("n", [3])
        def test_b(n): pass
        """
    )
    result = orchestrate(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "the same parameters of 'test_a'" in result.stderr.str()

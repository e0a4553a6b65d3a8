"""What goes first: what failed, what is marked, what flakes never."""

from __future__ import annotations

import pytest
from harness import FAILED, PASSED, USAGE, Project

#: Where it is known that a test failed, the others wait for it to begin: it is to be sent first.
SUITE = """
    import os, time, pytest

    @pytest.mark.parametrize("n", range(12))
    def test_sound(n, witnessed):
        time.sleep(0.1)
        if "KNOWN" in os.environ: witnessed('"nodeid": "test_a.py::test_broken"')

    def test_broken(): assert False
"""


@pytest.mark.parametrize(
    "order", [(), ("--orchestrate-order=feedback",)], ids=["balanced", "feedback"]
)
def test_what_failed_goes_first_in_the_next_run(
    project: Project, driver: tuple[str, ...], order: tuple[str, ...]
) -> None:
    """A line says what that brings; without a past the order is that of the collection."""
    project.write("test_a", SUITE)
    once = project.orchestrate(*driver, *order)
    assert once.code == FAILED
    assert once.begun.index("test_a.py::test_broken") >= 10
    assert not once.lines(" order: ")
    again = project.orchestrate(*driver, *order, KNOWN="yes")
    assert again.begun.index("test_a.py::test_broken") < 2
    name = "feedback" if order else "balanced"
    assert again.lines(
        rf"^orchestra: {name} order: a failure is expected to show after \d+\.\d s; "
    )


def test_makespan_order_does_not_mind_failures(project: Project) -> None:
    """By the configuration file as well; nothing is said of it."""
    project.configure('[tool.pytest_orchestra]\norder = "makespan"')
    project.write("test_a", SUITE)
    project.orchestrate()
    again = project.orchestrate()
    assert again.begun[-1] == "test_a.py::test_broken"
    assert not again.lines(" order: ")


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "worker"])
def test_marks_have_weights(project: Project, options: tuple[str, ...]) -> None:
    """The usual ones and the user's, in the process that was started and on a worker."""
    project.configure(
        "[tool.pytest_orchestra.priority]\nslow = -5\ncritical = 0",
        'markers = ["smoke", "critical", "slow"]',
    )
    project.write(
        "test_a",
        """
        import pytest

        @pytest.mark.slow
        def test_slow(): pass
        @pytest.mark.critical
        def test_critical(): pass
        def test_plain(): pass
        @pytest.mark.smoke
        class TestSmoke:
            def test_it(self): pass
        """,
    )
    result = project.orchestrate(*options)
    assert result.code == PASSED
    begun = [nodeid.rpartition("::")[2] for nodeid in result.begun]
    assert begun == ["test_it", "test_critical", "test_plain", "test_slow"]


def test_a_weight_must_be_a_number(project: Project) -> None:
    """The key is named."""
    project.configure('[tool.pytest_orchestra.priority]\nsmoke = "high"')
    project.write("test_a", SUITE)
    result = project.orchestrate()
    assert result.code == USAGE
    assert result.lines(r"tool\.pytest_orchestra\.priority\.smoke: 'high' is not a finite number")

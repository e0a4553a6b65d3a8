"""What a test is told of what it got: the fixture ``leases`` and the environment."""

from __future__ import annotations

from harness import PASSED, Project


def test_tests_that_run_at_once_get_different_instances(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Named and numbered ones alike; the fixture and the environment say the same."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        gpu = ["cuda:0", "cuda:1"]
        db = 3
    """)
    project.write(
        "test_a",
        """
        import os, time
        from pathlib import Path
        import pytest

        @pytest.mark.resources("gpu", db=2)
        @pytest.mark.parametrize("number", range(6))
        def test_it(number, leases):
            (gpu,) = leases["gpu"].names
            lock = Path(f"lock-{gpu.replace(':', '-')}")
            lock.touch(exist_ok=False)
            assert os.environ["PYTEST_ORCHESTRA_GPU"] == gpu
            assert gpu in ("cuda:0", "cuda:1")
            assert len(set(leases["db"].names)) == leases["db"].amount == 2
            assert os.environ["PYTEST_ORCHESTRA_DB"] == ",".join(leases["db"].names)
            assert sorted(leases) == ["db", "gpu"]
            time.sleep(0.05)
            lock.unlink()
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"passed": 6}


def test_slots_let_several_tests_use_one_instance(project: Project) -> None:
    """No more than its slots at a time, and all instances are used."""
    project.configure("""
        [tool.pytest_orchestra.resources]
        staging = { names = ["one", "two"], slots = 2 }
    """)
    project.write(
        "test_a",
        """
        import pytest

        @pytest.mark.resources("staging")
        @pytest.mark.parametrize("number", range(4))
        def test_met(number, leases, meet):
            (name,) = leases["staging"].names
            print("got", name)
            meet("all", 4)
            meet(f"on {name}", 2)

        @pytest.mark.resources(staging=2)
        def test_two(leases):
            assert sorted(leases["staging"].names) == ["one", "two"]
        """,
    )
    result = project.orchestrate("-n", "4", "-rP")
    assert result.counts == {"passed": 5}
    assert len(result.lines("^got one$")) == len(result.lines("^got two$")) == 2


def test_the_environment_is_what_it_was_after_the_test(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A variable of that name that was there before is there again; others are gone."""
    project.write(
        "test_a",
        """
        import os, pytest

        @pytest.mark.resources("db", schema="write")
        @pytest.mark.priority(1)
        def test_a(leases):
            assert os.environ["PYTEST_ORCHESTRA_DB"] == "0"
            assert "PYTEST_ORCHESTRA_SCHEMA" in os.environ
            assert leases["schema"].names == ()

        @pytest.mark.depends("test_a")
        @pytest.mark.xdist_group("same")
        def test_b(leases):
            assert os.environ["PYTEST_ORCHESTRA_DB"] == "mine"
            assert "PYTEST_ORCHESTRA_SCHEMA" not in os.environ
            assert not leases
        """,
    )
    result = project.orchestrate(*driver, PYTEST_ORCHESTRA_DB="mine")
    assert result.counts == {"passed": 2}


def test_a_lease_on_what_was_not_claimed_is_an_error_that_names_the_marker(
    project: Project, driver: tuple[str, ...]
) -> None:
    """The message can be pasted above the test."""
    project.write(
        "test_a",
        """
        import pytest

        @pytest.mark.resources("db")
        def test_a(leases):
            assert leases.get("gpu") is None
            leases["gpu"]
        """,
    )
    result = project.orchestrate(*driver)
    assert result.counts == {"failed": 1}
    expected = (
        r"Unclaimed: test_a.py::test_a has no lease on 'gpu', since it does not claim it: add "
        r"@pytest.mark.resources\('gpu'\)"
    )
    assert result.lines(expected)


def test_leases_need_the_orchestra(project: Project) -> None:
    """Without it nobody leases anything, and the test is told so at setup."""
    project.write("test_a", "def test_a(leases): pass")
    result = project.run()
    assert result.counts == {"error": 1}
    assert result.lines("which needs pytest --orchestrate")


def test_cpu_and_memory_are_the_machines_own(project: Project) -> None:
    """Nobody has to declare them, and a claim for more than there is cannot be met."""
    project.write(
        "test_a",
        """
        import os, pytest

        @pytest.mark.resources(cpu=1, memory="1MB")
        def test_a(leases):
            assert leases["memory"].amount == 1_000_000

        @pytest.mark.resources(memory="900TB")
        @pytest.mark.skipif("not config.getoption('verbose')")
        def test_b(): pass
        """,
    )
    result = project.orchestrate("-n", "2")
    assert result.lines("claims 900TB of 'memory', but it has ")
    result = project.orchestrate(
        "-n", "2", "-k", "test_a and not test_b", "--deselect=test_a.py::test_b"
    )
    assert result.code == PASSED
    assert result.lines(r"^memory +[\d.]+GB +1MB")

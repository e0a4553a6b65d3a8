"""Python's searches leave out what was there before the first test, and nobody can tell."""

from __future__ import annotations

from harness import PASSED, Project

#: Made while the tests are collected: an object in a cycle, of which only a weak reference is kept elsewhere.
MADE_BEFORE = """
    import gc, weakref

    class Node:
        def __init__(self): self.itself = self

    class Holder: node = Node()

    ghost = weakref.ref(Holder.node)
"""


def test_it_is_set_aside_while_tests_run(project: Project, driver: tuple[str, ...]) -> None:
    """From the first test on, and not any more when all have run."""
    project.write(
        "conftest",
        """
        import gc, pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish(session):
            is_controller = session.config.getoption("dist", "no") != "no" and not hasattr(session.config, "workerinput")
            assert is_controller or gc.get_freeze_count() == 0
        """,
    )
    project.write("test_a", "import gc\ndef test_a(): assert gc.get_freeze_count() > 1000")
    assert project.orchestrate(*driver).code == PASSED


def test_who_collects_garbage_gets_all_of_it(project: Project, driver: tuple[str, ...]) -> None:
    """Also what was made long before, and is let go of only by the test."""
    project.write(
        "test_a",
        MADE_BEFORE
        + """
    def test_a():
        del Holder.node
        assert ghost() is not None
        gc.collect()
        assert ghost() is None
""",
    )
    assert project.orchestrate(*driver).code == PASSED


def test_who_collects_while_python_waits_gets_all_of_it(
    project: Project, driver: tuple[str, ...]
) -> None:
    """Python searches the oldest objects late if few are new, however often it has searched others."""
    project.write(
        "test_a",
        MADE_BEFORE
        + """
    def test_a():
        kept = [[number] for number in range(200_000)]
        for _ in range(6_000):
            made = [[] for _ in range(1_500)]
            if gc.get_count()[2] > gc.get_threshold()[2]:
                break
        del Holder.node
        gc.collect()
        assert ghost() is None
""",
    )
    project.write(
        "test_b",
        MADE_BEFORE
        + """
    def test_b():
        gc.disable()
        kept = [[number] for number in range(2_000)]
        for _ in range(20):
            gc.collect(1)
        kept += [[number] for number in range(2_000)]
        del Holder.node
        gc.collect()
        gc.enable()
        assert ghost() is None
""",
    )
    assert project.orchestrate(*driver, "test_a.py").code == PASSED
    assert project.orchestrate(*driver, "test_b.py").code == PASSED


def test_who_empties_the_list_of_callbacks_may(project: Project, driver: tuple[str, ...]) -> None:
    """Ours is in it, and is not missed in the end."""
    project.write("test_a", "import gc\ndef test_a(): gc.callbacks.clear()")
    assert project.orchestrate(*driver).code == PASSED


def test_who_looks_for_objects_finds_all(project: Project, driver: tuple[str, ...]) -> None:
    """Among all that there are, and among those that refer to another one."""
    project.write(
        "test_a",
        MADE_BEFORE
        + """
    from gc import get_objects

    def test_a():
        assert any(each is Holder.node for each in get_objects())
""",
    )
    project.write(
        "test_b",
        MADE_BEFORE
        + """
    def test_b():
        assert any(each is Holder.node for each in gc.get_referrers(Node) if isinstance(each, Node))
""",
    )
    assert project.orchestrate(*driver, "test_a.py").code == PASSED
    assert project.orchestrate(*driver, "test_b.py").code == PASSED


def test_what_somebody_else_has_set_aside_stays_so(
    project: Project, driver: tuple[str, ...]
) -> None:
    """A conftest.py that freezes what is there has its reasons."""
    project.write(
        "conftest",
        """
        import gc, pytest
        def pytest_collection_finish(): gc.freeze()
        @pytest.hookimpl(trylast=True)
        def pytest_sessionfinish(session):
            if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
                assert gc.get_freeze_count() > 1000
            gc.unfreeze()
        """,
    )
    project.write("test_a", "def test_a(): pass")
    assert project.orchestrate(*driver).code == PASSED


def test_garbage_of_tests_is_collected_as_ever(project: Project) -> None:
    """Python's own searches go on, and find what tests have left behind."""
    project.write(
        "test_a",
        """
        import gc, weakref
        class Node:
            def __init__(self): self.itself = self
        def test_a():
            ghosts = [weakref.ref(Node()) for _ in range(50_000)]
            assert sum(each() is None for each in ghosts) > 40_000
            assert gc.get_freeze_count() > 1000
        """,
    )
    assert project.orchestrate().code == PASSED


def test_a_session_fixture_can_turn_it_off(project: Project, driver: tuple[str, ...]) -> None:
    """``gc.unfreeze()`` is enough: Python's own searches find what was there before, too."""
    project.write(
        "conftest",
        """
        import gc, pytest, weakref

        class Node: pass

        def pytest_collection_finish():
            node = Node()
            node.itself = node
            pytest.lost = weakref.ref(node)

        @pytest.fixture(scope="session", autouse=True)
        def searched():
            gc.unfreeze()
        """,
    )
    project.write(
        "test_a",
        """
        import gc, pytest

        def test_a():
            assert gc.get_freeze_count() == 0
            gc.set_threshold(1, 1, 1)
            kept = []
            while pytest.lost() is not None and len(kept) < 1_000_000:
                kept.append([])
            assert pytest.lost() is None
        """,
    )
    assert project.orchestrate(*driver).code == PASSED

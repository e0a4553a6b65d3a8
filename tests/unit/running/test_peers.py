from collections.abc import Generator
from types import ModuleType, SimpleNamespace

import pytest

from pytest_orchestra.running.peers import PEER_PLUGINS, PeerPlugin, neutralise


def manager_with(*names: str) -> pytest.PytestPluginManager:
    """Return a plugin manager with plugins registered under ``names``."""
    manager = pytest.PytestPluginManager()
    for name in names:
        manager.register(ModuleType(f"module_of_{name}"), name)
    return manager


@pytest.mark.parametrize("peer", PEER_PLUGINS, ids=lambda peer: str(peer.distribution))
def test_a_peer_is_recognised_however_it_was_loaded(peer: PeerPlugin) -> None:
    """Both the name of the entry point and that of the module tell that it is there."""
    for name in peer.known_as:
        manager = manager_with(name)
        assert neutralise(manager) == (peer.distribution,)
        for each in peer.acts_as:
            assert not manager.has_plugin(each)
            assert manager.register(ModuleType("late"), each) is None


def test_peers_are_named_once_and_others_are_left_alone() -> None:
    """Who is not there is not named, and plugins that neither skip nor order stay."""
    manager = manager_with("dependency", "pytest_order", "pytest_isolate", "timeout")
    assert neutralise(manager) == ("pytest-dependency", "pytest-order")
    assert manager.has_plugin("pytest_order")
    assert manager.has_plugin("pytest_isolate")
    assert manager.has_plugin("timeout")
    assert neutralise(manager_with()) == ()


@pytest.mark.parametrize("name", ["dependency", "pytest_dependency"])
def test_calls_of_depends_within_a_test_are_answered(name: str) -> None:
    """pytest-dependency goes on recording, and no longer skips who asks about the unknown."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport() -> Generator[None]:
        yield

    def pytest_runtest_setup() -> None:
        """Stand for what skips tests."""

    plugin = ModuleType("pytest_dependency")
    plugin.__dict__.update(
        pytest_runtest_makereport=pytest_runtest_makereport,
        pytest_runtest_setup=pytest_runtest_setup,
        _ignore_unknown=False,
    )
    manager = manager_with()
    manager.register(plugin, name)
    neutralise(manager)
    assert plugin._ignore_unknown
    (hook,) = manager.hook.pytest_runtest_makereport.get_hookimpls()
    assert hook.function is pytest_runtest_makereport
    assert not manager.hook.pytest_runtest_setup.get_hookimpls()


def test_the_fixture_of_depends_on_is_switched_off() -> None:
    """A fixture outlives its plugin, so it is told not to act by its own option."""
    config = SimpleNamespace(option=SimpleNamespace(depends_on=True))
    manager = manager_with("depend_on")
    manager.register(config, "pytestconfig")
    neutralise(manager)
    assert config.option.depends_on is False


def test_the_options_of_others_stay_as_they_are() -> None:
    """Without pytest-depends-on there is no such option, and none is made."""
    config = SimpleNamespace(option=SimpleNamespace())
    manager = manager_with()
    manager.register(config, "pytestconfig")
    neutralise(manager)
    assert not hasattr(config.option, "depends_on")

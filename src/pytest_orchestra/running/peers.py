"""Other plugins that order and skip tests, kept from doing so beside the orchestra."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Final

import pytest


@dataclass(frozen=True, slots=True)
class PeerPlugin:
    """A distribution, and the names of its plugins in pytest's plugin manager.

    It is there if one of ``known_as`` is registered: its entry point, or its module for those who
    load it with ``-p``. It does not act once none of ``acts_as`` can be.
    """

    distribution: str
    known_as: tuple[str, ...]
    acts_as: tuple[str, ...]


def _whole(distribution: str, *names: str) -> PeerPlugin:
    return PeerPlugin(distribution, names, names)


#: Who skips or orders tests. pytest-isolate does neither: it runs a test in a subprocess, within
#: its limits, which no scheduling replaces. pytest-order also makes parameter sets of repeated
#: markers, so only the plugin that it registers to sort with is kept out.
PEER_PLUGINS: Final = (
    _whole("pytest-dependency", "dependency", "pytest_dependency"),
    _whole("pytest-depends", "depends", "pytest_depends"),
    _whole("pytest-depends-on", "depend_on", "pytest_depends_on.depends_on"),
    _whole("pytest-isolated", "isolated", "pytest_isolated.plugin"),
    PeerPlugin("pytest-order", ("pytest_order", "pytest_order.plugin"), ("orderingplugin",)),
)


def neutralise(pluginmanager: pytest.PytestPluginManager) -> tuple[str, ...]:
    """Keep the plugins of ``PEER_PLUGINS`` from acting; return the distributions that were there.

    To be called before ``pytest_configure``, and after the command line was parsed: so their
    options and settings stay valid, and are ignored.
    """
    found = tuple(
        peer for peer in PEER_PLUGINS if any(map(pluginmanager.has_plugin, peer.known_as))
    )
    plugins = [pluginmanager.get_plugin(name) for peer in found for name in peer.known_as]
    for name in (name for peer in found for name in peer.acts_as):
        pluginmanager.set_blocked(name)
    for plugin in plugins:
        _keep_asking(pluginmanager, plugin)
    config = pluginmanager.get_plugin("pytestconfig")
    if config is not None and hasattr(config.option, "depends_on"):
        # The fixture of pytest-depends-on outlives its plugin, and asks for this.
        config.option.depends_on = False
    return tuple(peer.distribution for peer in found)


def _keep_asking(pluginmanager: pytest.PytestPluginManager, plugin: object) -> None:
    """Let tests that call pytest-dependency's ``depends()`` themselves get an answer.

    It skips them unless it saw the other test pass. So it goes on seeing what this process runs,
    and lets pass whoever asks about a test that it has not seen: that may be on another worker.
    """
    if isinstance(plugin, ModuleType) and plugin.__name__ == "pytest_dependency":
        witness = ModuleType("pytest_orchestra_dependency_witness")
        vars(witness)["pytest_runtest_makereport"] = plugin.pytest_runtest_makereport
        vars(plugin)["_ignore_unknown"] = True
        pluginmanager.register(witness)

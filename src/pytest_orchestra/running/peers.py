"""Other plugins that order and skip tests, kept from doing so beside the orchestra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

#: What to register for the markers of other plugins, which are not there or kept from doing it.
MARKER_LINES: Final = (
    "dependency(name=None, depends=[], scope='module'): of pytest-dependency; see depends",
    "order(index=None, before=(), after=()): of pytest-order; see depends and priority",
    "depends_on(tests=[], status='passed', allowed_not_run=False): of pytest-depends-on",
    "isolate(resources={}): of pytest-isolate; see resources",
    "isolated(group=None, serial=False): of pytest-isolated; serial=True is resources('*')",
)


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
    for peer in found:
        for name in peer.known_as:
            _silence(pluginmanager.get_plugin(name))
        for name in peer.acts_as:
            pluginmanager.set_blocked(name)
    config = pluginmanager.get_plugin("pytestconfig")
    if config is not None and hasattr(config.option, "depends_on"):
        # The fixture of pytest-depends-on outlives its plugin, and asks for this.
        config.option.depends_on = False
    return tuple(peer.distribution for peer in found)


def _silence(plugin: object) -> None:
    """Let tests that call pytest-dependency's ``depends()`` themselves pass it.

    It skips them unless it saw the other test pass, and now it sees none.
    """
    if getattr(plugin, "__name__", None) == "pytest_dependency":
        setattr(plugin, "_ignore_unknown", True)  # noqa: B010 - a module of which no types are known

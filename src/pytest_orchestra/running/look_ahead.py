"""Running one item while the next may not be known yet."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from _pytest.warnings import catch_warnings_for_item


class StandIn:
    """Takes the place of the next item while nobody knows it.

    pytest asks the next item for its chain of collectors when it tears down, after the test
    ran: ``look_ahead`` is asked for that chain then. While it does not know (None), the
    answer is the running item's own parents, so that only what belongs to the item itself
    is torn down. For everything else it looks like the running item.
    """

    def __init__(self, item: pytest.Item, look_ahead: Callable[[], list[Any] | None]) -> None:
        self._item = item
        self._look_ahead = look_ahead

    def listchain(self) -> list[Any]:
        """Return the collectors that are still needed after the running item."""
        chain = self._look_ahead()
        return self._item.listchain()[:-1] if chain is None else chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


def leaves_fixtures(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Whether something is set up that ``following`` does not share."""
    stack = item.session._setupstate.stack  # noqa: SLF001 - pytest has no public way
    needed = following.listchain() if following is not None else []
    return list(stack) != needed[: len(stack)]


def settle(item: pytest.Item, following: pytest.Item | None) -> pytest.TestReport | None:
    """Tear down what ``item`` left up and ``following`` does not share; see :func:`settle_by`."""
    state = item.session._setupstate  # noqa: SLF001 - as above
    return settle_by(item, lambda: state.teardown_exact(following))


def settle_by(item: pytest.Item, tear_down: Callable[[], None]) -> pytest.TestReport | None:
    """Tear down something on account of ``item``, which is over.

    Returns a report of a second teardown of ``item`` if that failed, else None. It is not
    sent through pytest_runtest_teardown, since plugins expect that once for an item.
    """
    call = pytest.CallInfo.from_call(
        lambda: _as_item(item, tear_down),
        when="teardown",
        reraise=(pytest.exit.Exception, KeyboardInterrupt),
    )
    if call.excinfo is None:
        return None
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def _as_item(item: pytest.Item, tear_down: Callable[[], None]) -> None:
    capture = item.config.pluginmanager.getplugin("capturemanager")
    current = f"{item.nodeid} (teardown)".replace("\x00", "(null)")
    os.environ["PYTEST_CURRENT_TEST"] = current
    try:
        with ExitStack() as around:
            if item.config.pluginmanager.has_plugin("warnings"):
                around.enter_context(
                    catch_warnings_for_item(item.config, item.ihook, when="runtest", item=item)
                )
            if capture is not None:
                around.enter_context(capture.item_capture("teardown", item))
            tear_down()
    finally:
        os.environ.pop("PYTEST_CURRENT_TEST", None)

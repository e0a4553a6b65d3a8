"""What can be read from the specifications of ``--tx`` and ``--px``."""

from __future__ import annotations

from typing import Final

import execnet
import pytest

#: What xdist puts before each specification.
_EXECMODEL: Final = "execmodel=main_thread_only//"


def is_plain(spec: execnet.XSpec) -> bool:
    """Whether the workers of ``spec`` run here, in this Python and this directory."""
    return bool(spec.popen) and not (spec.python or spec.via or spec.chdir)


def proxies_of(config: pytest.Config) -> dict[str, execnet.XSpec]:
    """Return the gateways of ``--px`` by their ids."""
    specs = map(execnet.XSpec, config.getoption("px"))
    return {spec.id: spec for spec in specs if spec.id is not None}


def label(spec: execnet.XSpec) -> str:
    """Return ``spec`` as the user wrote it; those that differ in ``id=`` only are the same."""
    text = str(spec).removeprefix(_EXECMODEL)
    return "//".join(part for part in text.split("//") if not part.startswith("id="))

"""What is around this run."""

from __future__ import annotations

import os
import platform

import pytest

from pytest_orchestra.model.dispatch import Conditions
from pytest_orchestra.model.surroundings import Surroundings
from pytest_orchestra.running.ci import read_build


def read_surroundings(config: pytest.Config, commit: str | None) -> Surroundings:
    """Return what is around this run; ``commit`` is what version control says, None for nothing."""
    build = read_build(os.environ)
    plugins = {
        found.project_name: found.version
        for _, found in config.pluginmanager.list_plugin_distinfo()
    }
    return Surroundings(
        host=platform.node(),
        system=platform.system().lower(),
        release=platform.release(),
        python=platform.python_version(),
        versions=(("pytest", pytest.__version__), *sorted(plugins.items())),
        commit=commit or build.commit,
        build=build,
        root=str(config.rootpath),
    )


def read_conditions(config: pytest.Config) -> Conditions:
    """Return what else this run hangs on, as far as it can be set again."""
    seed = getattr(config.option, "randomly_seed", None)
    return Conditions(
        seed=str(seed) if isinstance(seed, int) else "",
        hash_seed=os.environ.get("PYTHONHASHSEED", ""),
        plugins=tuple(config.option.plugins or ()),
    )

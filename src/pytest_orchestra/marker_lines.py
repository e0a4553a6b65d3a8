"""What ``pytest --markers`` says of the markers that are honoured."""

from __future__ import annotations

from typing import Final

_DEPENDS_LINE: Final = (
    "depends(*tests, on=(), name=(), data=(), when='passed', match_params=False): run this after the "
    "tests it names, on any worker, and block it unless they passed (when='finished': whatever "
    "their outcome). A name may be a test, a class, a file, a directory, a glob or what another "
    "test gave itself with name=; data= names what others provide. "
    "Example: @pytest.mark.depends('test_login', on='tests/test_api.py::TestUser')"
)
_PROVIDES_LINE: Final = (
    "provides(*names): this test makes data of these names for others, with the fixture outputs: "
    "outputs['user'] = {'id': 7}. Others use it with depends(data='user') and the fixture inputs. "
    "Example: @pytest.mark.provides('user')"
)
_CLEANS_LINE: Final = (
    "cleans(*names): run this test after the last user of data of these names, whatever became of "
    "them, also when the run is stopped by -x. Example: @pytest.mark.cleans('user')"
)
_PRIORITY_LINE: Final = (
    "priority(n): run this test, and what it depends on, before tests of a lower priority where "
    "there is a choice; the default is 0. Example: @pytest.mark.priority(10)"
)
_RESOURCES_LINE: Final = (
    "resources(*names, **amounts): hold these while the test runs: one of each name, an amount, or "
    "'read' (shared) or 'write' (exclusive); '*' means that nothing else runs meanwhile. "
    "Example: @pytest.mark.resources('browser', gpu=2, memory='4GB', schema='read')"
)

_RETRIES_LINE: Final = (
    "retries(n): try this test again up to n times when it fails: later, alone, and on another "
    "worker. If it passes then it is flaky. Example: @pytest.mark.retries(2)"
)

#: The markers of this plugin.
OUR_MARKER_LINES: Final = (
    _DEPENDS_LINE,
    _PROVIDES_LINE,
    _CLEANS_LINE,
    _PRIORITY_LINE,
    _RESOURCES_LINE,
    _RETRIES_LINE,
)

#: What to register for the markers of other plugins, which are not there or kept from doing it.
PEER_MARKER_LINES: Final = (
    "dependency(name=None, depends=[], scope='module'): of pytest-dependency; see depends",
    "order(index=None, before=(), after=()): of pytest-order; see depends and priority",
    "depends_on(tests=[], status='passed', allowed_not_run=False): of pytest-depends-on",
    "isolate(resources={}): of pytest-isolate; see resources",
    "isolated(group=None, serial=False): of pytest-isolated; serial=True is resources('*')",
)

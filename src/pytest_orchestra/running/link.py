"""What the controller and a worker say to each other, over an execnet channel of their own.

A message is a tuple of builtin types whose first element names it. An index is a place in
the sender's or receiver's own ``session.items``: the controller knows which case that is for
each worker.

Worker to controller:

=============================================  ==================================================
``("collected", digest, count, host)``         collection ended; ``digest`` is of the node ids,
                                               ``host`` the fields of :class:`.Host`
``("described", payload)``                     answer to ``describe``: see :func:`pack`
``("nodeids", [nodeid, ...])``                 answer to ``list``
``("started", index)``                         a test begins after the worker had to wait for it
``("provided", index, name, json)``            the test that runs provides this, in UTF-8; None:
                                               no longer, since it begins anew
``("passed", batch, records)``                 tests passed without anything to tell: see
                                               :mod:`.compact`; ``batch`` is the journal's, or 0
``("report", index, data)``                    one report, as ``pytest_report_to_serializable``
                                               makes it
``("finished", index, seconds, usage)``        the test of the reports before is over; ``usage``
                                               is what it cost, see :data:`.Usage`
``("tearing", index)``                         fixtures wider than that finished test go down
``("down", [(fixture, scope), ...], index)``   fixtures that keep resources are not up: the test at
                                               ``index``, over now, leaves them so, or, if that is
                                               None, they went down between two tests
``("unclaimed", index, fixture)``              a test asked for a fixture while it ran, and nobody
                                               could know that it takes resources
``("late", index, data)``                      that failed: a report of another teardown
``("cost", name, scope, seconds)``             a fixture that outlives its test was set up or
                                               torn down: what both cost, see :class:`.Kits`
``("returned", [index, ...])``                 answer to ``recall``: these had not begun; and to
                                               ``run``, once this worker's session wants to stop
``("stopping", reason)``                       the worker's session wants the run to stop
``("exiting", index, reason, code)``           ``pytest.exit`` in this test ends the run at once, with
                                               this exit code if it is not None
``("refused", text)``                          collection ended with a usage error or an exit
``("broken", traceback)``                      the worker's end of the channel failed
=============================================  ==================================================

Controller to worker:

=============================================  ==================================================
``("describe",)``, ``("list",)``               see their answers
``("value", number, json)``                    data that tests here will be given
``("inputs", index, {name: number})``          which of it this test is given
``("again", index, times)``                    the test has failed so often, here or elsewhere
``("leases", index, [lease, ...])``            what this test got: resource, amount, names
``("run", [index, ...])``                      run these after what was sent before
``("recall", [index, ...])``                   give back those that have not begun
``("relinquish", [(fixture, scope), ...])``    tear these down after what was sent before; answered
                                               by ``down``
``("clean",)``                                 the run stops, but what is sent from now on cleans
                                               up: run it, whatever the session wants
=============================================  ==================================================

A test that is "passed" left no output, no properties and no keyword that differs between its
reports. Such results may come a moment late; all that was said before comes before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from pytest_orchestra.model.case import CaseSpec, Cell, Claim, Hold, Mode, Need
from pytest_orchestra.model.host import Host
from pytest_orchestra.model.problem import Problem
from pytest_orchestra.model.verdict import Verdict
from pytest_orchestra.running.collect import Collection
from pytest_orchestra.scheduling.fixtures import Kits

Location = tuple[str, int | None, str]

#: The fields of a claim, as builtin types.
PackedClaim: TypeAlias = tuple[str, int, str]

#: Names of fixtures, and what each takes.
PackedFixtures: TypeAlias = list[tuple[str, list[PackedClaim]]]

#: The fields of a host, as builtin types.
PackedHost: TypeAlias = tuple[str, str, int, int | None]


def digest(nodeids: Iterable[str]) -> str:
    """Return what is the same for the same tests in the same order, and else different."""
    text = "\n".join(nodeids).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True, slots=True)
class Description:
    """What one worker says of all that it collected.

    ``locations`` are pytest's, ``bodies`` digests of what tests do, per case.
    """

    collection: Collection
    locations: tuple[Location, ...]
    kits: Kits
    bodies: tuple[str, ...]

    def only(self, cases: Sequence[int]) -> Description:
        """Return what is left if there are only these ``cases``; they are numbered anew."""
        return Description(
            self.collection.only(cases),
            tuple(self.locations[case] for case in cases),
            self.kits.only(cases),
            tuple(self.bodies[case] for case in cases),
        )


def pack(
    collection: Collection, locations: Sequence[Location], kits: Kits, bodies: Sequence[str]
) -> bytes:
    """Write a description: JSON in columns, since most tests have nothing but a place."""
    files = list(dict.fromkeys(file for file, _, _ in locations))
    number = {file: place for place, file in enumerate(files)}
    digests = {digest: place for place, digest in enumerate(dict.fromkeys(bodies))}
    extras = {
        case: packed for case, spec in enumerate(collection.specs) if (packed := _pack_extras(spec))
    }
    content = {
        "nodeids": [spec.nodeid for spec in collection.specs],
        "files": files,
        "file_of": [number[file] for file, _, _ in locations],
        "lines": [line for _, line, _ in locations],
        "domains": [domain for _, _, domain in locations],
        "extras": extras,
        "problems": [asdict(problem) for problem in collection.problems],
        "blocked": collection.blocked,
        "notes": collection.notes,
        "fixtures": kits.fixtures,
        "kits": kits.kits,
        "kit_of": kits.of_case,
        "is_whole": collection.is_whole,
        "digests": list(digests),
        "digest_of": [digests[digest] for digest in bodies],
    }
    return json.dumps(content, separators=(",", ":")).encode()


def unpack(payload: bytes) -> Description:
    """Read what :func:`pack` wrote."""
    content = json.loads(payload)
    files = content["files"]
    locations: tuple[Location, ...] = tuple(
        (files[file], line, domain)
        for file, line, domain in zip(
            content["file_of"], content["lines"], content["domains"], strict=True
        )
    )
    extras = content["extras"]
    specs = tuple(
        _unpack_spec(nodeid, location, extras.get(str(case)))
        for case, (nodeid, location) in enumerate(zip(content["nodeids"], locations, strict=True))
    )
    collection = Collection(
        specs,
        tuple(Problem(**problem) for problem in content["problems"]),
        {int(case): reason for case, reason in content["blocked"].items()},
        tuple(content["notes"]),
        content["is_whole"],
    )
    kits = Kits(
        tuple((name, scope) for name, scope in content["fixtures"]),
        tuple(map(tuple, content["kits"])),
        tuple(content["kit_of"]),
    )
    digests = content["digests"]
    bodies = tuple([digests[place] for place in content["digest_of"]])
    return Description(collection, locations, kits, bodies)


def pack_host(host: Host) -> PackedHost:
    """Write a host."""
    return host.name, host.key, host.cpus, host.memory


def unpack_host(packed: PackedHost) -> Host:
    """Read what :func:`pack_host` wrote."""
    return Host(*packed)


def place_of(location: Location) -> tuple[str, int]:
    """Return file with forward slashes and 1-based line (0: unknown) of pytest's location."""
    file, line, _ = location
    return file.replace("\\", "/"), 0 if line is None else line + 1


def pack_fixtures(fixtures: Mapping[str, Sequence[Claim]]) -> PackedFixtures:
    """Return what fixtures take as builtin types."""
    return [(name, _pack_claims(claims)) for name, claims in fixtures.items()]


def unpack_fixtures(packed: PackedFixtures) -> dict[str, tuple[Claim, ...]]:
    """Read what :func:`pack_fixtures` wrote."""
    return {name: unpack_claims(claims) for name, claims in packed}


def _pack_claims(claims: Iterable[Claim]) -> list[PackedClaim]:
    return [(claim.resource, claim.amount, str(claim.mode)) for claim in claims]


def unpack_claims(packed: Iterable[PackedClaim]) -> tuple[Claim, ...]:
    """Read claims that were written as resource, amount and mode."""
    return tuple(Claim(resource, amount, Mode(mode)) for resource, amount, mode in packed)


def _pack_extras(spec: CaseSpec) -> dict[str, Any]:
    extras = {
        "names": spec.names,
        "needs": [_pack_need(need) for need in spec.needs],
        "feeds": [_pack_need(need) for need in spec.feeds],
        "priority": spec.priority,
        "claims": _pack_claims(sorted(spec.claims)),
        "holds": [(hold.fixture, hold.scope, _pack_claims(hold.claims)) for hold in spec.holds],
        "alone": spec.alone,
        "group": spec.group,
        "provides": spec.provides,
        "uses": spec.uses,
        "cleans": spec.cleans,
        "forgone": spec.forgone,
        "retries": spec.retries,
        "cell": [spec.cell.row, spec.cell.column] if spec.cell is not None else None,
    }
    extras = {key: value for key, value in extras.items() if value}
    if spec.stage is not None:
        extras["stage"] = spec.stage
    return extras


def _pack_need(need: Need) -> dict[str, Any]:
    return {**asdict(need), "accepts": sorted(need.accepts)}


def _unpack_need(packed: dict[str, Any]) -> Need:
    return Need(**{**packed, "accepts": frozenset(map(Verdict, packed["accepts"]))})


def _unpack_cell(packed: list[Any] | None) -> Cell | None:
    return None if packed is None else Cell(packed[0], tuple(map(tuple, packed[1])))


def _unpack_spec(nodeid: str, location: Location, extras: dict[str, Any] | None) -> CaseSpec:
    file, line = place_of(location)
    if extras is None:
        return CaseSpec(nodeid, file, line)
    return CaseSpec(
        nodeid,
        file,
        line,
        names=tuple(extras.get("names", ())),
        needs=tuple(_unpack_need(need) for need in extras.get("needs", ())),
        feeds=tuple(_unpack_need(need) for need in extras.get("feeds", ())),
        priority=extras.get("priority", 0.0),
        claims=frozenset(unpack_claims(extras.get("claims", ()))),
        holds=tuple(
            Hold(fixture, scope, unpack_claims(claims))
            for fixture, scope, claims in extras.get("holds", ())
        ),
        alone=extras.get("alone", False),
        group=extras.get("group"),
        provides=tuple(extras.get("provides", ())),
        uses=tuple(extras.get("uses", ())),
        cleans=tuple(extras.get("cleans", ())),
        forgone=tuple(extras.get("forgone", ())),
        retries=extras.get("retries"),
        stage=extras.get("stage"),
        cell=_unpack_cell(extras.get("cell")),
    )

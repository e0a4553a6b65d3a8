"""What the history says of tests that failed: for the record, and in the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from pytest_orchestra.model.flakes import FlakeRecord, Rate, Standing, SuiteFlakes, Trend
from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.model.verdict import Verdict

if TYPE_CHECKING:
    from pytest_orchestra.history.judgement.judge import Judgement

#: A suspect is worth a line if it is rather flaky than not, or the same code passed and failed.
_RATHER: Final = 0.5

_TRENDS: Final = {Trend.RISING: ", rising", Trend.FALLING: ", falling", Trend.UNCLEAR: ""}


def flake_records(
    record: RunRecord,
    judgements: Mapping[str, Judgement],
    outcomes: Mapping[str, tuple[Verdict, ...]],
) -> tuple[FlakeRecord, ...]:
    """Return what ``judgements``, by node id, say of the cases of ``record``; ``outcomes`` are those lately."""
    if not judgements:
        return ()
    return tuple(
        _flake_record(
            case, judgements[each.spec.nodeid], outcomes.get(each.spec.nodeid, (each.verdict,))
        )
        for case, each in enumerate(record.cases)
        if each.spec.nodeid in judgements
    )


def _flake_record(case: int, judgement: Judgement, outcomes: tuple[Verdict, ...]) -> FlakeRecord:
    from pytest_orchestra.history.judgement.sentence import describe  # noqa: PLC0415 - only if needed

    posterior = judgement.posterior
    return FlakeRecord(
        case=case,
        standing=judgement.standing,
        sentence=describe(judgement),
        runs=judgement.runs,
        rate=Rate(posterior.mean, posterior.low, posterior.high),
        upper=judgement.upper,
        probability=posterior.probability,
        disagreements=judgement.disagreements,
        kinds=tuple(each.kind for each in judgement.associations),
        seconds_lost=judgement.impact.seconds,
        red_builds=judgement.impact.red_builds,
        outcomes=outcomes,
    )


def flake_lines(record: RunRecord, most: int | None) -> Iterator[str]:
    """Yield what is to be said of tests that failed, ``most`` of each kind, and of the suite."""
    told = [each for each in record.flakes if _has_something_to_say(each)]
    pairs = [(each.case, each.sentence) for each in told]
    yield from _block("what failed, by the history:", record, pairs, most)
    held = [(each.case, each.sentence) for each in record.quarantine]
    yield from _block("quarantine:", record, held, most)
    if record.suite_flakes is not None:
        yield from suite_lines(record.suite_flakes)


def _has_something_to_say(flake: FlakeRecord) -> bool:
    if flake.standing is Standing.SUSPECT:
        return flake.disagreements > 0 or flake.probability >= _RATHER
    return flake.standing in {Standing.FLAKY, Standing.BROKEN}


def suite_lines(suite: SuiteFlakes) -> Iterator[str]:
    """Yield a line about the flaky rate of the suite, unless nothing has flaked."""
    latest, overall = suite.latest, suite.overall
    if not overall.mean:
        return
    now = (
        f"{_share(latest.mean)} of the tests in this run" if latest.mean else "no test in this run"
    )
    if suite.runs == 1:
        yield f"flaky: {now}"
        return
    interval = f"{_share(overall.low)} to {_share(overall.high)}"
    trend = _TRENDS[suite.trend]
    yield f"flaky: {now}, {_share(overall.mean)} ({interval}) in the last {suite.runs} runs{trend}"


def _share(share: float) -> str:
    from pytest_orchestra.history.judgement.sentence import per_cent  # noqa: PLC0415 - only if needed

    return per_cent(share)


def _block(
    title: str, record: RunRecord, pairs: list[tuple[int, str]], most: int | None
) -> Iterator[str]:
    if not pairs:
        return
    yield title
    shown = pairs[:most]
    for case, sentence in shown:
        yield f"  {record.cases[case].spec.nodeid}  {sentence}"
    if len(shown) < len(pairs):
        yield f"  and {len(pairs) - len(shown)} more (-v shows all)"

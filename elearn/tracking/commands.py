"""`elearn tracking ...`: why a sitting counted as it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import click
import msgspec

from elearn.clock import from_ms
from elearn.db import db
from elearn.errors import NotFound
from elearn.tracking import explain as accounts
from elearn.tracking.evidence import RULES, CheckPut, KeyGiven, ReportAccount, SittingHead
from elearn.tracking.policy_commands import policy
from elearn.tracking.signals.commands import thresholds
from elearn.tracking.verifier import Refusal

DISAGREES, UNKNOWN = 1, 2
"""Exit statuses of `explain`."""


@click.group()
def tracking() -> None:
    """Watched time: why it counted or did not."""


tracking.add_command(policy)
tracking.add_command(thresholds)


@tracking.command()
@click.argument("sitting", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def explain(sitting: UUID, as_json: bool) -> None:
    """Every report of SITTING: its claim, what was believed, which rule decided, and whether a replay agrees.

    Exit status 1 when something that is kept disagrees with the replay or the ledger, 2 for an unknown sitting.
    """
    session = db.session()
    try:
        head = accounts.head(session, sitting)
    except NotFound as error:
        click.echo(f"elearn: {error}", err=True)
        raise click.exceptions.Exit(UNKNOWN) from error
    reports = list(accounts.every_report(session, sitting))
    ledger = accounts.ledger_differences(session, sitting)
    keys, checks = accounts.keys_given(session, sitting), accounts.checks_put(session, sitting)
    agrees = not ledger and not any(one.differences for one in reports)
    if as_json:
        whole = {
            "sitting": head,
            "reports": reports,
            "keys": keys,
            "checks": checks,
            "ledger_differences": ledger,
            "agrees": agrees,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(whole), indent=1).decode())
    else:
        zone = ZoneInfo(str(head.policy["zone"]))
        for line in _as_text(head, reports, keys, checks, zone):
            click.echo(line)
        for difference in ledger:
            click.echo(f"DISAGREES  {difference}")
        click.echo("the replay agrees" if agrees else "the replay DISAGREES with what is kept")
    raise click.exceptions.Exit(0 if agrees else DISAGREES)


def _as_text(
    head: SittingHead, reports: Sequence[ReportAccount], keys: Sequence[KeyGiven], checks: Sequence[CheckPut],
    zone: ZoneInfo,
) -> list[str]:  # fmt: skip
    """The account as lines: the sitting, its reports, the rules that decided, keys, checks, policy."""

    def at(epoch_ms: int | None) -> str:
        moment: datetime | None = None if epoch_ms is None else from_ms(epoch_ms).astimezone(zone)
        return "-" if moment is None else moment.isoformat(" ", "milliseconds")

    lines = [
        f"sitting   {head.id}",
        f"learner   {head.learner_id}",
        f"lesson    {head.unit_title} (version {head.unit_version}, {_clock(head.duration_ms)}), {head.course_title}, "
        f"{head.institution}, class {head.class_no or '-'}",
        f"unit      {head.unit_id}",
        f"device    {head.device or 'unsigned'}, player {head.player}",
        f"opened    {at(head.opened_ms)}",
        f"ended     {at(head.ended_ms)} {head.ended_reason or '(open)'}",
        f"policy    {head.policy_digest}",
        f"credited  {_clock(head.credited_ms)}, of it final {_clock(head.final_ms)}, "
        f"taken back {_clock(head.taken_back_ms)}",
        f"reports   {head.decided} decided, {head.undecided} kept as evidence only, {head.chain_broken} off the chain",
        "",
        *_table(
            [
                "seq",
                "heard",
                "event",
                "claimed",
                "played",
                "hidden",
                "believed",
                "rule",
                "chain",
                "signature",
                "replay",
            ],
            [_row(one, at) for one in reports],
        ),
    ]
    for one in reports:
        lines += [f"DISAGREES  {one.seq}: {difference}" for difference in one.differences]
    decided = {rule for one in reports for rule in one.rules}
    if decided:
        lines += ["", *(f"{rule:<18} {RULES[Refusal(rule)]}" for rule in sorted(decided))]
    taken = [(one, part) for one in reports for part in one.believed if part.state == "reversal"]
    if taken:
        lines += ["", "taken back"]
        lines += [
            f"  {one.seq}: {_span(part.start_ms, part.end_ms)} {part.reason} at {at(part.settled_ms)}"
            for one, part in taken
        ]
    lines += ["", f"keys      {len(keys)}"]
    lines += [f"  block {key.block}  {_span(key.start_ms, key.end_ms)}  {at(key.given_ms)}" for key in keys]
    lines += ["", f"checks    {len(checks)}"]
    lines += [
        f"  {check.number}  {check.method}  about {_span(check.from_ms, check.to_ms)}  put {at(check.put_ms)}  "
        f"tries {check.tries}  {check.outcome or 'open'} {at(check.decided_ms)}"
        for check in checks
    ]
    lines += ["", "policy values", *(f"  {name} = {value}" for name, value in head.policy.items()), ""]
    return lines


def _row(one: ReportAccount, at: Callable[[int | None], str]) -> list[str]:
    claim = one.claim
    return [
        str(one.seq),
        at(one.heard_ms),
        one.event,
        _span(claim.a_ms, claim.b_ms) if claim else "?",
        _clock(claim.play_ms) if claim else "?",
        _clock(claim.hidden_ms) if claim else "?",
        " ".join(_span(part.start_ms, part.end_ms) for part in one.believed) or "-",
        one.refused_as or " ".join(one.rules) or "-",
        "intact" if one.chain_intact else "BROKEN",
        one.signature,
        "DISAGREES" if one.differences else "agrees" if one.saw else "not decided",
    ]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Columns as wide as their widest cell."""
    wide = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in (head, *rows)
    ]


def _clock(ms: int) -> str:
    """`1:02.345`: minutes, seconds, milliseconds; a wild claim keeps its sign."""
    minutes, rest = divmod(abs(ms), 60_000)
    return f"{'-' if ms < 0 else ''}{minutes}:{rest // 1000:02}.{rest % 1000:03}"


def _span(start_ms: int, end_ms: int) -> str:
    return f"{_clock(start_ms)}-{_clock(end_ms)}"

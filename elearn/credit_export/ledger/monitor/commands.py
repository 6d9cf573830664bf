"""`elearn ledger monitor`: for whoever relies on the log, on a machine of their own."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import click

from elearn.credit_export.ledger.monitor.alarms import Alarm
from elearn.credit_export.ledger.monitor.fetching import Unreachable
from elearn.credit_export.ledger.monitor.looking import Monitor, Round, read_other, shown_by_witnesses, watching
from elearn.credit_export.ledger.monitor.sampling import sample
from elearn.credit_export.ledger.monitor.stamped import Stamps, read_roots
from elearn.credit_export.ledger.notes import Note, NoteRefused
from elearn.credit_export.ledger.quorum import Trust, TrustRefused

ALARMS, NOT_SEEN = 1, 2


class Percent(click.ParamType[Fraction]):
    name = "percent"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        try:
            percent = Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail("it is a number", param, ctx)
        if not 0 < percent <= 100:
            self.fail("it is more than 0 and at most 100", param, ctx)
        return percent


@click.command()
@click.argument("url")
@click.option("--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True, help="Its own.")
@click.option("--trust", "policy", type=click.Path(path_type=Path, exists=True), help="A tlog-policy file.")
@click.option("--once", is_flag=True, help="Look once (the default).")
@click.option("--every", type=click.IntRange(1), metavar="S", help="Look again every S seconds, until interrupted.")
@click.option("--max-age", type=click.IntRange(1), metavar="S", help="An older cosignature is an alarm.")
@click.option("--stamps", "roots", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="PEM",
              help="Roots of the time stamp authority that must stamp it (RFC 3161).")  # fmt: skip
@click.option("--stamp-age", type=click.IntRange(60), default=7_200, show_default=True, metavar="S",
              help="A leaf that has no time stamp after S seconds is an alarm.")  # fmt: skip
@click.option("--compare", multiple=True, metavar="PLACE", help="Somebody else's checkpoint: an address or a file.")
@click.option("--ask-witnesses", is_flag=True, help="Compare with what the policy's witnesses cosigned.")
@click.option("--totals", is_flag=True, help="Print what each person has, by our own count.")
@click.option("--sample", "percent", type=Percent(), metavar="PERCENT", help="Print blocks whose evidence to ask for.")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON.")
def monitor(
    url: str,
    directory: Path,
    policy: Path | None,
    once: bool,
    every: int | None,
    max_age: int | None,
    roots: Path | None,
    stamp_age: int,
    compare: tuple[str, ...],
    ask_witnesses: bool,
    totals: bool,
    percent: Fraction | None,
    as_json: bool,
) -> None:
    """Mirror the log at URL and add everything up again.

    Exit status 1: there are alarms, of this look or an earlier one. 2: the log could not be looked at.
    """
    if once and every:
        raise click.UsageError("--once or --every, not both")
    try:
        trust = Trust.read(policy.read_bytes()) if policy else None
    except TrustRefused as error:
        raise click.BadParameter(str(error), param_hint="--trust") from None
    try:
        stamps = Stamps(read_roots(roots), stamp_age) if roots else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--stamps") from None
    asked = [place for origin in trust.logs for place in shown_by_witnesses(trust, origin)] if trust else []
    others = [*compare, *(asked if ask_witnesses else ())]
    status = NOT_SEEN
    first = True
    try:
        with watching(directory, url, trust, max_age_s=max_age, stamps=stamps) as running:
            while True:
                status = _look(running, others, all_alarms=first, as_json=as_json)
                if not every:
                    break
                first = False
                time.sleep(every)
            if totals:
                _say_totals(running, as_json)
            if percent is not None:
                _say_sample(running, percent, as_json)
    except Unreachable as error:
        click.echo(f"elearn: {error}", err=True)
    raise click.exceptions.Exit(status)


def _look(running: Monitor, compare: Sequence[str], *, all_alarms: bool, as_json: bool) -> int:
    others: list[Note] = []
    for place in compare:
        try:
            others.append(read_other(place))
        except (Unreachable, NoteRefused) as error:
            click.echo(f"elearn: {error}", err=True)
    try:
        found = running.look(now_s=int(time.time()), compare=others)
    except Unreachable as error:
        click.echo(f"elearn: {error}", err=True)
        for alarm in running.book.all() if all_alarms else ():
            _say(alarm, as_json)
        return NOT_SEEN
    for alarm in found.alarms if all_alarms else found.new:
        _say(alarm, as_json)
    _say_round(found, as_json)
    return ALARMS if found.alarms else 0


def _say(alarm: Alarm, as_json: bool) -> None:
    click.echo(alarm.line() if as_json else f"ALARM {alarm}")


def _say_round(found: Round, as_json: bool) -> None:
    if as_json:
        line = {"origin": found.origin, "size": found.size, "checked": found.checked, "alarms": len(found.alarms)}
        click.echo(json.dumps(line))
    else:
        click.echo(
            f"{found.origin or 'no log'}: {found.size} leaves, {found.checked} checked, {len(found.alarms)} alarms"
        )


def _say_totals(running: Monitor, as_json: bool) -> None:
    for one in running.totals():
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(one)))
        else:
            sums = ", ".join(f"{counts_as} {ms} ms" for counts_as, ms in sorted(one.counted.items()))
            click.echo(f"{one.sub}: {sums}")


def _say_sample(running: Monitor, percent: Fraction, as_json: bool) -> None:
    for block in sample(running.mirror, percent):
        if as_json:
            click.echo(json.dumps({"index": block.index, "evidence": block.leaf.ev, "leaf": block.text}))
        else:
            click.echo(f"block {block.index}, evidence {block.leaf.ev}\n    {block.text}")

"""`elearn tracking policy load | list | show`: the dated rules that watching is judged by (`rules.py`)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click
import sqlalchemy as sa

from elearn.clock import utcnow
from elearn.db import db
from elearn.people.identity import is_region
from elearn.people.operators import operator_name
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.tracking import policies, rules
from elearn.tracking.models import WatchRule
from elearn.tracking.policy import Policy

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def policy() -> None:
    """The dated rules watching is judged by, by region."""


@policy.command("load")
@click.argument(
    "catalogue", metavar="[FILE]", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
def load_rules(catalogue: Path | None, dry_run: bool) -> None:
    """Load the rules of FILE, a reviewed YAML catalogue; without FILE the one that is shipped (MODEL's values).

    Loading it again changes nothing. Rules that are loaded and that FILE does not name stay as they are. Sittings
    that are open keep the rule they were opened under.
    """
    session, now = db.session(), utcnow()
    try:
        text = (catalogue or policies.SHIPPED).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise rules.BadRules(["this is not UTF-8 text"]) from error
    wanted = rules.read(text)
    plan = policies.planned(session, wanted, today=local_day(now))
    for rule in plan.same:
        click.echo(f"  {rule}: as it is loaded")
    for rule in plan.end:
        click.echo(f"! {rule}: ends")
    for rule in plan.add:
        click.echo(f"+ {rule}: {rule.policy.digest()}")
        # Compared with what held before, which is what a reviewer wants to see.
        before = policies.nearest(session, rule.region, on=rule.effective_from)
        old = Policy() if before is None else policies.by_digest(session, before.policy)
        for name, was, now_is in rules.differences(old, rule.policy):
            click.echo(f"    {name}: {_shown(was)} -> {_shown(now_is)}")
    if dry_run:
        click.echo("Nothing was changed.")
        return
    policies.load(session, plan, by=operator_name(), at=now)
    session.commit()
    click.echo(f"{len(plan.add)} added, {len(plan.end)} ended, {len(plan.same)} there already.")


@policy.command("list")
@click.option("--on", type=DAY, help="The day; left out: today.")
@click.option("--all", "every", is_flag=True, help="Also those that are over or begin later.")
def list_rules(on: datetime | None, every: bool) -> None:
    """The rules in force on a day, a line each: where, from when to when, digest, who loaded it; `*` marks them.

    Everywhere first, then by region; of several around a place the nearest wins.
    """
    day = local_day(utcnow()) if on is None else on.date()
    rows = db.session().scalars(
        sa.select(WatchRule).order_by(WatchRule.region.asc().nulls_first(), WatchRule.effective_from)
    )
    any_holds = False
    for row in rows:
        holds = row.effective_from <= day and (row.effective_to is None or day <= row.effective_to)
        any_holds |= holds
        if holds or every:
            where, until = row.region or rules.EVERYWHERE, row.effective_to or "further notice"
            loaded = f"loaded {row.loaded_at:%Y-%m-%dT%H:%M:%SZ} by {row.loaded_by}"
            ended = "" if row.closed_at is None else f", ended {row.closed_at:%Y-%m-%dT%H:%M:%SZ} by {row.closed_by}"
            click.echo(f"{'*' if holds else ' '} {where} {row.effective_from} to {until} {row.policy} {loaded}{ended}")
    if not any_holds:
        click.echo("no rule is in force, so MODEL's values hold")


@policy.command("show")
@click.option("--on", type=DAY, help="The day; left out: today.")
@click.option("--region", help="Six digits of GB/T 2260; left out: everywhere.")
def show_rule(on: datetime | None, region: str | None) -> None:
    """The rule in force in a region on a day, and its values; `*` marks what is not MODEL's."""
    if region is not None and not is_region(region):
        raise rules.BadRules([f"a region is the six digits of GB/T 2260, not {region!r}"])
    session = db.session()
    day: date = local_day(utcnow()) if on is None else on.date()
    row = policies.nearest(session, region, on=day)
    held = Policy() if row is None else policies.by_digest(session, row.policy)
    if row is None:
        click.echo(f"{day}, {region or rules.EVERYWHERE}: no rule was loaded, so MODEL's values hold")
    else:
        rule = rules.Rule(row.region, row.effective_from, row.effective_to, held)
        click.echo(f"{day}, {region or rules.EVERYWHERE}: {rule}")
        click.echo(f"loaded {row.loaded_at:%Y-%m-%dT%H:%M:%SZ} by {row.loaded_by}")
        if row.closed_at is not None:
            click.echo(f"ended {row.closed_at:%Y-%m-%dT%H:%M:%SZ} by {row.closed_by}")
    click.echo(held.digest())
    scale = runtime().settings.policy_scale
    if scale != 1:
        click.echo(f"On this server checks fall due {scale} times sooner than it says here.")
    changed = {name for name, *_ in rules.differences(Policy(), held)}
    for name, value in rules.values_of(held):
        click.echo(f"{'*' if name in changed else ' '} {name}: {_shown(value)}")


def _shown(value: object) -> str:
    """A value as YAML would have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple | list) else str(value)

"""`elearn figures check|rebuild`: whether figures are what the ledger says; count everybody afresh."""

from __future__ import annotations

from datetime import datetime

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.people.registry import local_day
from elearn.training.figures import keeping

MOST_SHOWN = 20


@click.group("figures")
def figures() -> None:
    """Figures of enterprises: what dashboards show."""


@figures.command("check")
def check() -> None:
    """Count what changed, then compare all with placements, assignments and the hours ledger. Status 1: they differ."""
    session, now = db.session(), utcnow()
    _settle(now)
    found = keeping.check(session, today=local_day(now))
    for one in found[:MOST_SHOWN]:
        click.echo(f"{one.unit_id} {one.period} {one.purpose or '-'} {one.kind}: {one.stands} is {one.ledger}")
    if found:
        raise click.ClickException(f"{len(found)} figures differ. `elearn figures rebuild` counts all afresh.")
    click.echo("All figures are what the ledger says.")


@figures.command("rebuild")
def rebuild() -> None:
    """Count everybody afresh; pages show the old figures until it is done."""
    people = keeping.rebuild(db.session(), now=utcnow())
    db.session.commit()
    click.echo(f"{people} people counted.")


def _settle(now: datetime) -> None:
    session = db.session()
    while keeping.settle(session, now=now):
        session.commit()
    session.commit()

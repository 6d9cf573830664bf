"""`elearn figures check|rebuild`: whether figures are what the ledger says; count everybody afresh."""

from __future__ import annotations

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.training import checking
from elearn.training.figures import keeping

MOST_SHOWN = 20


@click.group("figures")
def figures() -> None:
    """Figures of enterprises: what dashboards show."""


@figures.command("check")
def check() -> None:
    """Count what changed, then compare all with placements, assignments and the hours ledger. Status 1: they differ."""
    found = checking.figures(db.session(), now=utcnow())
    for one in found[:MOST_SHOWN]:
        click.echo(one)
    if found:
        raise click.ClickException(f"{len(found)} figures differ. `elearn figures rebuild` counts all afresh.")
    click.echo("All figures are what the ledger says.")


@figures.command("rebuild")
def rebuild() -> None:
    """Count everybody afresh; pages show the old figures until it is done."""
    people = keeping.rebuild(db.session(), now=utcnow(), tell=lambda said: click.echo(said, err=True))
    db.session.commit()
    click.echo(f"{people} people counted.")

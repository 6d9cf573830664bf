"""`elearn training`: assignments beside the ledger that they rest on."""

from __future__ import annotations

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.training import checking

MOST_SHOWN = 50


@click.group("training")
def training() -> None:
    """What enterprises assigned."""


@training.command("check")
def check() -> None:
    """Add up every assignment from the hours ledger and compare. Exit status 1 when one says otherwise."""
    found = checking.assignments(db.session(), now=utcnow())
    for one in found[:MOST_SHOWN]:
        click.echo(one)
    click.echo(
        f"{len(found)} assignments differ from the ledger." if found else "All assignments agree with the ledger."
    )
    if found:
        raise SystemExit(1)

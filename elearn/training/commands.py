"""`elearn training`: assignments beside the ledger that they rest on."""

from __future__ import annotations

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.people.registry import local_day
from elearn.training import settling

MOST_SHOWN = 50


@click.group("training")
def training() -> None:
    """What enterprises assigned."""


@training.command("check")
def check() -> None:
    """Add up every assignment from the hours ledger and compare. Exit status 1 when one says otherwise."""
    session, now = db.session(), utcnow()
    settling.settle(session, now=now)
    found = list(settling.differences(session, on=local_day(now)))
    for one in found[:MOST_SHOWN]:
        click.echo(f"assignment {one.assignment_id}: says {one.credited_ms} ms, the ledger {one.ledger_ms} ms")
    click.echo(
        f"{len(found)} assignments differ from the ledger." if found else "All assignments agree with the ledger."
    )
    if found:
        raise SystemExit(1)

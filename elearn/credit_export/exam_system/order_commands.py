"""`elearn ledger order`: the raw evidence of one leaf is shown to an authority because somebody ordered it."""

from __future__ import annotations

import getpass

import click

from elearn.clock import utcnow
from elearn.credit_export.exam_system.receivers import EVIDENCE, get_receiver
from elearn.credit_export.ledger import sampling_draws
from elearn.credit_export.ledger.doors import our_origin
from elearn.credit_export.ledger.naming import NAME
from elearn.db import db
from elearn.errors import Malformed


@click.command("order")
@click.argument("client_id")
@click.argument("log")
@click.argument("index", type=click.IntRange(0))
@click.option("--reason", required=True, help="The order's number, or why; it is kept.")
def command(client_id: str, log: str, index: int, reason: str) -> None:
    """Let CLIENT_ID ask for the evidence of leaf INDEX of LOG (as 2026), whatever was drawn."""
    receiver = get_receiver(db.session(), client_id)
    if EVIDENCE not in receiver.scopes or not NAME.fullmatch(log) or not reason.strip():
        raise Malformed("It takes a receiver with the scope evidence.read, a log as 2026, and a reason.")
    origin = our_origin(log)
    sampling_draws.order(
        db.session(), receiver.id, origin, index, reason=reason.strip(), by=getpass.getuser(), at=utcnow()
    )
    db.session.commit()
    click.echo(f"{client_id} may ask for the evidence of leaf {index} of {origin}")

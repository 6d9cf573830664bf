"""`elearn receiver ...`: the exam systems that may fetch hours."""

from __future__ import annotations

import click

from elearn.clock import utcnow
from elearn.credit_export.exam_system import receivers as service
from elearn.credit_export.exam_system.commands import push
from elearn.db import db


@click.group("receiver")
def receivers() -> None:
    """Exam systems that may fetch hours."""


@receivers.command("add")
@click.argument("name")
@click.option("--outline", "outlines", multiple=True, required=True, help="Code of an outline it examines.")
@click.option("--scope", "scopes", multiple=True, default=service.SCOPES, show_default=True,
              type=click.Choice(service.ALL_SCOPES), help="evidence.read is for who computes hours again.")  # fmt: skip
def add(name: str, outlines: tuple[str, ...], scopes: tuple[str, ...]) -> None:
    """Make a receiver and print its credentials; the secret is shown this once."""
    made = service.add_receiver(db.session(), name=name, outlines=outlines, scopes=scopes, made_at=utcnow())
    db.session.commit()
    click.echo(f"client_id      {made.client_id}")
    click.echo(f"client_secret  {made.secret}")


@receivers.command("list")
def show() -> None:
    """List receivers."""
    for receiver in service.all_receivers(db.session()):
        state = f"revoked {receiver.revoked_at:%Y-%m-%d}" if receiver.revoked_at else "active"
        click.echo(f"{receiver.client_id}  {state}  {' '.join(receiver.scopes)}  {receiver.name}")


@receivers.command("revoke")
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """Close a receiver's door at once."""
    service.revoke_receiver(db.session(), client_id=client_id, revoked_at=utcnow())
    db.session.commit()
    click.echo(f"{client_id} is revoked")


receivers.add_command(push)

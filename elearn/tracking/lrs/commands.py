"""`elearn lrs key create | list | revoke`: who may use /xapi/."""

from __future__ import annotations

from uuid import UUID

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.people.organisations import get_organisation
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.access.scopes import DEFAULT_SCOPES, SCOPES
from elearn.tracking.lrs.streams import commands as streams
from elearn.tracking.lrs.versions import LATEST, LATEST_1


@click.group()
def lrs() -> None:
    """The xAPI record store."""


for _command in (streams.forward, streams.export, streams.import_):
    lrs.add_command(_command)


@lrs.group()
def key() -> None:
    """Keys that may use /xapi/."""


@key.command("create")
@click.argument("label")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=DEFAULT_SCOPES,
    show_default=True,
)
@click.option("--organisation", type=click.UUID, help="Whose statements it may read besides its own; none: all.")
@click.option(
    "--speaks",
    type=click.Choice(LATEST),
    default=LATEST_1,
    show_default=True,
    help="Which xAPI its client speaks: what an answer names when a request does not say.",
)
def create(label: str, scopes: tuple[str, ...], organisation: UUID | None, speaks: str) -> None:
    """Make a key for LABEL and print it with its secret, which cannot be shown again."""
    session = db.session()
    if organisation is not None:
        get_organisation(session, organisation)
    made, secret = credentials.create(
        session,
        label=label,
        scopes=scopes,
        organisation_id=organisation,
        at=utcnow(),
        server_key=credentials.server_key(),
        speaks=speaks,
    )
    session.commit()
    click.echo(f"key     {made.key}")
    click.echo(f"secret  {secret}")


@key.command("list")
def list_keys() -> None:
    """Print every key, live or revoked."""
    for one in credentials.everyone(db.session()):
        state = "live" if one.revoked_at is None else f"revoked {one.revoked_at:%Y-%m-%d %H:%M}Z"
        click.echo(
            "\t".join((one.key, state, ",".join(one.scopes), str(one.organisation_id or "-"), one.speaks, one.label))
        )


@key.command("revoke")
@click.argument("key")
def revoke(key: str) -> None:
    """Close KEY for good. What it wrote stays."""
    session = db.session()
    credentials.revoke(session, key, at=utcnow())
    session.commit()
    click.echo(f"revoked {key}")

"""`elearn lrs forward ...`: other record stores that statements go on to. `elearn lrs export | import`: files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import click

from elearn.clock import utcnow
from elearn.db import db
from elearn.people.organisations import get_organisation
from elearn.runtime import runtime
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.streams import ndjson, outbox, targets
from elearn.tracking.lrs.versions import LATEST, LATEST_1

LAST_ID = UUID(int=2**128 - 1)
"""Behind every statement of a moment."""


@click.group()
def forward() -> None:
    """Other record stores that get every statement."""


@forward.command("add")
@click.argument("label")
@click.argument("endpoint")
@click.option("--key", required=True, help="Our key at the other store (HTTP Basic).")
@click.option("--secret", prompt=True, hide_input=True, help="Its secret; asked for when it is left out.")
@click.option("--organisation", type=click.UUID, help="Only what came by this organisation's keys.")
@click.option("--speaks", multiple=True, type=click.Choice(LATEST), default=[LATEST_1])
@click.option("--private", is_flag=True, help="It may be at a private address, and without TLS.")
@click.option("--from-now", is_flag=True, help="Only what is stored from now on; else everything there is.")
def add(
    label: str,
    endpoint: str,
    key: str,
    secret: str,
    organisation: UUID | None,
    speaks: Sequence[str],
    private: bool,
    from_now: bool,
) -> None:
    """Send statements on to the record store at ENDPOINT, from now on called LABEL here."""
    session = db.session()
    if organisation is not None:
        get_organisation(session, organisation)
    targets.add(
        session,
        label=label,
        endpoint=endpoint,
        key=key,
        secret=secret,
        sealing_key=runtime().settings.sealing_key,
        at=utcnow(),
        organisation_id=organisation,
        speaks=speaks,
        private=private,
        after=(consistent_through(session), LAST_ID) if from_now else None,
    )
    session.commit()
    click.echo(f"added {label}")


@forward.command("list")
@click.option("--failures", is_flag=True, help="Also each statement that was not taken, and why.")
def list_targets(failures: bool) -> None:
    """Print every target: how far it has got and what it did not take."""
    session = db.session()
    for one in targets.standings(session):
        target = one.target
        place = outbox.place_of(target)
        reached = "nothing yet" if place is None else f"up to {place[0]:%Y-%m-%d %H:%M:%S}Z"
        facts = [target.label, target.state, target.endpoint, reached, f"sent {target.sent}"]
        facts += [f"failing {one.failing}", f"dead {one.dead}"]
        if target.last_error:
            facts.append(f"{target.attempts} times: {target.last_error}")
        click.echo("\t".join(facts))
        for failure in targets.failures(session, target) if failures else ():
            state = "dead" if failure.dead else "failing"
            click.echo("\t".join(("", str(failure.statement_id), state, failure.error)))


@forward.command("pause")
@click.argument("label")
def pause(label: str) -> None:
    """Send nothing to LABEL until it is resumed; then it goes on where it stood."""
    targets.pause(targets.named(db.session(), label))
    db.session.commit()
    click.echo(f"paused {label}")


@forward.command("resume")
@click.argument("label")
def resume(label: str) -> None:
    """Send to LABEL again, at once, also when it was waiting for a store that was away."""
    targets.resume(targets.named(db.session(), label), at=utcnow())
    db.session.commit()
    click.echo(f"resumed {label}")


@forward.command("retry")
@click.argument("label")
@click.option("--statement", type=click.UUID, help="Only this one.")
def retry(label: str, statement: UUID | None) -> None:
    """Offer LABEL what it did not take once more."""
    session = db.session()
    count = targets.retry(session, targets.named(session, label), statement, at=utcnow())
    session.commit()
    click.echo(f"to be offered again: {count}")


@forward.command("remove")
@click.argument("label")
def remove(label: str) -> None:
    """Forget the secret of LABEL and send nothing to it any more. What it has stays there."""
    session = db.session()
    targets.remove(session, targets.named(session, label))
    session.commit()
    click.echo(f"removed {label}")


class Moment(click.ParamType[datetime]):
    """A time with its zone, as 2026-07-01T00:00:00Z."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("must be a time like 2026-07-01T00:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail("must name its zone, as 2026-07-01T00:00:00Z does", param, ctx)
        return moment.astimezone(UTC)


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--organisation", type=click.UUID, help="Only what came by this organisation's keys.")
@click.option("--since", type=Moment(), help="Only what was stored after this moment.")
@click.option("--until", type=Moment(), help="Only what was stored up to this moment.")
@click.option("--without-attachments", is_flag=True, help="Leave out the data of attachments.")
def export(
    file: str, organisation: UUID | None, since: datetime | None, until: datetime | None, without_attachments: bool
) -> None:
    """Write statements to FILE (packed when it ends in .gz; - is the standard output), one a line, oldest first."""
    session = db.session()
    if organisation is not None:
        get_organisation(session, organisation)
    through = consistent_through(session)
    wanted = ndjson.Wanted(
        reads=credentials.reads_of(session, organisation),
        after=None if since is None else (since, LAST_ID),
        through=through if until is None else min(until, through),
        attachments=not without_attachments,
    )
    with ndjson.writing(file, sys.stdout.buffer) as out:
        written = ndjson.write(session, wanted, out, home_page=runtime().settings.public_url)
    click.echo(f"statements {written.statements}, attachments {written.attachments}", err=True)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--key", required=True, help="The key of this store by which they come in: it stands for them.")
def import_(file: str, key: str) -> None:
    """Store the statements of FILE as `export` writes them (packed when it ends in .gz; - is the standard input).

    What is there already is passed over, so the same file may be imported again. At the first line that is wrong it
    stops: what stands in the batches before it is stored, nothing of its own batch is.
    """
    session = db.session()
    sender = credentials.named(session, key)
    with ndjson.reading(file, sys.stdin.buffer) as lines:
        done = ndjson.read(session, lines, sender, now=utcnow)
    click.echo(f"stored {done.stored}, there already {done.there}", err=True)

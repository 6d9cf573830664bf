"""`elearn archive make|due`: archives of classes from the command line. `verify` stands in `archive_check.py`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

import click
import sqlalchemy as sa

from elearn.clock import utcnow
from elearn.courses.models import TrainingClass
from elearn.credit_export.archive import making, reading
from elearn.credit_export.archive.making import House
from elearn.db import db
from elearn.errors import NotFound
from elearn.people.operators import operator_name
from elearn.people.registry import local_day


@click.command("make")
@click.argument("held")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
def make(held: str, directory: Path) -> None:
    """Write the archive of the class HELD (its number or id) into DIRECTORY. Whose data leave is recorded."""
    session = db.session()
    class_id = class_named(held)
    taken = making.take(session, class_id, House.here(), by=None, to=f"command line, {operator_name()}", now=utcnow())
    target = directory / taken.name
    fresh = target.with_name(f".{target.name}.fresh")
    fresh.touch(mode=0o600)
    try:
        fresh.write_bytes(taken.content)
        session.commit()
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    click.echo(f"{target}: {taken.people} people, {len(taken.content)} bytes")


@click.command("due")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="As of this day; today without it.")
def due(on: datetime | None) -> None:
    """List the classes that nothing asks to be kept any longer. Deletes nothing: two people decide about each."""
    day = on.date() if on else local_day(utcnow())
    found = reading.due(db.session(), sa.true(), on=day)
    for held, clock in found:
        training = held.training
        facts = (str(training.id), training.class_no, held.institution.name, f"ended {clock.ended_on}",
                 f"kept until {clock.until}", clock.kept.rule)  # fmt: skip
        click.echo("\t".join(facts))
    click.echo(f"{len(found)} classes")


def class_named(wanted: str) -> UUID:
    """The class of this number or id. Raises NotFound: none, or several institutions have one of that number."""
    found = db.session.scalars(
        sa.select(TrainingClass.id)
        .where(sa.or_(TrainingClass.class_no == wanted, sa.cast(TrainingClass.id, sa.Text) == wanted.lower()))
        .limit(2)
    ).all()
    if not found:
        raise NotFound("There is no such class.")
    if len(found) > 1:
        raise NotFound("Several classes have this number: name the id.")
    return found[0]

"""`elearn tracking thresholds load | show`: the dated numbers that flags are raised by."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
import yaml

from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Malformed
from elearn.people.registry import local_day
from elearn.tracking import reviewed
from elearn.tracking.signals import flagging
from elearn.tracking.signals.thresholds import Thresholds

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def thresholds() -> None:
    """The numbers beyond which something is flagged for review."""


@thresholds.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "effective_from", type=DAY, help="The first day they hold; left out: today.")
def load_thresholds(file: Path, effective_from: datetime | None) -> None:
    """Load thresholds from FILE, a YAML map of names to numbers; what it does not name is MODEL's.

    Flags that are there keep the numbers they were raised by. Loading the same again changes nothing.
    """
    now = utcnow()
    day = local_day(now) if effective_from is None else effective_from.date()
    if day < local_day(now):
        raise Malformed("Thresholds cannot begin in the past.")
    try:
        given = Thresholds.read(reviewed.read(file.read_text(encoding="utf-8")) or {})
    except (ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise Malformed("These are no thresholds: %(why)s", why=str(error)) from error
    digest = flagging.load(db.session(), given, effective_from=day, at=now)
    db.session.commit()
    click.echo(f"from {day}: {digest}")


@thresholds.command("show")
@click.option("--on", type=DAY, help="The day; left out: today.")
def show_thresholds(on: datetime | None) -> None:
    """The thresholds of a day; `*` marks what is not MODEL's."""
    day = local_day(utcnow()) if on is None else on.date()
    given, digest = flagging.in_force(db.session(), on=day)
    usual = asdict(Thresholds())
    click.echo(f"{day}: {digest}")
    for name, value in asdict(given).items():
        click.echo(f"{'*' if value != usual[name] else ' '} {name}: {list(value) if name == 'datacentres' else value}")

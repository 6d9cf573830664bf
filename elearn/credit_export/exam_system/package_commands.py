"""`elearn package make|receipt|profile`: packages for exam systems that no network reaches, and their receipt files."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from elearn.clock import utcnow
from elearn.credit_export.exam_system import packages, profiles, receipt_files, receivers
from elearn.credit_export.exam_system.desks import desk_for, keys
from elearn.credit_export.exam_system.mapping import default_text
from elearn.db import db

A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("make")
@click.argument("receiver")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Whose record changed on this day (China) or later.")
@click.option("--class", "class_no", help="Only people of this class, by its number or id.")
@click.option("--everyone", is_flag=True, help="Also people who were never admitted.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ZIP to write."
)
def make(receiver: str, since: datetime | None, class_no: str | None, everyone: bool, output: Path) -> None:
    """Write a signed package for RECEIVER (its client id). Document numbers leave with it; that is recorded."""
    session = db.session()
    found = receivers.get_receiver(session, receiver)
    desk = desk_for(session, found)
    on: date | None = since.date() if since else None
    class_id = packages.class_named(session, desk.outlines, class_no) if class_no else None
    fresh = output.with_name(f".{output.name}.fresh")
    fresh.touch(mode=0o600)
    try:
        with fresh.open("w+b") as into:
            scope = packages.Scope(since=on, class_id=class_id, everyone=everyone)
            made = packages.make(session, desk, scope, into, by="command line")
        session.commit()
        fresh.replace(output)
    finally:
        fresh.unlink(missing_ok=True)
    click.echo(f"{output}: {made.rows} records, package {made.id}, signed by {desk.signer.kid}")


@click.command("receipt")
@click.argument("receiver")
@click.argument("file", type=A_FILE)
def receipt(receiver: str, file: Path) -> None:
    """Read back the receipt FILE of RECEIVER; names each row that needs somebody, and then ends with exit status 1."""
    session = db.session()
    found = receivers.get_receiver(session, receiver)
    profile = profiles.profile_of(session, found.id)
    report = receipt_files.take(session, found.id, file.read_bytes(), profile, keys(), at=utcnow())
    session.commit()
    for line in report.lines:
        if line.verdict not in receipt_files.GOOD:
            more = " ".join([*line.columns, line.why])
            click.echo(f"{line.sheet} row {line.row}: {line.verdict} {line.record} {more}".rstrip())
    click.echo(", ".join(f"{verdict} {count}" for verdict, count in sorted(report.counts.items())) or "no rows")
    raise click.exceptions.Exit(0 if report.whole else 1)


@click.command("profile")
@click.argument("receiver", required=False)
@click.argument("file", type=A_FILE, required=False)
def profile(receiver: str | None, file: Path | None) -> None:
    """Load the mapping profile FILE for RECEIVER; without FILE print the one it has, without RECEIVER the default."""
    if receiver is None:
        click.echo(default_text(), nl=False)
        return
    session = db.session()
    found = receivers.get_receiver(session, receiver)
    if file is None:
        click.echo(profiles.text_of(session, found.id), nl=False)
        return
    loaded = profiles.keep_profile(session, found.id, file.read_text(encoding="utf-8"), at=utcnow())
    session.commit()
    click.echo(f"{receiver}: {loaded.name} {loaded.version}, {len(loaded.columns)} columns, sha256 {loaded.sha256}")

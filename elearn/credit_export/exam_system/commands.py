"""`elearn receiver push ...`: where receivers are pushed to. `elearn exam ...`: what they were told, what they hold."""

from __future__ import annotations

import sys
from http.client import HTTPException
from pathlib import Path
from uuid import UUID

import click

from elearn.clock import utcnow
from elearn.credit_export.exam_system import deliveries, push_targets, reconciling, rerouting, standing
from elearn.credit_export.exam_system.push_rules import Takes
from elearn.credit_export.exam_system.receivers import get_receiver
from elearn.credit_export.models import Receiver
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.reaching import exchange
from elearn.runtime import runtime

LONGEST_LIST_BYTES = 200_000_000


@click.group()
def push() -> None:
    """Where a receiver is pushed what concerns it."""


@push.command("set")
@click.argument("client_id")
@click.argument("url")
@click.option(
    "--takes", type=click.Choice([one.value for one in Takes]), default=Takes.GRANTED.value, show_default=True
)
@click.option("--private", is_flag=True, help="It may be at a private address, and without TLS.")
@click.option("--from-now", is_flag=True, help="Only what happens from now on; else everything there is.")
def push_set(client_id: str, url: str, takes: str, private: bool, from_now: bool) -> None:
    """Push to CLIENT_ID at URL (Standard Webhooks); a new secret is shown this once."""
    secret = push_targets.set_target(
        db.session(),
        client_id,
        url=url,
        sealing_key=runtime().settings.sealing_key,
        at=utcnow(),
        takes=Takes(takes),
        private=private,
        from_now=from_now,
    )
    db.session.commit()
    click.echo(f"{client_id} is pushed to {url}" if secret is None else f"secret  {secret}")


@push.command("secret")
@click.argument("client_id")
def push_secret(client_id: str) -> None:
    """Make another secret, shown this once; the one before signs along for a day."""
    secret = push_targets.new_secret(db.session(), client_id, sealing_key=runtime().settings.sealing_key, at=utcnow())
    db.session.commit()
    click.echo(f"secret  {secret}")


@push.command("list")
@click.option("--dead", is_flag=True, help="Also each dead letter, and why.")
def push_list(dead: bool) -> None:
    """Print every push address: how far it has got and what it did not take."""
    session = db.session()
    for receiver_id, one in push_targets.standings(session).items():
        target = one.target
        client_id = session.get_one(Receiver, receiver_id).client_id
        facts = [client_id, target.state, target.takes, target.url, f"up to {target.position}", f"sent {target.sent}"]
        facts += [f"waiting {one.waiting}", f"dead {one.dead}"]
        if target.last_error:
            facts.append(f"{target.attempts} times: {target.last_error}")
        click.echo("\t".join(facts))
        for message in push_targets.messages(session, receiver_id, "dead") if dead else ():
            click.echo("\t".join(("", str(message.id), str(message.record_id), message.last_error or "")))


@push.command("pause")
@click.argument("client_id")
def push_pause(client_id: str) -> None:
    """Send nothing until it is resumed; then it goes on where it stood."""
    push_targets.pause(push_targets.named(db.session(), client_id))
    db.session.commit()
    click.echo(f"{client_id} is paused")


@push.command("resume")
@click.argument("client_id")
def push_resume(client_id: str) -> None:
    """Send again, at once, also when it was waiting for a receiver that was away."""
    push_targets.resume(push_targets.named(db.session(), client_id), at=utcnow())
    db.session.commit()
    click.echo(f"{client_id} is resumed")


@push.command("resend")
@click.argument("client_id")
@click.option("--message", type=click.UUID, help="Only this dead letter.")
def push_resend(client_id: str, message: UUID | None) -> None:
    """Send dead letters again."""
    session = db.session()
    target = push_targets.named(session, client_id)
    count = push_targets.resend(session, target.receiver_id, message, at=utcnow())
    session.commit()
    click.echo(f"to be sent again: {count}")


@click.group("exam")
def exam() -> None:
    """What exam systems were told and what they made of it."""


@exam.command("deliveries")
@click.argument("client_id")
@click.argument("record", type=click.UUID, required=False)
def show_deliveries(client_id: str, record: UUID | None) -> None:
    """How many records stand where with CLIENT_ID; of RECORD, all that happened."""
    session = db.session()
    receiver = get_receiver(db.session(), client_id)
    if record is None:
        for state, count in sorted(deliveries.counts(session, receiver.id).items()):
            click.echo(f"{state.value}\t{count}")
        return
    for event in deliveries.history(session, receiver.id, record):
        facts = (
            f"{event.at:%Y-%m-%d %H:%M:%S}Z",
            event.way,
            event.event,
            event.state,
            event.code or "",
            event.detail or "",
        )
        click.echo("\t".join(facts))


@exam.command("reroute")
@click.argument("record", type=click.UUID)
@click.option("--from", "away_from", required=True, help="Client id of the receiver that has it.")
@click.option("--to", required=True, help="Client id of the receiver that is to get it.")
def reroute(record: UUID, away_from: str, to: str) -> None:
    """Give RECORD to another receiver; the first is sent a withdrawal notice."""
    rerouting.reroute(db.session(), record, away_from=away_from, to=to, at=utcnow())
    db.session.commit()
    click.echo(f"{record} goes to {to}")


@exam.command("reconcile")
@click.argument("client_id")
@click.argument("source")
@click.option("--private", is_flag=True, help="The address may be a private one.")
def reconcile(client_id: str, source: str, private: bool) -> None:
    """Compare what CLIENT_ID holds, its list at SOURCE (a file, - or https://...), with what it should hold.

    One line for each difference; exit status 1 when there is one.
    """
    receiver = get_receiver(db.session(), client_id)
    try:
        theirs = reconciling.read_list(_text_of(source, private=private))
    except reconciling.ListRefused as error:
        raise Malformed(str(error)) from error
    ours = standing.of_receiver(db.session(), receiver.id)
    differences = reconciling.compare(ours, theirs)
    for one in differences:
        click.echo(str(one))
    click.echo(f"here {len(ours)}, there {len(theirs)}, differences {len(differences)}")
    raise click.exceptions.Exit(1 if differences else 0)


def _text_of(source: str, *, private: bool) -> str:
    if source == "-":
        return sys.stdin.read()
    if not source.startswith(("http://", "https://")):
        if not Path(source).is_file():
            raise NotFound("There is no such file.")
        return Path(source).read_text(encoding="utf-8")
    try:
        response, body = exchange(
            "GET",
            source,
            headers={"Accept": "application/json"},
            body=None,
            private=private,
            silence_s=30.0,
            whole_s=300.0,
            most_bytes=LONGEST_LIST_BYTES,
        )
    except (OSError, HTTPException) as error:
        raise NotFound("The list could not be fetched: %(why)s", why=str(error) or type(error).__name__) from error
    if response.status != 200:
        raise NotFound("The list could not be fetched: %(why)s", why=response.status)
    return body.decode()

"""Once an hour a time stamp authority stamps the newest checkpoint (RFC 3161), where the settings name one.

    ledger_checkpoint ─► authority ─► ledger_stamp ─► <year>/stamp/<size>.tsr, <size>.txt, then `newest`

Nothing waits for it: it is a job of its own, and hours are credited without. An authority that is away, slow, or
answers what is no stamp is asked again after a while; `/healthz`, a page and `elearn ledger stamps` say so. With
OpenSSL anybody checks what is served:

    openssl ts -verify -data 128.txt -in 128.tsr -CAfile authority.pem
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import MILLISECOND, to_ms, utcnow
from elearn.credit_export.ledger import stamps
from elearn.credit_export.ledger.advancing import all_logs
from elearn.credit_export.ledger.files import put
from elearn.credit_export.ledger.growing import newest_checkpoint
from elearn.credit_export.ledger.models import LedgerCheckpoint, LedgerStamp
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.notes import read_note
from elearn.credit_export.ledger.stamp_standing import Stamping, read_stamping, write_stamping
from elearn.credit_export.ledger.stamps import StampRefused
from elearn.db import db
from elearn.reaching import exchange
from elearn.runtime import runtime

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
SILENCE_S, WHOLE_S = 10.0, 20.0
DIRECTORY, NEWEST = "stamp", "newest"


@dataclass(frozen=True, slots=True)
class Office:
    """Where stamps come from and where they are shown."""

    tsa: str
    ledger_dir: Path
    every: timedelta = EVERY


def stamp(session: Session, *, now: datetime, office: Office) -> list[LedgerStamp]:
    """Stamp what is due of each log and show it; commits. Answers the new stamps."""
    standing = read_stamping(office.ledger_dir)
    made: list[LedgerStamp] = []
    for origin in all_logs(session):
        checkpoint, last = newest_checkpoint(session, origin), _newest(session, origin)
        if last is not None:
            _show(session, office.ledger_dir, last)
        if checkpoint is None or (last is not None and not _is_due(last, checkpoint.size, now, office.every)):
            continue
        if not standing.part.may_be_asked(now):
            break
        session.commit()  # no transaction is open while others are asked
        try:
            reply, stamped_at = _ask(office.tsa, read_note(checkpoint.note.encode()).text.encode())
        except (OSError, HTTPException, StampRefused) as error:
            why = f"The time stamp authority gives no stamp: {error or type(error).__name__}"
            if why != standing.part.detail:
                logger.warning("a checkpoint is not stamped: %s", why, extra={"log": origin})
            standing = msgspec.structs.replace(standing, part=standing.part.worse("away", why, now))
            break
        size = checkpoint.size
        row = LedgerStamp(origin=origin, size=size, reply=reply, stamped_at=stamped_at, made_at=now)
        made += _keep(session, row)
        standing = Stamping(standing.part.ok(now, size=size), to_ms(stamped_at), (stamped_at - now) // MILLISECOND)
    session.commit()
    write_stamping(office.ledger_dir, standing)
    for row in made:
        _show(session, office.ledger_dir, row)
    return made


def _is_due(last: LedgerStamp, size: int, now: datetime, every: timedelta) -> bool:
    """A clock that was put back does not make it wait."""
    return last.size < size and not last.made_at <= now < last.made_at + every


def _newest(session: Session, origin: str) -> LedgerStamp | None:
    return session.scalars(
        sa.select(LedgerStamp).where(LedgerStamp.origin == origin).order_by(LedgerStamp.size.desc()).limit(1)
    ).one_or_none()


def _ask(tsa: str, text: bytes) -> tuple[bytes, datetime]:
    """The reply, and the time in it. Raises OSError, HTTPException, StampRefused."""
    question = stamps.ask(text)
    headers = {"Content-Type": stamps.ASKED, "Accept": stamps.ANSWERED, "User-Agent": "elearn"}
    # The operator named the address in the settings: it may be one of the house.
    response, reply = exchange(
        "POST", tsa, headers=headers, body=question.body, private=True, silence_s=SILENCE_S, whole_s=WHOLE_S,
        most_bytes=stamps.REPLY_BYTES_MAX,
    )  # fmt: skip
    if response.status != 200:
        raise StampRefused(f"it answers {response.status}")
    return reply, stamps.answered(question, reply)


def _keep(session: Session, row: LedgerStamp) -> list[LedgerStamp]:
    """The row, unless another worker has stamped the same meanwhile."""
    values = {name: getattr(row, name) for name in ("origin", "size", "reply", "stamped_at", "made_at")}
    done = session.execute(
        insert(LedgerStamp).values(values).on_conflict_do_nothing().returning(LedgerStamp.size)
    ).all()
    session.commit()
    return [row] if done else []


def _show(session: Session, ledger_dir: Path, row: LedgerStamp) -> None:
    """The files of a stamp; where none are there, those of all, and `newest` last."""
    directory = directory_of(ledger_dir, row.origin) / DIRECTORY
    asked = LedgerStamp.origin == row.origin
    if (directory / NEWEST).exists():
        if (directory / NEWEST).read_text() == f"{row.size}\n":
            return
        asked &= LedgerStamp.size == row.size
    for one, text in _with_text(session, asked):
        put(directory / f"{one.size}.txt", text)
        put(directory / f"{one.size}.tsr", one.reply)
    put(directory / NEWEST, f"{row.size}\n".encode())


def _with_text(session: Session, *asked: sa.ColumnElement[bool]) -> Iterator[tuple[LedgerStamp, bytes]]:
    """Stamps, each with the text that it is over."""
    rows = session.execute(
        sa.select(LedgerStamp, LedgerCheckpoint.note)
        .join(
            LedgerCheckpoint,
            (LedgerCheckpoint.origin == LedgerStamp.origin) & (LedgerCheckpoint.size == LedgerStamp.size),
        )
        .where(*asked)
        .execution_options(yield_per=1_000)
    )
    for row, note in rows:
        yield row, read_note(note.encode()).text.encode()


def unsound(session: Session) -> Iterator[tuple[str, str]]:
    """For `elearn ledger check`: stamps that are not over their checkpoint, or not of the time they are kept under."""
    for row, text in _with_text(session):
        try:
            stamped_at = stamps.stamped(row.reply, text)
        except StampRefused as error:
            yield f"{row.origin} {row.size}", str(error)
            continue
        if stamped_at != row.stamped_at:
            yield f"{row.origin} {row.size}", f"is kept as of {row.stamped_at}, and is of {stamped_at}"


@contextmanager
def _alone(session: Session) -> Iterator[bool]:
    """True inside when no other worker asks for stamps. The lock has a connection of its own: the session commits."""
    with session.get_bind().engine.connect() as connection:
        asked = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('elearn stamps', 0))")
        yield bool(connection.execute(asked).scalar_one())


@jobs.task("ledger.stamp", every="* * * * *")
def stamp_the_log() -> None:
    """Every minute it is looked whether the hour is over."""
    settings = runtime().settings
    if settings.ledger_tsa is None:
        return
    with _alone(db.session()) as mine:
        if mine:
            stamp(db.session(), now=utcnow(), office=Office(settings.ledger_tsa, settings.ledger_dir))

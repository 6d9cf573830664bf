"""From leaves in the database to a checkpoint that everybody may rely on.

    leaves ─► tiles on disk ─► signature ─► cosignatures ─► quorum? ─► ledger_checkpoint ─► the file `checkpoint`

Each step leaves what the next run needs and may be the last: a run that dies is simply followed by another. What others
are asked about is durable before (the leaves are committed, the tiles on disk), and nothing counts before the row of
`ledger_checkpoint` is committed. The file comes last: whoever reads it finds every tile it needs.

Without an answer of the signer, or without the quorum, nothing is published and nothing is lost; `standing.py` says who
is waited for. A contradiction (files or signer know more leaves than the database, leaves changed) stops it until
somebody has looked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.clock import MILLISECOND, to_ms
from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.growing import Contradiction, agreed, count_leaves, newest_checkpoint, write
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.models import LedgerCheckpoint
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.notes import Note, NoteRefused, SignatureLine, Verifier
from elearn.credit_export.ledger.quorum import Trust, TrustRefused
from elearn.credit_export.ledger.signer import AsksSigner, NotSigned, OtherSize, SignerAway, Wanted
from elearn.credit_export.ledger.signer_door import SOCKET, HttpSigner
from elearn.credit_export.ledger.standing import Part, read_standing, write_standing
from elearn.credit_export.ledger.tree import consistency_proof
from elearn.credit_export.ledger.witnesses import AsksWitness, HttpWitness, ask_all
from elearn.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=10)
AT_LEAVES = 256
FRESH = timedelta(hours=1)
"""Cosignatures of a log that does not grow are renewed: a proof is refused when they are old."""
TRIES = 3
NO_WITNESSES = Trust(())

OTHER_KEY = (
    "The signer has another key than the one with which the log %(origin)s was published. Start it with the directory "
    "that holds that key; if it is lost, set ELEARN_LEDGER_SERIES one higher, which begins a new log, and tell those "
    "who check the old one why it ends."
)


@dataclass(frozen=True, slots=True)
class Desk:
    """With whom and where a log is published."""

    ledger_dir: Path
    signer: AsksSigner
    witnesses: Sequence[AsksWitness] = ()
    trust: Trust = NO_WITNESSES
    """The keys of the witnesses and how many it takes; the log's own key is known."""
    every: timedelta = EVERY
    """At most one checkpoint in that time, unless 256 leaves wait."""


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint that met the quorum: every leaf below `size` is credited."""

    origin: str
    size: int
    root: bytes
    note: Note
    witnessed: bool
    """Whether it took anybody but us."""


def desk_of(settings: Settings) -> Desk:
    """As the settings say. Raises SettingsError when the policy cannot be read."""
    own = f"unix:{settings.ledger_signer_dir / SOCKET}"
    try:
        trust = Trust.read(settings.ledger_policy.read_bytes()) if settings.ledger_policy else NO_WITNESSES
    except (OSError, TrustRefused) as error:
        raise SettingsError(f"Settings: ELEARN_LEDGER_POLICY cannot be read: {error}") from error
    reached = {one.name: one.url for one in trust.witnesses.values() if one.url}
    if not trust.met(reached.keys()):
        raise SettingsError("Settings: ELEARN_LEDGER_POLICY must name an address of each witness that the quorum takes")
    return Desk(
        settings.ledger_dir,
        HttpSigner(settings.ledger_signer or own, settings.ledger_secret),
        [HttpWitness(name, url) for name, url in reached.items()],
        trust,
        EVERY / settings.policy_scale,
    )


def publish(session: Session, origin: str, *, now: datetime, desk: Desk) -> Published | None:
    """Publish the leaves that are not yet; None when there is nothing to do, or others are waited for.

    It commits, first what the caller has done: what is signed must never be undone. One at a time for each log, on all
    hosts; a second one answers None.
    """
    session.commit()
    with _alone(session, origin) as mine:
        if not mine:
            return None
        attempt = _Attempt(session, origin, now, desk)
        published = attempt.go()
        session.rollback()  # nothing is left to write
        write_standing(attempt.files.directory, attempt.standing)
        return published


@contextmanager
def _alone(session: Session, origin: str) -> Iterator[bool]:
    """True inside when nobody else publishes this log. The lock has a connection of its own: the session commits."""
    with session.get_bind().engine.connect() as connection:
        asked = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('elearn publishes ' || :origin, 0))")
        yield bool(connection.execute(asked, {"origin": origin}).scalar_one())


class _Attempt:
    """One attempt to publish what one log has."""

    def __init__(self, session: Session, origin: str, now: datetime, desk: Desk) -> None:
        self.session, self.origin, self.now, self.desk = session, origin, now, desk
        self.files = LogFiles(directory_of(desk.ledger_dir, origin))
        self.before = read_standing(self.files.directory)
        self.standing = replace(self.before, origin=origin, alarm="")

    def go(self) -> Published | None:
        try:
            return self._go()
        except Contradiction as error:
            if str(error) != self.before.alarm:
                logger.error("the log cannot be published: %s", error, extra={"log": self.origin})
            self.standing = replace(self.standing, alarm=str(error))
        except (SignerAway, NotSigned) as error:
            state = "refuses" if isinstance(error, NotSigned) else "away"
            if str(error) != self.before.signer.detail:
                logger.error("the log is not signed: %s", error, extra={"log": self.origin})
            self.standing = replace(self.standing, signer=self.standing.signer.worse(state, str(error), self.now))
        return None

    def _go(self) -> Published | None:
        row = newest_checkpoint(self.session, self.origin)
        size = count_leaves(self.session, self.origin)
        waiting = size > (row.size if row else 0)
        self.standing = replace(self.standing, waiting_ms=(self.before.waiting_ms or to_ms(self.now)) if waiting else 0)
        base = agreed(self.session, self.files, row, self.origin, size)
        if row is not None and self.files.key() is None:
            self._key()  # lost with the other files
        if not self._is_due(row, size):
            return None
        checkpoint = Checkpoint(self.origin, size, write(self.session, self.files, base, size))
        self.session.commit()  # no transaction is open while others are asked
        key = self._key()
        line = self._signed(checkpoint, base.size, key)
        if line is None:
            return None
        self.standing = replace(self.standing, signer=self.standing.signer.ok(self.now, size=size))
        note = self._cosigned(checkpoint, Note(checkpoint.text(), (line,)))
        trust = self.desk.trust
        enough = trust.met(trust.cosigned(note).keys())
        self.standing = replace(self.standing, quorum=enough)
        if not enough:
            return None
        return self._record(Published(self.origin, size, checkpoint.root, note, trust.quorum is not None))

    def _is_due(self, row: LedgerCheckpoint | None, size: int) -> bool:
        if not self.standing.signer.may_be_asked(self.now):
            return False
        waiting = size - (row.size if row else 0)
        if waiting == 0:
            age_ms = to_ms(self.now) - self.standing.published_ms
            return row is not None and bool(self.desk.witnesses) and age_ms >= FRESH // MILLISECOND
        if not self.standing.quorum and not self._anybody_to_ask_again():
            return False
        soon = row is not None and row.signed_at <= self.now < row.signed_at + self.desk.every
        return not soon or waiting >= AT_LEAVES

    def _anybody_to_ask_again(self) -> bool:
        parts = [self.standing.witnesses.get(witness.name, Part()) for witness in self.desk.witnesses]
        waited_for = [part for part in parts if part.state != "ok"]
        return not waited_for or any(part.may_be_asked(self.now) for part in waited_for)

    def _key(self) -> Verifier:
        """The log's key: the one it was published with first."""
        key = self.files.key()
        if key is None:
            try:
                key = Verifier.from_vkey(self.desk.signer.vkey(self.origin))
            except NoteRefused as error:
                raise SignerAway("The signer gives no key: %(why)s", why=str(error)) from error
            note = self.files.checkpoint()
            if key.name != self.origin or (note is not None and not key.signed(note)):
                raise Contradiction(OTHER_KEY, origin=self.origin)
            self.files.put_key(key)
        return key

    def _signed(self, checkpoint: Checkpoint, old: int, key: Verifier) -> SignatureLine | None:
        """None when the log has grown meanwhile and others have had that signed."""
        size = checkpoint.size
        nodes = self.files.nodes(size)
        for _ in range(TRIES):
            proof = consistency_proof(old, size, nodes)
            try:
                line = self.desk.signer.sign(Wanted(self.origin, size, checkpoint.root, old, proof))
            except NotSigned:
                if count_leaves(self.session, self.origin) > size:
                    return None
                raise
            if not isinstance(line, OtherSize):
                if not key.signed(Note(checkpoint.text(), (line,))):
                    raise Contradiction(OTHER_KEY, origin=self.origin)
                return line
            old = line.size
        raise SignerAway("The signer keeps another size each time it is asked")

    def _cosigned(self, checkpoint: Checkpoint, note: Note) -> Note:
        """The note with the lines of all witnesses who give one."""
        size = checkpoint.size
        parts = {witness.name: self.standing.witnesses.get(witness.name, Part()) for witness in self.desk.witnesses}
        asked = ask_all(
            [witness for witness in self.desk.witnesses if parts[witness.name].may_be_asked(self.now)],
            note,
            size,
            lambda old: consistency_proof(old, size, self.files.nodes(size)),
            {name: part.size for name, part in parts.items()},
            [one.verifier for one in self.desk.trust.witnesses.values()],
        )
        for one in asked:
            part = parts[one.witness]
            if one.lines:
                note = Note(note.text, (*note.lines, *one.lines))
                parts[one.witness] = part.ok(self.now, size=size)
                continue
            state, detail = ("refuses", one.refused) if one.refused else ("away", one.away)
            if (part.state, part.detail) != (state, detail):
                logger.warning("a witness does not cosign: %s", detail, extra={"log": self.origin})
            parts[one.witness] = part.worse(state, detail, self.now)
        self.standing = replace(self.standing, witnesses=parts)
        return note

    def _record(self, published: Published) -> Published:
        """The row first: from its commit on the leaves are credited. A run that dies before the file is repaired."""
        self.session.execute(
            insert(LedgerCheckpoint)
            .values(
                origin=self.origin,
                size=published.size,
                root=published.root,
                note=str(published.note),
                witnessed=published.witnessed,
                signed_at=self.now,
            )
            .on_conflict_do_nothing()
        )
        self.session.commit()
        self.files.put_checkpoint(published.note)
        self.standing = replace(self.standing, published=published.size, published_ms=to_ms(self.now), waiting_ms=0)
        return published

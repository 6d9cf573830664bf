"""Statements in files: NDJSON, one statement a line, as format `exact` shows them, in the order of storing.

Data of attachments stand in lines of their own, right before each statement that came with them:

    {"attachment": {"sha2": "9f86d0...", "data": "<base64>"}}

No statement looks like that: it has an actor. Whoever wants statements only leaves such lines out.
"""

from __future__ import annotations

import gzip
import os
import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import msgspec
from sqlalchemy.orm import Session

from elearn.errors import DomainError, Malformed
from elearn.tracking.lrs.access.credentials import Holder
from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.consistency import stale_after
from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.lrs.statements import answers, attachments, store
from elearn.tracking.lrs.statements.attachments import SHA2, Incoming
from elearn.tracking.lrs.statements.multipart import Part
from elearn.tracking.lrs.streams import feed
from elearn.tracking.lrs.versions import LATEST_1, LATEST_2, is_second

STDIO = "-"
BATCH = 500
"""Lines that are stored together, or not at all."""
BATCH_BYTES = 16_000_000
"""Of lines; a batch ends behind the line that passes it."""
MAX_LINE_BYTES = 150_000_000
"""Of one line: the data of an attachment, in base64."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written."""

    reads: Reads
    after: feed.Place | None
    through: datetime
    attachments: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    statements: int
    attachments: int


@dataclass(frozen=True, slots=True)
class Done:
    stored: int
    there: int
    """An equal statement was there before."""


class BadLine(Malformed):
    """A line of a file is not what it must be."""

    code = "bad_line"

    def __init__(self, number: int, why: str, stored: int) -> None:
        super().__init__(
            "Line %(number)s: %(why)s (statements stored before it: %(stored)s)", number=number, why=why, stored=stored
        )
        self.number = number


@contextmanager
def writing(file: str, out: IO[bytes]) -> Iterator[IO[bytes]]:
    """Where to write `file` to: it appears under its name once it is whole. "-" is `out`."""
    if file == STDIO:
        yield out
        out.flush()
        return
    path = Path(file)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("xb") as raw:
            os.chmod(fresh, 0o600)  # it holds what people did
            if path.suffix == ".gz":
                with gzip.GzipFile(path.stem, "wb", fileobj=raw, mtime=0) as packed:
                    yield cast(IO[bytes], packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def reading(file: str, standard: IO[bytes]) -> Iterator[IO[bytes]]:
    if file == STDIO:
        yield standard
    elif file.endswith(".gz"):
        with gzip.open(file, "rb") as packed:
            yield cast(IO[bytes], packed)
    else:
        with Path(file).open("rb") as raw:
            yield raw


def write(session: Session, wanted: Wanted, out: IO[bytes], *, home_page: str) -> Written:
    """All that is wanted, page by page; no transaction stays open between pages, so it may take its time."""
    statements = contents = 0
    place = wanted.after
    while True:
        page = feed.page(session, place, through=wanted.through, reads=wanted.reads)
        for kept in page.statements:
            if wanted.attachments and feed.may_have_attachments(kept):
                for content in attachments.of(session, [(kept.stored_at, kept.id)]):
                    line = {"attachment": {"sha2": content.sha2, "data": b64encode(content.data).decode()}}
                    out.write(msgspec.json.encode(line) + b"\n")
                    contents += 1
            out.write(answers.shown(kept, home_page=home_page) + b"\n")
        session.rollback()
        statements += len(page.statements)
        place = page.place
        if not page.more:
            return Written(statements, contents)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    checked: Checked
    parts: dict[str, list[Part]]


def read(session: Session, lines: IO[bytes], sender: Holder, *, now: Callable[[], datetime]) -> Done:
    """Store every statement of `lines` as sent by `sender`, a batch at a time; commits each. Raises BadLine."""
    stored = there = number = size = 0
    batch: list[_Line] = []
    parts: dict[str, list[Part]] = {}

    def keep() -> None:
        nonlocal stored, there
        outcomes = _keep(session, batch, sender, now(), stored)
        there += sum(isinstance(one, store.Duplicate) for one in outcomes)
        stored += sum(isinstance(one, store.Stored) for one in outcomes)

    try:
        while line := lines.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES:
                raise ValueError("it is too long")
            size += len(line)
            if not line.strip():
                continue
            said = _judged(line)
            if isinstance(said, Checked):
                incoming = Incoming([said.raw], several=False, multipart=bool(parts), parts=parts)
                attachments.check([said], incoming)
                batch.append(_Line(number, said, parts))
                parts = {}
            else:
                parts |= said
            if not parts and (len(batch) == BATCH or size >= BATCH_BYTES):
                keep()
                batch, size = [], 0
        if parts:
            raise ValueError("no statement follows the data of an attachment")
    except BadLine:
        raise
    except (DomainError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise BadLine(number, str(error), stored) from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadLine(number + 1, f"it cannot be read: {error}", stored) from error
    if batch:
        keep()
    return Done(stored, there)


def _judged(line: bytes) -> Checked | dict[str, list[Part]]:
    """A statement, or the data of an attachment. Raises BadStatement, ValueError, MsgspecError, RecursionError."""
    peek: Any = msgspec.json.decode(line)
    if isinstance(peek, dict) and peek.keys() == {"attachment"}:
        return _attachment(peek["attachment"])
    version = peek.get("version") if isinstance(peek, dict) else None
    second = isinstance(version, str) and is_second(version)
    return check_statement(line.strip(b" \t\r\n"), LATEST_2 if second else LATEST_1)


def _attachment(said: Any) -> dict[str, list[Part]]:
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in ("sha2", "data")):
        raise ValueError("an attachment must have sha2 and data")
    try:
        content = b64decode(said["data"], validate=True)
    except NotBase64 as error:
        raise ValueError("the data of an attachment must be base64") from error
    sha2 = said["sha2"].lower()
    if len(sha2) not in SHA2 or SHA2[len(sha2)](content).hexdigest() != sha2:
        raise ValueError("the data of an attachment have another hash")
    return {sha2: [Part({}, content)]}


def _keep(
    session: Session,
    batch: Sequence[_Line],
    sender: Holder,
    at: datetime,
    before: int,
) -> Sequence[store.Outcome]:
    """Store a batch and commit, or nothing. Raises BadLine."""
    outcomes = store.insert(
        session,
        [line.checked for line in batch],
        stored_at=at,
        authority=sender.id,
        organisation_id=sender.organisation_id,
        defines=sender.defines,
        stale_after=stale_after(),
    )
    for line, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, store.ConflictingId):
            session.rollback()
            raise BadLine(line.number, f"another statement has the id {outcome.id}", before)
    attached = [place for place, line in enumerate(batch) if line.parts]
    if attached:
        parts = {sha2: copies for place in attached for sha2, copies in batch[place].parts.items()}
        attachments.keep(session, [batch[one].checked for one in attached], [outcomes[one] for one in attached], parts)
    session.commit()
    return outcomes

"""A roster that was sent: kept sealed, and forgotten when it was taken in, withdrawn, or a week old.

What it says of people lies under a key of the draft's own. Counts stay: who imported what, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.identity import Keys, Sealer
from elearn.people.models import Organisation
from elearn.people.roster import files
from elearn.people.roster.cells import Problem
from elearn.people.roster.companies import Part
from elearn.people.roster.deciding import Verdict
from elearn.people.roster.models import DraftState, RosterDraft, RosterLine
from elearn.people.roster.rows import Row

READ, TAKE = "roster.read", "roster.take"
LIES = timedelta(days=7)
PIECE = 1_000
PAGE = 50


class Kept(msgspec.Struct):
    """What is kept of a line, sealed."""

    name: str
    cells: tuple[str, ...]
    row: Row | None = None
    problems: tuple[Problem, ...] = ()
    same_as: int | None = None
    phone_shared: bool = False


_DECODER = msgspec.json.Decoder(Kept)
_ENCODER = msgspec.json.Encoder()
_HEADER = msgspec.json.Decoder(tuple[str, ...])


def ask(
    session: Session,
    employer: Organisation,
    *,
    name: str,
    content: bytes,
    categories: Mapping[str, str],
    by: UUID,
    keys: Keys,
    at: datetime,
) -> RosterDraft:
    """Keep a file and have a job read it. Raises Malformed `bad_roster`."""
    if not content:
        raise Malformed("The file is empty.", code="bad_roster")
    if len(content) > files.LARGEST_BYTES:
        raise Malformed(
            "The file is larger than %(limit)s MB.", code="bad_roster", limit=files.LARGEST_BYTES // 1_000_000
        )
    draft = RosterDraft(
        organisation_id=employer.id,
        asked_by=by,
        state=DraftState.READING,
        file_name="".join(one for one in name if one.isprintable())[:200],
        categories=dict(categories),
        total=0,
        done=0,
        counts={},
        new_units=[],
        present=0,
        missing=0,
        wishes={},
        result={},
        created_at=at,
    )
    session.add(draft)
    session.flush()
    sealer = Sealer(keys.sealing)
    draft.data_key = sealer.new_data_key(draft.id)
    # Latin 1 gives every octet a letter: what is sealed is text.
    draft.content_sealed = sealer.seal(draft.data_key, draft.id, "file", content.decode("latin-1"))
    session.flush()
    jobs.defer(session, READ, draft_id=str(draft.id))
    return draft


def own_draft(session: Session, draft_id: UUID, *, lock: bool = False) -> RosterDraft:
    """Raises NotFound. Whose it is is the caller's question."""
    found = session.get(RosterDraft, draft_id, with_for_update=lock, populate_existing=lock)
    if found is None:
        raise NotFound("There is no such roster.")
    return found


def employers_of(draft: RosterDraft) -> list[UUID]:
    """Whose people the roster is about: one employer's, or those of enterprises below a group."""
    return [UUID(one) for one in draft.employers] or [draft.organisation_id]


def newest(session: Session, employer_id: UUID, *, most: int = 10) -> Sequence[RosterDraft]:
    return session.scalars(
        sa.select(RosterDraft)
        .where(RosterDraft.organisation_id == employer_id)
        .order_by(RosterDraft.created_at.desc())
        .limit(most)
    ).all()


# --- sealed lines -----------------------------------------------------------------------------------------------------


def sealed(draft: RosterDraft, line: int, kept: Kept, *, keys: Keys) -> bytes:
    return Sealer(keys.sealing).seal(draft.data_key, draft.id, f"line {line}", _ENCODER.encode(kept).decode())


def seal_header(draft: RosterDraft, header: Sequence[str], *, keys: Keys) -> None:
    draft.header_sealed = Sealer(keys.sealing).seal(
        draft.data_key, draft.id, "header", _ENCODER.encode(header).decode()
    )


def file_of(draft: RosterDraft, sealed: bytes, *, keys: Keys) -> bytes:
    return Sealer(keys.sealing).open(draft.data_key, draft.id, "file", sealed).encode("latin-1")


def opened(draft: RosterDraft, line: RosterLine, *, keys: Keys) -> Kept:
    """What a line says; empty when it was forgotten."""
    if line.content_sealed is None or draft.data_key is None:
        return Kept("", ())
    return _DECODER.decode(
        Sealer(keys.sealing).open(draft.data_key, draft.id, f"line {line.line}", line.content_sealed)
    )


def header_of(draft: RosterDraft, *, keys: Keys) -> tuple[str, ...]:
    if draft.header_sealed is None or draft.data_key is None:
        return ()
    return _HEADER.decode(Sealer(keys.sealing).open(draft.data_key, draft.id, "header", draft.header_sealed))


def parts_of(draft: RosterDraft) -> dict[UUID, Part]:
    """A group's roster by enterprise, by their names; empty: it is of one employer."""
    found = {UUID(one): msgspec.convert(part, Part) for one, part in draft.employers.items()}
    return dict(sorted(found.items(), key=lambda each: each[1].name))


def keep_parts(draft: RosterDraft, parts: Mapping[UUID, Part]) -> None:
    draft.employers = {str(one): msgspec.to_builtins(part) for one, part in parts.items()}


def waiting_lines(
    session: Session, draft: RosterDraft, verdicts: Sequence[Verdict], employer_id: UUID | None = None
) -> Iterator[list[RosterLine]]:
    """The lines that are not taken yet, a piece at a time, each asked for when the one before was committed.

    With `employer_id` those of one enterprise, of a group's roster.
    """
    last = 0
    while True:
        piece = list(
            session.scalars(
                sa.select(RosterLine)
                .where(
                    RosterLine.draft_id == draft.id,
                    RosterLine.taken.is_(False),
                    RosterLine.verdict.in_(verdicts),
                    RosterLine.line > last,
                    RosterLine.employer_id.is_(None) if employer_id is None else RosterLine.employer_id == employer_id,
                )
                .order_by(RosterLine.line)
                .limit(PIECE)
            )
        )
        if not piece:
            return
        last = piece[-1].line
        yield piece


# --- forgetting -------------------------------------------------------------------------------------------------------


def withdraw(session: Session, draft_id: UUID) -> None:
    """Forget a draft. Raises NotFound; Conflict while it is being taken."""
    draft = own_draft(session, draft_id, lock=True)
    if draft.state == DraftState.TAKING:
        raise Conflict("This roster is being taken in. Wait until that is done.", code="roster_busy")
    _forget(session, draft)


def forget_old(session: Session, *, at: datetime) -> int:
    """Those whose week is over, whatever became of them; answers how many."""
    old = session.scalars(
        sa.select(RosterDraft)
        .where(RosterDraft.created_at <= at - LIES, RosterDraft.data_key.is_not(None))
        .with_for_update(skip_locked=True)
    ).all()
    for draft in old:
        _forget(session, draft)
    return len(old)


def _forget(session: Session, draft: RosterDraft) -> None:
    session.execute(sa.delete(RosterLine).where(RosterLine.draft_id == draft.id))
    draft.data_key = draft.content_sealed = draft.header_sealed = None
    if draft.state != DraftState.DONE:
        draft.state = DraftState.FORGOTTEN
    session.flush()

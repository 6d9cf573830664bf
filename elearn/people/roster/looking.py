"""A roster is read by a job, and looked at: what taking each line would do, and who is not in the file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from elearn.errors import Malformed
from elearn.people import tree
from elearn.people.dated import holds_on
from elearn.people.identity import Keys, blind_index
from elearn.people.models import Membership, Person
from elearn.people.registry import local_day
from elearn.people.roster import drafts, files, knowing, rows, units
from elearn.people.roster.cells import Problem, bare_name
from elearn.people.roster.columns import Column
from elearn.people.roster.deciding import Decision, Verdict, decide
from elearn.people.roster.drafts import PAGE, PIECE, Kept
from elearn.people.roster.models import DraftState, RosterDraft, RosterLine
from elearn.people.roster.rows import Line, Row
from elearn.people.roster.units import Units

logger = logging.getLogger(__name__)

KIND = "kind:"
"""Before a way of being employed, among the counts."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as it is looked at."""

    line: int
    verdict: Verdict
    changes: Sequence[str]
    kept: Kept


def read(session: Session, draft_id: UUID, *, keys: Keys, now: Callable[[], datetime]) -> None:
    """Read the file and say of every line what taking it would do. Run again it begins anew; after the end, nothing."""
    draft = session.scalars(
        sa.select(RosterDraft).options(undefer(RosterDraft.content_sealed)).where(RosterDraft.id == draft_id)
    ).one_or_none()
    if draft is None or draft.state != DraftState.READING or draft.content_sealed is None:
        return
    today = local_day(now())
    session.execute(sa.delete(RosterLine).where(RosterLine.draft_id == draft_id))
    content = drafts.file_of(draft, draft.content_sealed, keys=keys)
    above = tuple(one.name for one in tree.above(session, draft.organisation_id))
    session.commit()
    try:
        sheet = rows.sheet(files.rows_in(content), employer=above, categories=draft.categories, today=today)
        if sheet is None or not sheet.lines:
            raise rows.no_header() if sheet is None else Malformed("No row was found.", code="bad_roster")
    except Malformed as bad:
        draft.state, draft.problem = DraftState.UNREADABLE, {"detail": bad.detail, "facts": dict(bad.facts or {})}
        draft.content_sealed = draft.data_key = None
        session.commit()
        return
    draft.total, draft.done = len(sheet.lines), 0
    drafts.seal_header(draft, sheet.header, keys=keys)
    session.commit()
    known_units = units.units_of(session, draft.organisation_id)
    draft.new_units = [list(path) for path in known_units.missing({one.row.path for one in sheet.lines if one.row})]
    counts: Counter[str] = Counter()
    for start in range(0, len(sheet.lines), PIECE):
        lines = sheet.lines[start : start + PIECE]
        counts.update(_keep(session, draft, lines, known_units, keys, today))
        draft.done += len(lines)
        session.commit()
        draft.counts = dict(counts)
    draft.present = _present(session, draft.organisation_id, today)
    draft.missing = len(missing(session, draft, keys=keys, today=today))
    draft.state, draft.content_sealed = DraftState.READY, None
    session.commit()
    logger.info("roster read", extra={"draft": str(draft.id), "lines": draft.total})


def _keep(
    session: Session, draft: RosterDraft, lines: Sequence[Line], known_units: Units, keys: Keys, today: date
) -> Counter[str]:
    indexes = {one.line: blind_index(keys.index, *one.document) for one in lines if one.document is not None}
    decided = decisions(
        session,
        draft.organisation_id,
        [(one.line, indexes[one.line], one.row, one.phone_shared) for one in lines if one.row and one.same_as is None],
        known_units,
        keys=keys,
        today=today,
    )
    counts, made = Counter[str](), []
    for one in lines:
        decision = decided.get(one.line) or Decision(Verdict.DUPLICATE if one.row else Verdict.REFUSED)
        problems = one.problems + ((decision.problem,) if decision.problem else ())
        kept = Kept(one.name, one.cells, one.row, problems, one.same_as, one.phone_shared)
        changes = sorted(decision.changes)
        counts.update([decision.verdict, *(f"change:{change}" for change in changes)])
        if one.phone_shared:
            counts["phone_shared"] += 1
        if one.row is not None and one.row.employment is not None:
            counts[f"{KIND}{one.row.employment}"] += 1
        made.append(
            {
                "draft_id": draft.id,
                "line": one.line,
                "document_index": indexes.get(one.line),
                "verdict": decision.verdict,
                "changes": changes,
                "taken": False,
                "content_sealed": drafts.sealed(draft, one.line, kept, keys=keys),
            }
        )
    session.execute(sa.insert(RosterLine), made)
    return counts


def decisions(
    session: Session,
    employer_id: UUID,
    asked: Sequence[tuple[int, bytes, Row, bool]],
    known_units: Units,
    *,
    keys: Keys,
    today: date,
) -> dict[int, Decision]:
    """Line -> what taking it would do, of (line, document index, row, is its phone number another row's)."""
    known = knowing.known(
        session, employer_id, {index: phone_index(keys, row) for _line, index, row, _shared in asked}, known_units
    )
    found = {}
    for line, index, row, shared in asked:
        wrong = known_units.wrong(row.path)
        if wrong is not None:
            found[line] = Decision(Verdict.REFUSED, problem=Problem(Column.PATH, wrong))
            continue
        of_person = known.get(index)
        found[line] = decide(row, of_person[0] if of_person else None, today=today, phone_shared=shared)
    return found


def phone_index(keys: Keys, row: Row) -> bytes | None:
    return blind_index(keys.index, "phone", row.phone) if row.phone else None


def lines_of(
    session: Session, draft: RosterDraft, verdict: Verdict, *, keys: Keys, page: int | None = 1
) -> tuple[list[Shown], int]:
    """One page of the lines of a verdict (None: all), and how many there are."""
    chosen = (RosterLine.draft_id == draft.id) & (RosterLine.verdict == verdict)
    total = session.scalars(sa.select(sa.func.count()).select_from(RosterLine).where(chosen)).one()
    query = sa.select(RosterLine).where(chosen).order_by(RosterLine.line)
    if page is not None:
        query = query.limit(PAGE).offset((max(1, page) - 1) * PAGE)
    found = [
        Shown(one.line, Verdict(one.verdict), one.changes, drafts.opened(draft, one, keys=keys))
        for one in session.scalars(query)
    ]
    return found, total


@dataclass(frozen=True, slots=True)
class Missing:
    """A member of the employer who is not in the file."""

    membership_id: UUID
    name: str
    employment: str
    from_on: date


def missing(session: Session, draft: RosterDraft, *, keys: Keys, today: date) -> list[Missing]:
    """Who belongs to the employer today and does not stand in the file, by name.

    Not counted: who came after the file did, has no document, is employed in a way that the file does not speak of, or
    is called like somebody in a row whose number could not be read.
    """
    unread = sa.select(RosterLine).where(RosterLine.draft_id == draft.id, RosterLine.verdict == Verdict.REFUSED)
    unsure = {
        bare_name(drafts.opened(draft, line, keys=keys).name)
        for line in session.scalars(unread.where(RosterLine.document_index.is_(None)))
    }
    spoken = {key.removeprefix(KIND) for key in draft.counts if key.startswith(KIND)}
    in_file = sa.exists().where(RosterLine.draft_id == draft.id, RosterLine.document_index == Person.document_index)
    query = (
        sa.select(Membership.id, Person.name, Membership.kind, Membership.from_on)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.organisation_id == draft.organisation_id,
            Membership.from_on < today,
            sa.or_(Membership.to_on.is_(None), Membership.to_on >= today),
            Membership.created_at <= draft.created_at,
            Person.document_index.is_not(None),
            ~in_file,
        )
        .order_by(Person.name, Membership.id)
    )
    return [
        Missing(id_, name, kind.value, from_on)
        for id_, name, kind, from_on in session.execute(query)
        if bare_name(name) not in unsure and (not spoken or kind.value in spoken)
    ]


def _present(session: Session, employer_id: UUID, today: date) -> int:
    return session.scalars(
        sa.select(sa.func.count())
        .select_from(Membership)
        .where(
            Membership.organisation_id == employer_id,
            holds_on(Membership, today),
        )
    ).one()

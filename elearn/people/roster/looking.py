"""A roster is read by a job, and looked at: what taking each line would do, and who is not in the file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from elearn.errors import Malformed
from elearn.people import tree
from elearn.people.dated import holds_on
from elearn.people.identity import Keys, blind_index
from elearn.people.models import Membership, OtherDocument, Person
from elearn.people.registry import local_day
from elearn.people.roster import drafts, files, knowing, rows, units
from elearn.people.roster.cells import Problem, Wrong, bare_name
from elearn.people.roster.columns import Column
from elearn.people.roster.companies import Companies, Part
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
    group = units.companies_of(session, draft.organisation_id)
    session.commit()
    try:
        sheet = rows.sheet(
            files.rows_in(content), employer=above, categories=draft.categories, today=today, companies=group
        )
        if sheet is None or not sheet.lines:
            raise rows.no_header() if sheet is None else Malformed("No row was found.", code="bad_roster")
        if group is not None and Column.COMPANY in sheet.columns and not any(one.company for one in sheet.lines):
            raise Malformed(
                "No row names an enterprise of this group in the column of the employer.", code="bad_roster"
            )
    except Malformed as bad:
        draft.state, draft.problem = DraftState.UNREADABLE, {"detail": bad.detail, "facts": dict(bad.facts or {})}
        draft.content_sealed = draft.data_key = None
        session.commit()
        return
    draft.total, draft.done = len(sheet.lines), 0
    drafts.seal_header(draft, sheet.header, keys=keys)
    session.commit()
    _look(session, draft, sheet.lines, group, keys, today)
    draft.state, draft.content_sealed = DraftState.READY, None
    session.commit()
    logger.info("roster read", extra={"draft": str(draft.id), "lines": draft.total})


def _look(
    session: Session, draft: RosterDraft, lines: Sequence[Line], group: Companies | None, keys: Keys, today: date
) -> None:
    """Keep each line with what taking it would do, one employer's after the other's."""
    draft.new_units = []
    counts: Counter[str] = Counter()
    parts: dict[UUID, Part] = {}
    for company, several in _by_company(lines).items():
        known_units = units.units_of(session, company or draft.organisation_id)
        new_units = [list(path) for path in known_units.missing({one.row.path for one in several if one.row})]
        before = counts.copy()
        for start in range(0, len(several), PIECE):
            piece = several[start : start + PIECE]
            counts.update(_keep(session, draft, piece, known_units, keys, today))
            draft.done += len(piece)
            session.commit()
            draft.counts = dict(counts)
        if company is None or group is None:
            draft.new_units = [*draft.new_units, *new_units]
            continue
        name = group.known[company].name
        draft.new_units = [*draft.new_units, *([name, *path] for path in new_units)]
        parts[company] = Part(name, dict(counts - before), new_units, _present(session, company, today))
    drafts.keep_parts(draft, parts)
    gone = Counter(one.employer_id for one in missing(session, draft, keys=keys, today=today))
    for company, part in parts.items():
        part.missing = gone[company]
    drafts.keep_parts(draft, parts)
    present = [one.present for one in parts.values()] or [_present(session, draft.organisation_id, today)]
    draft.present, draft.missing = sum(present), gone.total()


def _by_company(lines: Sequence[Line]) -> dict[UUID | None, list[Line]]:
    found: dict[UUID | None, list[Line]] = {}
    for one in lines:
        found.setdefault(one.company, []).append(one)
    return found


def _keep(
    session: Session, draft: RosterDraft, lines: Sequence[Line], known_units: Units, keys: Keys, today: date
) -> Counter[str]:
    indexes = {one.line: blind_index(keys.index, *one.document) for one in lines if one.document is not None}
    decided = decisions(
        session,
        known_units.employer_id,
        [(one.line, indexes[one.line], one.row) for one in lines if one.row and one.same_as is None],
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
                "employer_id": one.company,
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
    asked: Sequence[tuple[int, bytes, Row]],
    known_units: Units,
    *,
    keys: Keys,
    today: date,
) -> dict[int, Decision]:
    """Line -> what taking it would do, of (line, document index, row)."""
    known = knowing.known(
        session, employer_id, {index: phone_index(keys, row) for _line, index, row in asked}, known_units
    )
    found: dict[int, Decision] = {}
    lines_by_person: dict[UUID, int] = {}
    for line, index, row in asked:
        wrong = known_units.wrong(row.path)
        if wrong is not None:
            found[line] = Decision(Verdict.REFUSED, problem=Problem(Column.PATH, wrong))
            continue
        person = known[index][0] if index in known else None
        twice = None if person is None else lines_by_person.setdefault(person.person_id, line)
        found[line] = decide(row, person, today=today) if twice in (None, line) else said_twice(twice)
    return found


def said_twice(line: int | None) -> Decision:
    """Two rows, each with another document of one person: the first is taken."""
    return Decision(Verdict.REFUSED, problem=Problem(Column.NUMBER, Wrong.TWICE, {"line": str(line)}))


def phone_index(keys: Keys, row: Row) -> bytes | None:
    return blind_index(keys.index, "phone", row.phone) if row.phone else None


def lines_of(
    session: Session,
    draft: RosterDraft,
    verdict: Verdict,
    *,
    keys: Keys,
    page: int | None = 1,
    employer_id: UUID | None = None,
) -> tuple[list[Shown], int]:
    """One page of the lines of a verdict (None: all), and how many there are; with `employer_id` those of one."""
    chosen = (RosterLine.draft_id == draft.id) & (RosterLine.verdict == verdict)
    if employer_id is not None:
        chosen &= RosterLine.employer_id == employer_id
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
    employer_id: UUID


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
    parts = drafts.parts_of(draft)
    counts = {one: part.counts for one, part in parts.items()} or {draft.organisation_id: draft.counts}
    spoken = {one: _spoken(of_one) for one, of_one in counts.items()}
    # A row that names no employer that is known may be anybody's.
    line = (
        sa.select(sa.literal(1))
        .select_from(RosterLine)
        .where(
            RosterLine.draft_id == draft.id,
            sa.or_(RosterLine.employer_id == Membership.organisation_id, RosterLine.employer_id.is_(None)),
        )
        .correlate(Person, Membership)
    )
    by_first = line.where(RosterLine.document_index == Person.document_index).exists()
    # Apart: few people have another document, and both questions in one would be asked of everybody in turn.
    by_other = (
        line.where(RosterLine.document_index == OtherDocument.document_index, OtherDocument.person_id == Person.id)
    ).exists()
    query = (
        sa.select(Membership.id, Person.name, Membership.kind, Membership.from_on, Membership.organisation_id)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.organisation_id.in_(list(spoken)),
            Membership.from_on < today,
            sa.or_(Membership.to_on.is_(None), Membership.to_on >= today),
            Membership.created_at <= draft.created_at,
            Person.document_index.is_not(None),
            ~by_first,
            ~by_other,
        )
        .order_by(Person.name, Membership.id)
    )
    return [
        Missing(id_, name, kind.value, from_on, employer_id)
        for id_, name, kind, from_on, employer_id in session.execute(query)
        if bare_name(name) not in unsure and (not spoken[employer_id] or kind.value in spoken[employer_id])
    ]


def _spoken(counts: Mapping[str, int]) -> set[str]:
    """The ways of being employed that rows speak of."""
    return {key.removeprefix(KIND) for key in counts if key.startswith(KIND)}


def _present(session: Session, employer_id: UUID, today: date) -> int:
    return session.scalars(
        sa.select(sa.func.count())
        .select_from(Membership)
        .where(
            Membership.organisation_id == employer_id,
            holds_on(Membership, today),
        )
    ).one()

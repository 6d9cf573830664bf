"""Two people state something, in two halves (`rules.py`). Nothing here commits.

A finding that begins or ends today changes records at once where it is about one person; where it is about an
institution, the job that follows what happened lately does it (`recomputing.py`); one of a later day, the nightly one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.courses.requirements.rows import Education
from elearn.credit_export.findings.models import Finding, FindingAnswer
from elearn.credit_export.findings.rules import (
    OF_OUTLINE,
    PAPERED,
    Kind,
    Waiting,
    why_not_confirm,
    why_not_object,
    why_not_state,
)
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import personal
from elearn.people.callers import Caller
from elearn.people.identity import EARLIEST_BIRTH, Keys
from elearn.people.models import Organisation, OrganisationKind, Person, Role
from elearn.people.permissions import voices_in
from elearn.people.registry import local_day
from elearn.people.sides import No, Side, Voice, refusal

MAX_NOTE = 2_000
MAX_PAPER = 100
PURPOSE = "finding"
"""What numbers of papers are sealed for."""


@dataclass(frozen=True, slots=True)
class About:
    """Whom or what a finding is about: exactly one of the two."""

    person_id: UUID | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """The paper that says so."""

    outline_code: str | None
    """Of what training it speaks; None: of the person."""
    kind: str
    number: str
    level: Education | None = None
    """Of a diploma."""


def voices(session: Session, caller: Caller, about: About) -> list[Voice]:
    """In whose names the caller may speak about them; none: the caller has no say.

    About a person: the institutions (and their regions) in whose classes the person ever was. One query.
    """
    places = (
        sa.select(Organisation.id, Organisation.region)
        .join(TrainingClass, TrainingClass.institution_id == Organisation.id)
        .join(Enrolment, Enrolment.class_id == TrainingClass.id)
        .where(Enrolment.person_id == about.person_id)
        .distinct()
        if about.person_id is not None
        else sa.select(Organisation.id, Organisation.region).where(Organisation.id == about.organisation_id)
    )
    rows = [(row.id, row.region) for row in session.execute(places)]
    return voices_in(caller, rows, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)


def state(
    session: Session,
    kind: Kind,
    about: About,
    *,
    paper: Paper | None = None,
    from_on: date,
    to_on: date | None = None,
    note: str,
    caller: Caller,
    keys: Keys,
    at: datetime,
) -> Finding:
    """The first half. Raises NotFound: the caller has no say about them; Malformed `paper`, `number`, `outline`,
    `level`, `last_day`, `birth`, `dates`, `note`; the refusals of `rules.why_not_state`; Conflict `stated_already`:
    the same waits for its answer; `born_on_known`: the person's document says it.
    """
    if (kind is Kind.INSTITUTION_SUSPENDED) != (about.organisation_id is not None) or (paper is None) is (
        kind in PAPERED
    ):
        raise Malformed("This page is out of date. Load it again and repeat.")
    voice = _voice(voices(session, caller, about), lambda one: why_not_state(kind, about.person_id, one))
    words = in_words(note, needed=True)
    if to_on is not None and to_on < from_on:
        raise Malformed("The last day is before the first.", code="dates")
    if kind is Kind.HEALTH_CERTIFICATE and to_on is None:
        raise Malformed("A health certificate has a last day.", code="last_day")
    if kind is Kind.BORN_ON:
        _require_birth(session, about, from_on, to_on, local_day(at))
    sealed = None
    if paper is not None:
        paper = _checked(session, kind, paper)
        assert about.person_id is not None
        sealed = personal.seal(session, about.person_id, keys, PURPOSE, paper.number)
    _lock(session, about)
    _require_new(session, kind, about, paper)
    made = Finding(
        kind=kind.value,
        person_id=about.person_id,
        organisation_id=_institution(session, about.organisation_id),
        outline_code=paper.outline_code if paper else None,
        paper=paper.kind if paper else None,
        number_sealed=sealed,
        level=paper.level.value if paper and paper.level else None,
        from_on=from_on,
        to_on=to_on,
        note=words,
        by_id=voice.person,
        side=voice.side.value,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


def end(session: Session, finding_id: UUID, *, from_on: date, note: str, caller: Caller, at: datetime) -> Finding:
    """The first half of ending a finding: from that day on it no longer holds.

    Raises as `state`; NotFound; Conflict `finding_moved`: it does not hold, or its end was stated already; Malformed
    `dates`: a day before it began.
    """
    ended, about = _known(session, finding_id)
    kind = Kind(ended.kind)
    voice = _voice(voices(session, caller, about), lambda one: why_not_state(kind, about.person_id, one))
    words = in_words(note, needed=True)
    if from_on < ended.from_on:
        raise Malformed("It cannot end before it begins.", code="dates")
    _lock(session, about)
    answer_ = session.get(FindingAnswer, ended.id)
    later = sa.select(Finding.id).outerjoin(FindingAnswer, FindingAnswer.finding_id == Finding.id)
    others = later.where(
        Finding.ends_id == ended.id, sa.or_(FindingAnswer.confirmed.is_(None), FindingAnswer.confirmed.is_(True))
    )
    if ended.ends_id is not None or answer_ is None or not answer_.confirmed or session.scalar(others.limit(1)):
        raise Conflict("This has changed in the meantime. Look at it again.", code="finding_moved")
    made = Finding(
        kind=ended.kind,
        person_id=ended.person_id,
        organisation_id=ended.organisation_id,
        from_on=from_on,
        ends_id=ended.id,
        note=words,
        by_id=voice.person,
        side=voice.side.value,
        at=at,
    )
    session.add(made)
    session.flush()
    return made


def answer(
    session: Session, finding_id: UUID, *, confirm: bool, note: str, caller: Caller, at: datetime
) -> FindingAnswer:
    """The second half: confirm, or object (whoever stated it takes it back so).

    Raises NotFound; Malformed `note`: an objection without words; the refusals of `rules.why_not_confirm` and
    `why_not_object`; Conflict `finding_moved`: it has its answer.
    """
    found, about = _known(session, finding_id)
    waiting = Waiting(Kind(found.kind), about.person_id, Voice(found.by_id, Side(found.side)))
    rule = why_not_confirm if confirm else why_not_object
    voice = _voice(voices(session, caller, about), lambda one: rule(waiting, one))
    words = in_words(note, needed=not confirm)
    _lock(session, about)
    if session.get(FindingAnswer, found.id) is not None:
        raise Conflict("This has changed in the meantime. Look at it again.", code="finding_moved")
    made = FindingAnswer(
        finding_id=found.id, confirmed=confirm, by_id=voice.person, side=voice.side.value, note=words, at=at
    )
    session.add(made)
    session.flush()
    return made


def number_of(session: Session, person_id: UUID, sealed: bytes, keys: Keys) -> str:
    """The number of a paper. Raises Erased."""
    return personal.open_sealed(session, person_id, keys, PURPOSE, sealed)[0]


def masked(number: str) -> str:
    """What pages show: the last four."""
    return number if len(number) <= 4 else "•" * (len(number) - 4) + number[-4:]


def _voice(own: Collection[Voice], why_not: Callable[[Voice], No | None]) -> Voice:
    """As whom the caller may do it. Raises NotFound without any say, else the refusal that says most."""
    if not own:
        raise NotFound("There is no such person or institution.")
    refused = No.NOT_YOURS
    for one in own:
        no = why_not(one)
        if no is None:
            return one
        refused = no if refused is No.NOT_YOURS else refused
    raise refusal(refused)


def _known(session: Session, finding_id: UUID) -> tuple[Finding, About]:
    found = session.get(Finding, finding_id)
    if found is None:
        raise NotFound("There is no such person or institution.")
    return found, About(found.person_id, found.organisation_id)


def _lock(session: Session, about: About) -> None:
    """Two at once about the same one do not both go through."""
    name = f"elearn finding {about.person_id or about.organisation_id}"
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _require_new(session: Session, kind: Kind, about: About, paper: Paper | None) -> None:
    waits = sa.select(Finding.id).where(
        Finding.kind == kind.value,
        Finding.person_id.is_not_distinct_from(about.person_id),
        Finding.organisation_id.is_not_distinct_from(about.organisation_id),
        Finding.outline_code.is_not_distinct_from(paper.outline_code if paper else None),
        Finding.ends_id.is_(None),
        ~sa.exists().where(FindingAnswer.finding_id == Finding.id),
    )
    if session.scalar(waits.limit(1)) is not None:
        raise Conflict("The same was stated already and waits for a second person.", code="stated_already")


def _institution(session: Session, organisation_id: UUID | None) -> UUID | None:
    if organisation_id is None:
        return None
    kind = session.scalar(sa.select(Organisation.kind).where(Organisation.id == organisation_id))
    if kind is not OrganisationKind.INSTITUTION:
        raise NotFound("There is no such person or institution.")
    return organisation_id


def _require_birth(session: Session, about: About, born_on: date, to_on: date | None, today: date) -> None:
    if to_on is not None:
        raise Malformed("A day of birth has no last day.", code="last_day")
    if not EARLIEST_BIRTH <= born_on < today:
        raise Malformed("This is no possible day of birth.", code="birth")
    if session.scalar(sa.select(Person.born_on).where(Person.id == about.person_id)) is not None:
        raise Conflict("The person's document says on which day they were born.", code="born_on_known")


def _checked(session: Session, kind_: Kind, paper: Paper) -> Paper:
    kind, number = " ".join(paper.kind.split()), "".join(paper.number.split())
    if not 1 <= len(kind) <= MAX_PAPER or not kind.isprintable():
        raise Malformed("Please say what paper it is, in 1 to 100 characters.", code="paper")
    if not 4 <= len(number) <= MAX_PAPER or not number.isprintable():
        raise Malformed("The number of a paper has 4 to 100 characters.", code="number")
    if (kind_ is Kind.EDUCATION) is (paper.level is None):
        raise Malformed("Please say which education the diploma is of.", code="level")
    if kind_ not in OF_OUTLINE:
        return Paper(None, kind, number, paper.level)
    if session.scalar(sa.select(Outline.id).where(Outline.code == paper.outline_code).limit(1)) is None:
        raise Malformed("Choose one of the outlines.", code="outline")
    return Paper(paper.outline_code, kind, number)


def in_words(note: str, *, needed: bool) -> str:
    """What somebody says beside an act. Raises Malformed `note`."""
    words = note.strip()
    if len(words) > MAX_NOTE or (needed and not words) or "\0" in words:  # PostgreSQL keeps no NUL
        raise Malformed("Please give your reasons in 1 to 2000 characters.", code="note")
    return words

"""The training archive of an enterprise, or of a unit of it, for one year or all: made by a job, signed, kept a week.

Who stood there in that time, what they were assigned and learned, the ledger's hours by person and programme, the
register's certificates, and the figures as they are now. Names in full or masked, as was asked for; no document number.
What it is made of stays where it is: a copy that went can be made again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from elearn import jobs, sealing
from elearn.clock import utcnow
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Group
from elearn.credit_export.archive import bundle, bundle_form, retention
from elearn.credit_export.archive.bundle import as_json
from elearn.credit_export.archive.making import House
from elearn.credit_export.paper.sheets import Says, day_text, speaker
from elearn.credit_export.paper.standing import masked_name
from elearn.db import db, new_id
from elearn.errors import Conflict, NotFound
from elearn.people.models import Disclosure, Organisation
from elearn.people.registry import local_day
from elearn.training import lawful
from elearn.training.archives import papers
from elearn.training.archives.models import EnterpriseArchive, TrainingArchiveTaken
from elearn.training.figures import board_tables, dashboards, leaving
from elearn.training.figures.dashboards import Board, Chosen, Line, Order
from elearn.training.law_hours import Verdict
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling

logger = logging.getLogger(__name__)

MOST_PEOPLE = 50_000
"""Of one archive; a larger group makes one of each enterprise."""
LIES = timedelta(days=7)
GIVEN_UP = timedelta(hours=2)
WHAT = "enterprise archive: name, post, training, hours, certificates"
ALWAYS = (date(1970, 1, 1), date(2999, 12, 31))

PEOPLE = sa.text("""
SELECT DISTINCT ON (m.id) m.id AS membership_id, m.person_id, n.name, m.kind, o.name AS unit, p.post, p.category,
       m.from_on, m.to_on
FROM elearn.organisation_tree t
JOIN elearn.placement p ON p.unit_id = t.below_id AND p.from_on <= :last AND (p.to_on IS NULL OR p.to_on >= :first)
JOIN elearn.membership m ON m.id = p.membership_id
JOIN elearn.person n ON n.id = m.person_id
JOIN elearn.organisation o ON o.id = p.unit_id
WHERE t.above_id = :unit ORDER BY m.id, p.from_on DESC
""")
ASSIGNMENTS = sa.text("""
SELECT a.membership_id, g.title AS programme, g.purpose, a.occasion, a.assigned_on, a.due_on, a.bars_post, a.state,
       a.done_at, a.required_ms, a.credited_ms, a.tests_passed
FROM elearn.assignment a JOIN elearn.training_programme g ON g.id = a.programme_id
WHERE a.membership_id = ANY (:members) AND a.assigned_on BETWEEN :first AND :last
ORDER BY a.membership_id, a.assigned_on, a.position, a.id
""")
HOURS = sa.text("""
SELECT x.membership_id, x.programme, sum(e.amount_ms)::bigint AS ms, count(*) AS entries
FROM (
    SELECT DISTINCT a.membership_id, a.person_id, g.class_id, g.title AS programme
    FROM elearn.assignment a JOIN elearn.training_programme g ON g.id = a.programme_id
    WHERE a.membership_id = ANY (:members)
) x
JOIN elearn.hours_entry e ON e.person_id = x.person_id AND e.class_id = x.class_id
WHERE e.earned_on BETWEEN :first AND :last
GROUP BY x.membership_id, x.class_id, x.programme ORDER BY x.membership_id, x.programme
""")
CERTIFICATES = sa.text("""
SELECT m.id AS membership_id, w.kind, w.category, w.title, w.issuer, w.from_on, w.to_on, w.holds_to, w.check_state,
       w.ended_on
FROM elearn.membership m
JOIN elearn.worker_certificate w ON w.person_id = m.person_id AND w.organisation_id = m.organisation_id
WHERE m.id = ANY (:members) AND w.from_on <= :last AND (w.holds_to IS NULL OR w.holds_to >= :first)
ORDER BY m.id, w.from_on, w.id
""")


@dataclass(frozen=True, slots=True)
class Gathered:
    unit: Organisation
    year: int
    as_of: datetime
    people: tuple[UUID, ...]
    found: dict[str, Any]
    board: Board
    lines: list[Line]
    keep_until: date | None
    """Of the records themselves (RULES 4b); None: of all years there is no one day."""


@dataclass(frozen=True, slots=True)
class Taken:
    name: str
    content: bytes


def ask_for(
    session: Session, unit_id: UUID, year: int, *, full_names: bool, by: UUID, now: datetime
) -> EnterpriseArchive:
    """Have a job make it; while one is waiting that one is it. Does not commit. Raises Conflict `too_many`."""
    people = dashboards.board(session, unit_id, Chosen()).whole.people
    if people > MOST_PEOPLE:
        raise Conflict("This is more than one archive holds: make one of each unit below.", code="too_many")
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:of))"), {"of": f"enterprise archive {unit_id}"})
    waiting = session.scalars(
        sa.select(EnterpriseArchive).where(
            EnterpriseArchive.unit_id == unit_id,
            EnterpriseArchive.year == year,
            EnterpriseArchive.full_names == full_names,
            EnterpriseArchive.state == "waiting",
        )
    ).one_or_none()
    if waiting is not None and now - waiting.asked_at < GIVEN_UP:
        return waiting
    if waiting is not None:
        waiting.state = "failed"
        session.flush()
    made = EnterpriseArchive(
        unit_id=unit_id, year=year, full_names=full_names, state="waiting", asked_by=by, asked_at=now
    )
    session.add(made)
    session.flush()
    jobs.defer(session, "enterprise_archive.make", archive_id=str(made.id))
    return made


@jobs.task("enterprise_archive.make", retries=3)
def make_prepared(*, archive_id: str) -> None:
    """The job: make one and seal it. A second run finds it made."""
    session, house, now = db.session(), House.here(), utcnow()
    row = session.get(EnterpriseArchive, UUID(archive_id), with_for_update=True)
    if row is None or row.state != "waiting":
        return
    archive = gathered(session, row.unit_id, row.year, full_names=row.full_names, now=now)
    made = make(archive, house)
    row.content_sealed = sealing.seal(made.content, house.keys.sealing, _bound(row.id))
    row.sha256, row.people, row.expires_at, row.state = made.manifest_sha256, len(archive.people), now + LIES, "ready"
    facts = {"organisation": archive.unit.name}
    ready = Telling(row.asked_by, Kind.ARCHIVE_READY, f"enterprise_archive:{row.id}", facts, row.unit_id)
    messages.tell(session, [ready], at=now)
    session.commit()


@jobs.task("enterprise_archive.daily", every="27 3 * * *")
def daily() -> None:
    """Copies whose week is over go."""
    session = db.session()
    session.execute(
        sa.update(EnterpriseArchive)
        .where(EnterpriseArchive.state == "ready", EnterpriseArchive.expires_at <= utcnow())
        .values(state="gone", content_sealed=None, sha256=None, people=None, expires_at=None)
    )
    session.commit()


def of_unit(session: Session, unit_id: UUID) -> list[EnterpriseArchive]:
    """The newest copies of a node, made or being made."""
    return list(
        session.scalars(
            sa.select(EnterpriseArchive)
            .where(EnterpriseArchive.unit_id == unit_id, EnterpriseArchive.state != "gone")
            .order_by(EnterpriseArchive.asked_at.desc(), EnterpriseArchive.id)
            .limit(20)
        )
    )


def take(
    session: Session, archive_id: UUID, house: House, *, by: UUID | None, link_id: UUID | None, to: str, now: datetime
) -> Taken:
    """A copy that is ready, written down as leaving for everybody in it. Commit before it does. Raises NotFound."""
    row = session.scalars(
        sa.select(EnterpriseArchive)
        .options(undefer(EnterpriseArchive.content_sealed))
        .where(
            EnterpriseArchive.id == archive_id, EnterpriseArchive.state == "ready", EnterpriseArchive.expires_at > now
        )
    ).one_or_none()
    if row is None or row.content_sealed is None:
        raise NotFound("No copy is ready: have one made.")
    content = sealing.unseal(row.content_sealed, house.keys.sealing, _bound(row.id))
    taken = TrainingArchiveTaken(
        id=new_id(), unit_id=row.unit_id, person_id=None, by_id=by, link_id=link_id, manifest=row.sha256 or "",
        people=row.people or 0, at=now,
    )  # fmt: skip
    session.add(taken)
    first, last = _span(row.year)
    people = session.execute(PEOPLE, {"unit": row.unit_id, "first": first, "last": last})
    session.add_all(
        Disclosure(person_id=one, receiver=to, what=WHAT, reason=f"archive {taken.id}", disclosed_at=now)
        for one in sorted({person.person_id for person in people})
    )
    session.flush()
    return Taken(f"enterprise-archive-{row.year or 'all'}.zip", content)


def gathered(session: Session, unit_id: UUID, year: int, *, full_names: bool, now: datetime) -> Gathered:
    """All of it as it is now: a query for each kind of thing, however many people."""
    unit = session.get_one(Organisation, unit_id)
    first, last = _span(year)
    where: dict[str, Any] = {"unit": unit_id, "first": first, "last": last}
    people = [dict(row) for row in session.execute(PEOPLE, where).mappings()]
    asked = lawful.of_memberships(session, [one["membership_id"] for one in people], on=min(last, local_day(now)))
    leave = leaving.leaving(session, [one["membership_id"] for one in people])
    for one in people:
        stands = leave.get(one["membership_id"], leaving.Leaving())
        one |= {"must_leave": stands.reasons, "certificate_by": stands.certificate_by}
        one["law"] = [line.fact() for line in asked.get(one["membership_id"], [])]
        one["name"] = one["name"] if full_names else masked_name(one["name"])
    names = {one["membership_id"]: one["name"] for one in people}
    where["members"] = list(names)

    def rows(statement: sa.TextClause) -> list[dict[str, Any]]:
        found = session.execute(statement, where).mappings()
        return [{"name": names[row["membership_id"]], **row} for row in found]

    board = dashboards.board(session, unit_id, Chosen(year))
    lines = dashboards.lines(
        session, dashboards.children(unit_id), Chosen(year), order=Order.NAME, size=dashboards.LINES
    )
    until = None
    if year:
        kept = retention.asked(requirements.catalogue(session), Group.EMPLOYEE, unit.region, last)
        until = retention.keep_until(last, kept.years)
    return Gathered(
        unit,
        year,
        now,
        tuple(sorted({one.pop("person_id") for one in people})),
        {
            "enterprise": {"id": unit.id, "name": unit.name, "credit_code": unit.credit_code, "region": unit.region,
                           "year": year, "full_names": full_names, "keep_until": until},
            "people": people,
            "assignments": rows(ASSIGNMENTS),
            "hours": rows(HOURS),
            "certificates": rows(CERTIFICATES),
            "figures": _figures(board_tables.tables(board, lines, speaker("zh"))),
        },
        board,
        lines,
        until,
    )  # fmt: skip


def make(archive: Gathered, house: House) -> bundle.Made:
    """The signed zip."""
    found = archive.found
    files = {
        bundle_form.INDEX: pdf(archive, "zh", issuer=house.issuer),
        bundle_form.INDEX_EN: pdf(archive, "en", issuer=house.issuer),
        bundle_form.BOOK: papers.book(archive.unit.name, list(_sheets(archive, speaker("zh"))), as_of=archive.as_of),
        **{bundle_form.section_name(name): as_json(found[name]) for name in bundle_form.ENTERPRISE.sections},
    }
    said = {
        "about": [["enterprise", archive.unit.name], ["year", str(archive.year or "all")],
                  ["keep until", str(archive.keep_until or "-")]],
        "counts": {
            "people": len(found["people"]),
            "entries": sum(one["entries"] for one in found["hours"]),
            "total_ms": sum(one["ms"] for one in found["hours"]),
        },
    }  # fmt: skip
    return bundle.bundled(
        bundle_form.ENTERPRISE, files, said, as_of=archive.as_of, signer=house.signer, issuer=house.issuer
    )


def pdf(archive: Gathered, language: str, *, issuer: str) -> bytes:
    """What people read first: the figures; lists of people stand in the workbook."""
    _, found = speaker(language), archive.found
    facts = [
        (_("Unit"), archive.unit.name),
        (_("Period"), board_tables.period_text(archive.year, _)),
        (_("People in that time"), str(len(found["people"]))),
        (_("Assignments"), str(len(found["assignments"]))),
        (_("Hours learned"), board_tables.hours(sum(one["ms"] for one in found["hours"]))),
        (_("People short of the hours that the law asks"), str(_short(found["people"]))),
        (_("To be kept until"), day_text(archive.keep_until, language) if archive.keep_until else "—"),
    ]
    sheets = list(_boards(archive, _))
    note = _(
        "Lists of people, training, hours and certificates stand in archive.xlsx and data/*.json. Hours are sums "
        "of the ledger; elearn archive verify checks signature, files and sums without a network."
    )
    return papers.paper(
        _("Training archive of %(name)s", name=archive.unit.name), facts, sheets, [note], language=language,
        as_of=archive.as_of, issuer=issuer,
    )  # fmt: skip


def _short(people: list[dict[str, Any]]) -> int:
    return sum(any(line["verdict"] == Verdict.SHORT.value for line in one["law"]) for one in people)


def _sheets(archive: Gathered, _: Says) -> Iterator[papers.Sheet]:
    yield from _boards(archive, _)
    for made in (papers.people, papers.law, papers.assignments, papers.lines, papers.certificates):
        yield made(archive.found, _)


def _boards(archive: Gathered, _: Says) -> Iterator[papers.Sheet]:
    for one in board_tables.tables(archive.board, archive.lines, _):
        yield papers.Sheet(one.title, one.head, [(row.label, *row.cells) for row in one.rows])


def _figures(tables: list[board_tables.Table]) -> list[dict[str, Any]]:
    return [
        {"title": one.title, "head": list(one.head), "rows": [[row.label, *row.cells] for row in one.rows]}
        for one in tables
    ]


def _span(year: int) -> tuple[date, date]:
    return (date(year, 1, 1), date(year, 12, 31)) if year else ALWAYS


def _bound(archive_id: UUID) -> bytes:
    return b"enterprise archive:" + archive_id.bytes

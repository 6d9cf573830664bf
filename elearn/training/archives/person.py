"""One person, one file (一人一档): what an employer has of somebody's training, signed, with the log's leaves.

Posts and absences, hours so far against what the law asks of the post (`training.lawful`), assignments, the three
levels with who signed, every hour of the ledger in the employer's own programmes beside its leaf, certificates of the
employer's register. Hours that were earned elsewhere stand in it while the person's consent holds, as sums by year and
by whom they were learned with, and not otherwise. The document's number is masked. That an archive leaves is written
down, for the person too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.archive import bundle, bundle_form
from elearn.credit_export.archive.bundle import as_json
from elearn.credit_export.archive.making import House
from elearn.credit_export.archive.statement import Entry, sums
from elearn.credit_export.ledger.subjects import subjects_of
from elearn.credit_export.paper.sheets import day_text, speaker
from elearn.db import new_id
from elearn.errors import NotFound
from elearn.people import consents, persons
from elearn.people.models import Disclosure, Membership, Organisation, Placement
from elearn.people.registry import local_day
from elearn.training import lawful
from elearn.training.archives import papers
from elearn.training.archives.models import TrainingArchiveTaken
from elearn.training.figures import leaving
from elearn.training.figures.board_tables import hours

WHAT = "person archive: name, masked document number, posts, training, hours, certificates"
WHAT_ELSEWHERE = "hours earned elsewhere"

PLACEMENTS = sa.text("""
SELECT m.id AS membership_id, m.kind, o.name AS unit, p.post, p.category, p.from_on, p.to_on
FROM elearn.membership m
JOIN elearn.placement p ON p.membership_id = m.id
JOIN elearn.organisation o ON o.id = p.unit_id
WHERE m.person_id = :person AND m.organisation_id = :employer ORDER BY p.from_on, p.id
""")
ABSENCES = sa.text("""
SELECT a.from_on, a.to_on FROM elearn.absence a JOIN elearn.membership m ON m.id = a.membership_id
WHERE m.person_id = :person AND m.organisation_id = :employer ORDER BY a.from_on
""")
ASSIGNMENTS = sa.text("""
SELECT a.id, g.title AS programme, g.purpose, a.occasion, a.assigned_on, a.due_on, a.bars_post, a.state, a.done_at,
       a.required_ms, a.credited_ms, a.tests_passed
FROM elearn.assignment a JOIN elearn.training_programme g ON g.id = a.programme_id
WHERE a.person_id = :person AND a.organisation_id = :employer ORDER BY a.assigned_on, a.position, a.id
""")
LEVELS = sa.text("""
SELECT s.assignment_id, g.purpose, s.round, s.side, n.name AS by, s.method, s.on_site_ms, s.note, s.digest, s.signed_at
FROM elearn.assignment a
JOIN elearn.training_programme g ON g.id = a.programme_id
JOIN elearn.level_signoff s ON s.assignment_id = a.id
JOIN elearn.person n ON n.id = s.by_id
WHERE a.person_id = :person AND a.organisation_id = :employer ORDER BY s.signed_at, s.id
""")
ENTRIES = sa.text("""
SELECT g.title AS programme, e.person_id, i.code AS item, e.modality, e.kind, e.amount_ms AS ms, e.earned_on,
       e.learned_at, e.rule_version AS rules, e.leaf_origin AS origin, e.leaf_index AS index,
       'sha256:' || encode(l.hash, 'hex') AS hash, l.raw
FROM elearn.training_programme g
JOIN elearn.hours_entry e ON e.class_id = g.class_id AND e.person_id = :person
LEFT JOIN elearn.outline_item i ON i.id = e.outline_item_id
LEFT JOIN elearn.ledger_leaf l ON l.origin = e.leaf_origin AND l.index = e.leaf_index
WHERE g.id IN (SELECT programme_id FROM elearn.assignment WHERE person_id = :person AND organisation_id = :employer)
ORDER BY e.leaf_origin, e.leaf_index, e.earned_on, e.id
""")
ELSEWHERE = sa.text("""
SELECT extract(year FROM e.earned_on)::int AS year, coalesce(o.name, '') AS learned_with, sum(e.amount_ms)::bigint AS ms
FROM elearn.hours_entry e
LEFT JOIN elearn.training_class k ON k.id = e.class_id
LEFT JOIN elearn.organisation o ON o.id = k.institution_id
WHERE e.person_id = :person AND NOT EXISTS (
    SELECT FROM elearn.assignment a JOIN elearn.training_programme g ON g.id = a.programme_id
    WHERE a.person_id = :person AND a.organisation_id = :employer AND g.class_id = e.class_id
)
GROUP BY 1, 2 HAVING sum(e.amount_ms) <> 0 ORDER BY 1, 2
""")
CERTIFICATES = sa.text("""
SELECT kind, category, title, issuer, from_on, to_on, holds_to, check_state, ended_on, ended_why
FROM elearn.worker_certificate WHERE person_id = :person AND organisation_id = :employer ORDER BY from_on, id
""")


@dataclass(frozen=True, slots=True)
class PersonArchive:
    """What stands in it, section by section."""

    person_id: UUID
    employer: Organisation
    as_of: datetime
    found: dict[str, Any]

    @property
    def total_ms(self) -> int:
        return sum(one["ms"] for one in self.found["hours"][0]["entries"])


@dataclass(frozen=True, slots=True)
class Taken:
    """An archive that may leave once this is committed."""

    name: str
    content: bytes


def stands_in(session: Session, membership_id: UUID) -> tuple[Membership, UUID]:
    """A membership and the unit where it stands, or stood last: who may open the archive is who may see that unit.

    Raises NotFound.
    """
    row = session.execute(
        sa.select(Membership, Placement.unit_id)
        .join(Placement, Placement.membership_id == Membership.id)
        .where(Membership.id == membership_id)
        .order_by(Placement.from_on.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such person here.")
    return row[0], row[1]


def gathered(session: Session, membership: Membership, house: House, *, now: datetime) -> PersonArchive:
    """All of it as it is now; of hours elsewhere only what the person agreed to."""
    employer = session.get_one(Organisation, membership.organisation_id)
    facts = persons.person_facts(session, membership.person_id, house.keys)
    where = {"person": membership.person_id, "employer": employer.id}

    def rows(statement: sa.TextClause) -> list[dict[str, Any]]:
        return [dict(row) for row in session.execute(statement, where).mappings()]

    entries = rows(ENTRIES)
    subject = subjects_of(session, [membership.person_id], sealing_key=house.keys.sealing).get(membership.person_id)
    agreed = consents.may_see_elsewhere(session, employer.id, [membership.person_id], on=local_day(now))
    certificates = rows(CERTIFICATES)
    asked = lawful.of_memberships(session, [membership.id], on=local_day(now))
    leave = leaving.leaving(session, [membership.id]).get(membership.id, leaving.Leaving())
    return PersonArchive(
        membership.person_id,
        employer,
        now,
        {
            "person": {
                "person_id": membership.person_id, "name": facts.name, "document_masked": facts.document_masked,
                "employer": {"id": employer.id, "name": employer.name, "credit_code": employer.credit_code},
                "absences": rows(ABSENCES), "elsewhere_agreed": bool(agreed),
                "must_leave": leave.reasons, "certificate_by": leave.certificate_by,
                "law": [one.fact() for one in asked.get(membership.id, [])],
            },
            "placements": rows(PLACEMENTS),
            "assignments": rows(ASSIGNMENTS),
            "levels": rows(LEVELS),
            "hours": [_hours(membership.person_id, entries, subject)],
            "elsewhere": rows(ELSEWHERE) if agreed else [],
            "certificates": certificates,
        },
    )  # fmt: skip


def _hours(person_id: UUID, entries: list[dict[str, Any]], subject: str | None) -> dict[str, Any]:
    """As archives of classes have it: the sums, and every entry beside its leaf."""
    plain = [Entry(**{name: one[name] for name in one if name != "programme"}) for one in entries]
    in_log = any(one.origin for one in plain)
    return {
        "person_id": person_id,
        "subject": subject if in_log else None,
        "sums": [
            {"item": one.item, "modality": one.modality, "kind": one.kind, "ms": one.ms, "entries": one.entries}
            for one in sums(plain)
        ],
        "entries": [{**{k: v for k, v in one.items() if k not in ("raw", "person_id")}, "leaf": one["raw"]}
                    for one in entries],
    }  # fmt: skip


def make(archive: PersonArchive, house: House) -> bundle.Made:
    """The signed zip. The same state at the same moment gives the same bytes."""
    found, person = archive.found, archive.found["person"]
    title = {
        language: speaker(language)("Training archive of %(name)s", name=person["name"]) for language in ("zh", "en")
    }
    files = {
        bundle_form.INDEX: pdf(archive, "zh", issuer=house.issuer),
        bundle_form.INDEX_EN: pdf(archive, "en", issuer=house.issuer),
        bundle_form.BOOK: papers.book(title["zh"], _sheets(archive, "zh"), as_of=archive.as_of),
        **{bundle_form.section_name(name): as_json(found[name]) for name in bundle_form.PERSON.sections},
    }
    said = {
        "about": [["person", person["name"]], ["employer", archive.employer.name]],
        "counts": {"people": 1, "entries": len(found["hours"][0]["entries"]), "total_ms": archive.total_ms},
    }
    return bundle.bundled(
        bundle_form.PERSON, files, said, as_of=archive.as_of, signer=house.signer, issuer=house.issuer
    )


def pdf(archive: PersonArchive, language: str, *, issuer: str) -> bytes:
    _, person = speaker(language), archive.found["person"]
    away = [f"{day_text(one['from_on'], language)} – {day_text(one['to_on'], language) if one['to_on'] else ''}"
            for one in person["absences"]]  # fmt: skip
    facts = [
        (_("Name"), person["name"] or "—"),
        (_("Document number"), person["document_masked"] or "—"),
        (_("Employer"), archive.employer.name),
        (_("Hours learned"), hours(archive.total_ms)),
        (_("Away from the post"), "; ".join(away) or "—"),
        (_("Must leave the post"), papers.must_leave(person, _) or "—"),
        (_("Hours from elsewhere"), _("shown, with consent") if person["elsewhere_agreed"] else _("not shown")),
    ]
    note = _(
        "Hours are entries of the ledger, each beside its leaf of the log in data/hours.json. elearn archive verify "
        "checks signature, files and sums without a network."
    )
    return papers.paper(
        _("Training archive of %(name)s", name=person["name"]), facts, _sheets(archive, language), [note],
        language=language, as_of=archive.as_of, issuer=issuer,
    )  # fmt: skip


def _sheets(archive: PersonArchive, language: str) -> list[papers.Sheet]:
    _ = speaker(language)
    every = (papers.placements, papers.law, papers.assignments, papers.levels, papers.entries, papers.certificates)
    return [one(archive.found, _) for one in (*every, papers.elsewhere)]


def take(session: Session, membership: Membership, house: House, *, by: UUID, to: str, now: datetime) -> Taken:
    """Make it and write down that it leaves, for the person too. Commit before it does."""
    archive = gathered(session, membership, house, now=now)
    made = make(archive, house)
    taken = TrainingArchiveTaken(
        id=new_id(), unit_id=archive.employer.id, person_id=archive.person_id, by_id=by, link_id=None,
        manifest=made.manifest_sha256, people=1, at=now,
    )  # fmt: skip
    session.add(taken)
    parts = [WHAT, WHAT_ELSEWHERE] if archive.found["elsewhere"] else [WHAT]
    session.add_all(
        Disclosure(
            person_id=archive.person_id, receiver=to, what=one, reason=f"person archive {taken.id}", disclosed_at=now
        )
        for one in parts
    )
    session.flush()
    return Taken(f"person-archive-{local_day(now)}.zip", made.content)

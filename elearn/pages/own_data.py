"""Everything that is kept about a person here, as a file for them (PIPL article 45: access, copies, moving elsewhere).

What others must not get by a copied cookie asks for the password again. Sealed things stay sealed: document and phone
numbers are masked, signatures and scans are named and not contained.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.pages import members
from elearn.people import persons, signin
from elearn.people.callers import require_caller
from elearn.people.permissions import SIGNED_IN

FORMAT = "elearn-own-data/1"
MOST_ROWS = 100_000
"""Of each part: more than anybody has; a file that grew for ever would end the process."""

PARTS = {
    "account": "SELECT name, created_at, closed_at FROM elearn.account WHERE person_id = :person",
    "roles": """SELECT r.role, o.name AS organisation, r.region, r.granted_at, r.revoked_at
        FROM elearn.role_grant r JOIN elearn.account a ON a.id = r.account_id
        LEFT JOIN elearn.organisation o ON o.id = r.organisation_id
        WHERE a.person_id = :person ORDER BY r.granted_at""",
    "employments": """SELECT o.name AS organisation, m.kind, m.from_on, m.to_on
        FROM elearn.membership m JOIN elearn.organisation o ON o.id = m.organisation_id
        WHERE m.person_id = :person ORDER BY m.from_on, m.id""",
    "posts": """SELECT o.name AS unit, p.post, p.category, p.from_on, p.to_on
        FROM elearn.placement p JOIN elearn.membership m ON m.id = p.membership_id
        JOIN elearn.organisation o ON o.id = p.unit_id WHERE m.person_id = :person ORDER BY p.from_on, p.id""",
    "absences": """SELECT o.name AS organisation, a.from_on, a.to_on
        FROM elearn.absence a JOIN elearn.membership m ON m.id = a.membership_id
        JOIN elearn.organisation o ON o.id = m.organisation_id WHERE m.person_id = :person ORDER BY a.from_on, a.id""",
    "staff_numbers": """SELECT o.name AS organisation, s.number
        FROM elearn.staff_number s JOIN elearn.organisation o ON o.id = s.organisation_id
        WHERE s.person_id = :person ORDER BY o.name, s.number""",
    "consents": """SELECT o.name AS organisation, c.what, c.given, c.at
        FROM elearn.consent c JOIN elearn.organisation o ON o.id = c.organisation_id
        WHERE c.person_id = :person ORDER BY c.at, c.id""",
    "classes": """SELECT k.title, o.name AS organisation, k.starts_on, k.ends_on, n.enrolled_at, n.withdrawn_at
        FROM elearn.enrolment n JOIN elearn.training_class k ON k.id = n.class_id
        JOIN elearn.organisation o ON o.id = k.institution_id
        WHERE n.person_id = :person ORDER BY n.enrolled_at, n.id""",
    "enrolment_changes": """SELECT k.title, c.change, c.reason, c.at
        FROM elearn.class_roster_change c JOIN elearn.training_class k ON k.id = c.class_id
        WHERE c.person_id = :person ORDER BY c.at, c.id""",
    "assignments": """SELECT t.title, o.name AS employer, a.occasion, a.state, a.assigned_on, a.due_on, a.bars_post,
        a.required_ms, a.credited_ms, a.done_at
        FROM elearn.assignment a JOIN elearn.training_programme t ON t.id = a.programme_id
        JOIN elearn.organisation o ON o.id = a.organisation_id
        WHERE a.person_id = :person ORDER BY a.assigned_on, a.id""",
    "apprenticeships": """SELECT o.name AS employer, a.trade, a.category, a.from_on, a.to_on, a.done_at, a.ended_on
        FROM elearn.apprenticeship a JOIN elearn.organisation o ON o.id = a.organisation_id
        WHERE a.person_id = :person ORDER BY a.from_on, a.id""",
    "lessons_opened": """SELECT u.title, s.device, s.player, to_timestamp(s.opened_ms / 1000.0) AS opened_at,
        to_timestamp(s.ended_ms / 1000.0) AS ended_at, s.ended_reason
        FROM elearn.sitting s JOIN elearn.unit u ON u.id = s.unit_id
        WHERE s.learner_id = :person ORDER BY s.opened_ms, s.id""",
    "watched": """SELECT u.title, w.kind, w.start_ms, w.end_ms, w."on", w.late, w.reason, w.heard_at
        FROM elearn.watched_span w JOIN elearn.unit u ON u.id = w.unit_id
        WHERE w.learner_id = :person ORDER BY w.heard_at, w.id""",
    "checks": """SELECT u.title, c.method, c.outcome, to_timestamp(c.put_ms / 1000.0) AS asked_at
        FROM elearn.presence_check c JOIN elearn.unit u ON u.id = c.unit_id
        WHERE c.learner_id = :person ORDER BY c.put_ms, c.id""",
    "on_site": """SELECT k.title AS class, l."on", l.from_at, l.to_at, l.ms, l.refused_as
        FROM elearn.attendance_line l JOIN elearn.attendance_list t ON t.id = l.list_id
        JOIN elearn.class_session s ON s.id = t.session_id JOIN elearn.training_class k ON k.id = s.class_id
        WHERE l.person_id = :person ORDER BY l.from_at, l.id""",
    "hours": """SELECT k.title AS class, e.modality, e.kind, e.amount_ms, e.earned_on, e.rule_version
        FROM elearn.hours_entry e LEFT JOIN elearn.training_class k ON k.id = e.class_id
        WHERE e.person_id = :person ORDER BY e.created_at, e.id""",
    "tests": """SELECT c.title, a.number, a.started_at, a.closed_at, a.score_milli, a.max_milli, a.passed
        FROM elearn.test_attempt a JOIN elearn.course_test c ON c.id = a.test_id
        WHERE a.person_id = :person ORDER BY a.started_at, a.id""",
    "eligibility": """SELECT o.name AS outline, r.version, r.status, r.outcome, r.reasons, r.hours, r.rules, r.judged_on
        FROM elearn.eligibility_record r JOIN elearn.outline o ON o.id = r.outline_id
        WHERE r.person_id = :person ORDER BY r.computed_at, r.id""",
    "signatures": """SELECT k.title AS class, h.number, h.method, h.digest, h.signed_at
        FROM elearn.hours_signature h JOIN elearn.training_class k ON k.id = h.class_id
        WHERE h.person_id = :person ORDER BY h.signed_at, h.id""",
    "findings": """SELECT kind, outline_code, paper, level, from_on, to_on, note, at FROM elearn.finding
        WHERE person_id = :person ORDER BY at, id""",
    "certificates": """SELECT o.name AS register_of, c.kind, c.title, c.issuer, c.from_on, c.to_on, c.holds_to
        FROM elearn.worker_certificate c JOIN elearn.organisation o ON o.id = c.organisation_id
        WHERE c.person_id = :person ORDER BY c.from_on, c.id""",
    "codes_by_phone": """SELECT c.asked_at, c.was_first, c.used_at FROM elearn.sign_in_code c
        JOIN elearn.account a ON a.id = c.account_id WHERE a.person_id = :person ORDER BY c.asked_at, c.id""",
    "messages": "SELECT kind, facts, created_at, read_at FROM elearn.message WHERE person_id = :person ORDER BY id",
    "appeals": """SELECT kind, statement, opened_at FROM elearn.review_case
        WHERE opened_by = :person ORDER BY opened_at, id""",
    "teaching": "SELECT level, industries, works, created_at FROM elearn.teacher WHERE person_id = :person",
    "security_keys": """SELECT name, added_at, used_at, removed_at FROM elearn.security_key
        WHERE person_id = :person ORDER BY added_at, id""",
    "face": "SELECT consented_at, withdrawn_at FROM elearn.face_enrolment WHERE person_id = :person",
    "devices": """SELECT thumbprint, enrolled_at, revoked_at FROM elearn.device
        WHERE person_id = :person ORDER BY enrolled_at, id""",
    "sign_ins": """SELECT s.started_at, s.ended_at FROM elearn.browser_session s
        JOIN elearn.account a ON a.id = s.account_id WHERE a.person_id = :person ORDER BY s.started_at, s.id""",
    "identity_checks": """SELECT asked_at, asked_of, what, result FROM elearn.identity_check
        WHERE person_id = :person ORDER BY asked_at, id""",
    "email_address": "SELECT code_at AS asked_at, verified_at FROM elearn.email_address WHERE person_id = :person",
    "e_mail_address": "SELECT code_at AS asked_at, verified_at FROM elearn.email_address WHERE person_id = :person",
    "sent_to_my_phone": """SELECT channel, kind, state, made_at, done_at FROM elearn.outgoing
        WHERE person_id = :person ORDER BY made_at, id""",
    "archives_taken": """SELECT o.name AS unit, t.at FROM elearn.training_archive_taken t
        LEFT JOIN elearn.organisation o ON o.id = t.unit_id WHERE t.person_id = :person ORDER BY t.at, t.id""",
    "surveys": """SELECT o.name AS organisation, s.title, s.year, s.anonymous, a.kind, a.answered
        FROM elearn.training_survey_asked a JOIN elearn.training_survey s ON s.id = a.survey_id
        JOIN elearn.organisation o ON o.id = s.organisation_id WHERE a.person_id = :person ORDER BY s.id""",
    "survey_answers": """SELECT s.title AS survey, q.title AS question, q.options, r.chosen, r.text
        FROM elearn.training_survey_answer a JOIN elearn.training_survey_reply r ON r.answer_id = a.id
        JOIN elearn.training_survey_question q ON q.id = r.question_id
        JOIN elearn.training_survey s ON s.id = a.survey_id WHERE a.person_id = :person ORDER BY s.id, q.position""",
    "given_to_others": """SELECT receiver, what, reason, disclosed_at FROM elearn.disclosure
        WHERE person_id = :person ORDER BY disclosed_at, id""",
}
"""Name of the part -> what is read. Every table that names a person by its own column is in here, or in NOT_TOLD."""

NOT_TOLD = {
    "attendance_mark": "a teacher's own note; what became of it is in on_site",
    "attendance_scan": "what became of it is in on_site",
    "attended_span": "the same stretches as on_site",
    "believed_span": "the same media as watched",
    "day_use": "a sum of watched",
    "delivery": "which keys of a video were given when: evidence beside lessons_opened",
    "exam_query": "in given_to_others",
    "figure_mark": "what is to be counted anew",
    "figure_member": "counts of what is in assignments and certificates",
    "joining": "what became of it is in employments",
    "learner_watch": "what is due next; a counter",
    "licence": "keys of downloads, sealed to a device of devices",
    "other_document": "sealed; kind and masked number stand beside the first document",
    "password_reset": "only a hash",
    "push_message": "in given_to_others",
    "reminder": "in messages",
    "subject_key": "a sealed key",
    "sitting_client": "removed after a short while",
    "sitting_trace": "folded from watched",
    "signal": "what a rule noticed; its outcome reaches the person as a review",
    "unit_watch": "a sum of watched",
    "wrong_answer": "the book of wrong questions is on its own page",
}
"""Tables about a person that are no part, and why."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/me/data.json", "own_data", own_data)


@web.allow(SIGNED_IN)
def own_data() -> ResponseReturnValue:
    """The file; the password first, when it was given longer ago."""
    session, now = db.session(), utcnow()
    if not signin.is_recent(session, at=now):
        return redirect(url_for("elearn.pages.sign_in_again", next=url_for("elearn.pages.own_data")), 303)
    found = {"format": FORMAT, "made_at": now, **gather(session, require_caller().person_id)}
    text = json.dumps(found, ensure_ascii=False, indent=1, default=_written)
    response = Response(text, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="my-data-{now:%Y-%m-%d}.json"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def gather(session: Session, person_id: UUID) -> dict[str, Any]:
    """All parts: one query each."""
    facts = persons.person_facts(session, person_id, members.keys())
    person = {
        "name": facts.name,
        "document_kind": facts.document_kind.value if facts.document_kind else None,
        "document": facts.document_masked,
        "other_documents": [
            {"kind": kind.value, "document": masked}
            for kind, masked in persons.other_documents(session, person_id, members.keys())
        ],
        "pseudonym": facts.ref,
    }
    parts = {
        name: [
            dict(row._mapping)
            for row in session.execute(sa.text(f"{query} LIMIT :most"), {"person": person_id, "most": MOST_ROWS})
        ]
        for name, query in PARTS.items()
    }
    return {"person": person, **parts}


def _written(value: object) -> str | int:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value)
    return str(value)

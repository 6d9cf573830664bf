"""What stands in the addresses of the application: of which table a name names a row, and what names no row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from elearn.db import Base, new_id
from tests.architecture.two_sides import Side

NAMED: dict[str, str] = {
    # The name in an address -> the table of which it names a row.
    "apprenticeship_id": "apprenticeship",
    "archive_id": "enterprise_archive",
    "assignment_id": "assignment",
    "attempt_id": "test_attempt",
    "blueprint_id": "test_blueprint",
    "case_id": "review_case",
    "certificate_id": "teacher_certificate",
    "change_id": "class_roster_change",
    "check_id": "presence_check",
    "class_id": "training_class",
    "course_id": "course",
    "draft_id": "page_draft",
    "entry_id": "class_teacher",
    "file_id": "attendance_file",
    "finding_id": "finding",
    "grant_id": "role_grant",
    "institution_id": "institution",
    "invitation_id": "invitation",
    "joining_id": "joining",
    "key_id": "security_key",
    "lesson_id": "lesson",
    "line_id": "class_plan_line",
    "link_id": "joining_link",
    "list_id": "attendance_list",
    "membership_id": "membership",
    "merge_id": "person_merge",
    "message_id": "message",
    "organisation_id": "organisation",
    "plan_id": "training_plan",
    "post_id": "public_post",
    "outline_id": "outline",
    "person_id": "person",
    "programme_id": "training_programme",
    "proposal_id": "eligibility_proposal",
    "question_id": "question",
    "record_id": "eligibility_record",
    "rule_id": "assign_rule",
    "session_id": "class_session",
    "sign_in_id": "browser_session",
    "sitting_id": "sitting",
    "subtitle_id": "subtitle",
    "survey_id": "training_survey",
    "teacher_id": "teacher",
    "term_id": "teacher_term",
    "test_id": "course_test",
    "unit_id": "unit",
    "upload_id": "upload",
    "version_id": "bank_version",
}
NAMED_THERE: dict[tuple[str, str], str] = {
    # Where a name means something else: (how the endpoint begins, name) -> table.
    ("arriving.", "file_id"): "arriving_file",
    ("pages.class_lesson_plan", "file_id"): "class_lesson_plan",
    ("pages.invite_roster", "draft_id"): "roster_draft",
    ("pages.refused_rows", "draft_id"): "roster_draft",
    ("pages.roster", "draft_id"): "roster_draft",
    ("pages.take_roster", "draft_id"): "roster_draft",
    ("pages.withdraw_roster", "draft_id"): "roster_draft",
    ("pages.figure", "unit_id"): "organisation",
    ("pages.inspection", "link_id"): "inspector_link",
    ("pages.inspection", "unit_id"): "organisation",
    ("pages.make_inspection", "unit_id"): "organisation",
    ("pages.unit_figures", "unit_id"): "organisation",
    ("pages.worker_certificate", "certificate_id"): "worker_certificate",
}
WORDS: dict[str, object] = {
    # What names no row: a word, a number, a token that somebody invented.
    "act": "close", "algorithm": "x", "client_id": "nobody", "code": "x", "content_hash": "0" * 64, "file": "x",
    "filename": "icon.svg", "form": "xlsx", "hash_": "x", "index": 0, "key": "x", "kid": "x", "log": "x", "mode": "low",
    "name": "x", "number": 0, "path": "x", "place": "x", "rendition": "360", "rest": "x", "size": "130",
    "thumbprint": "x", "token": "A" * 43,
}  # fmt: skip


def rules(app: Flask) -> list[Rule]:
    """All routes of the product."""
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("elearn.")]


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS", "TRACE"})


def table_of(endpoint: str, name: str) -> str | None:
    """Which table the name in this endpoint's address is about; None: none."""
    for (begins, one), table in NAMED_THERE.items():
        if endpoint.removeprefix("elearn.").startswith(begins) and one == name:
            return table
    return NAMED.get(name)


def unknown_names(app: Flask) -> list[tuple[str, str]]:
    """Names in addresses of which nobody has said what they name."""
    names = {(rule.endpoint, name) for rule in rules(app) for name in rule.arguments}
    return sorted((endpoint, name) for endpoint, name in names if not table_of(endpoint, name) and name not in WORDS)


def address(app: Flask, rule: Rule, method: str, side: Side | None, **instead: UUID) -> str:
    """The path with ids of that side (None: of nothing), or with what is to stand there instead."""
    values: dict[str, Any] = {}
    for name in rule.arguments:
        table = table_of(rule.endpoint, name)
        if table is None:
            assert name in WORDS, (
                f"{rule}: say in named.NAMED of which table <{name}> names a row, or in WORDS: of none"
            )
            values[name] = WORDS[name]
        else:
            values[name] = instead.get(name) or (side.ids.get(table) if side else None) or new_id()
    return app.url_map.bind("localhost").build(rule.endpoint, values, method=method)


def fill(app: Flask, session: Session, side: Side) -> Iterator[str]:
    """A row of every table that an address names; answers those of which none can be made."""
    for rule in rules(app):
        for table in filter(None, (table_of(rule.endpoint, name) for name in sorted(rule.arguments))):
            if table not in side.ids and f"elearn.{table}" not in Base.metadata.tables:
                yield f"there is no table {table}: named.NAMED says that {rule} names a row of it"
                continue
            try:
                with session.begin_nested():
                    side.of(table, session)
            except IntegrityError as error:
                yield f"{table} of {side.mark}: {str(error.orig).splitlines()[0]}"

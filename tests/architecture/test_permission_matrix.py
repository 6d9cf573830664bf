"""Every route of the address map, asked by every role, with what is its own and with what is another organisation's.

The routes are the application's own. What stands in an address is looked up in `NAMED` by its name, so a route with a
name that nobody has entered there fails: whoever adds it says which row it names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from werkzeug.routing import Rule

from elearn import create_app, embedded
from elearn.db import db, new_id
from elearn.people import callers
from elearn.people.models import Role
from elearn.people.permissions import Anybody, Holding
from elearn.settings import Settings
from tests.architecture.two_sides import EVERYWHERE, Side, a_side
from tests.builders_people import signed_in
from tests.conftest import ManualClock

OURS, THEIRS = "甲方", "乙方"

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

OPEN = {
    # Reads that are for everybody who is signed in, whoever it belongs to.
    "pages.catalogue": "what institutions offer",
    "pages.catalogue_course": "what institutions offer",
}
ROLES = tuple(Role)


@dataclasses.dataclass
class World:
    app: Flask
    ours: Side
    theirs: Side
    clients: dict[Role, tuple[FlaskClient, dict[str, str]]]
    unmade: list[str]
    """Tables of which no row could be made."""

    def ask(self, role: Role | None, method: str, path: str) -> tuple[int, str]:
        client, headers = self.clients[role] if role else (self.app.test_client(), {})
        got = client.open(path, method=method, headers={**headers, "Accept": "application/json, text/html;q=0.9"})
        with got:
            return got.status_code, "" if got.is_streamed else got.get_data(as_text=True)


@pytest.fixture(scope="module")
def world(
    services: embedded.Services, template: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    url = services.create_database("permission_matrix", template=template)
    where = tmp_path_factory.mktemp("matrix")
    app = create_app(
        dataclasses.replace(settings, database_url=url, data_dir=where, media_dir=where / "media"), clock=ManualClock()
    )
    app.testing = False  # what breaks answers 500, as it would to them
    with app.app_context():
        session = db.session()
        ours, theirs = a_side(session, OURS, "530100"), a_side(session, THEIRS, "330100")
        unmade: list[str] = []
        for rule in rules(app):
            for table in filter(None, (table_of(rule.endpoint, name) for name in sorted(rule.arguments))):
                try:
                    with session.begin_nested():
                        theirs.of(table, session)
                except IntegrityError as error:
                    unmade.append(f"{table}: {str(error.orig).splitlines()[0]}")
        session.commit()
        clients = {}
        for role, account in ours.accounts.items():
            callers.forget_last_request()  # another browser than the one before
            client = app.test_client()
            clients[role] = (client, signed_in(client, session, account))
    yield World(app, ours, theirs, clients, unmade)
    app.extensions["elearn"].redis.close()
    with app.app_context():
        db.engine.dispose()


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("elearn.")]


def table_of(endpoint: str, name: str) -> str | None:
    """Which table the name in this endpoint's address is about; None: none."""
    for (begins, one), table in NAMED_THERE.items():
        if endpoint.removeprefix("elearn.").startswith(begins) and one == name:
            return table
    return NAMED.get(name)


def address(world: World, rule: Rule, side: Side | None) -> str:
    """The path with ids of that side (None: of nothing)."""
    values: dict[str, Any] = {}
    for name in rule.arguments:
        table = table_of(rule.endpoint, name)
        if table is None:
            values[name] = WORDS[name]
        else:
            values[name] = (side.ids.get(table) if side else None) or new_id()
    return world.app.url_map.bind("localhost").build(rule.endpoint, values, method=next(iter(rule.methods or ())))


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS", "TRACE"})


def lets_in(app: Flask, rule: Rule, method: str, role: Role | None) -> bool | None:
    """Whether the view says that the role may call it; None: no role opens it, but a program's key does."""
    found: bool | None = None
    for who in vars(app.view_functions[rule.endpoint])["who"]:
        if isinstance(who, Anybody):
            return True
        if isinstance(who, Holding):
            held = {Role.LEARNER} | ({role} if role else set())
            if method not in ("GET", "HEAD", "OPTIONS"):
                held -= {Role.AUDITOR}
            found = bool(found) or (role is not None and (not who.roles or bool(held & who.roles)))
    return found


def test_every_name_in_an_address_is_in_the_table(world: World) -> None:
    names = {(rule.endpoint, name) for rule in rules(world.app) for name in rule.arguments}
    unknown = sorted((endpoint, name) for endpoint, name in names if not table_of(endpoint, name) and name not in WORDS)
    assert unknown == [], "say in NAMED of which table a row is named, and a row of it is made"
    assert world.unmade == [], "say in two_sides.CHECKED what the checks of the table ask"


def test_a_door_is_open_to_those_whom_its_view_names_and_to_nobody_else(world: World) -> None:
    """Each read by each role that may; of those that may not, nobody signed in and one role after the other."""
    wrong = []
    for turn, rule in enumerate(rules(world.app)):
        path = address(world, rule, world.ours)
        for method in methods(rule):
            may = {role: lets_in(world.app, rule, method, role) for role in (None, *ROLES)}
            refused = [role for role in ROLES if not may[role]]
            asked = [None, *refused[turn % len(refused) :][:1]] if refused else [None]
            if method == "GET":
                asked += admitted(may, turn)
            for role in asked:
                if may[role] and method != "GET":
                    continue  # would do what it is for
                status, text = world.ask(role, method, path)
                if may[role]:
                    foreign = THEIRS in text and role not in EVERYWHERE and rule.endpoint[7:] not in OPEN
                    good = status < 500 and status != 401 and not foreign
                elif may[role] is None:
                    good = 400 <= status < 500  # a program's door asks for its key, and for its headers before that
                else:
                    good = status in ({403} if role else {401, 403})
                if not good:
                    wrong.append((method, rule.rule, role, may[role], status))
    assert wrong == []


def admitted(may: Mapping[Any, bool | None], turn: int) -> list[Role]:
    """Who is let in; where everybody who is signed in is, a learner and one role after the other."""
    found = [role for role in ROLES if may[role]]
    return found if len(found) < len(ROLES) else [Role.LEARNER, ROLES[1 + turn % (len(ROLES) - 1)]]


def test_what_is_another_organisations_is_found_by_no_role(world: World) -> None:
    """It is answered as what does not exist: not found, or whatever is said before anything is looked up."""
    wrong = []
    for turn, rule in enumerate(rules(world.app)):
        if not any(table_of(rule.endpoint, name) for name in rule.arguments) or rule.endpoint[7:] in OPEN:
            continue
        path, nothing = address(world, rule, world.theirs), address(world, rule, None)
        for method in methods(rule):
            may = {role: lets_in(world.app, rule, method, role) for role in ROLES}
            for role in admitted(may, turn):
                if role in EVERYWHERE:
                    continue
                status, text = world.ask(role, method, path)
                same = status in {403, 404} or (status < 500 and world.ask(role, method, nothing) == (status, text))
                if not same or THEIRS in text:
                    wrong.append((method, rule.rule, role, status))
    assert wrong == []


def test_an_organisation_named_in_the_query_is_refused_to_others(world: World) -> None:
    wrong = []
    for turn, rule in enumerate(rules(world.app)):
        if rule.arguments or "GET" not in (rule.methods or set()):
            continue
        for number, role in enumerate(admitted({one: lets_in(world.app, rule, "GET", one) for one in ROLES}, turn)):
            if role in EVERYWHERE:
                continue
            named = [world.theirs.ids["organisation"], world.theirs.ids["institution"], "x"][number % 3]
            status, text = world.ask(role, "GET", f"{rule.rule}?organisation={named}&unit={named}")
            if status >= 500 or (THEIRS in text and rule.endpoint[7:] not in OPEN):
                wrong.append((rule.rule, role, status))
    assert wrong == []

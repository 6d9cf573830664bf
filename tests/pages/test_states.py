"""Pages with nothing on them yet: every page of a new organisation says what is missing and what to do, never a table
of headings alone, a chart without bars or a name for nothing. The pages are those of the address map.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from elearn.people.models import Role
from elearn.people.permissions import Anybody, Holding
from tests import builders_courses as courses
from tests import builders_people as people
from tests.architecture.named import WORDS, rules, table_of
from tests.builders_training import a_works
from tests.pages.conftest import Browser, text_of

INSTITUTIONS = frozenset({Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER, Role.TEACHER})
PARTS = {"tbody": {"tr"}, "table": {"td"}, "ul": {"li"}, "ol": {"li"}, "dl": {"dt"}, "select": {"option"}}
"""What is nothing without at least one of these in it."""
NAMES_FOR_NOTHING = re.compile(r"\b(?:None|NaN|nan|undefined|null|0 ?/ ?0)\b")
"""On Chinese pages nobody means these words."""
LISTS = {
    # Where nothing may stand but rows or the empty state, by endpoint: lists of what somebody has or keeps.
    "appeals", "apprenticeship_list", "archives", "attendance_waiting", "audit_person", "audit_sittings", "bank_list",
    "catalogue", "certificate_register", "certificates_missing", "classes_waiting", "eligibility_list", "employments",
    "figure_people", "figures", "findings", "first_sign_in", "inspections", "joining_links",
    "log_standing", "merges", "messages", "my_learning", "my_sessions", "my_tests", "my_training",
    "own_apprenticeships", "own_certificates", "people_list", "receivers_list", "record_keys", "review_queue",
    "security_keys", "teacher_warnings", "teachers", "teaching_classes", "teaching_courses", "test_list", "training",
    "training_assignments", "training_plans", "training_programmes", "training_rules", "training_sign", "unit_figures",
    "unit_reviews", "wrong_list",
}  # fmt: skip


class Parts(HTMLParser):
    """What a page holds, as far as emptiness asks."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[list[object]] = []
        self.hollow: list[str] = []
        """Tables, lists and menus with nothing in them."""
        self.rows = 0
        self.says_empty = False
        self.choices: set[str] = set()
        """Menus that offer something."""
        self.menus: dict[str, bool] = {}
        self.menu = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        for one in self.open:
            if tag in PARTS[str(one[0])]:
                one[1] = True
        if "empty" in (said.get("class") or "").split():
            self.says_empty = True
        if tag == "select":
            self.menu = said.get("id") or said.get("name") or "?"
            self.menus[self.menu] = False
        if tag == "option" and said.get("value") != "":
            self.menus[self.menu] = True
        if tag in PARTS:
            self.open.append([tag, "data-shelf" in said, said])
        if tag == "progress" and said.get("max") == "0":
            self.hollow.append("progress of nothing")

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1][0] == tag:
            name, filled, said = self.open.pop()
            if tag == "tbody" and filled:
                self.rows += 1
            if not filled:
                self.hollow.append(f"{name} {said}")


def looked_at(html: str) -> Parts:
    parts = Parts()
    parts.feed(html)
    return parts


def lets_in(app: Flask, rule: Rule, role: Role) -> bool:
    """Whether the view says that this role may read it."""
    return any(
        isinstance(who, Anybody)
        or (isinstance(who, Holding) and (not who.roles or bool({role, Role.LEARNER} & who.roles)))
        for who in vars(app.view_functions[rule.endpoint])["who"]
    )


@dataclass
class Newcomers:
    """Everybody of a new enterprise and a new institution, and what the names in addresses mean for each."""

    browsers: dict[Role, Browser] = field(default_factory=dict)
    ids: dict[Role, dict[str, UUID]] = field(default_factory=dict)

    def pages(self, app: Flask, *, most: int = 3) -> Iterator[tuple[str, str, Role]]:
        """Endpoint, address and reader, of each page whose address names nothing that is not there.

        Of those who may read one, so many read it, beginning at another one on each page.
        """
        for turn, rule in enumerate(rules(app)):
            if not rule.endpoint.startswith("elearn.pages.") or "GET" not in (rule.methods or ()):
                continue
            may = [role for role in Role if lets_in(app, rule, role) and self.address(app, rule, role)]
            for role in (may * 2)[turn % max(1, len(may)) :][: min(most, len(may))]:
                yield rule.endpoint.removeprefix("elearn.pages."), str(self.address(app, rule, role)), role

    def address(self, app: Flask, rule: Rule, role: Role) -> str | None:
        values: dict[str, object] = {}
        for name in rule.arguments:
            table = table_of(rule.endpoint, name)
            if table is None:
                values[name] = WORDS[name]
            elif table in self.ids[role]:
                values[name] = self.ids[role][table]
            else:
                return None
        return app.url_map.bind("localhost").build(rule.endpoint, values)


@pytest.fixture
def newcomers(app: Flask, session: Session) -> Newcomers:
    enterprise, institution = people.an_organisation(session), people.an_institution(session)
    return staffed(app, session, enterprise.id, institution.id, {})


def staffed(app: Flask, session: Session, enterprise: UUID, institution: UUID, named: Mapping[str, UUID]) -> Newcomers:
    found = Newcomers()
    for role in Role:
        place = institution if role in INSTITUTIONS else enterprise
        account = people.an_account(session, role, organisation_id=place, region="530000")
        found.ids[role] = {"organisation": place, "institution": institution, "person": account.person_id, **named}
        session.commit()
        found.browsers[role] = Browser(app, session, account)
        found.browsers[role].client.set_cookie("lang", "zh")
    return found


def _wrong_in(newcomers: Newcomers, app: Flask, *, new: bool = True) -> tuple[list[tuple[object, ...]], set[str]]:
    """What is wrong on which page, and the pages that were seen."""
    wrong: list[tuple[object, ...]] = []
    seen = set()
    for endpoint, path, role in newcomers.pages(app):
        answer = newcomers.browsers[role].get(path)
        answer.close()
        if answer.status_code != 200 or answer.mimetype != "text/html":
            if answer.status_code >= 500:
                wrong.append((endpoint, role.value, answer.status_code))
            continue
        seen.add(endpoint)
        parts, text = looked_at(answer.text), text_of(answer)
        wrong += [(endpoint, role.value, one) for one in parts.hollow]
        wrong += [(endpoint, role.value, one) for one in NAMES_FOR_NOTHING.findall(text)]
        if new and endpoint in LISTS and not parts.rows and not parts.says_empty:
            wrong.append((endpoint, role.value, "says nothing about being empty"))
        wrong += [(endpoint, role.value, "menu", one) for one, offers in parts.menus.items() if not offers]
    return wrong, seen


def test_every_page_of_a_new_organisation_says_what_is_not_there_yet(app: Flask, newcomers: Newcomers) -> None:
    wrong, seen = _wrong_in(newcomers, app)
    assert wrong == [], "\n".join(map(str, wrong))
    assert len(seen) > 90
    assert LISTS - seen == set()


def test_what_was_just_made_and_holds_nothing_says_so_too(app: Flask, session: Session) -> None:
    works = a_works(session)
    outline = courses.an_outline(session)
    course = courses.a_course(session, works.school.id, outline=outline)
    lesson = courses.a_lesson(session, courses.a_course(session, works.school.id, outline=outline))
    held = courses.a_class(session, works.school.id, outline)
    member = works.hire(unit=works.enterprise)
    programme = works.programme()
    named = {
        "course": course.id,
        "lesson": lesson.id,
        "outline": outline.id,
        "training_class": held.id,
        "membership": member.id,
        "training_programme": programme.id,
    }
    session.commit()
    wrong, seen = _wrong_in(staffed(app, session, works.enterprise.id, works.school.id, named), app, new=False)
    assert wrong == [], "\n".join(map(str, wrong))
    assert len(seen) > 100

"""Every route of the address map, asked by everybody, with what is its own and with what is somebody else's.

The routes are the application's own, and who may call one is what it declares itself. What stands in an address is
looked up in `named.NAMED`, so a route with a name that nobody has entered there fails: whoever adds it says which row
it names.
All of it goes over HTTP with sessions and keys that were really begun; what a request does is undone after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from flask import Flask
from werkzeug.routing import Rule

from elearn import embedded
from elearn.db import db
from elearn.settings import Settings
from tests.architecture import holders
from tests.architecture.asking import Answer, Undone, an_application
from tests.architecture.holders import Holder, may
from tests.architecture.named import address, fill, methods, rules, table_of, unknown_names
from tests.architecture.two_sides import EVERYWHERE, Side, a_side, a_workshop

OPEN = {
    # Reads that are for everybody who is signed in, whoever it belongs to.
    "pages.catalogue": "what institutions offer",
    "pages.catalogue_course": "what institutions offer",
}
OF_ABOVE = {
    # What a workshop reads of the enterprise that it lies in, since it holds for the workshop too.
    "pages.training_programme": "what the workshop's people are taught",
    "pages.training_rule": "what is assigned to them",
}
PROOFS = frozenset({
    # Refusals of who may ask, for want of what the request itself must prove.
    "bad_token",  # of an open player
    "code_old",  # of the screen in the room
    "expired",  # the sitting
    "invalid_client", "wrong_key", "key_needed", "wrong_password", "not_signed_in",
})  # fmt: skip
PROVES_ITSELF = {
    # Doors for everybody that ask for more than a session: their 401 says that it was not given.
    "exam.token", "pages.sign_in", "pages.sign_in_again", "xapi.token",
}  # fmt: skip
OWN_CONNECTION = {"elearn.healthz"}
"""Reads that ask by a connection of their own, where no transaction of another one is seen."""
ROWS_ONLY = {
    # Pages that show a life, where this test made a row of it: they are walked in tests of their own.
    "pages.answer_list", "pages.attendance_list", "pages.class_list_pdf", "pages.eligibility_answer",
    "pages.eligibility_record", "pages.own_proof",
}  # fmt: skip
FORM = {
    # What a form may ask for, so that more than the emptiness of one is looked at.
    "name": "x", "title": "x", "text": "x", "note": "x", "why": "x", "reason": "x", "place": "x", "post": "x",
    "answer": "confirm", "act": "x", "on": "2026-07-02", "from_on": "2026-07-02", "to_on": "2026-07-03",
    "year": "2026", "quarter": "1", "week": "1", "days": "7", "level": "team", "kind": "x", "role": "enterprise_clerk",
}  # fmt: skip


@dataclass
class World:
    tried: Undone
    ours: Side
    theirs: Side
    here: Side
    """A workshop of ours."""
    beside: Side
    """Another one."""
    everybody: list[Holder]
    over_here: list[Holder]
    """Who holds roles in the workshop alone."""
    unmade: list[str] = field(default_factory=list)
    """Tables of which no row could be made."""

    @property
    def app(self) -> Flask:
        return self.tried.app

    def ask(self, holder: Holder, rule: Rule, method: str, side: Side | None, query: str = "") -> Answer:
        """Who may ask brings a form; a refusal is said before any is read."""
        allowed = may(self.app, rule, method, holder)
        if allowed:
            self.app.extensions["elearn"].redis.flushdb()  # nobody asked too often before
        path = address(self.app, rule, method, side) + query
        if rule.endpoint in OWN_CONNECTION:
            return self.tried.send(holder, method, path)
        return self.tried.ask(holder, method, path, FORM if allowed and method == "POST" else None)

    def doors(self) -> Iterator[tuple[Rule, str]]:
        for rule in rules(self.app):
            for method in methods(rule):
                yield rule, method


@pytest.fixture(scope="module")
def world(
    services: embedded.Services, template: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    url = services.create_database("permission_matrix", template=template)
    with an_application(url, settings, tmp_path_factory.mktemp("matrix")) as tried:
        with tried.app.app_context():
            session = db.session()
            ours, theirs = a_side(session, "甲方", "530100", "18877310"), a_side(session, "乙方", "330100", "18866420")
            here, beside = a_workshop(session, ours, "丙组", "18855530"), a_workshop(session, ours, "丁组", "18844640")
            unmade = [said for side in (ours, theirs, here, beside) for said in fill(tried.app, session, side)]
            session.commit()
            everybody = holders.everybody(tried.app, session, ours)
            over_here = holders.over_unit(tried.app, session, here)
            session.commit()
        tried.app.test_client().get("/proof/keys/x")  # draws the keys of proofs once: it takes long
        yield World(tried, ours, theirs, here, beside, everybody, over_here, unmade)


def names_a_row(rule: Rule) -> bool:
    return any(table_of(rule.endpoint, name) for name in rule.arguments)


def code_of(answer: Answer) -> str:
    found = re.search(r'"error": ?"(\w+)"', answer.text)
    return found[1] if found else ""


def shows(answer: Answer, *others: Side) -> bool:
    return any(mark in answer.text for side in others for mark in side.marks)


def is_refused(answer: Answer) -> bool:
    """Turned away at the door, and told nothing."""
    return answer.refuses and len(answer.text) < 400


def is_let_in(answer: Answer, rule: Rule) -> bool:
    """Whatever came of it, it is not that they may not."""
    if answer.status >= 500:
        return rule.endpoint[7:] in ROWS_ONLY
    return not answer.refuses or code_of(answer) in PROOFS or rule.endpoint[7:] in PROVES_ITSELF


def test_every_name_in_an_address_is_in_the_table(world: World) -> None:
    assert unknown_names(world.app) == [], "say in named.NAMED of which table a row is named, and a row of it is made"
    assert world.unmade == [], "say in two_sides.CHECKED what the checks of the table ask"


def test_no_address_is_given_to_two_views(world: World) -> None:
    """Only the first of them would ever be asked."""
    views: dict[tuple[str, str], set[str]] = {}
    for rule, method in world.doors():
        views.setdefault((method, re.sub(r"<[^>]*>", "<>", rule.rule)), set()).add(rule.endpoint)
    assert [(address, both) for address, both in views.items() if len(both) > 1] == []


def test_a_door_is_open_to_those_whom_its_view_names_and_to_nobody_else(world: World) -> None:
    """Every route by everybody, with what is their own."""
    wrong, opened = [], set()
    for holder in (*world.everybody, *world.over_here):
        own = world.here if holder in world.over_here else world.ours
        for rule, method in world.doors():
            answer = world.ask(holder, rule, method, own)
            if not may(world.app, rule, method, holder):
                good = is_refused(answer)
            else:
                foreign = holder.role not in EVERYWHERE and rule.endpoint[7:] not in OPEN
                good = is_let_in(answer, rule) and not (foreign and shows(answer, world.theirs))
                if answer.status < 400:
                    opened.add((method, rule.endpoint[7:]))
            if not good:
                wrong.append((method, rule.rule, holder.name, answer.status, answer.text[:80]))
    assert wrong == []
    reads = {(method, rule.endpoint[7:]) for rule, method in world.doors() if method == "GET"}
    assert 2 * len(reads & opened) > len(reads), "a door behind which nothing is shown proves little"


def test_what_is_anothers_is_found_by_nobody(world: World) -> None:
    """It is answered as what does not exist: not found, or whatever is said before anything is looked up."""
    assert strangers(world, world.everybody, [world.theirs]) == []


def test_roles_at_a_workshop_reach_neither_the_one_beside_it_nor_what_lies_above(world: World) -> None:
    assert strangers(world, world.over_here, [world.theirs, world.beside, world.ours]) == []


def strangers(world: World, asking: Sequence[Holder], sides: Sequence[Side]) -> list[object]:
    """What is wrong with the answers to those who ask with ids that are not theirs."""
    wrong: list[object] = []
    for holder in asking:
        for rule, method in world.doors():
            if not names_a_row(rule) or rule.endpoint[7:] in OPEN:
                continue
            allowed = may(world.app, rule, method, holder)
            if allowed and holder.role in EVERYWHERE:
                continue  # it is theirs too
            for side in sides if allowed else sides[:1]:
                answer = world.ask(holder, rule, method, side)
                if not allowed:
                    good = is_refused(answer)
                elif side is world.ours and rule.endpoint[7:] in OF_ABOVE:
                    good = answer.status == 200 and not shows_people(answer, side)
                else:
                    good = not shows(answer, side) and answer == world.ask(holder, rule, method, None)
                if not good:
                    wrong.append((method, rule.rule, holder.name, side.mark, answer.status, answer.text[:80]))
    return wrong


def shows_people(answer: Answer, side: Side) -> bool:
    return any(f"{side.mark}{role.value}" in answer.text for role in side.accounts) or side.digits in answer.text


def test_an_organisation_named_in_the_query_is_refused_to_others(world: World) -> None:
    wrong = []
    for holder in (*world.everybody, *world.over_here):
        others = [world.theirs, world.beside] if holder in world.over_here else [world.theirs]
        for number, (rule, method) in enumerate(world.doors()):
            if rule.arguments or method != "GET" or not may(world.app, rule, method, holder):
                continue
            if holder.role in EVERYWHERE:
                continue
            for side in others:
                named = [side.ids["organisation"], side.ids["institution"], "x"][number % 3]
                answer = world.ask(holder, rule, method, None, f"?organisation={named}&unit={named}")
                if answer.status >= 500 or (shows(answer, side) and rule.endpoint[7:] not in OPEN):
                    wrong.append((rule.rule, holder.name, answer.status))
    assert wrong == []

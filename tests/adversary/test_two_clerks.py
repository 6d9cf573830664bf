"""Two employers' clerks, heads, safety managers and those of a workshop try on the other one every id that is there.

They know more than clerks ever do: the true id of each row of the other side, of every table. Nothing of the other side
comes back, nothing of it changes, and what exists but is not theirs is answered as what does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from urllib.parse import urlencode
from uuid import UUID

import pytest
from werkzeug.routing import Rule

from elearn import embedded
from elearn.db import db
from elearn.people.models import Role
from elearn.settings import Settings
from elearn.training.archives import inspecting
from tests.adversary.two_firms import NOBODYS, Firms, Tried, fields_read, id_fields, of_nobody, two_firms
from tests.architecture.holders import Holder, may
from tests.architecture.named import address, methods, rules, table_of

OPEN = {"pages.catalogue", "pages.catalogue_course", "healthz"}
"""What institutions offer is for everybody who is signed in; how the server does says nothing of anybody."""
FIELDS = {
    # The name of a field that holds an id -> the table of which it names a row.
    "account": "account", "class": "training_class", "course": "course", "courses": "course", "finding": "finding",
    "institution": "institution", "item": "outline_item", "kept": "person", "learner": "person",
    "line": "class_plan_line", "message": "message", "organisation": "organisation", "outline": "outline",
    "parent": "organisation", "person": "person", "plan_line": "training_plan_line", "programme": "training_programme",
    "question": "training_survey_question", "record": "eligibility_record", "records": "eligibility_record",
    "teacher": "teacher", "unit": "organisation", "version": "bank_version", "what": "outline_item",
    "who": "membership",
}  # fmt: skip
FIELDS_THERE = {
    ("pages.training_plan_remove", "line"): "training_plan_line",
    ("pages.training_funds_reverse", "line"): "training_fund_line",
    ("pages.appeal_new", "unit"): "unit",
}
FORM = {
    # What a form may ask for besides.
    "name": "x", "title": "x", "text": "x", "note": "x", "why": "x", "reason": "x", "place": "x", "post": "x",
    "answer": "confirm", "act": "x", "on": "2026-07-02", "from_on": "2026-07-02", "until_on": "2026-07-03",
    "to_on": "2026-07-03", "year": "2026", "quarter": "1", "week": "1", "days": "7", "level": "team", "kind": "x",
    "role": "enterprise_clerk", "for_whom": "x", "whom": "x", "trade": "x", "duty": "x", "most_uses": "5",
    "purpose": "other", "due_days": "30", "hours": "1", "occasion": "hired", "people": "1", "modality": "online",
}  # fmt: skip
BODIES: dict[str, object] = {"tests.save_answers": {"answers": []}, "tests.submit": {"answers": []}}
"""What doors take that read no form."""
OTHERS_AT_ONCE = 8
"""So many ids of other tables than the one that is meant stand in each address, others in each."""


@pytest.fixture(scope="module")
def firms(
    services: embedded.Services, template: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Firms]:
    with two_firms(services, template, settings, tmp_path_factory.mktemp("firms")) as made:
        yield made


def doors(firms: Firms, holder: Holder) -> Iterator[tuple[Rule, str]]:
    """Those that are open to the holder; that the rest are shut to them the permission matrix says."""
    for rule in rules(firms.undone.app):
        for method in methods(rule):
            if rule.endpoint.removeprefix("elearn.") not in OPEN and may(firms.undone.app, rule, method, holder):
                yield rule, method


def attempt(firms: Firms, holder: Holder, rule: Rule, method: str, ids: Mapping[str, UUID]) -> Tried:
    """With the asker's own ids where none of `ids` is to stand."""
    path = address(firms.undone.app, rule, method, firms.own(holder), **ids)
    body = BODIES.get(rule.endpoint[7:])
    return firms.attempt(holder, method, path, FORM if method == "POST" and body is None else None, body)


def test_an_id_of_the_other_in_an_address_is_as_good_as_none(firms: Firms) -> None:
    """Each id of the table that the address means, and in turn each id of every other table."""
    wrong, tried = [], set()
    turn = cycle(sorted({one for keys in firms.ids.values() for one in keys}))
    for holder in firms.asking:
        for rule, method in doors(firms, holder):
            for name in sorted(rule.arguments):
                table = table_of(rule.endpoint, name)
                if table is None or table in NOBODYS:
                    continue
                nothing = attempt(firms, holder, rule, method, {name: UUID(of_nobody())})
                others = list(islice(turn, OTHERS_AT_ONCE)) if holder.role is Role.ENTERPRISE_CLERK else []
                for guess in {*firms.ids.get(table, []), *others}:
                    tried.add(guess)
                    got = attempt(firms, holder, rule, method, {name: guess})
                    if got != nothing or got.touched or firms.told(got.answer):
                        wrong.append((method, rule.rule, name, holder.name, got, nothing))
    assert wrong == []
    assert tried == {one for keys in firms.ids.values() for one in keys}, "each id was tried somewhere"


def field_table(endpoint: str, field: str) -> str:
    table = FIELDS_THERE.get((endpoint, field)) or FIELDS.get(field)
    assert table is not None, (
        f"{endpoint} reads an id from the field {field}: say in FIELDS of which table it names a row"
    )
    return table


def test_an_id_of_the_other_in_a_field_or_a_query_is_as_good_as_none(firms: Firms) -> None:
    """Each field that a door reads, by everybody who may; what stands in the others is the asker's own."""
    assert id_fields() <= set(FIELDS), "say in FIELDS of which table the field names a row"
    wrong, filled = [], set()
    turns = {table: cycle(keys) for table, keys in firms.ids.items()}
    for holder in firms.asking:
        own = firms.own(holder).ids
        plain = FORM | {field: str(own[table]) for field, table in FIELDS.items() if table in own}
        for rule, method in doors(firms, holder):
            # That a page of a whole organisation asks nobody else for one, the permission matrix says of every role.
            read = {"organisation", "unit"} if holder is firms.asking[0] and not rule.arguments else set()
            with fields_read(read):
                attempt_with(firms, holder, rule, method, plain)
            for field in sorted(read):
                table = field_table(rule.endpoint[7:], field)
                if table in NOBODYS:
                    continue
                assert table in turns, f"the other side has no row of {table}, which {rule.rule} reads from {field}"
                guess = next(turns[table])
                filled.add(guess)
                nothing = attempt_with(firms, holder, rule, method, plain | {field: of_nobody()})
                got = attempt_with(firms, holder, rule, method, plain | {field: str(guess)})
                if got != nothing or got.touched or firms.told(got.answer):
                    wrong.append((method, rule.rule, field, holder.name, got, nothing))
    assert wrong == []
    assert {*firms.ids["organisation"], *firms.ids["person"], *firms.ids["membership"]} <= filled


def attempt_with(firms: Firms, holder: Holder, rule: Rule, method: str, fields: dict[str, str]) -> Tried:
    """The fields as the form that is sent, or as the query that is asked."""
    path = address(firms.undone.app, rule, method, firms.own(holder))
    if method == "GET":
        asked = {name: one for name, one in fields.items() if name in FIELDS}
        return firms.attempt(holder, method, f"{path}?{urlencode(asked)}")
    return firms.attempt(holder, method, path, fields)


def test_a_link_of_the_other_is_known_by_its_token_alone(firms: Firms) -> None:
    clerk, theirs = firms.asking[0], firms.theirs
    token, link = theirs.invitation, theirs.ids["invitation"]

    def ask(path: str, **form: str) -> int:
        return firms.attempt(clerk, "POST", path, form).answer.status

    for guess in (link, token[:-1], token.swapcase()):
        assert ask(f"/invited/{guess}") == 404
    for side in (firms.ours, firms.here, theirs):
        assert ask(f"/organisations/{side.ids['organisation']}/invitations/{link}/withdraw") == 404
    assert ask("/organisations/choose", organisation=str(theirs.ids["organisation"])) == 404
    assert ask(f"/invited/{token}") == 303, "who was given the whole link is whom it was given to"


def test_a_search_finds_nobody_of_the_other(firms: Firms) -> None:
    for holder in firms.asking:
        own = firms.own(holder).ids["organisation"]
        for path in (
            "/people?search=", "/organisations/choose?search=", f"/organisations/{own}/roles?search=",
            f"/organisations/{own}/move?search=", "/organisations/all?search=", "/training/certificates?search=",
        ):  # fmt: skip
            page = firms.attempt(holder, "GET", path + firms.theirs.mark).answer.text
            for word in ("learner", "enterprise", "workshop", "principal"):
                assert firms.theirs.mark + word not in page, (path, holder.name)


def test_an_inspector_sees_nothing_but_the_unit_of_the_link(firms: Firms) -> None:
    with firms.undone.app.app_context():
        session = db.session()
        _, token = inspecting.make(
            session, firms.here.ids["organisation"], year=0, days=30, full_names=True, whom="x",
            by=firms.ours.ids["person"], at=firms.undone.app.extensions["elearn"].clock(),
        )  # fmt: skip
        session.commit()
    inspector = Holder("inspector", {})

    def ask(rest: str) -> Tried:
        return firms.attempt(inspector, "GET", f"/inspection/{token}{rest}")

    assert ask("").answer.status < 400
    own, above, others = (side.ids["organisation"] for side in (firms.here, firms.ours, firms.theirs))
    for rest in ("/{}", "/{}/people", "/{}/figures.xlsx", "/{}/figures.pdf"):
        assert ask(rest.format(own)).answer.status == 200, rest
        nothing = ask(rest.format(of_nobody()))
        assert nothing.answer.status == 404
        assert [ask(rest.format(one)) for one in (above, others)] == [nothing, nothing], rest
    archive = "/archives/{}.zip"
    nothing = ask(archive.format(of_nobody()))
    assert nothing.answer.status == 404
    for side in (firms.ours, firms.theirs):
        assert ask(archive.format(side.ids["enterprise_archive"])) == nothing


def test_what_is_not_found_by_an_id_is_said_in_one_sentence(firms: Firms) -> None:
    """Two look-ups of one page (is it there? is it theirs?) would otherwise say which of them failed."""
    said = {
        attempt(firms, holder, rule, method, {name: UUID(of_nobody()) for name in rule.arguments}).answer.text
        for holder in firms.asking[:1]
        for rule, method in doors(firms, holder)
        if method == "GET" and any(table_of(rule.endpoint, name) for name in rule.arguments) and "uuid" in rule.rule
        and not {name for name in rule.arguments if not table_of(rule.endpoint, name)}
    }  # fmt: skip
    assert {one for one in said if "not_found" in one} == {
        '{"detail":"It does not exist, or you may not see it.","error":"not_found"}\n'
    }

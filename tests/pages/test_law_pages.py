"""Programmes, rules and people against the hours that the law asks, over HTTP: what is said to whom, and where."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service as requirements
from elearn.people.models import Account, Membership, Role
from elearn.training import assigning, programmes
from elearn.training.archives import enterprise as enterprise_archive
from elearn.training.archives.models import EnterpriseArchive
from elearn.training.models import AssignRule, LawNote, Occasion, Programme, Purpose
from tests import builders_people as people
from tests.builders_training import HOUR_MS, Works, a_works
from tests.conftest import ManualClock
from tests.credit_export.paper import reading
from tests.hours import credit_all
from tests.pages.conftest import Browser, text_of

Opens = Callable[[Account | None], Browser]
Sent = dict[str, object]


@dataclass
class Desk:
    works: Works
    clerk: Account
    low: Account
    """Of the workshop."""
    member: Membership
    """Of general industry, hired today."""


@pytest.fixture
def desk(session: Session, clock: ManualClock) -> Desk:
    today = clock.now.date()
    requirements.load_shipped(session, by="test", at=clock.now, today=today)
    works = a_works(session)
    return Desk(
        works,
        people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=works.enterprise.id),
        people.an_account(session, Role.SAFETY_MANAGER, organisation_id=works.workshop.id),
        works.hire(category="employee_general", from_on=today),
    )


def levels(works: Works, hours: int) -> list[Programme]:
    """The three levels, each of so many hours by the clock."""
    return [
        works.programme(one, required_ms=hours * HOUR_MS, course=works.course(ms=hours * HOUR_MS))
        for one in programmes.LEVELS
    ]


def test_what_asks_for_nothing_is_refused_and_what_is_short_is_said_and_recorded(
    session: Session, desk: Desk, browser: Opens
) -> None:
    works, clerk = desk.works, browser(desk.clerk)
    works.hire(category="manager_general")
    course, _unit = works.course(ms=6 * HOUR_MS)
    sent: Sent = {
        "title": "年度再培训", "purpose": "yearly", "courses": [str(course.id)], "required": "0", "due_days": "30",
    }  # fmt: skip
    form = clerk.page("/training/programmes/new")
    assert "24 = 12:00" in form, "how long that is online"
    assert "令3 第十三条" in form
    refused = clerk.post("/training/programmes/new", sent)
    assert (refused.status_code, "It asks for nothing" in text_of(refused)) == (422, True)
    assert session.scalars(sa.select(Programme)).all() == []
    made = clerk.post("/training/programmes/new", sent | {"required": "4"})
    page = clerk.page(made.location)
    assert "12 class hours for “Safety manager (general industry)”, this gives 8 (令3 第九条)" in page
    assert "When it was made, it gave less than the law asks" in page
    [note] = session.scalars(sa.select(LawNote)).all()
    assert (note.category, note.by_id) == ("manager_general", desk.clerk.person_id)
    assert "short of the law" in clerk.page("/training/programmes")
    enough = clerk.post("/training/programmes/new", sent | {"required": "6"})
    assert "Short of the law" not in clerk.page(enough.location)
    [old] = session.scalars(sa.select(Programme).where(Programme.required_ms == 6 * HOUR_MS))
    session.execute(sa.update(Programme).where(Programme.id == old.id).values(required_ms=0))
    assert "asks for nothing" in clerk.page("/training/programmes")
    assert "is done at once" in clerk.page(enough.location)


def test_a_rule_for_who_is_hired_wants_all_levels_or_a_reason_and_is_compared(
    session: Session, desk: Desk, browser: Opens
) -> None:
    works, clerk = desk.works, browser(desk.clerk)
    held = levels(works, 2)
    assert "once a rule puts them in order" in clerk.page(f"/training/programmes/{held[0].id}")
    rule: Sent = {"title": "新人", "occasion": "hire", "from_on": "2026-06-01", "programme-1": str(held[0].id)}
    assert "Why not all three" not in clerk.page("/training/rules/new")
    refused = clerk.post("/training/rules/new", rule)
    assert (refused.status_code, "Who is hired has all three levels" in text_of(refused)) == (422, True)
    assert 'name="levels_reason"' in refused.text, "and here is where to say why"
    assert session.scalars(sa.select(AssignRule)).all() == []
    made = clerk.post("/training/rules/new", rule | {"levels_reason": "没有车间和班组"})
    page = clerk.page(made.location)
    assert "没有车间和班组" in page
    assert "this gives 4 (令3 第十三条)" in page
    assert "When it was made" in page
    assert "short of the law" in clerk.page("/training/rules")
    assert "Rules that give less than the law asks: 1" in clerk.page("/training")
    assert "this gives 4" in clerk.page(f"/training/programmes/{held[0].id}")
    assert "When it was made" not in browser(desk.low).page(made.location), "who recorded what is the owner's matter"
    [first] = session.scalars(sa.select(AssignRule))
    assert clerk.post(f"/training/rules/{first.id}/close").status_code == 303
    assert "Short of the law" not in clerk.page(made.location), "a closed one gives nothing"
    assert "less than the law" not in clerk.page("/training")
    whole = {f"programme-{place}": str(one.id) for place, one in enumerate(levels(works, 4), start=1)}
    enough = clerk.post("/training/rules/new", rule | whole)
    page = clerk.page(enough.location)
    assert "Enough hours for: Other employee before the post" in page
    assert "Short of the law" not in page
    none = clerk.post("/training/rules/new", rule | whole | {"categories": ["so_lv_electric"]})
    assert "no confirmed rule for the posts that it finds today" in clerk.page(none.location)
    assert clerk.page("/training/rules").count("short of the law") == 0


def test_hours_so_far_stand_on_the_pages_of_the_clerk_and_the_worker_and_in_every_file(
    session: Session, desk: Desk, browser: Opens, clock: ManualClock
) -> None:
    works, clerk, member = desk.works, browser(desk.clerk), desk.member
    held = levels(works, 10)
    works.rule(Occasion.HIRE, held)
    nobody = works.hire(from_on=clock.now.date())
    assigning.catch_up(session, now=clock.now)
    learner = works.learner(member, held[0])
    learner.watch(ms=9 * HOUR_MS)
    credit_all(session, now=clock.now + timedelta(days=1))
    mine = browser(people.an_account(session, person=learner.person))
    said = "18 of 24 class hours (令3 第十三条)"
    for page in (clerk.page(f"/training/members/{member.id}"), mine.page("/my-training")):
        assert f"Before the post {said} 6 short" in page
    assert "no confirmed rule for this post here" in clerk.page(f"/training/members/{nobody.id}")
    assert said in clerk.page(f"/people/archives/{member.id}")
    for path in (f"/my-training/{member.id}/card.pdf", f"/people/archives/{member.id}/archive.zip"):
        answer = (mine if "my" in path else clerk).get(path)
        assert answer.status_code == 200, path
    with zipfile.ZipFile(io.BytesIO(answer.data)) as package:
        [line] = json.loads(package.read("data/person.json"))["law"]
        assert (line["asked_hours"], line["has_micro"], line["verdict"]) == (24, 18_000_000, "short")
        book = openpyxl.load_workbook(io.BytesIO(package.read("archive.xlsx")))
        assert [one.value for one in book["法定学时"][2]][:2] == ["上岗前", "18 / 24 学时（令3 第十三条）"]
    asked = clerk.post(f"/figures/{works.enterprise.id}/archives", {"year": "0", "names": "full"})
    assert asked.status_code == 303
    row = session.scalars(sa.select(EnterpriseArchive)).one()
    enterprise_archive.make_prepared(archive_id=str(row.id))
    with zipfile.ZipFile(io.BytesIO(clerk.get(f"/figures/archives/{row.id}/archive.zip").data)) as package:
        found = {one["membership_id"]: one["law"] for one in json.loads(package.read("data/people.json"))}
        assert [one["verdict"] for one in found[str(member.id)]] == ["short"]
        assert [one["verdict"] for one in found[str(nobody.id)]] == ["unknown"]
        rows = openpyxl.load_workbook(io.BytesIO(package.read("archive.xlsx")))["法定学时"].iter_rows(values_only=True)
        assert (learner.person.name, "上岗前", "18 / 24 学时（令3 第十三条）") in [one[:3] for one in rows]


def test_the_card_says_it_too(session: Session, desk: Desk, browser: Opens, clock: ManualClock) -> None:
    works = desk.works
    works.rule(Occasion.HIRE, levels(works, 1))
    assigning.catch_up(session, now=clock.now)
    card = browser(desk.clerk).get(f"/training/members/{desk.member.id}/card.pdf")
    text = "".join(reading.text_of(card.data).split())
    assert "Beforethepost0of24classhours(令3第十三条)" in text, "wherever its lines break"


@pytest.mark.parametrize("purpose", [Purpose.OTHER, Purpose.CAMPAIGN])
def test_a_programme_that_counts_for_no_hours_of_the_law_is_not_compared(
    session: Session, desk: Desk, browser: Opens, purpose: Purpose
) -> None:
    held = desk.works.programme(purpose, required_ms=1)
    assert "Short of the law" not in browser(desk.clerk).page(f"/training/programmes/{held.id}")
    assert "short of the law" not in browser(desk.clerk).page("/training/programmes")

"""A roster changed behind the backs of those who look at it, or after a class is over; names that break paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.courses.classes import enrolling
from elearn.courses.classes.rules import Act, Change, Gate
from elearn.credit_export.findings import stating
from elearn.credit_export.findings.rules import Kind as Finding
from elearn.credit_export.findings.stating import About
from elearn.credit_export.paper import typeset
from elearn.errors import Conflict, Forbidden, Malformed
from elearn.people.models import Account, Role
from elearn.people.registry import local_day
from tests.builders_courses import an_outline
from tests.builders_people import KEYS, a_person, an_institution
from tests.builders_teachers import a_caller
from tests.conftest import ManualClock
from tests.courses.classes.test_steps import School, present, school
from tests.pages.conftest import Browser, World, browser, text_of, world
from tests.pages.test_classes import Desk, desk, planned_wholly

__all__ = ["browser", "desk", "school", "world"]


def test_nobody_is_put_into_a_class_while_somebody_looks_at_its_roster(school: School) -> None:
    stranger = a_person(school.session, name="替身").id
    for act, by in ((Act.SUBMIT, school.clerk), (Act.CHECK, school.manager)):
        school.take(act, by)
        with pytest.raises(Conflict, match="The roster stands since the class was submitted"):
            classes.enrol(school.session, school.held.id, [stranger], acting=school.acting, at=school.at)
        with pytest.raises(Conflict, match="The roster stands since the class was submitted"):
            classes.withdraw(school.session, school.held.id, school.learner, acting=school.acting, at=school.at)
    school.take(Act.RETURN, school.officer, note="名单有误")
    assert classes.enrol(school.session, school.held.id, [stranger], acting=school.acting, at=school.at) == 1
    school.take(Act.SUBMIT, school.clerk)


def test_the_page_offers_no_enrolling_meanwhile_and_says_why_when_it_is_sent_all_the_same(
    desk: Desk, session: Session
) -> None:
    planned_wholly(desk, session)
    assert "Enrol by document" in desk.manager.page(desk.path)
    desk.clerk.post(f"{desk.path}/step/submit")
    page = desk.manager.get(desk.path)
    assert "Enrol by document" not in text_of(page)
    assert f"{desk.path}/teachers" in page.text, "conditions about teachers are put right here"
    sent = desk.manager.post(f"{desk.path}/withdraw", {"person": str(desk.learner.person_id)})
    assert (sent.status_code, "Have it sent back first" in text_of(sent)) == (422, True)


def test_a_change_that_waited_until_the_class_was_over_brings_nobody_in(school: School) -> None:
    school.accepted()
    late = a_person(school.session, name="迟到").id
    school.change(late, Change.JOIN, by=school.clerk)
    school.at = datetime.fromisoformat("2026-09-04T08:00:00+08:00")
    school.take(Act.BEGIN, school.clerk)
    school.take(Act.COMPLETE, school.manager)
    (wanted,) = classes.roster_changes(school.session, school.held.id)
    with pytest.raises(Conflict, match="class is over"):
        school.answer(wanted.id, by=school.manager)
    assert present(school) == {school.learner}
    school.answer(wanted.id, by=school.manager, confirm=False, note="已结班")
    assert enrolling.members(school.session, school.held.id)[1] == 1


@pytest.mark.parametrize("odd", ["1\x01", "\x7f1", "1\u202e", "\u200b1"])
def test_a_class_has_no_number_name_or_place_that_paper_cannot_hold(session: Session, odd: str) -> None:
    institution, outline = an_institution(session), an_outline(session)
    whole: dict[str, Any] = {"class_no": "1", "title": "班", "place": "楼"}
    for field in whole:
        with pytest.raises(Malformed):
            classes.open_class(
                session, institution_id=institution.id, outline_id=outline.id, starts_on=date(2026, 7, 1),
                at=datetime(2026, 6, 1, tzinfo=UTC), **(whole | {field: odd}),
            )  # fmt: skip


def test_paper_is_made_whatever_stands_in_a_name() -> None:
    rare = "".join(chr(0x1F300 + 7 * n) for n in range(120)) + "".join(chr(0xE000 + 37 * n) for n in range(100))
    sheet = {
        "lang": "zh", "region": "cn", "title": "t", "issuer": "i", "footer": "f", "missing_title": "", "missing": [],
        "people_title": "", "people_head": ["#", "", "", "", "", "", "", "", ""], "people": [], "nobody": "",
        "files_title": "", "files": [], "note": "", "facts": [["a", f"\x01\x7f\x0b李明{rare}"]],
    }  # fmt: skip
    assert typeset.pdf("archive", sheet, at=datetime(2026, 1, 1, tzinfo=UTC)).startswith(b"%PDF")


def test_nobody_confirms_that_they_join_a_class_themselves(school: School) -> None:
    school.accepted()
    school.change(school.manager.person_id, Change.JOIN, by=school.clerk)
    (wanted,) = classes.roster_changes(school.session, school.held.id)
    with pytest.raises(Forbidden, match="Somebody else"):
        school.answer(wanted.id, by=school.manager)
    assert present(school) == {school.learner}


def test_a_receipt_of_a_suspended_school_says_so_in_its_step(
    world: World, browser: Callable[[Account | None], Browser], session: Session, clock: ManualClock
) -> None:
    about, today = About(organisation_id=world.institution.id), local_day(clock.now)
    operator, officer = a_caller(session, Role.OPERATOR), a_caller(session, Role.REGULATOR_OFFICER, region="53")
    world.institution.region = "530100"
    found = stating.state(
        session, Finding.INSTITUTION_SUSPENDED, about, from_on=today, note="查实", caller=operator, keys=KEYS,
        at=clock.now,
    )  # fmt: skip
    stating.answer(session, found.id, confirm=True, note="", caller=officer, at=clock.now)
    held = classes.open_class(
        session, institution_id=world.institution.id, outline_id=world.outline.id, class_no="9", title="班",
        starts_on=today, at=clock.now,
    )  # fmt: skip
    session.commit()
    sent = browser(world.manager).post(
        f"/teaching/classes/{held.id}/filing", {"filing_no": "X", "filed_on": today.isoformat()}
    )
    assert sent.status_code == 303, text_of(sent)
    (step,) = classes.steps_of(session, held.id)
    assert Gate.INSTITUTION_SUSPENDED.value in step.unmet

"""The rules of a day, and why somebody may not sit an exam: sentences in both languages, for whom it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, OutlineItem
from elearn.courses.requirements import service
from elearn.credit_export.models import EligibilityRecord
from elearn.people.models import Account, Role
from tests.builders_courses import a_class, an_outline, enrolled
from tests.builders_people import AT, an_account
from tests.pages.conftest import Browser, World

Browsing = Callable[[Account | None], Browser]
TODAY = date(2026, 7, 1)


@pytest.fixture
def loaded(world: World, session: Session) -> World:
    """The catalogue that travels with the program; the world's outline is of its low-voltage electricians."""
    service.load_shipped(session, by="me", at=AT, today=TODAY)
    world.outline.category = "so_lv_electric"
    session.commit()
    return world


def why(person: Account, outline: Outline, on: str = "", lang: str = "en") -> str:
    return f"/why-not?person={person.person_id}&outline={outline.id}&on={on}&lang={lang}"


# --- the rules of a day -----------------------------------------------------------------------------------------------


def test_with_nothing_loaded_the_page_says_so(world: World, browser: Browsing) -> None:
    assert "No rules are loaded" in browser(world.worker).page("/rules")


def test_both_sides_of_order_19_are_shown_with_their_sources(loaded: World, browser: Browsing) -> None:
    reader = browser(loaded.worker)
    before, after = reader.page("/rules?on=2026-05-31"), reader.page("/rules?on=2026-06-01")
    assert "Review: every 36 months, 8 hours, theory only." in before
    assert "令30 第二十一条" in before
    assert "Skill certificate" not in before
    assert "There is no review." in after
    assert "Whoever fails is not trained again: the hours stay." in after
    assert "Skill certificate" in after
    assert "应急管理部令第19号" in after


def test_a_category_is_found_by_name_number_or_english_word(loaded: World, browser: Browsing) -> None:
    reader = browser(loaded.worker)
    for words in ("低压电工", "1.1", "low-voltage"):
        page = reader.page(f"/rules?search={words}")
        assert "148 hours: theory 88, practice 60" in page, words
        assert "High-voltage" not in page, words
    assert "nobody has seen whether it still holds" in reader.page("/rules?search=低压电工")
    assert "Nothing of that is in force" in reader.page("/rules?search=nobody")


def test_a_region_has_its_own_rules(loaded: World, browser: Browsing) -> None:
    reader = browser(loaded.worker)
    assert "Education: senior high school or more." in reader.page("/rules?region=620000")
    assert "senior high school" not in reader.page("/rules?region=330000")


def test_the_whole_country_has_a_code_of_its_own(loaded: World, browser: Browsing) -> None:
    assert "Review: every 36 months" in browser(loaded.worker).page("/rules?region=CN&on=2026-05-31")


def test_what_changed_between_two_days(loaded: World, browser: Browsing) -> None:
    page = browser(loaded.worker).page("/rules?on=2026-06-01&than=2026-05-31")
    assert "From May 31, 2026 to Jun 1, 2026" in page
    assert "There was no such rule before." in page
    assert "Review: every 36 months" in page
    assert "There is no review." in page
    assert "How long an hour is" not in page
    assert "Nothing changed." in browser(loaded.worker).page("/rules?on=2026-06-02&than=2026-06-01")


def test_the_rules_in_chinese(loaded: World, browser: Browsing) -> None:
    page = browser(loaded.worker).page("/rules?on=2026-06-01&than=2026-05-31&lang=zh")
    assert "不再复审。" in page
    assert "免于：初次取证" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("on=yesterday", "A date has the form 2026-07-01."),
        ("on=2026-06-01&than=2026-02-30", "A date has the form 2026-07-01."),
        ("region=Yunnan", "A region is six digits (GB/T 2260), or CN."),
    ],
)
def test_a_wrong_form_is_told_beside_its_field(loaded: World, browser: Browsing, query: str, said: str) -> None:
    assert said in browser(loaded.worker).page(f"/rules?{query}", status=422)


def test_every_page_shows_what_the_rules_ask_and_not_what_the_outline_does(
    loaded: World, browser: Browsing, session: Session
) -> None:
    for item in session.scalars(sa.select(OutlineItem).where(OutlineItem.outline_id == loaded.outline.id)):
        item.required_hours = 1
    session.commit()
    learner = browser(loaded.worker)
    for page in ("/", "/hours", f"/why-not?outline={loaded.outline.id}"):
        text = learner.page(page)
        assert "0.0 / 88" in text, page
        assert "0.0 / 60" in text, page
    assert "is 30 minutes online or 45 minutes on site." in learner.page("/hours")


# --- why not ----------------------------------------------------------------------------------------------------------


def test_a_manager_asks_about_a_learner_and_reads_numbers(loaded: World, browser: Browsing) -> None:
    manager = browser(loaded.manager)
    found = manager.get("/why-not?search=李明")
    assert f"person={loaded.worker.person_id}" in found.text
    page = manager.page(why(loaded.worker, loaded.outline))
    assert "Not yet" in page
    assert "Theory: 0.0 of 88 hours count, 88.0 are missing." in page
    assert "Practice: 0.0 of 60 hours count, 60.0 are missing. Practice is done on site." in page
    assert "HOURS_THEORY_SHORT" in page
    assert "categories/so_lv_electric@CN@2023-10-11#" in page
    assert "CHANGCHUN2023" not in page  # sources are named, not their keys
    assert "长春市应急管理局" in page


def test_another_day_is_a_what_if_beside_today(loaded: World, browser: Browsing, session: Session) -> None:
    loaded.outline.training = loaded.outline.training.__class__.REVIEW
    session.commit()
    page = browser(loaded.manager).page(why(loaded.worker, loaded.outline, on="2026-05-20"))
    assert "By the rules of May 20, 2026" in page
    assert "Today, for comparison" in page
    assert "By the rules of this day there is no such training" in page


def test_the_answer_in_chinese(loaded: World, browser: Browsing) -> None:
    page = browser(loaded.manager).page(why(loaded.worker, loaded.outline, lang="zh"))
    assert "理论：应修 88 学时，已计 0.0 学时，还差 88.0 学时。" in page


def test_a_learner_asks_about_themselves(loaded: World, browser: Browsing) -> None:
    learner = browser(loaded.worker)
    assert "Category and outline" in learner.page("/why-not")
    assert "Theory: 0.0 of 88" in learner.page(f"/why-not?outline={loaded.outline.id}")


def test_who_is_in_no_class_is_told_so(loaded: World, browser: Browsing) -> None:
    page = browser(loaded.stranger).page(f"/why-not?outline={loaded.outline.id}")
    assert "This person is in no class of this outline." in page


def test_an_asking_writes_nothing(loaded: World, browser: Browsing, session: Session) -> None:
    browser(loaded.manager).page(why(loaded.worker, loaded.outline))
    assert session.query(EligibilityRecord).count() == 0


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("worker", 200),
        ("manager", 200),
        ("operator", 200),
        ("auditor", 200),
        ("other_manager", 404),
        ("stranger", 404),
        ("clerk", 404),
    ],
)
def test_who_may_ask_about_whom(loaded: World, browser: Browsing, who: str, status: int) -> None:
    browser(loaded.account(who)).page(why(loaded.worker, loaded.outline), status=status)


@pytest.mark.parametrize(("region", "status"), [("530000", 200), ("330000", 404)])
def test_an_officer_asks_in_the_officers_region(
    loaded: World, browser: Browsing, session: Session, region: str, status: int
) -> None:
    loaded.institution.region = "530100"
    officer = an_account(session, Role.REGULATOR_OFFICER, region=region)
    session.commit()
    browser(officer).page(why(loaded.worker, loaded.outline), status=status)


def test_classes_of_others_are_not_told_of(loaded: World, browser: Browsing, session: Session) -> None:
    """Another school that the same person goes to sees nothing of the first one's class."""
    second = an_outline(session)
    enrolled(session, a_class(session, loaded.other_institution.id, second), loaded.worker.person_id)
    session.commit()
    other = browser(loaded.other_manager)
    other.page(why(loaded.worker, second))
    other.page(why(loaded.worker, loaded.outline), status=404)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("person=nobody", 400),
        ("person=00000000-0000-7000-8000-000000000000", 404),
        ("outline=00000000-0000-7000-8000-000000000000", 404),
        ("on=tomorrow", 422),
    ],
)
def test_what_no_page_offers_is_refused(loaded: World, browser: Browsing, query: str, status: int) -> None:
    browser(loaded.worker).page(f"/why-not?{query}", status=status)

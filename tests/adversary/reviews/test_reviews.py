"""Taking hours back and giving them back, by people who mean no good, and by people who are in a hurry."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.credit_export import records
from elearn.credit_export.ledger_check import check_everything
from elearn.db import db
from elearn.errors import Conflict, NotFound
from elearn.people.callers import Caller
from elearn.people.models import Role
from elearn.tracking.providers.models import SecurityKey
from elearn.tracking.signals import decisions, duties, reading, reviews
from elearn.tracking.signals.decisions import Act
from elearn.tracking.signals.models import ReviewCase
from elearn.tracking.signals.reviews import act
from tests.at_once import at_once
from tests.builders_tracking import a_player, a_watchable, pass_check
from tests.conftest import ManualClock, scalar
from tests.hours import credit_all
from tests.pages.conftest import text_of
from tests.tracking.signals.test_voids import a_caller
from tests.tracking.signals.test_whole_way import Office

AT = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
EVIL = "</textarea></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{ 7*7 }}{% raw %}"


def a_second_case(session: Session, case: ReviewCase) -> ReviewCase:
    """As if other flags of the same learner had been taken up by somebody else."""
    other = ReviewCase(
        kind="flags", learner_id=case.learner_id, class_id=case.class_id, opened_by=case.opened_by, opened_at=AT
    )
    session.add(other)
    session.flush()
    return other


def test_the_same_hours_in_two_cases_are_taken_once_however_fast_both_are_confirmed(own_app: Flask) -> None:
    with own_app.app_context():
        session = db.session()
        there = a_watchable(session)
        session.commit()
        player = a_player(own_app, session, there.learner_id)
    player.open(there.unit_id)
    player.play(60_000)
    pass_check(player)
    player.play(15_000)
    with own_app.app_context(), own_app.test_request_context():
        session = db.session()
        assert sum(duties.look(session)) == 1
        manager = a_caller(session, (Role.INSTITUTION_MANAGER, there.institution_id))
        operators = [a_caller(session, (Role.OPERATOR, None)) for _ in range(2)]
        case = reviews.open_case(session, there.learner_id, there.class_id, caller=manager, at=AT)
        cases = [case.id, a_second_case(session, case).id]
        spans = [one for final in reading.finals_of(session, case) for one in final.ids]
        for one in cases:
            act(session, one, Act.PROPOSE, caller=manager, reason="Too fast.", spans=spans, at=AT)
        session.commit()

    def confirm(case_id: UUID, operator: Caller) -> str:
        with own_app.app_context():
            try:
                act(db.session(), case_id, Act.CONFIRM, caller=operator, reason="So it is.", at=AT)
                db.session.commit()
            except Conflict as error:
                return error.error_code
            return "taken"

    told: list[str] = at_once(*[partial(confirm, *pair) for pair in zip(cases, operators, strict=True)])
    assert sorted(told) == ["span_changed", "taken"]
    with own_app.app_context():
        assert scalar(db.session(), "SELECT count(*) FROM elearn.watched_span WHERE kind = 'reversal'") == 1
        credit_all(db.session(), now=AT)
        assert check_everything(db.session()) == []


def test_hours_of_before_the_filing_do_not_count_after_a_detour_by_void_and_appeal(
    app: Flask, session: Session, clock: ManualClock
) -> None:
    """Watch, then file, then have it taken and given back: restored rows are written after the filing."""
    there = a_watchable(session, filed=False)
    player = a_player(app, session, there.learner_id)
    player.open(there.unit_id)
    player.play(60_000)
    pass_check(player)
    player.play(15_000)
    with app.test_request_context():
        assert sum(duties.look(session)) == 1
    classes.file_class(
        session, there.class_id, filing_no="F", filed_at=clock.now, acting=[there.institution_id], at=clock.now
    )
    player.wait(60_000)
    manager = a_caller(session, (Role.INSTITUTION_MANAGER, there.institution_id))
    operators = [a_caller(session, (Role.OPERATOR, None)) for _ in range(2)]
    case = reviews.open_case(session, there.learner_id, there.class_id, caller=manager, at=clock.now)
    spans = [one for final in reading.finals_of(session, case) for one in final.ids]
    act(session, case.id, Act.PROPOSE, caller=manager, reason="x", spans=spans, at=clock.now)
    act(session, case.id, Act.CONFIRM, caller=operators[0], reason="x", at=clock.now)
    appeal = reviews.appeal(session, there.learner_id, there.unit_id, "x", at=clock.now)
    act(session, appeal.id, Act.UPHOLD, caller=operators[1], reason="x", at=clock.now)
    credit_all(session, now=clock.now)
    [held] = records.gather(session, there.learner_id, now=clock.now)
    assert held.hours.online_theory_ms == 0
    assert check_everything(session) == []


def test_taken_given_back_and_taken_again_in_every_order_hours_never_exceed_what_was_watched(office: Office) -> None:
    """Void, watch again until it waits for a check, restore, then confirm: each second once, whatever the feed saw."""
    office.void()
    player = office.player
    pass_check(player)
    player.position_ms = 0
    player.play(30_000)
    assert player.look()["pending_ms"] == 30_000
    assert office.act("second", office.appeal(), "uphold", reason="They were right.") == 303
    office.work()
    assert office.told()[-1] == 45_000, "what is watched again waits for its own check"
    pass_check(player)
    office.work()
    assert office.told()[-1] == 75_000
    assert player.look()["final_ms"] == 75_000
    assert check_everything(office.session) == []
    again = office.appeal("Once more, please.")
    assert office.act("colleague", again, "uphold") in (303, 403)
    office.work()
    assert office.told()[-1] == 75_000, "the same void is not undone twice"
    assert check_everything(office.session) == []


def test_appeals_about_one_lesson_do_not_fill_the_queue(office: Office) -> None:
    learner = office.browser("learner")
    asked: dict[str, object] = {"unit": str(office.there.unit_id), "statement": "I was there."}
    for number in range(30):
        learner.post("/appeals/new", asked | {"statement": f"I was there. {number}"})
    assert scalar(office.session, "SELECT count(*) FROM elearn.review_case WHERE kind = 'appeal'") == 1


def test_what_a_learner_says_and_what_a_browser_calls_itself_is_only_ever_text(office: Office) -> None:
    """An appeal, a name, a browser, a player: all of them end on pages of people with power."""
    session, player = office.session, office.player
    player.headers = {**player.headers, "User-Agent": EVIL}
    body: dict[str, object] = {
        "unit": str(office.there.unit_id), "device": player.device.thumbprint, "cm": 0, "player": EVIL[:60],
        "client": {"webdriver": True, "touch": False, "screen": [1, 1], "zone": "Etc/GMT+12"},
    }  # fmt: skip
    opened = player.call("POST", "/sittings", body)
    assert opened.status == 201
    for zone in ("<b>", "Asia/Shanghai\n<b>", "Asia/Shanghai\n", "a" * 65):
        got = player.call("POST", "/sittings", body | {"client": {"zone": zone}})
        assert got.status == 400 or zone.endswith("\n"), zone
    session.execute(sa.text("UPDATE elearn.person SET name = :evil"), {"evil": EVIL})
    session.add(
        SecurityKey(
            person_id=office.people["learner"].person_id, credential_id=b"x", attested=b"x", sign_count=0,
            name=EVIL, added_at=AT,
        )
    )  # fmt: skip
    session.commit()
    office.work()
    case = office.open_case()
    assert office.act("manager", case, "propose", spans=office.spans(case), reason=EVIL) == 303
    assert office.act("operator", case, "confirm", reason=EVIL) == 303
    appeal = office.appeal(EVIL)
    sid = opened.json()["sid"]
    pages = [
        ("second", appeal), ("manager", case), ("auditor", case), ("manager", "/review?show=cases"),
        ("manager", "/review"), ("auditor", f"/audit/sittings/{sid}"), ("auditor", "/audit/sittings"),
        ("auditor", f"/audit/people/{office.people['learner'].person_id}"), ("learner", "/appeals"),
        ("learner", f"/learn/{office.there.unit_id}/counted"), ("learner", "/me/keys"),
    ]  # fmt: skip
    for who, path in pages:
        shown = office.browser(who).get(path)
        assert shown.status_code == 200, (who, path)
        page = shown.text
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "{{ 7*7 }}" in page or "7*7" not in page, path
        policy = shown.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "'self'" in policy
    assert "alert(1)" in text_of(office.browser("second").get(appeal)), "it is shown, as what it is"


def test_refusals_do_not_pile_up_in_memory(session: Session, office: Office) -> None:
    """An exception that is raised again and again would keep the stack, the request and the session of each time."""
    learner = a_caller(session, (Role.OPERATOR, None))
    case = reviews.open_case(session, office.people["learner"].person_id, office.there.class_id, caller=learner, at=AT)
    depths = []
    for _ in range(3):
        with pytest.raises(Conflict) as caught:
            act(session, case.id, Act.CONFIRM, caller=learner, reason="x", at=AT)
        depth, stack = 0, caught.value.__traceback__
        while stack is not None:
            depth, stack = depth + 1, stack.tb_next
        depths.append(depth)
    assert depths[0] == depths[2]


def test_nobody_opens_a_case_about_somebody_who_never_watched(session: Session, office: Office) -> None:
    stranger = a_caller(session)
    with pytest.raises(NotFound):
        reviews.open_case(session, stranger.person_id, None, caller=a_caller(session, (Role.OPERATOR, None)), at=AT)


def test_every_refusal_of_an_act_has_its_words() -> None:
    for no in decisions.No:
        assert reviews._refusal(no).error_code == no.value

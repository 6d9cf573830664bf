"""Final time taken back by two people and given back by a third: rows are added, hours follow, the ledger agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export.ledger_check import check_everything
from elearn.db import new_id
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import Conflict, DomainError, NotFound
from elearn.people.callers import Caller, Grant
from elearn.people.models import Role
from elearn.tracking import voids, watched
from elearn.tracking.signals import duties, reading, reviews
from elearn.tracking.signals.decisions import Act, State
from elearn.tracking.signals.models import ReviewAct, ReviewCase
from tests.builders_people import an_account
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.hours import credit_all

AT = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
MINUTE = 60_000


@dataclass(slots=True)
class Story:
    """A lesson watched and confirmed at once, flagged for it; and the people who may decide."""

    there: Watchable
    player: ScriptedPlayer
    manager: Caller
    operator: Caller
    second_operator: Caller


def a_caller(session: Session, *grants: tuple[Role, UUID | None]) -> Caller:
    account = an_account(session)
    return Caller(
        account.id, account.person_id, "", False, tuple(Grant(role, where, None) for role, where in grants), None
    )


@pytest.fixture
def story(app: Flask, session: Session) -> Story:
    there = a_watchable(session)
    player = a_player(app, session, there.learner_id)
    player.open(there.unit_id)
    player.play(60_000)
    pass_check(player)
    player.play(15_000)
    with app.test_request_context():
        assert sum(duties.look(session)) == 1
    return Story(
        there,
        player,
        a_caller(session, (Role.INSTITUTION_MANAGER, there.institution_id)),
        a_caller(session, (Role.OPERATOR, None)),
        a_caller(session, (Role.OPERATOR, None)),
    )


NOT_IN_THE_LOG = "a reversal of final time is not in the log"


def hours(session: Session, story: Story) -> int:
    credit_all(session, now=AT)
    found = session.scalar(
        sa.text("SELECT coalesce(sum(amount_ms), 0) FROM elearn.hours_entry WHERE person_id = :person"),
        {"person": story.there.learner_id},
    )
    return int(found or 0)


def final_ms(session: Session, story: Story) -> int:
    unit = story.there.unit_id
    return watched.progress(session, story.there.learner_id, [unit])[unit].final_ms


def a_case(session: Session, story: Story) -> ReviewCase:
    there = story.there
    return reviews.open_case(session, there.learner_id, there.class_id, caller=story.manager, at=AT)


def do(session: Session, case: ReviewCase, what: Act, caller: Caller, **more: Any) -> None:
    reviews.act(session, case.id, what, caller=caller, reason="The answers came too fast.", at=AT, **more)


def all_finals(session: Session, case: ReviewCase) -> list[UUID]:
    return [one for final in reading.finals_of(session, case) for one in final.ids]


def take_back(session: Session, story: Story) -> ReviewCase:
    case = a_case(session, story)
    do(session, case, Act.PROPOSE, story.manager, spans=all_finals(session, case))
    do(session, case, Act.CONFIRM, story.operator)
    return case


def an_appeal(session: Session, story: Story) -> ReviewCase:
    return reviews.appeal(session, story.there.learner_id, story.there.unit_id, "I know the lesson by heart.", at=AT)


def test_what_two_people_take_back_leaves_the_hours_and_the_frontier(session: Session, story: Story) -> None:
    assert (hours(session, story), final_ms(session, story)) == (60_000, 60_000)
    case = take_back(session, story)
    assert (hours(session, story), final_ms(session, story)) == (0, 0)
    assert (
        watched.progress(session, story.there.learner_id, [story.there.unit_id])[story.there.unit_id].frontier_ms == 0
    )
    assert reviews.facts_of(session, case).state is State.VOIDED
    assert check_everything(session) == []


def test_what_waits_for_a_check_stays(session: Session, story: Story) -> None:
    take_back(session, story)
    found = watched.progress(session, story.there.learner_id, [story.there.unit_id])[story.there.unit_id]
    assert found.pending_ms == 15_000


def test_a_proposal_alone_takes_nothing(session: Session, story: Story) -> None:
    case = a_case(session, story)
    do(session, case, Act.PROPOSE, story.manager, spans=all_finals(session, case))
    assert (hours(session, story), final_ms(session, story)) == (60_000, 60_000)
    assert check_everything(session) == []


def test_what_was_taken_can_be_watched_and_earned_again(session: Session, story: Story) -> None:
    take_back(session, story)
    story.player.look()
    story.player.position_ms = story.player.state["frontier_ms"]
    while story.player.position_ms < 60_000:
        story.player.play(60_000 - story.player.position_ms)
        pass_check(story.player)
    assert hours(session, story) == 75_000
    assert check_everything(session) == []


def test_an_upheld_appeal_gives_back_by_new_rows(session: Session, story: Story) -> None:
    take_back(session, story)
    assert hours(session, story) == 0
    appeal = an_appeal(session, story)
    do(session, appeal, Act.UPHOLD, story.second_operator)
    assert (hours(session, story), final_ms(session, story)) == (60_000, 60_000)
    assert check_everything(session) == []
    kinds = session.scalars(
        sa.text("SELECT kind FROM elearn.watched_span WHERE kind <> 'pending' ORDER BY heard_at, id")
    )
    assert list(kinds) == ["final", "reversal", "final"]


def test_a_restored_hour_does_not_count_twice_when_it_was_watched_again(session: Session, story: Story) -> None:
    take_back(session, story)
    pass_check(story.player)
    story.player.position_ms = 0
    story.player.play(30_000)
    pass_check(story.player)
    assert hours(session, story) == 45_000
    do(session, an_appeal(session, story), Act.UPHOLD, story.second_operator)
    assert hours(session, story) == final_ms(session, story) == 75_000
    restored = session.execute(
        sa.text(
            "SELECT w.start_ms, w.end_ms FROM elearn.review_effect e JOIN elearn.watched_span w "
            "ON w.id = e.watched_span_id WHERE w.kind = 'final'"
        )
    ).all()
    assert [tuple(row) for row in restored] == [(30_000, 60_000)]
    assert check_everything(session) == []


def test_a_rejected_appeal_changes_nothing(session: Session, story: Story) -> None:
    take_back(session, story)
    appeal = an_appeal(session, story)
    do(session, appeal, Act.REJECT, story.second_operator)
    assert hours(session, story) == 0
    assert reviews.facts_of(session, appeal).state is State.REJECTED
    with pytest.raises(Conflict, match="moved on"):
        do(session, appeal, Act.UPHOLD, story.second_operator)


def test_restored_hours_may_be_taken_again_and_appealed_again(session: Session, story: Story) -> None:
    take_back(session, story)
    do(session, an_appeal(session, story), Act.UPHOLD, story.second_operator)
    session.execute(
        sa.text(
            "INSERT INTO elearn.signal SELECT gen_random_uuid(), 'R2', 'high', learner_id, class_id, 'x', sittings, "
            "from_ms, to_ms, evidence, thresholds, found_at FROM elearn.signal LIMIT 1"
        )
    )
    take_back(session, story)
    assert hours(session, story) == 0
    do(session, an_appeal(session, story), Act.UPHOLD, story.second_operator)
    assert hours(session, story) == 60_000
    assert check_everything(session) == []


@pytest.mark.parametrize(
    ("who", "code"), [("manager", "was_among_them"), ("operator", "was_among_them"), ("second_operator", None)]
)
def test_whoever_took_hours_does_not_answer_the_appeal(
    session: Session, story: Story, who: str, code: str | None
) -> None:
    take_back(session, story)
    appeal = an_appeal(session, story)
    if code is None:
        do(session, appeal, Act.UPHOLD, getattr(story, who))
        return
    with pytest.raises(DomainError) as refused:
        do(session, appeal, Act.UPHOLD, getattr(story, who))
    assert refused.value.error_code == code


def test_a_manager_of_another_institution_has_no_say(session: Session, story: Story) -> None:
    other = a_caller(session, (Role.INSTITUTION_MANAGER, a_watchable(session).institution_id))
    with pytest.raises(NotFound):
        reviews.open_case(session, story.there.learner_id, story.there.class_id, caller=other, at=AT)
    case = a_case(session, story)
    with pytest.raises(NotFound):
        do(session, case, Act.DISMISS, other)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.LEARNER, Role.INSTITUTION_CLERK, Role.TEACHER])
def test_others_have_no_say(session: Session, story: Story, role: Role) -> None:
    case = a_case(session, story)
    with pytest.raises(NotFound):
        do(session, case, Act.DISMISS, a_caller(session, (role, story.there.institution_id)))


def test_an_officer_of_the_region_has_a_say_and_one_of_another_has_not(session: Session, story: Story) -> None:
    case = a_case(session, story)
    session.execute(
        sa.text("UPDATE elearn.organisation SET region = '530100' WHERE id = :id"), {"id": story.there.institution_id}
    )
    for region, may in (("110000", False), ("530000", True)):
        account = an_account(session)
        officer = Caller(account.id, account.person_id, "", False, (Grant(Role.REGULATOR_OFFICER, None, region),), None)
        if may:
            do(session, case, Act.DISMISS, officer)
        else:
            with pytest.raises(NotFound):
                do(session, case, Act.DISMISS, officer)


@pytest.mark.parametrize("spans", ["of nobody", "pending", "twice taken"])
def test_only_final_hours_of_the_case_are_taken(session: Session, story: Story, spans: str) -> None:
    if spans == "twice taken":
        case = take_back(session, story)
        gone = session.scalars(sa.text("SELECT id FROM elearn.watched_span WHERE kind = 'final'")).all()
        with pytest.raises(Conflict, match="changed"):
            voids.void(session, story.there.learner_id, gone, case_id=case.id, now_ms=0)
        return
    pending = session.scalars(sa.text("SELECT watched_span_id FROM elearn.believed_span WHERE state = 'pending'")).all()
    case = a_case(session, story)
    with pytest.raises(Conflict, match="changed"):
        do(session, case, Act.PROPOSE, story.manager, spans=[new_id()] if spans == "of nobody" else list(pending))


def test_hours_that_changed_after_the_proposal_are_not_taken_halfway(session: Session, story: Story) -> None:
    case = a_case(session, story)
    spans = all_finals(session, case)
    do(session, case, Act.PROPOSE, story.manager, spans=spans)
    session.execute(sa.text("DELETE FROM elearn.believed_span WHERE watched_span_id = :id"), {"id": spans[0]})
    with pytest.raises(Conflict, match="changed"):
        do(session, case, Act.CONFIRM, story.operator)


def test_flags_are_taken_up_by_one_case(session: Session, story: Story) -> None:
    a_case(session, story)
    with pytest.raises(Conflict, match="already"):
        a_case(session, story)


def test_an_insider_who_voids_without_a_second_person_is_found(session: Session, story: Story) -> None:
    case = a_case(session, story)
    voids.void(session, story.there.learner_id, all_finals(session, case), case_id=case.id, now_ms=0)
    assert hours(session, story) == 60_000, "nothing is taken back in the log"
    assert [getattr(one, "what", "") for one in check_everything(session)] == ["void", NOT_IN_THE_LOG]


@pytest.mark.parametrize(
    ("what", "second", "side"),
    [
        ("the same person under another hat", "manager", "operator"),
        ("a second account of the same side", "operator", "institution"),
        ("the learner's own account", "learner", "operator"),
    ],
)
def test_acts_written_past_the_rules_do_not_make_a_void(
    session: Session, story: Story, what: str, second: str, side: str
) -> None:
    case = a_case(session, story)
    spans = all_finals(session, case)
    do(session, case, Act.PROPOSE, story.manager, spans=spans)
    person = story.there.learner_id if second == "learner" else getattr(story, second).person_id
    session.add(
        ReviewAct(case_id=case.id, number=2, act="confirm", by_person_id=person, side=side, reason="x", spans=[], at=AT)
    )
    voids.void(session, story.there.learner_id, spans, case_id=case.id, now_ms=0)
    taken = hours(session, story) == 0
    found = [getattr(one, "what", "") for one in check_everything(session)]
    assert found == (["void"] if taken else ["void", NOT_IN_THE_LOG]), what
    assert taken == (person != story.manager.person_id), "the log asks for two people, whatever their sides"


def test_an_insider_who_restores_without_an_appeal_is_found(session: Session, story: Story) -> None:
    case = take_back(session, story)
    voids.restore(session, story.there.learner_id, voided_by=case.id, case_id=case.id, now_ms=0)
    hours(session, story)
    assert [getattr(one, "what", "") for one in check_everything(session)] == ["void"]


def test_an_appeal_is_about_a_lesson_that_the_learner_opened_and_has_words(session: Session, story: Story) -> None:
    learner_id, unit_id = story.there.learner_id, story.there.unit_id
    with pytest.raises(NotFound):
        reviews.appeal(session, learner_id, a_watchable(session).unit_id, "Why?", at=AT)
    for words in (" ", "x" * 2_001):
        with pytest.raises(DomainError, match="1 to 2000"):
            reviews.appeal(session, learner_id, unit_id, words, at=AT)
    question = reviews.appeal(session, learner_id, unit_id, "It says I jumped ahead.", at=AT)
    with pytest.raises(Conflict, match="waits"):
        reviews.appeal(session, learner_id, unit_id, "Well?", at=AT)
    with pytest.raises(Conflict, match="nothing to give back"):
        do(session, question, Act.UPHOLD, story.operator)
    do(session, question, Act.REJECT, story.operator)
    assert reviews.appeal(session, learner_id, unit_id, "Again.", at=AT).about_id is None
    assert hours(session, story) == 60_000
    assert check_everything(session) == []


def test_a_void_may_be_appealed_while_another_appeal_waits(session: Session, story: Story) -> None:
    reviews.appeal(session, story.there.learner_id, story.there.unit_id, "It says I jumped ahead.", at=AT)
    case = take_back(session, story)
    assert an_appeal(session, story).about_id == case.id

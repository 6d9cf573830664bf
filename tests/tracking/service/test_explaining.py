"""Why watching counted or did not: for the learner in seven classes, for an auditor report by report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.db import db, new_id
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import NotFound
from elearn.locale import catalogue
from elearn.tracking import counted, explain, policies, voids
from elearn.tracking.counted import Story
from elearn.tracking.evidence import RULES
from elearn.tracking.models import WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.signals.models import ReviewCase
from elearn.tracking.spans import Span
from elearn.tracking.verifier import Refusal, RefusalClass
from tests.builders_tracking import AT, Watchable, a_player, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock

ZONE = "Asia/Shanghai"


@pytest.fixture
def watchable(session: Session) -> Watchable:
    found = a_watchable(session, duration_ms=120_000)
    session.commit()
    return found


@pytest.fixture
def player(app: Flask, session: Session, watchable: Watchable) -> ScriptedPlayer:
    one = a_player(app, session, watchable.learner_id)
    one.open(watchable.unit_id)
    return one


def account(session: Session, watchable: Watchable, page: int = 1) -> counted.Lesson:
    return counted.lesson(session, watchable.learner_id, watchable.unit_id, zone=ZONE, page=page)


def lines(session: Session, watchable: Watchable) -> list[counted.LostLine]:
    return [line for day in account(session, watchable).days for line in day.lines]


# -- the learner's account


def jump_ahead(player: ScriptedPlayer) -> None:
    player.pass_time(15_000)
    player.make(a=60_000, b=75_000, play=15_000)
    player.flush()


def play_too_fast(player: ScriptedPlayer) -> None:
    player.have_key()
    player.pass_time(15_000)
    player.make(a=0, b=30_000, play=15_000)
    player.flush()


def play_after_a_takeover(player: ScriptedPlayer) -> None:
    player.play(15_000)
    other = replace(player, opened={}, state={}, queue=[], keys={})
    other.open(player.opened["unit"])
    player.pass_time(15_000)
    other.cm = player.cm
    player.make(a=15_000, b=30_000, play=15_000)
    player.flush()


def hide_the_page(player: ScriptedPlayer) -> None:
    player.have_key()
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000, hidden=9_000)
    player.flush()


def miss_a_check(player: ScriptedPlayer) -> None:
    player.play(15_000)
    fail_check(player)


def reach_the_day_s_limit(player: ScriptedPlayer) -> None:
    player.play(30_000)


def sign_with_another_key(player: ScriptedPlayer) -> None:
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    message = player.message()
    message["reports"][0]["sig"] = "A" * 86
    player.deliver(message)


CLASSES: dict[RefusalClass, tuple[Callable[[ScriptedPlayer], None], str]] = {
    RefusalClass.JUMPED_AHEAD: (jump_ahead, "FORWARD_SEEK"),
    RefusalClass.TOO_FAST: (play_too_fast, "RATE"),
    RefusalClass.PLAYING_ELSEWHERE: (play_after_a_takeover, "SUPERSEDED"),
    RefusalClass.HIDDEN: (hide_the_page, "HIDDEN"),
    RefusalClass.CHECK_MISSED: (miss_a_check, "PRESENCE_FAILED"),
    RefusalClass.LIMIT_REACHED: (reach_the_day_s_limit, "DAY_CAP"),
    RefusalClass.DEVICE_PROBLEM: (sign_with_another_key, "BAD_SIGNATURE"),
}


def test_the_table_below_holds_every_class() -> None:
    assert set(CLASSES) == set(RefusalClass)


@pytest.mark.parametrize("kind", list(RefusalClass))
def test_each_class_of_refusal_is_told_and_the_auditor_sees_its_code(
    app: Flask, session: Session, watchable: Watchable, kind: RefusalClass
) -> None:
    play, code = CLASSES[kind]
    if kind is RefusalClass.LIMIT_REACHED:
        policies.give(app, replace(Policy(), day_cap_ms=20_000))
    try:
        one = a_player(app, session, watchable.learner_id)
        one.open(watchable.unit_id)
        play(one)
    finally:
        policies.give(app, None)
    assert {line.kind for line in lines(session, watchable)} == {kind}
    reports = explain.reports(session, UUID(one.sid))
    codes = {rule for report in reports for rule in report.rules}
    codes |= {part.reason for report in reports for part in report.believed if part.reason}
    assert code in codes
    assert [report.differences for report in reports if report.differences] == []


def test_every_moment_of_the_lesson_is_final_pending_not_counted_or_not_seen(
    session: Session, watchable: Watchable, player: ScriptedPlayer
) -> None:
    player.play(30_000)
    pass_check(player)
    player.play(15_000)
    player.pass_time(15_000)
    player.make(a=60_000, b=75_000, play=15_000)
    player.flush()
    found = account(session, watchable)
    assert found.final == (Span(0, 30_000),)
    assert found.pending == (Span(30_000, 45_000),)
    assert found.not_counted == (Span(60_000, 75_000),)
    assert found.not_seen == (Span(45_000, 60_000), Span(75_000, 120_000))
    assert (found.checks_passed, found.checks_missed) == (1, 0)
    assert found.days[0].counted_ms == 45_000


def test_what_was_watched_again_properly_is_told_as_counted_since(
    session: Session, watchable: Watchable, player: ScriptedPlayer
) -> None:
    player.pass_time(15_000)
    player.make(a=15_000, b=30_000, play=15_000)
    player.flush()
    player.play(25_000)
    (line,) = lines(session, watchable)
    assert (line.kind, line.lost_ms, line.since) == (RefusalClass.JUMPED_AHEAD, 15_000, (Span(15_000, 25_000),))
    assert account(session, watchable).not_counted == (Span(25_000, 30_000),)


@pytest.mark.parametrize("story", [Story.WRONG, Story.UNANSWERED, Story.LAPSED])
def test_a_missed_check_tells_how_it_was_missed(
    app: Flask, session: Session, watchable: Watchable, player: ScriptedPlayer, story: Story
) -> None:
    player.play(15_000)
    if story is Story.WRONG:
        fail_check(player)
    elif story is Story.UNANSWERED:
        player.ask_check()
        player.pass_time(70_001)
        player.look()
    else:
        # 73 hours later: older than it may wait, confirmed too late. The sign-in is over by then, so a new one.
        player.wait(73 * 3_600_000)
        later = a_player(app, session, watchable.learner_id)
        later.open(watchable.unit_id)
        pass_check(later)
    (line,) = lines(session, watchable)
    assert (line.kind, line.story, line.media) == (RefusalClass.CHECK_MISSED, story, (Span(0, 15_000),))
    assert account(session, watchable).checks_missed == (0 if story is Story.LAPSED else 1)


def test_a_wild_claim_has_no_length_and_breaks_nothing(
    session: Session, watchable: Watchable, player: ScriptedPlayer
) -> None:
    player.make(a=-(2**53), b=2**53, play=-5)
    player.make(a=90_000, b=10_000)
    player.flush()
    assert [line.lost_ms for line in lines(session, watchable)] == [120_000]
    (first, second) = explain.reports(session, UUID(player.sid))
    assert first.rules == second.rules == ("OUT_OF_RANGE",)


def test_days_come_in_pages_newest_first(
    app: Flask, session: Session, watchable: Watchable, clock: ManualClock
) -> None:
    for _ in range(counted.DAYS + 1):
        one = a_player(app, session, watchable.learner_id)
        one.open(watchable.unit_id)
        one.play(2_000)
        clock.advance(24 * 3_600_000)
    first, second = account(session, watchable), account(session, watchable, page=2)
    assert (len(first.days), first.more_days) == (counted.DAYS, True)
    assert (len(second.days), second.more_days) == (1, False)
    assert first.days[0].on > first.days[-1].on > second.days[0].on


def test_nobody_else_s_watching_is_in_the_account(
    app: Flask, session: Session, watchable: Watchable, player: ScriptedPlayer
) -> None:
    other = a_watchable(session)
    session.commit()
    player.play(15_000)
    jump_ahead(player)
    found = counted.lesson(session, other.learner_id, watchable.unit_id, zone=ZONE)
    assert (found.final, found.pending, found.days) == ((), (), ())
    assert not counted.has_watched(session, other.learner_id, watchable.unit_id)
    assert counted.has_watched(session, watchable.learner_id, watchable.unit_id)


def test_a_lesson_that_does_not_exist_has_no_account(session: Session, watchable: Watchable) -> None:
    with pytest.raises(NotFound):
        counted.lesson(session, watchable.learner_id, uuid4(), zone=ZONE)


# -- the auditor's account


def test_a_report_shows_its_claim_what_was_believed_and_its_evidence(session: Session, player: ScriptedPlayer) -> None:
    player.play(30_000)
    pass_check(player)
    first, second = explain.reports(session, UUID(player.sid))
    assert first.claim is not None
    assert (first.claim.a_ms, first.claim.b_ms, first.claim.play_ms) == (0, 15_000, 15_000)
    (part,) = first.believed
    assert (part.start_ms, part.end_ms, part.state) == (0, 15_000, "final")
    assert (first.signature, first.chain_intact, first.in_record_store) == ("holds", True, True)
    assert second.prev == first.sha256
    assert first.saw is not None
    assert (first.saw.real_ms, first.saw.budget_ms, first.saw.frontier_ms) == (15_000, 15_150, 0)
    head = explain.head(session, UUID(player.sid))
    assert (head.decided, head.undecided, head.credited_ms, head.final_ms) == (2, 0, 30_000, 30_000)
    assert head.policy["rate_max_permille"] == 1_000
    keys = explain.keys_given(session, UUID(player.sid))
    assert [(key.block, key.start_ms, key.end_ms) for key in keys] == [(0, 0, 30_000)]
    (check,) = explain.checks_put(session, UUID(player.sid))
    assert (check.outcome, check.tries) == ("passed", 1)
    assert part.check_id == check.id


def test_evidence_that_was_never_decided_is_shown_beside_the_report_that_took_its_number(
    session: Session, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    player.pass_time(15_000)
    statement = player.make(a=15_000, b=30_000, play=15_000)
    forged = player.message()
    forged["reports"][0]["sig"] = "A" * 86
    player.deliver(forged)
    player.deliver(player.message([statement]))
    kept = explain.reports(session, UUID(player.sid))
    assert [(one.seq, one.refused_as, one.signature) for one in kept] == [
        (1, None, "holds"),
        (2, None, "holds"),
        (2, "BAD_SIGNATURE", "broken"),
    ]
    assert kept[2].differences == (), "what is kept as evidence only proves nothing and contradicts nothing"


def test_a_broken_chain_is_marked(session: Session, player: ScriptedPlayer) -> None:
    player.play(15_000)
    player.make(prev="0" * 64)
    player.flush()
    assert [one.chain_intact for one in explain.reports(session, UUID(player.sid))] == [True, False]
    assert explain.head(session, UUID(player.sid)).chain_broken == 1


def test_long_sittings_come_in_pages_that_join_up(session: Session, player: ScriptedPlayer) -> None:
    for _ in range(7):
        player.pass_time(1_000)
        player.make(play=0)
    player.make(prev="0" * 64)
    player.flush()
    sid = UUID(player.sid)
    pages = [explain.reports(session, sid, page=page, size=3) for page in (1, 2, 3, 4)]
    assert [[one.seq for one in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7, 8], []]
    assert not any(one.differences for page in pages for one in page)
    assert [one.seq for one in explain.reports(session, sid, odd=True)] == [8]
    session.execute(sa.text("ALTER TABLE elearn.report DISABLE TRIGGER USER"))  # as an insider would
    session.execute(sa.text("UPDATE elearn.report SET seen = jsonb_set(seen, '{sitting,3}', '30000') WHERE seq = 4"))
    first_of_page = explain.reports(session, sid, page=2, size=3)[0]
    assert any("another state" in text for text in first_of_page.differences), "also where a page begins"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE elearn.report SET credited = '[[0, 99, \"2026-07-01\", false]]' WHERE seq = 1", "replay believes"),
        ("UPDATE elearn.report SET refused = '[[0, 9, \"RATE\"]]' WHERE seq = 1", "replay refuses"),
        ("UPDATE elearn.report SET tau_ms = tau_ms - 9000 WHERE seq = 1", "replay believes"),
        ("UPDATE elearn.report SET seen = jsonb_set(seen, '{sitting,3}', '30000') WHERE seq = 2", "another state"),
        ("UPDATE elearn.report SET seen = jsonb_set(seen, '{policy}', '\"x\"') WHERE seq = 1", "rules"),
        ("UPDATE elearn.report SET seen = NULL WHERE seq = 1", "saw is missing"),
        ("UPDATE elearn.report SET sig = '\\x00' WHERE seq = 1", "signature"),
        ("UPDATE elearn.report SET sha256 = '\\x00' WHERE seq = 2", "digest"),
        ("UPDATE elearn.report SET chain_broken = true WHERE seq = 2", "chain"),
        ("UPDATE elearn.watched_span SET end_ms = end_ms - 5000 WHERE end_ms = 15000", "the ledger holds"),
        ("DELETE FROM elearn.statement WHERE id = (SELECT statement_id FROM elearn.report WHERE seq = 2)", "missing"),
    ],
)
def test_what_was_changed_behind_our_back_is_named(
    session: Session, player: ScriptedPlayer, change: str, said: str
) -> None:
    player.play(30_000)
    for table in ("watched_span", "report", "statement"):
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))  # as an insider would
    session.execute(sa.text(change))
    assert any(said in text for one in explain.reports(session, UUID(player.sid)) for text in one.differences)


def test_credit_that_no_report_earned_is_named(session: Session, player: ScriptedPlayer) -> None:
    player.play(30_000)
    sid = UUID(player.sid)
    assert explain.ledger_differences(session, sid) == ()
    session.execute(
        sa.text(
            "INSERT INTO elearn.watched_span SELECT (jsonb_populate_record(w, jsonb_build_object('id', "
            "gen_random_uuid(), 'statement_id', gen_random_uuid(), 'start_ms', 90000, 'end_ms', 99000))).* "
            "FROM elearn.watched_span w LIMIT 1"
        )
    )
    (said,) = explain.ledger_differences(session, sid)
    assert "the ledger has 90000-99000" in said


def test_the_number_of_queries_does_not_grow_with_the_sitting(
    session: Session, watchable: Watchable, player: ScriptedPlayer
) -> None:
    def queries() -> int:
        asked: list[str] = []
        session.commit()
        session.expunge_all()

        def note(_c: object, _cu: object, statement: str, *_rest: object) -> None:
            asked.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            sid = UUID(player.sid)
            explain.head(session, sid)
            explain.reports(session, sid)
            explain.ledger_differences(session, sid)
            explain.keys_given(session, sid)
            explain.checks_put(session, sid)
            explain.sittings(session, learner_id=watchable.learner_id)
            account(session, watchable)
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(asked)

    player.play(15_000)
    queries()
    few = queries()
    for _ in range(20):
        player.pass_time(1_000)
        player.make(a=90_000, b=91_000, play=1_000)
    player.flush()
    fail_check(player)
    assert queries() == few


def test_a_person_s_sittings_are_listed_newest_first_and_only_theirs(
    app: Flask, session: Session, watchable: Watchable, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    other = a_watchable(session)
    session.commit()
    second = a_player(app, session, other.learner_id)
    second.open(other.unit_id)
    own, more = explain.sittings(session, learner_id=watchable.learner_id)
    assert ([str(one.id) for one in own], more) == ([player.sid], False)
    assert (own[0].decided, own[0].credited_ms) == (1, 15_000)
    everybody, more = explain.sittings(session, size=1)
    assert ([str(one.id) for one in everybody], more) == ([second.sid], True)
    assert explain.sittings(session, regions=[]) == ((), False)


def test_a_sitting_that_does_not_exist_is_not_found(session: Session) -> None:
    for ask in (explain.head, explain.reports, explain.ledger_differences, explain.keys_given, explain.checks_put):
        with pytest.raises(NotFound):
            ask(session, uuid4())


def test_every_code_has_its_sentence_in_both_languages() -> None:
    assert set(RULES) == set(Refusal)
    assert [text for text in RULES.values() if text not in catalogue("zh")] == []


# -- what people decide


def a_case(session: Session, watchable: Watchable) -> UUID:
    case = ReviewCase(
        id=new_id(), kind="flags", learner_id=watchable.learner_id, opened_by=watchable.learner_id, opened_at=AT
    )
    session.add(case)
    session.flush()
    return case.id


def test_hours_that_people_took_back_and_gave_back_are_told_as_they_stand(
    session: Session, watchable: Watchable, player: ScriptedPlayer, clock: ManualClock
) -> None:
    player.play(30_000)
    pass_check(player)
    finals = session.scalars(sa.select(WatchedSpan.id).where(WatchedSpan.kind == "final")).all()
    case_id = a_case(session, watchable)
    now_ms = to_ms(clock())
    voids.void(session, watchable.learner_id, finals, case_id=case_id, now_ms=now_ms)
    parts = [part for one in explain.reports(session, UUID(player.sid)) for part in one.believed]
    assert {(part.state, part.reason) for part in parts} == {("reversal", "VOIDED")}
    assert explain.head(session, UUID(player.sid)).taken_back_ms == 30_000
    (line,) = lines(session, watchable)
    assert (line.story, line.kind, line.since) == (Story.VOIDED, None, ())

    voids.restore(session, watchable.learner_id, voided_by=case_id, case_id=a_case(session, watchable), now_ms=now_ms)
    one, *_rest = explain.reports(session, UUID(player.sid))
    assert [(part.state, part.reason) for part in one.believed] == [("final", None)]
    head = explain.head(session, UUID(player.sid))
    assert (head.final_ms, head.taken_back_ms) == (30_000, 0)
    (line,) = lines(session, watchable)
    assert line.since == line.media

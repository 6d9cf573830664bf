"""Why watching counted or did not, as an auditor reads it: report by report, with its evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.db import new_id
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import NotFound
from elearn.locale import catalogue
from elearn.tracking import explain, policies, voids
from elearn.tracking.counted import Story
from elearn.tracking.evidence import RULES
from elearn.tracking.models import WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.signals.models import ReviewCase
from elearn.tracking.verifier import Refusal
from tests.builders_refusals import deliver_forged
from tests.builders_tracking import AT, Watchable, a_player, a_readable, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock, statements
from tests.tracking.service.accounts import account, lines


def told_of(player: ScriptedPlayer, report: dict[str, Any]) -> list[dict[str, Any]]:
    player.make(**report)
    results: list[dict[str, Any]] = player.flush()["results"]
    return results


@pytest.fixture
def lesson(session: Session) -> Watchable:
    return a_watchable(session, duration_ms=120_000)


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


def test_of_a_page_an_auditor_reads_the_budget_that_decided_and_not_the_videos(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quicker region and a long silence: neither is worth anything on a page that was shown a second ago."""
    monkeypatch.setitem(app.extensions["elearn"].kept, policies.GIVEN, replace(Policy(), rate_max_permille=1_250))
    lesson = a_readable(session, 20_000, 60_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(20_000)
    player.pass_time(60_000)
    told_of(player, {"a": 20_000, "b": 20_000, "play": 0, "idle": 0})
    assert player.ask_page(1).status == 200
    player.pass_time(1_000)
    assert told_of(player, {"a": 20_000, "b": 22_000, "play": 1_500, "idle": 0})[0]["credited_ms"] == 1_010
    player.pass_time(10_000)
    told_of(player, {"a": 21_010, "b": 31_010, "play": 10_000, "idle": 0})
    *_, silent, first, second = (one.saw for one in explain.reports(session, UUID(player.sid)))
    assert silent is not None
    assert first is not None
    assert second is not None
    assert (silent.real_ms, silent.carry_ms, silent.budget_ms) == (60_000, 200, 60_800)
    assert (first.real_ms, first.carry_ms, first.budget_ms) == (1_000, 0, 1_010), "from when the page was shown"
    assert (second.real_ms, second.carry_ms, second.budget_ms) == (10_000, 0, 10_100), "at rate 1"
    assert first.e_ms - silent.e_ms == 60_000


def test_what_is_carried_over_and_what_real_time_is_worth_make_the_budget_that_is_shown(
    session: Session, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    player.pass_time(120_000)
    player.make(a=15_000, b=15_000, play=0)
    player.flush()
    player.play(15_000)
    *_, last = explain.reports(session, UUID(player.sid))
    assert last.saw is not None
    assert (last.saw.carry_ms, last.saw.budget_ms) == (30_000, 30_000 + 15_150), "no more than CARRY waits"


def test_evidence_that_was_never_decided_is_shown_beside_the_report_that_took_its_number(
    session: Session, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    player.pass_time(15_000)
    statement = player.make(a=15_000, b=30_000, play=15_000)
    deliver_forged(player)
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
    session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    def queries() -> int:
        session.commit()
        session.expunge_all()
        sid = UUID(player.sid)
        with statements(session) as asked:
            explain.head(session, sid)
            explain.reports(session, sid)
            explain.ledger_differences(session, sid)
            explain.keys_given(session, sid)
            explain.checks_put(session, sid)
            explain.sittings(session, learner_id=lesson.learner_id)
            account(session, lesson)
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
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    other = a_watchable(session)
    session.commit()
    second = a_player(app, session, other.learner_id)
    second.open(other.unit_id)
    own, more = explain.sittings(session, learner_id=lesson.learner_id)
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


def a_case(session: Session, lesson: Watchable) -> UUID:
    case = ReviewCase(
        id=new_id(), kind="flags", learner_id=lesson.learner_id, opened_by=lesson.learner_id, opened_at=AT
    )
    session.add(case)
    session.flush()
    return case.id


def test_hours_that_people_took_back_and_gave_back_are_told_as_they_stand(
    session: Session, lesson: Watchable, player: ScriptedPlayer, clock: ManualClock
) -> None:
    player.play(30_000)
    pass_check(player)
    finals = session.scalars(sa.select(WatchedSpan.id).where(WatchedSpan.kind == "final")).all()
    case_id = a_case(session, lesson)
    now_ms = to_ms(clock())
    voids.void(session, lesson.learner_id, finals, case_id=case_id, now_ms=now_ms)
    parts = [part for one in explain.reports(session, UUID(player.sid)) for part in one.believed]
    assert {(part.state, part.reason) for part in parts} == {("reversal", "VOIDED")}
    assert explain.head(session, UUID(player.sid)).taken_back_ms == 30_000
    (line,) = lines(session, lesson)
    assert (line.story, line.kind, line.since) == (Story.VOIDED, None, ())

    voids.restore(session, lesson.learner_id, voided_by=case_id, case_id=a_case(session, lesson), now_ms=now_ms)
    one, *_rest = explain.reports(session, UUID(player.sid))
    assert [(part.state, part.reason) for part in one.believed] == [("final", None)]
    head = explain.head(session, UUID(player.sid))
    assert (head.final_ms, head.taken_back_ms) == (30_000, 0)
    (line,) = lines(session, lesson)
    assert line.since == line.media

"""`elearn ledger recheck`: an authority draws blocks, asks for their evidence and computes them again."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from elearn.clock import to_ms
from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.monitor.rechecking import Answer, recheck
from elearn.people import persons
from elearn.tracking import policies, voids
from elearn.tracking.models import WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.signals.models import ReviewAct, ReviewCase
from tests.builders_people import a_person
from tests.builders_tracking import a_player, a_readable, again_later, fail_check, pass_check
from tests.credit_export.ledger.sampling.an_authority import Authority, changed, summary


def test_an_honest_log_agrees_in_every_block(authority: Authority) -> None:
    _, player = authority.watched(60_000)
    player.play(30_000)
    pass_check(player)
    authority.watched(45_000)
    status, output = authority.recheck()
    assert (status, summary(output)) == (0, "3 blocks drawn, 3 agrees, 0 differs, 0 withheld, 0 gone"), output
    assert "note" not in output


def test_what_honest_people_do_agrees(authority: Authority) -> None:
    """A check failed and the lesson watched again; a second sitting; a report that came late; a download; pages."""
    lesson, player = authority.a_lesson()
    player.play(30_000)
    fail_check(player)
    authority.credit()
    pass_check(player)
    player.position_ms = 0
    player.play(20_000)
    player = again_later(authority.app, authority.session, player, lesson, 120_000)
    player.play(15_000)
    player.position_ms += 15_000
    player.pass_time(15_000)
    player.make(a=player.position_ms - 15_000, b=player.position_ms, play=15_000)
    late = player.queue.pop()
    player.pass_time(15_000)
    player.position_ms += 15_000
    player.make(a=player.position_ms - 15_000, b=player.position_ms, play=15_000)
    player.flush()
    authority.credit()
    player.queue = [late]
    player.flush()
    pass_check(player)
    there = a_readable(authority.session, 40_000, 50_000)
    reader = a_player(authority.app, authority.session, there.learner_id)
    reader.open(there.unit_id)
    reader.read(90_000)
    pass_check(reader)
    _, downloader = authority.a_lesson()
    downloader.download()
    downloader.play(60_000)
    pass_check(downloader)
    authority.credit()
    status, output = authority.recheck()
    assert (status, "0 differs, 0 withheld" in output) == (0, True), output
    assert len(authority.credits()) >= 3


def test_a_report_that_waited_long_for_others_before_it_is_of_the_minute_in_which_they_came(
    authority: Authority,
) -> None:
    _, player = authority.a_lesson()
    assert player.have_key()
    first, second = player.make(), player.make()
    player.pass_time(15_000)
    player.position_ms = 15_000
    third = player.make(a=0, b=15_000, play=15_000)
    player.deliver(player.message([second, third]))
    authority.credit()
    player.wait(600_000)
    authority.a_lesson()[1].play(15_000)
    authority.credit()
    player.deliver(player.message([first]))
    pass_check(player)
    authority.credit()
    status, lines = authority.lines()
    assert (status, lines[0]["answer"], lines[0]["media_ms"]) == (0, "agrees", 15_000), lines


def test_a_lesson_watched_across_midnight_is_two_blocks_of_the_same_reports(authority: Authority) -> None:
    clock = authority.app.extensions["elearn"].clock
    clock.now = clock.now.replace(hour=15, minute=59, second=22)  # 23:59:22 in China
    authority.watched(60_000)
    status, lines = authority.lines()
    assert (status, [one["answer"] for one in lines[:-1]]) == (0, ["agrees", "agrees"]), lines
    assert sum(one["media_ms"] for one in lines[:-1]) == 60_000


def test_where_real_time_counts_what_was_seen_faster_is_worth_what_it_took(authority: Authority) -> None:
    faster = dataclasses.replace(Policy(), rate_max_permille=1_250, real_hours=True)
    policies.give(authority.app, faster)
    try:
        _, player = authority.a_lesson()
        player.play(48_000, rate=1.25)
        pass_check(player)
        authority.credit()
    finally:
        policies.give(authority.app, None)
    status, lines = authority.lines()
    assert (status, lines[0]["answer"], lines[0]["media_ms"]) == (0, "agrees", 60_000), lines
    [worth] = authority.session.scalars(sa.text("SELECT ms FROM elearn.ledger_leaf WHERE kind = 'credit'"))
    assert 47_000 < worth < 50_000


def test_what_agreed_is_not_asked_for_again_and_what_differed_is(authority: Authority) -> None:
    authority.watched()
    assert authority.recheck()[0] == 0
    asked = sa.text("SELECT count(*) FROM elearn.exam_query WHERE door LIKE 'evidence %/%'")
    assert authority.session.scalar(asked) == 1
    assert authority.recheck()[0] == 0
    assert authority.session.scalar(asked) == 1
    authority.watched()
    _withhold(authority)
    assert authority.recheck()[0] == 1
    assert authority.recheck()[0] == 1
    assert authority.session.scalar(asked) == 4 - 1


def _withhold(authority: Authority) -> None:
    authority.administrator(
        "DELETE FROM elearn.statement WHERE id = (SELECT statement_id FROM elearn.report ORDER BY id DESC LIMIT 1)"
    )


def test_a_block_of_somebody_who_was_erased_is_computed_again_without_saying_whose_it_was(
    authority: Authority,
) -> None:
    lesson, _ = authority.watched()
    persons.erase_person(authority.session, lesson.learner_id, at=authority.app.extensions["elearn"].clock())
    authority.session.commit()
    given = authority.evidence()
    assert (given.state, given.person) == ("erased", None)
    assert all(device.x is None for device in given.devices)
    found = authority.judge(given)
    assert (found.answer, found.media_ms) == (Answer.AGREES, 60_000)
    assert "the person was erased" in str(found.notes)
    status, output = authority.recheck()
    assert (status, "note: the person was erased" in output) == (0, True)


def test_evidence_that_is_gone_by_retention_is_told_as_such_and_before_its_time_as_withheld(
    authority: Authority,
) -> None:
    authority.watched()
    _withhold(authority)
    parts = authority.app.extensions["elearn"]
    parts.settings = dataclasses.replace(parts.settings, evidence_days=30)
    assert authority.judge(authority.evidence()).answer is Answer.WITHHELD
    parts.clock.now += timedelta(days=31)
    status, output = authority.recheck()
    assert (status, summary(output)) == (0, "1 blocks drawn, 0 agrees, 0 differs, 0 withheld, 1 gone")
    assert "evidence is kept for 30 days" in output


def test_nobody_gets_rid_of_a_block_by_saying_that_it_is_old(authority: Authority) -> None:
    """Kept for good, or for longer than the leaf is old: then it cannot be gone."""
    authority.watched()
    given = authority.evidence()
    for days, answer in ((0, Answer.WITHHELD), (100_000, Answer.WITHHELD), (1, Answer.GONE)):
        assert authority.judge(changed(given, state="gone", kept_days=days)).answer is answer, days


def test_a_statement_nested_without_end_is_no_evidence(authority: Authority) -> None:
    authority.watched()
    given = authority.evidence()
    [name, *_] = given.statements
    forged = changed(given, statements={**given.statements, name: "[" * 1_000_000})
    assert authority.judge(forged).answer is Answer.DIFFERS


def test_in_a_log_begun_anew_evidence_of_the_old_one_is_reached_through_the_chain_of_roots(
    authority: Authority,
) -> None:
    _, player = authority.a_lesson()
    player.play(60_000)
    authority.credit()
    assert authority.credits() == []
    first: House = authority.house
    authority.house = dataclasses.replace(first, series=2)
    pass_check(player)
    authority.credit()
    assert authority.log.endswith("-2")
    given = authority.evidence()
    assert [minute.leaf is None for minute in given.minutes] == [True, False]
    assert given.links is not None
    assert authority.judge(given).answer is Answer.AGREES
    found = authority.judge(changed(given, links=None))
    assert (found.answer, "the log has no evidence" in found.why[0]) == (Answer.DIFFERS, True)
    broken = changed(given.links.steps[0], before="00" * 32)
    found = authority.judge(changed(given, links=changed(given.links, steps=[broken])))
    assert "the log has no evidence" in str(found.why)
    way, (block, known) = given.links, authority.mirrored()
    late = dataclasses.replace(known, evidence=lambda at: known.evidence(way.leaf if at == block.index else at))
    found = recheck(block.index, block.leaf, changed(given, links=changed(way, leaf=block.index)), late)
    assert "the log has no evidence" in str(found.why), "what links are from is below the leaf"


def test_the_log_is_down_or_the_door_is_shut(authority: Authority) -> None:
    authority.watched()
    assert authority.recheck("--door", f"{authority.base}/nowhere")[0] == 2
    advance(authority.session, now=authority.app.extensions["elearn"].clock(), house=authority.house)
    authority.who = authority.who._replace(secret="wrong")
    status, output = authority.recheck()
    assert (status, "gives no token" in output) == (2, True)


def test_what_people_took_back_and_gave_back_in_part_agrees_and_says_so(authority: Authority) -> None:
    """A void by two; the first half watched again; the appeal upheld: the second half is given back by new rows."""
    session = authority.session
    lesson, player = authority.watched(60_000)
    original = session.scalars(sa.select(WatchedSpan).where(WatchedSpan.kind == "final")).one()
    at = authority.app.extensions["elearn"].clock()
    now_ms = to_ms(at) + 1
    case = ReviewCase(kind="flags", learner_id=lesson.learner_id, opened_by=a_person(session).id, opened_at=at)
    appeal = ReviewCase(
        kind="appeal", learner_id=lesson.learner_id, opened_by=lesson.learner_id, opened_at=at, statement="I was there"
    )
    session.add_all([case, appeal])
    session.flush()
    for number, (act, side) in enumerate([("propose", "institution"), ("confirm", "regulator")], 1):
        session.add(
            ReviewAct(
                case_id=case.id, number=number, act=act, side=side, by_person_id=a_person(session).id, reason="x",
                spans=[original.id], at=at,
            )
        )  # fmt: skip
    session.flush()
    voids.void(session, lesson.learner_id, [original.id], case_id=case.id, now_ms=now_ms)
    session.commit()
    authority.credit()
    player = again_later(authority.app, session, player, lesson, 1_000)
    player.play(30_000)
    pass_check(player)
    authority.credit()
    given = voids.restore(session, lesson.learner_id, voided_by=case.id, case_id=appeal.id, now_ms=now_ms + 1)
    assert given.media_ms == 30_000
    session.commit()
    authority.credit()
    status, lines = authority.lines()
    assert (status, [one["answer"] for one in lines[:-1]]) == (0, ["agrees", "agrees", "agrees"]), lines
    assert [one["media_ms"] for one in lines[:-1]] == [60_000, 30_000, 30_000]
    assert [["taken back before" in str(one["notes"])] for one in lines[:-1]] == [[False], [False], [True]]


def test_a_draw_of_less_than_agreed_by_another_root_or_with_a_gap_is_told(authority: Authority) -> None:
    authority.watched()
    parts = authority.app.extensions["elearn"]
    parts.settings = dataclasses.replace(parts.settings, ledger_sample_per_million=10_000)
    status, output = authority.recheck()
    assert (status, "DRAW 1 % were drawn, 2 % are agreed" in output) == (1, True)
    assert authority.recheck("--percent", "1")[0] == 0
    assert authority.recheck("--percent", "0.5")[0] == 0
    authority.session.execute(sa.text("ALTER TABLE elearn.evidence_draw DISABLE TRIGGER USER"))
    authority.session.execute(sa.text("UPDATE elearn.evidence_draw SET from_index = 1, root = sha256(root)"))
    authority.session.commit()
    status, lines = authority.lines("--percent", "1")
    told = [one["draw"] for one in lines if "draw" in one]
    assert status == 1
    assert told[0] == "leaves from 0 to 1 stand in no draw"
    assert "by another root than the log's" in told[1]


def test_what_was_written_of_a_run_that_was_killed_is_gone_on_from(authority: Authority, tmp_path: Path) -> None:
    authority.watched()
    authority.watched()
    assert authority.recheck()[0] == 0
    book = tmp_path / "authority" / "rechecked.jsonl"
    first, second = book.read_text().splitlines()
    book.write_text(f"{first}\n{second[:40]}")
    status, output = authority.recheck()
    assert (status, output.count("block "), summary(output)) == (
        0, 1, "2 blocks drawn, 2 agrees, 0 differs, 0 withheld, 0 gone",
    ), output  # fmt: skip

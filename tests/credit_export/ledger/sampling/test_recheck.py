"""`elearn ledger recheck`: an authority draws blocks, asks for their evidence and computes them again."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import sqlalchemy as sa

from elearn.clock import to_ms
from elearn.credit_export.ledger import block_evidence
from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.evidence_files import MinuteTree
from elearn.credit_export.ledger.monitor.rechecking import Answer, recheck
from elearn.people import persons
from elearn.tracking import policies, voids
from elearn.tracking.models import WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.signals.models import ReviewAct, ReviewCase
from tests.builders_people import a_person
from tests.builders_tracking import a_player, a_readable, again_later, fail_check, pass_check
from tests.credit_export.ledger.sampling.an_authority import Authority


def summary(output: str) -> str:
    return output.splitlines()[-1].partition(": ")[2]


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


def test_a_report_dated_back_out_of_its_minute_is_named(authority: Authority) -> None:
    """Its decision comes out the same, as what it saw was dated back with it."""
    authority.watched()
    lesson, player = authority.a_lesson()
    player.play(30_000)
    pass_check(player)
    authority.session.commit()
    day = 86_400_000
    authority.administrator(
        f"""UPDATE elearn.report SET tau_ms = tau_ms - {day},
            seen = seen || jsonb_build_object('days', '[]'::jsonb, 'sitting', jsonb_set(jsonb_set(seen->'sitting',
                '{{0}}', to_jsonb((seen->'sitting'->>0)::bigint - {day})),
                '{{2}}', to_jsonb((seen->'sitting'->>2)::bigint - {day}))),
            credited = (SELECT jsonb_agg(jsonb_set(c, '{{2}}', to_jsonb(((c->>2)::date - 1)::text)))
                        FROM jsonb_array_elements(credited) c)
            WHERE sitting_id = '{player.sid}'""",
        f"UPDATE elearn.delivery SET given_ms = given_ms - {day} WHERE learner_id = '{lesson.learner_id}'",
        f"""UPDATE elearn.watched_span SET "on" = "on" - 1 WHERE learner_id = '{lesson.learner_id}'""",
    )
    authority.credit()
    status, lines = authority.lines()
    assert (status, [one["answer"] for one in lines[:-1]]) == (1, ["agrees", "differs"]), lines
    assert {why.partition(": ")[2] for why in lines[1]["why"]} == {"it was heard before its minute"}, lines


def test_the_first_report_of_a_block_must_see_what_the_one_before_it_left(authority: Authority) -> None:
    """Forged alone, with nothing after it that could contradict it."""
    _, player = authority.watched(30_000)
    player.play(15_000)
    pass_check(player)
    authority.session.commit()
    authority.administrator(
        f"UPDATE elearn.report SET seen = jsonb_set(seen, '{{sitting,3}}', '29999') WHERE id = {LAST_REPORT}"
    )
    authority.credit()
    status, lines = authority.lines()
    assert (status, [one["answer"] for one in lines[:-1]]) == (1, ["agrees", "differs"]), lines
    assert "in another state than the report before left it" in str(lines[1]["why"])


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


FINAL = "(SELECT id FROM elearn.watched_span WHERE kind = 'final' ORDER BY id DESC LIMIT 1)"
PENDING = "(SELECT statement_id FROM elearn.watched_span WHERE kind = 'pending' ORDER BY start_ms DESC LIMIT 1)"
LAST_REPORT = f"(SELECT id FROM elearn.report WHERE statement_id = {PENDING})"

BEFORE: list[tuple[str, str, str, str]] = [
    # what the administrator does before the minute is proved; what comes of the block, and why
    (
        "makes the final row longer",
        f"UPDATE elearn.watched_span SET end_ms = end_ms + 10000 WHERE id = {FINAL}",
        "differs",
        "10000 ms less than its span",
    ),
    (
        "credits media that nobody reported",
        "UPDATE elearn.watched_span SET statement_id = gen_random_uuid() WHERE kind = 'pending'",
        "withheld",
        "no report is shown that earned it",
    ),
    (
        "makes a report earn more",
        f"UPDATE elearn.report SET credited = jsonb_set(credited, '{{0,1}}', '90000') WHERE id = {LAST_REPORT}",
        "differs",
        "the verifier believes",
    ),
    (
        "makes its decision see another past",
        f"UPDATE elearn.report SET seen = jsonb_set(seen, '{{sitting,3}}', '30000') WHERE id = {LAST_REPORT}",
        "differs",
        "in another state than the report before left it",
    ),
    (
        "writes a report that no device signed",
        f"UPDATE elearn.report SET sig = decode(repeat('00', 64), 'hex') WHERE id = {LAST_REPORT}",
        "differs",
        "signature does not hold",
    ),
    (
        "takes the signature away",
        f"UPDATE elearn.report SET sig = NULL WHERE id = {LAST_REPORT}",
        "differs",
        "is not signed",
    ),
    (
        "dates a report back by an hour",
        f"UPDATE elearn.report SET tau_ms = tau_ms - 3600000 WHERE id = {LAST_REPORT}",
        "differs",
        "the verifier believes",
    ),
    (
        "removes a key that was given out",
        "DELETE FROM elearn.delivery WHERE block = 0",
        "differs",
        "no key of all of that had been given out before",
    ),
    (
        "has a key given out after it was needed",
        "UPDATE elearn.delivery SET given_ms = given_ms + 600000 WHERE block = 0",
        "differs",
        "no key of all of that had been given out before",
    ),
    ("lets a failed check pass", "UPDATE elearn.presence_check SET outcome = 'failed'", "differs", "not passed but"),
    (
        "lets a check pass that came too late",
        "UPDATE elearn.presence_check SET deadline_ms = put_ms - 1",
        "differs",
        "not answered in time",
    ),
]

AFTER: list[tuple[str, str, Answer, str]] = [
    # what the administrator does when the minute is proved and credited
    (
        "a report is changed",
        f"UPDATE elearn.report SET nonce = nonce || 'x' WHERE id = {LAST_REPORT}",
        Answer.WITHHELD,
        "the row of report",
    ),
    (
        "a key is taken out of the books",
        "DELETE FROM elearn.delivery WHERE block = 0",
        Answer.DIFFERS,
        "no key of all of that had been given out",
    ),
    (
        "a report that earned something is removed",
        f"DELETE FROM elearn.report WHERE id = {LAST_REPORT}",
        Answer.DIFFERS,
        "ms less than its span",
    ),
    (
        "a statement is removed",
        f"DELETE FROM elearn.statement WHERE id = {PENDING}",
        Answer.WITHHELD,
        "the statement of report",
    ),
    (
        "a statement is changed",
        f"UPDATE elearn.statement SET raw = replace(raw, 'heartbeat', 'heartbeit') WHERE id = {PENDING}",
        Answer.DIFFERS,
        "not the one that was heard",
    ),
    (
        "the person's key of the log is removed",
        "DELETE FROM elearn.subject_key",
        Answer.WITHHELD,
        "whose it is is not shown",
    ),
    (
        "a device gets another key",
        "UPDATE elearn.device SET jwk = jsonb_set(jwk, '{x}', jwk->'y')",
        Answer.DIFFERS,
        "cannot be read",
    ),
    ("a device's key is removed", "DELETE FROM elearn.device", Answer.WITHHELD, "the device key of report"),
    (
        "the rules of the day are loosened",
        """UPDATE elearn.watch_policy SET canonical = replace(canonical, '"carry_ms":30000', '"carry_ms":90000')""",
        Answer.DIFFERS,
        "these are not the rules",
    ),
    (
        "it is said to have another check",
        f"UPDATE elearn.watched_span SET check_id = gen_random_uuid() WHERE id = {FINAL}",
        Answer.WITHHELD,
        "the check that confirmed it is not shown",
    ),
    (
        "the check was another's",
        "UPDATE elearn.presence_check SET learner_id = gen_random_uuid()",
        Answer.WITHHELD,
        "the check that confirmed it is not shown",
    ),
    (
        "the row it is made from is removed",
        f"DELETE FROM elearn.watched_span WHERE id = {FINAL}",
        Answer.WITHHELD,
        "whose it is is not shown",
    ),
]


@pytest.mark.parametrize(("deed", "statement", "answer", "said"), BEFORE, ids=[one[0] for one in BEFORE])
def test_what_is_forged_before_it_is_credited_is_named(
    authority: Authority, deed: str, statement: str, answer: str, said: str
) -> None:
    _, player = authority.a_lesson()
    player.play(60_000)
    pass_check(player)
    authority.session.commit()
    authority.administrator(statement)
    authority.credit()
    status, lines = authority.lines()
    assert (status, lines[0]["answer"]) == (1, answer), lines
    assert any(said in why for why in lines[0]["why"]), lines


def test_what_is_changed_after_it_was_credited_is_named(authority: Authority) -> None:
    authority.watched()
    assert authority.judge(authority.evidence()).answer is Answer.AGREES
    unseen = {}
    for deed, statement, answer, said in AFTER:
        authority.session.commit()
        done = cast(sa.Connection, authority.session.get_bind()).begin_nested()
        authority.administrator(statement)
        found = authority.judge(authority.asked_again())
        if found.answer is not answer or not any(said in why for why in found.why):
            unseen[deed] = found
        authority.session.commit()
        done.rollback()
    assert unseen == {}
    assert authority.judge(authority.asked_again()).answer is Answer.AGREES


def test_an_old_block_credited_again_in_a_new_minute_is_named(authority: Authority) -> None:
    """A second final row of the same reports, behind the same old check."""
    authority.watched()
    columns = "kind, learner_id, unit_id, class_id, on_, late, excess_ms, check_id, settles, policy, heard_at"
    columns = columns.replace("on_", '"on"')
    authority.administrator(
        f"INSERT INTO elearn.watched_span (id, start_ms, end_ms, evidence_batch, {columns}) "
        f"SELECT gen_random_uuid(), start_ms, end_ms, pg_sequence_last_value('elearn.evidence_batch'), {columns} "
        f"FROM elearn.watched_span WHERE id = {FINAL}"
    )
    authority.credit()
    status, lines = authority.lines()
    assert status == 1
    assert [one["answer"] for one in lines[:2]] == ["agrees", "differs"]
    assert "another minute than the one the leaf names" in str(lines[1]["why"])
    assert "its reports were shown for leaf" in str(lines[1]["why"])


def test_evidence_of_another_leaf_is_no_evidence(authority: Authority) -> None:
    authority.watched()
    authority.watched()
    found = authority.judge(authority.evidence(0), 1)
    assert (found.answer, "evidence of leaf" in found.why[0]) == (Answer.DIFFERS, True)


def test_the_evidence_of_another_person_under_this_leaf_is_named(authority: Authority) -> None:
    """A forger who answers for a leaf of his friend with what somebody else watched of the same lesson."""
    authority.watched()
    authority.watched()
    mine, other = authority.evidence(0), authority.evidence(1)
    forged = _changed(other, log=mine.log, index=mine.index, leaf=mine.leaf)
    found = authority.judge(forged, 0)
    assert found.answer is Answer.DIFFERS
    assert "it is evidence of another person than the leaf's" in found.why
    assert any("rows before the leaf" in why for why in found.why)


LIES: list[tuple[str, dict[str, Any], str]] = [
    ("no report is named", {"of": []}, "no report is shown that earned it"),
    ("no minute is shown", {"minutes": []}, "is not shown"),
    ("no statement", {"statements": {}}, "the statement of report"),
    ("no rules", {"policies": {}}, "the rules sha256:"),
    ("no devices", {"devices": []}, "the device key of report"),
    ("no person", {"person": None}, "whose it is is not shown"),
]


@pytest.mark.parametrize(("lie", "members", "said"), LIES, ids=[one[0] for one in LIES])
def test_what_is_left_out_of_an_answer_is_withheld(
    authority: Authority, lie: str, members: dict[str, Any], said: str
) -> None:
    authority.watched()
    found = authority.judge(_changed(authority.evidence(), **members))
    assert found.answer is Answer.WITHHELD
    assert said in found.why[0]


def test_a_minute_made_up_around_a_changed_row_is_not_the_log_s(authority: Authority) -> None:
    """All proofs lead to its root, and it has as many rows as the evidence leaf says; its root is another one."""
    authority.watched()
    given = authority.evidence()
    minute = given.minutes[-1]
    texts = [row.row.replace('"passed"', '"Passed"').encode() for row in minute.rows]
    made = MinuteTree.around(b"before", [*texts, *(b"x" for _ in range(minute.size - 1 - len(texts)))])
    rows = [block_evidence.Row(place, text.decode(), made.proof(place)) for place, text in enumerate(texts, 1)]
    forged = _changed(minute, root=made.root.hex(), rows=rows)
    assert (forged.size, forged.leaf) == (made.size, minute.leaf)
    found = authority.judge(_changed(given, minutes=[*given.minutes[:-1], forged]))
    assert found.answer is Answer.DIFFERS
    assert f"the log has no evidence {made.root.hex()[:16]}" in str(found.why)


def test_a_row_that_is_not_the_one_that_was_hashed_is_named(authority: Authority) -> None:
    """It says the same, by another letter."""
    authority.watched()
    given = authority.evidence()
    minutes = [_changed(one, rows=[_changed(row, row=f"{row.row} ") for row in one.rows]) for one in given.minutes]
    found = authority.judge(_changed(given, minutes=minutes))
    assert found.answer is Answer.DIFFERS
    assert "is not in the evidence of its minute" in found.why[0]


def test_parts_and_keys_that_are_left_out_make_a_difference(authority: Authority) -> None:
    authority.watched()
    given = authority.evidence()
    assert authority.judge(given).answer is Answer.AGREES
    found = authority.judge(_changed(given, parts=[]))
    assert "no key of all of that had been given out before" in str(found.why)


def test_reports_left_out_of_the_middle_are_named(authority: Authority) -> None:
    authority.watched()
    given = authority.evidence()
    reports = [
        row.row for minute in given.minutes for row in minute.rows if row.row.startswith('["report"')
    ]  # fmt: skip
    second = sorted(reports, key=lambda row: int(json.loads(row)[3]))[1]
    minutes = [
        _changed(minute, rows=[row for row in minute.rows if row.row != second]) for minute in given.minutes
    ]  # fmt: skip
    found = authority.judge(_changed(given, minutes=minutes, of=[
        one for one in given.of if str(one) not in second
    ]))  # fmt: skip
    assert found.answer is Answer.DIFFERS
    assert "are left out" in str(found.why)
    assert "ms less than its span" in str(found.why)


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
        assert authority.judge(_changed(given, state="gone", kept_days=days)).answer is answer, days


def test_a_statement_nested_without_end_is_no_evidence(authority: Authority) -> None:
    authority.watched()
    given = authority.evidence()
    [name, *_] = given.statements
    forged = _changed(given, statements={**given.statements, name: "[" * 1_000_000})
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
    found = authority.judge(_changed(given, links=None))
    assert (found.answer, "the log has no evidence" in found.why[0]) == (Answer.DIFFERS, True)
    broken = _changed(given.links.steps[0], before="00" * 32)
    found = authority.judge(_changed(given, links=_changed(given.links, steps=[broken])))
    assert "the log has no evidence" in str(found.why)
    way, (block, known) = given.links, authority.mirrored()
    late = dataclasses.replace(known, evidence=lambda at: known.evidence(way.leaf if at == block.index else at))
    found = recheck(block.index, block.leaf, _changed(given, links=_changed(way, leaf=block.index)), late)
    assert "the log has no evidence" in str(found.why), "what links are from is below the leaf"


def test_the_log_is_down_or_the_door_is_shut(authority: Authority) -> None:
    authority.watched()
    assert authority.recheck("--door", f"{authority.base}/nowhere")[0] == 2
    advance(authority.session, now=authority.app.extensions["elearn"].clock(), house=authority.house)
    authority.who = authority.who._replace(secret="wrong")
    status, output = authority.recheck()
    assert (status, "gives no token" in output) == (2, True)


def _changed(one: Any, **members: Any) -> Any:
    return msgspec.structs.replace(one, **members)


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

"""What a forger does to the rows behind the log, or leaves out of his answers, is named by `elearn ledger recheck`."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
import sqlalchemy as sa

from elearn.credit_export.ledger import block_evidence
from elearn.credit_export.ledger.evidence_files import MinuteTree
from elearn.credit_export.ledger.monitor.rechecking import Answer
from tests.builders_tracking import pass_check
from tests.credit_export.ledger.sampling.an_authority import Authority, changed

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
    forged = changed(other, log=mine.log, index=mine.index, leaf=mine.leaf)
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
    found = authority.judge(changed(authority.evidence(), **members))
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
    forged = changed(minute, root=made.root.hex(), rows=rows)
    assert (forged.size, forged.leaf) == (made.size, minute.leaf)
    found = authority.judge(changed(given, minutes=[*given.minutes[:-1], forged]))
    assert found.answer is Answer.DIFFERS
    assert f"the log has no evidence {made.root.hex()[:16]}" in str(found.why)


def test_a_row_that_is_not_the_one_that_was_hashed_is_named(authority: Authority) -> None:
    """It says the same, by another letter."""
    authority.watched()
    given = authority.evidence()
    minutes = [changed(one, rows=[changed(row, row=f"{row.row} ") for row in one.rows]) for one in given.minutes]
    found = authority.judge(changed(given, minutes=minutes))
    assert found.answer is Answer.DIFFERS
    assert "is not in the evidence of its minute" in found.why[0]


def test_parts_and_keys_that_are_left_out_make_a_difference(authority: Authority) -> None:
    authority.watched()
    given = authority.evidence()
    assert authority.judge(given).answer is Answer.AGREES
    found = authority.judge(changed(given, parts=[]))
    assert "no key of all of that had been given out before" in str(found.why)


def test_reports_left_out_of_the_middle_are_named(authority: Authority) -> None:
    authority.watched()
    given = authority.evidence()
    reports = [
        row.row for minute in given.minutes for row in minute.rows if row.row.startswith('["report"')
    ]  # fmt: skip
    second = sorted(reports, key=lambda row: int(json.loads(row)[3]))[1]
    minutes = [
        changed(minute, rows=[row for row in minute.rows if row.row != second]) for minute in given.minutes
    ]  # fmt: skip
    found = authority.judge(changed(given, minutes=minutes, of=[
        one for one in given.of if str(one) not in second
    ]))  # fmt: skip
    assert found.answer is Answer.DIFFERS
    assert "are left out" in str(found.why)
    assert "ms less than its span" in str(found.why)

"""Hours are credited only from a leaf that stands in a published checkpoint, once, and in order."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export import credit, records
from elearn.credit_export.ledger import evidence
from elearn.credit_export.ledger.advancing import House, advance
from elearn.credit_export.ledger.notes import SignatureLine
from elearn.credit_export.ledger.signer import OtherSize, SignerAway, Wanted
from elearn.credit_export.models import EligibilityRecord
from elearn.db import db
from elearn.people import persons
from tests.at_once import at_once
from tests.conftest import scalar
from tests.credit_export.ledger.log.school import NOW, Sums, a_learner, differences, leaves, sums

MINUTE = timedelta(minutes=1)


class AwaySigner:
    """A signer that does not answer."""

    def vkey(self, origin: str) -> str:
        raise SignerAway("away")

    def sign(self, wanted: Wanted) -> SignatureLine | OtherSize:
        raise SignerAway("away")


def test_evidence_comes_before_what_names_it_and_a_credit_last(session: Session, house: House) -> None:
    a_learner(session)
    advance(session, now=NOW, house=house)
    assert leaves(session) == ["evidence", "policy", "unit", "credit"]
    proof, policy, unit, credited = (json.loads(raw) for raw in leaves(session, "raw"))
    assert (credited["ev"], credited["pol"], credited["unit"]) == (proof["root"], policy["pol"], unit["unit"])
    assert (credited["n"], credited["prev"], credited["ms"], credited["total"]) == (1, None, 60_000, 60_000)
    assert differences(session, house) == []


def test_what_is_final_is_no_hour_before_a_checkpoint_over_its_leaf(session: Session, house: House) -> None:
    learner = a_learner(session)
    away = dataclasses.replace(house, desk=dataclasses.replace(house.desk, signer=AwaySigner()))
    done = advance(session, now=NOW, house=away)
    assert (done.leaves, done.published, done.persons) == (4, (), frozenset())
    records.record_person(session, learner.person.id, now=NOW)
    assert sums(session, learner.person.id) == Sums(entries=0, leaves=60_000, total=60_000)
    [record] = session.scalars(sa.select(EligibilityRecord)).all()
    assert (record.hours["online_theory_ms"], record.witnessed) == (0, False)
    assert differences(session, house) == []
    advance(session, now=NOW + MINUTE, house=house)
    assert sums(session, learner.person.id) == Sums(60_000, 60_000, 60_000)
    assert differences(session, house) == []


def test_running_it_twice_adds_nothing(session: Session, house: House) -> None:
    learner = a_learner(session)
    advance(session, now=NOW, house=house)
    before = (leaves(session, "raw"), sums(session, learner.person.id))
    done = advance(session, now=NOW + MINUTE, house=house)
    assert (done.leaves, done.published, done.persons) == (0, (), frozenset())
    assert (leaves(session, "raw"), sums(session, learner.person.id)) == before


def test_a_minute_that_is_not_over_is_not_closed(session: Session, house: House) -> None:
    house = dataclasses.replace(house, minute_ms=60_000)
    learner = a_learner(session)
    advance(session, now=NOW, house=house)
    learner.watch(ms=10_000)
    assert advance(session, now=NOW + timedelta(seconds=59), house=house).leaves == 0
    assert advance(session, now=NOW + timedelta(seconds=60), house=house).leaves == 2
    assert sums(session, learner.person.id).entries == 70_000


def test_where_nothing_happened_nothing_is_written(session: Session, house: House) -> None:
    a_learner(session)
    advance(session, now=NOW, house=house)
    for minute in range(1, 4):
        assert advance(session, now=NOW + minute * MINUTE, house=house).leaves == 0
    assert scalar(session, "SELECT count(*) FROM elearn.evidence_closing") == 1


def test_evidence_is_chained_and_counts_its_rows(session: Session, house: House) -> None:
    learner = a_learner(session)
    advance(session, now=NOW, house=house)
    learner.watch(ms=10_000)
    learner.watch(ms=10_000)
    advance(session, now=NOW + MINUTE, house=house)
    first, second = (json.loads(raw) for kind, raw in leaves(session, "kind, raw") if kind == "evidence")
    assert (first["count"], second["count"]) == (1, 2), "a passed check each"
    assert first["to"] == second["from"], "no moment is left out, none is proved twice"
    assert differences(session, house) == []


def test_anybody_who_has_the_rows_computes_the_evidence_as_the_manual_says(session: Session, house: House) -> None:
    """docs/ledger.md, with SHA-256 and JSON alone: the root before, then each row."""

    def leaf(data: bytes) -> bytes:
        return hashlib.sha256(b"\x00" + data).digest()

    before = hashlib.sha256().digest()
    for minute in range(2):
        a_learner(session)
        advance(session, now=NOW + minute * MINUTE, house=house)
        row = session.execute(
            sa.text("""SELECT id::text, learner_id::text, sitting_id::text, unit_id::text, method, question_id::text,
                       number, shown, from_ms, to_ms, policy, put_ms, deadline_ms, tries, outcome, decided_ms
                       FROM elearn.presence_check ORDER BY evidence_batch DESC LIMIT 1""")
        ).one()
        written = json.dumps(["check", *row], separators=(",", ":")).encode()
        before = hashlib.sha256(b"\x01" + leaf(before) + leaf(written)).digest()
        said = [json.loads(raw)["root"] for kind, raw in leaves(session, "kind, raw") if kind == "evidence"]
        assert said[-1] == f"sha256:{before.hex()}"


def test_a_void_takes_back_what_it_names(session: Session, house: House) -> None:
    learner = a_learner(session)
    span = learner.watch(ms=30_000)
    advance(session, now=NOW, house=house)
    learner.void(span)
    advance(session, now=NOW + MINUTE, house=house)
    kinds: list[Any] = leaves(session, "kind, raw, '' || total")
    void = json.loads(kinds[-1][1])
    taken = json.loads(kinds[-3][1])
    assert (void["t"], void["n"], void["total"], taken["ms"]) == ("void", 3, 60_000, 30_000)
    assert len(set(void["by"])) == 2
    assert sums(session, learner.person.id) == Sums(60_000, 60_000, 60_000)
    assert differences(session, house) == []


def test_what_is_taken_back_within_its_own_minute_is_credited_and_voided(session: Session, house: House) -> None:
    learner = a_learner(session)
    learner.void(learner.watch(ms=30_000))
    advance(session, now=NOW, house=house)
    assert leaves(session)[-3:] == ["credit", "credit", "void"]
    assert sums(session, learner.person.id) == Sums(60_000, 60_000, 60_000)
    assert differences(session, house) == []


def test_a_reversal_that_two_people_did_not_decide_takes_nothing_and_is_named(session: Session, house: House) -> None:
    learner = a_learner(session)
    span = learner.watch(ms=30_000)
    advance(session, now=NOW, house=house)
    reversal = learner.void(span)
    for table in ("review_effect", "review_act"):
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
    session.execute(sa.text("DELETE FROM elearn.review_effect"))
    session.execute(sa.text("DELETE FROM elearn.review_act"))
    advance(session, now=NOW + MINUTE, house=house)
    assert sums(session, learner.person.id).entries == 90_000
    assert f"watched_span {reversal}: a reversal of final time is not in the log" in differences(session, house)


def test_each_year_has_a_log_of_its_own_and_a_void_goes_to_the_log_it_takes_from(
    session: Session, house: House
) -> None:
    learner = a_learner(session)
    span = learner.watch(ms=30_000)
    advance(session, now=datetime(2026, 12, 31, 15, 59, tzinfo=UTC), house=house)
    learner.watch(ms=10_000)
    learner.void(span)
    advance(session, now=datetime(2026, 12, 31, 16, 0, tzinfo=UTC), house=house)  # midnight in China
    old, new = "localhost/ledger/2026", "localhost/ledger/2027"
    chains = [
        (origin, kind, n, total)
        for origin, kind, n, total in leaves(session, "origin, kind, n, total")
        if n is not None
    ]
    assert chains == [
        (old, "credit", 1, 60_000),
        (old, "credit", 2, 90_000),
        (old, "void", 3, 60_000),
        (new, "credit", 1, 10_000),
    ]
    assert sums(session, learner.person.id).entries == 70_000
    assert differences(session, house) == []


def test_a_log_that_is_given_up_leaves_its_unpublished_hours_to_the_next(session: Session, house: House) -> None:
    learner = a_learner(session)
    published = learner.watch(ms=30_000)
    advance(session, now=NOW, house=house)
    away = dataclasses.replace(house, desk=dataclasses.replace(house.desk, signer=AwaySigner()))
    learner.watch(ms=5_000)
    fast = learner.watch(ms=7_000)
    advance(session, now=NOW + MINUTE, house=away)
    learner.void(fast)
    advance(session, now=NOW + 2 * MINUTE, house=away)
    assert sums(session, learner.person.id).entries == 90_000, "the last three leaves are in no checkpoint"
    learner.watch(ms=1_000)
    second = dataclasses.replace(house, series=2)
    advance(session, now=NOW + 3 * MINUTE, house=second)
    assert sums(session, learner.person.id).entries == 96_000
    learner.void(published)
    advance(session, now=NOW + 4 * MINUTE, house=second)
    assert sums(session, learner.person.id).entries == 66_000
    said = leaves(session, "origin, kind, ms")
    chain = [(kind, ms) for origin, kind, ms in said if origin.endswith("-2") and ms is not None]
    assert chain == [
        ("credit", 7_000), ("credit", 5_000), ("credit", 1_000), ("void", -7_000), ("credit", 30_000), ("void", -30_000)
    ]  # fmt: skip
    before = leaves(session, "raw")
    advance(session, now=NOW + 5 * MINUTE, house=second)
    assert leaves(session, "raw") == before
    assert differences(session, second) == []


def test_a_clock_that_goes_back_takes_no_time_back(session: Session, house: House) -> None:
    house = dataclasses.replace(house, minute_ms=60_000)
    learner = a_learner(session)
    moments = [NOW, NOW - timedelta(hours=1), NOW - timedelta(minutes=59), NOW - timedelta(hours=2), NOW + 2 * MINUTE]
    for moment in moments:
        learner.watch(ms=1_000, heard_at=moment)
        advance(session, now=moment, house=house)
    appended = leaves(session, "at")
    assert appended == sorted(appended)
    minutes = [one for one in leaves(session, "from_ms, to_ms") if one[0] is not None]
    assert all(begin < end for begin, end in minutes)
    assert all(before[1] <= after[0] for before, after in pairwise(minutes))
    assert sums(session, learner.person.id) == Sums(65_000, 65_000, 65_000)
    assert differences(session, house) == []


def test_a_leaf_is_never_appended_before_the_one_before_it(session: Session, house: House) -> None:
    """A minute that was proved late, then a clock that went back between the two."""
    learner = a_learner(session)
    evidence.close_batch(session, now=NOW, minute_ms=0)
    advance(session, now=NOW + timedelta(hours=1), house=house)
    learner.watch(ms=5_000)
    advance(session, now=NOW + MINUTE, house=house)
    assert set(leaves(session, "at")) == {NOW + timedelta(hours=1)}
    assert differences(session, house) == []


def test_who_is_erased_keeps_the_sum_and_loses_the_name(session: Session, house: House) -> None:
    learner = a_learner(session)
    span = learner.watch(ms=30_000)
    advance(session, now=NOW, house=house)
    learner.watch(ms=10_000)
    learner.void(span)
    session.commit()
    persons.erase_person(session, learner.person.id, at=NOW)
    assert scalar(session, "SELECT count(*) FROM elearn.subject_key WHERE person_id = :p", p=learner.person.id) == 0
    advance(session, now=NOW + MINUTE, house=house)
    assert leaves(session)[-1] == "void", "what was taken back is taken back; what was not credited yet never is"
    assert sums(session, learner.person.id) == Sums(60_000, 60_000, 60_000)
    assert differences(session, house) == []


def test_an_erased_person_gets_no_new_key(session: Session, house: House) -> None:
    learner = a_learner(session)
    persons.erase_person(session, learner.person.id, at=NOW)
    assert advance(session, now=NOW, house=house).leaves == 1
    assert leaves(session) == ["evidence"]
    assert scalar(session, "SELECT count(*) FROM elearn.subject_key") == 0
    assert differences(session, house) == []


def test_entries_of_before_the_log_stay_and_are_not_made_twice(session: Session, house: House) -> None:
    learner = a_learner(session)
    session.execute(
        sa.text("""
        INSERT INTO elearn.hours_entry (id, person_id, class_id, outline_item_id, modality, kind, amount_ms, earned_on,
                                        learned_at, watched_span_id, rule_version, created_at)
        SELECT gen_random_uuid(), w.learner_id, w.class_id, c.outline_item_id, 'online', 'theory', 60000, w."on",
               w.heard_at, w.id, 'x', :at
        FROM elearn.watched_span w JOIN elearn.unit u ON u.id = w.unit_id JOIN elearn.lesson l ON l.id = u.lesson_id
        JOIN elearn.course c ON c.id = l.course_id WHERE w.kind = 'final'
        """),
        {"at": NOW - MINUTE},
    )
    span = learner.watch(ms=5_000)
    advance(session, now=NOW, house=house)
    assert sums(session, learner.person.id) == Sums(65_000, 65_000, 65_000)
    learner.void(span)
    advance(session, now=NOW + MINUTE, house=house)
    assert sums(session, learner.person.id) == Sums(60_000, 60_000, 60_000)
    assert differences(session, house) == []


def test_many_learners_and_windows_are_entered_whole(
    session: Session, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credit, "AT_ONCE", 3)
    learners = [a_learner(session, ms=1_000 * number) for number in range(1, 6)]
    advance(session, now=NOW, house=house)
    assert [sums(session, one.person.id).entries for one in learners] == [1_000 * number for number in range(1, 6)]
    assert differences(session, house) == []


def test_the_cost_of_a_run_does_not_grow_with_the_learners_of_a_batch(session: Session, house: House) -> None:
    from tests.conftest import statements

    counted = []
    for many in (2, 8):
        for _ in range(many):
            a_learner(session)
        with statements(session) as sent:
            advance(session, now=NOW + many * MINUTE, house=house)
        counted.append(len([one for one in sent if "ledger" in one or "subject_key" in one]))
    assert counted[1] <= counted[0] + 2, counted


def test_two_runs_at_once_append_and_enter_once(own_app: Flask, own_house: House) -> None:
    with own_app.app_context():
        learners = [a_learner(db.session()).person.id for _ in range(4)]

    def run() -> int:
        with own_app.app_context():
            return advance(db.session(), now=NOW, house=own_house).leaves

    at_once(*[run] * 4)
    with own_app.app_context():
        session = db.session()
        advance(session, now=NOW + MINUTE, house=own_house)
        for learner in learners:
            assert sums(session, learner) == Sums(60_000, 60_000, 60_000)
        assert leaves(session).count("credit") == 4
        assert differences(session, own_house) == []


def test_a_minute_waits_for_who_was_writing_into_it_when_it_was_closed(
    own_app: Flask, own_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elearn.credit_export.ledger import advancing

    monkeypatch.setattr(advancing, "PATIENCE_S", 0.1)
    with own_app.app_context(), sa.orm.Session(db.engine) as other:
        session = db.session()
        a_learner(session)
        late = a_learner(other)
        late.watch(ms=5_000)  # under way: written, not committed
        assert advance(session, now=NOW, house=own_house).leaves == 0, "the batch is closed, and not yet whole"
        other.commit()
        advance(session, now=NOW + MINUTE, house=own_house)
        proofs = [json.loads(raw) for kind, raw in leaves(session, "kind, raw") if kind == "evidence"]
        assert [one["count"] for one in proofs] == [3]
        assert sums(session, late.person.id).entries == 65_000
        assert differences(session, own_house) == []

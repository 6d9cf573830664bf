"""From a worker's minutes to an exam system's books and back: cosigned by two witnesses, pushed, rejected once,
accepted, corrected, revoked, reconciled; and what happens when witnesses, receiver and our own worker die in between.

The witnesses and the exam system, which runs one of them, are processes of their own that know the product by its doors
alone. The outline of the demonstration is made to ask for no hours here, so that the first minute already makes
somebody eligible.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from elearn.credit_export import steps
from elearn.credit_export.exam_system import deliveries
from elearn.credit_export.exam_system.receivers import find_receiver
from elearn.credit_export.ledger.notes import read_note
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.lifecycle import Act
from elearn.credit_export.models import EligibilityRecord
from elearn.db import new_id
from elearn.demo.example import OUTLINE
from elearn.demo.transport import HttpTransport
from elearn.people import persons
from elearn.people.callers import Caller, Grant
from elearn.people.identity import Keys
from elearn.people.models import Role
from tests.journeys.exam_system import EXAM, REGULATOR, Others, stopped_at_the_end
from tests.journeys.running import Part, RunningProduct, clean_environment, kill
from tests.journeys.school import Learner, School, a_running_school, right_answers
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("exam system")]

SOON_S = 120
"""A job of a worker that died is taken up after 15 to 20 s; the rest is a busy machine."""
BOTH = {EXAM, REGULATOR}
LATE_S = 30.0
"""So long the exam system thinks before it answers: long enough to die of it."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[School, Others]]:
    """A school whose log takes two witnesses, and they and an exam system beside it."""
    place = tmp_path_factory.mktemp("examined")
    made: list[Others] = []

    def before(product: RunningProduct) -> None:
        made.append(Others.beside(product, place / "others"))

    with a_running_school(place, before=before) as school:
        with school.database() as session:
            session.execute(sa.text("UPDATE elearn.outline_item SET required_hours = 0"))
            session.commit()
        school.product.run(
            "eligibility", "rules", "add", "CN", "--submit", "automatic", "--no-regulator", "--grant", "automatic"
        )
        with stopped_at_the_end(made[0]) as others:
            others.enter_the_books_of(school.product, outline=OUTLINE)
            for name in (EXAM, REGULATOR):
                others.start(name)
            yield school, others


@pytest.fixture
def school(world: tuple[School, Others]) -> School:
    return world[0]


@pytest.fixture
def others(world: tuple[School, Others]) -> Others:
    return world[1]


def staff(school: School, role: Role, organisation_id: UUID | None = None) -> Caller:
    """Somebody who may act in this role."""
    with school.database() as session:
        keys = Keys(sealing=school.settings.sealing_key, index=school.settings.index_key)
        person = persons.add_staff(session, name="工作人员", keys=keys, at=datetime.now(UTC))
        session.commit()
        grant = Grant(role, organisation_id, None)
        return Caller(new_id(), person.id, "", must_change=False, grants=(grant,), browser_session_id=None)


def manager_of(school: School) -> Caller:
    return staff(school, Role.INSTITUTION_MANAGER, UUID(school.example.institution_id))


def watch(school: School, learner: Learner, ms: int) -> None:
    """Watch the long lesson for so long and pass the check: the time is final then."""
    player = school.player(learner, wait=lambda waited: time.sleep(waited / 1000))
    player.open(school.long_unit_id)
    until = player.position_ms + ms
    while player.position_ms < until:
        if player.state["check_due"]:
            check = player.ask_check()
            player.answer(check, right_answers(check, 300_000))
        player.play(min(5_000, until - player.position_ms))
    check = player.ask_check()
    player.answer(check, right_answers(check, 300_000))
    player.close()


def wait_until_it_counts(school: School, learner: Learner, *, seconds: float | None = None) -> None:
    wait_for(
        lambda: recorded_ms(school, learner) == school.believed(learner)["final"],
        seconds=seconds or school.credited_s,
        what="a record of all that was watched",
    )


def versions(school: School, learner: Learner) -> list[EligibilityRecord]:
    """The record's versions, oldest first."""
    with school.database() as session:
        query = sa.select(EligibilityRecord).filter_by(person_id=learner.person_id).order_by(EligibilityRecord.version)
        found = list(session.scalars(query))
        for one in found:
            session.expunge(one)
        return found


def newest(school: School, learner: Learner) -> EligibilityRecord:
    return versions(school, learner)[-1]


def recorded_ms(school: School, learner: Learner) -> int:
    """What the newest record says; there may be one after each check that was passed."""
    found = versions(school, learner)
    return int(found[-1].hours["online_theory_ms"]) if found else 0


def delivered(school: School, others: Others, record_id: UUID) -> str | None:
    """How the version stands with the exam system, in our own books."""
    with school.database() as session:
        receiver = find_receiver(session, others.client_id)
        assert receiver is not None
        return deliveries.states(session, receiver.id, [record_id]).get(record_id)


def check_as(school: School, caller: Caller, record_id: UUID) -> None:
    """The institution's check, after which the region's rule grants."""
    with school.database() as session:
        steps.act(session, record_id, Act.CHECK, caller=caller, reason="", note="", at=datetime.now(UTC))
        session.commit()


def by_two(school: School, first: Caller, second: Caller, record_id: UUID, act: Act, reason: str) -> None:
    with school.database() as session:
        now = datetime.now(UTC)
        made = steps.propose(session, record_id, act, caller=first, reason=reason, note="见附件", at=now)
        steps.answer(session, record_id, made.id, confirm=True, caller=second, note="", at=now)
        session.commit()


def reconcile(school: School, others: Others, source: str) -> tuple[int, list[str]]:
    """Status and lines of `elearn exam reconcile`."""
    return command(school, "exam", "reconcile", others.client_id, source, "--private")


def command(school: School, *words: str) -> tuple[int, list[str]]:
    """Exit status and lines of an `elearn` command that may say no."""
    done = subprocess.run(
        [*school.product.elearn, *words],
        env=clean_environment(**school.product.env),
        cwd=school.product.data_dir.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.splitlines() or done.stderr.splitlines() or [""]


def require_entered_only_after_both_cosigned(school: School, others: Others, learner: Learner) -> None:
    """Every entry's leaf stands in a checkpoint that both witnesses had cosigned when the entry was made."""
    trust = Trust.read(others.neighbours.policy.read_bytes())
    with school.database() as session:
        rows = session.execute(
            sa.text(
                """SELECT e.leaf_index, e.created_at, c.size, c.signed_at, c.witnessed, c.note
                   FROM elearn.hours_entry e LEFT JOIN LATERAL (
                       SELECT * FROM elearn.ledger_checkpoint c
                       WHERE c.origin = e.leaf_origin AND c.size > e.leaf_index ORDER BY c.size LIMIT 1) c ON true
                   WHERE e.person_id = :learner"""
            ),
            {"learner": learner.person_id},
        ).all()
    assert rows
    for row in rows:
        assert row.witnessed
        assert row.signed_at <= row.created_at
        note = read_note(row.note)
        assert trust.require(note, now_s=int(time.time())).size == row.size > row.leaf_index
        assert trust.cosigned(note).keys() == BOTH


def health(school: School) -> tuple[str, list[str]]:
    """What `/healthz` says of the log, and why."""
    told = HttpTransport(school.base)("GET", "/healthz", headers={}, body=None)
    assert told.status == 200, "hours that wait turn nobody away"
    return str(told.json()["ledger"]), list(told.json()["ledger_why"])


def read_by_the_operator(school: School, path: str) -> str:
    """A page, in English."""
    browser, operator = HttpTransport(school.base), school.sign_in_of("operator")
    browser.sign_in(operator.name, operator.password)
    answer = browser("GET", path, headers={"Accept": "text/html", "Accept-Language": "en"}, body=None)
    assert answer.status == 200
    return answer.body.decode()


def test_a_workers_minutes_become_a_record_that_an_exam_system_acts_on(
    school: School, others: Others, tmp_path: Path
) -> None:
    learner, manager, operator = school.a_learner(), manager_of(school), staff(school, Role.OPERATOR)
    exam = others.exam
    others.next_decisions({"do": "reject", "code": "PHOTO_MISSING", "detail": "没有照片"}, pull=False)

    watch(school, learner, 6_000)
    wait_until_it_counts(school, learner)
    require_entered_only_after_both_cosigned(school, others, learner)
    assert newest(school, learner).witnessed
    pulled = school.exam_record(learner)
    assert (pulled["verified"], pulled["record"]["witnessed"]) == (True, True)
    assert pulled["record"]["hours"]["online_theory_ms"] == school.believed(learner)["final"]

    # Granted, and pushed; it rejects the first thing it hears of, and thinks again.
    first = newest(school, learner)
    check_as(school, manager, first.id)
    wait_for(lambda: delivered(school, others, first.id) == "rejected", seconds=SOON_S, what="the rejection")
    assert others.holds([first.id]) == [("granted", "rejected")]
    assert others.receipts([first.id]) == [("rejected", "taken")]
    exam.plan(pull=False)
    exam.ask("POST", "/decide", {"record_id": str(first.id)})
    wait_for(lambda: delivered(school, others, first.id) == "accepted", seconds=SOON_S, what="its second thought")

    # Corrected by two people of two sides: a new version is looked at anew, and takes the place of the first.
    by_two(school, manager, operator, first.id, Act.CORRECT, "DATA_WRONG")
    corrected = newest(school, learner)
    assert corrected.version == first.version + 1
    check_as(school, manager, corrected.id)
    both = [first.id, corrected.id]
    given = [("withdrawn", "accepted"), ("granted", "accepted")]
    wait_for(lambda: others.holds(both) == given, seconds=SOON_S, what="the correction")
    wait_for(lambda: delivered(school, others, first.id) == "withdrawn", seconds=SOON_S, what="the notice")

    # More hours: what people did for the corrected version holds for the next.
    watch(school, learner, 3_000)
    wait_until_it_counts(school, learner)
    last = newest(school, learner)
    assert last.version > corrected.version
    wait_for(lambda: others.holds([last.id]) == [("granted", "accepted")], seconds=SOON_S, what="the hours that came")

    # Revoked, by two people.
    by_two(school, manager, operator, last.id, Act.REVOKE, "GRANTED_IN_ERROR")
    wait_for(lambda: delivered(school, others, last.id) == "withdrawn", seconds=SOON_S, what="that it knows")
    all_of_it = [one.id for one in versions(school, learner)]
    told = [id_ for id_ in all_of_it if delivered(school, others, id_) is not None]
    assert {delivered(school, others, id_) for id_ in told} == {"withdrawn"}
    assert set(others.holds(told)) == {("withdrawn", "accepted")}
    said = others.receipts(told)
    assert [outcome for outcome, _ in said[:2]] == ["rejected", "accepted"]
    assert sorted(outcome for outcome, _ in said[2:]) == (["accepted"] * (len(told) - 1) + ["withdrawn"] * len(told))
    wait_for(lambda: {was for _, was in others.receipts(told)} == {"taken"}, seconds=SOON_S, what="all receipts")

    # It pulls all of that once more and believes the same; both sides' books agree.
    exam.plan()
    with school.database() as session:
        count = session.scalar(sa.select(sa.func.count()).select_from(EligibilityRecord))
    wait_for(lambda: len(exam.state()["records"]) == count, seconds=SOON_S, what="records nobody has granted, too")
    assert {outcome for _, outcome in others.holds(told)} == {"accepted"}
    status, lines = reconcile(school, others, f"{exam.url}/records.json")
    assert (status, lines[-1]) == (0, f"here {count}, there {count}, differences 0")

    # A list that somebody edited by hand.
    held = exam.ask("GET", "/records.json")["records"]
    edited = tmp_path / "edited.json"
    for one in held:
        if one["record_id"] == str(last.id):
            one |= {"status": "granted", "outcome": "rejected"}
    edited.write_text(json.dumps(held))
    status, lines = reconcile(school, others, str(edited))
    assert status == 1
    assert [line.split("\t")[0] for line in lines[:-1]] == ["still_held", "receipt_differs"]

    # Its monitor has read the whole log and found nothing wrong; a proof of the last hours needs nothing from us.
    with school.database() as session:
        size, leaf = session.execute(
            sa.text(
                """SELECT max(c.size), (SELECT encode(l.hash, 'hex') FROM elearn.ledger_leaf l
                                        JOIN elearn.hours_entry e ON e.leaf_origin = l.origin AND e.leaf_index = l.index
                                        WHERE e.person_id = :learner ORDER BY l.index DESC LIMIT 1)
                   FROM elearn.ledger_checkpoint c"""
            ),
            {"learner": learner.person_id},
        ).one()
    wait_for(lambda: (exam.state()["log"] or {}).get("checked", 0) >= size, seconds=SOON_S, what="a look at the log")
    log = exam.state()["log"]
    assert (log["alarms"], log["checked"]) == ([], log["size"])
    assert exam.state()["trouble"] == ""
    proof = tmp_path / "hours.proof"
    year = others.neighbours.year
    proof.write_bytes(HttpTransport(school.base)("GET", f"/ledger/{year}/proof/{leaf}", headers={}, body=None).body)
    status, lines = command(school, "ledger", "verify", str(proof), "--trust", str(others.neighbours.policy))
    assert status == 0, lines
    assert "cosigned by exam (" in lines[0]
    assert "regulator (" in lines[0]
    school.require_sound_ledgers()


def test_witness_receiver_and_worker_die_between_a_push_and_its_answer_and_nothing_is_lost_or_told_twice(
    school: School, others: Others
) -> None:
    """The exam system takes a push and is thinking when the power goes there: its witness dies with it. Our worker,
    which waits for the answer, is killed too."""
    learner, manager, exam = school.a_learner(), manager_of(school), others.exam
    watch(school, learner, 3_000)
    wait_until_it_counts(school, learner)
    first, hours = newest(school, learner), school.credited_ms(learner)
    known = {one["id"] for one in exam.state()["messages"]}
    others.next_pushes({"do": "late", "seconds": LATE_S}, pull=False, receipts={"hold": True})
    check_as(school, manager, first.id)

    def arrived() -> dict[str, int]:
        """How often each message came that is about this."""
        return {one["id"]: one["times"] for one in exam.state()["messages"] if one["id"] not in known}

    wait_for(lambda: list(arrived().values()) == [1], seconds=SOON_S, what="the push")
    worker = school.product.parts()[Part.WORKER]
    kill(worker)
    others.kill(EXAM)
    assert delivered(school, others, first.id) == "sent", "sent, and nobody knows whether it came"

    # Whoever studies on meanwhile loses nothing, but nothing counts without both witnesses; the product says which.
    watch(school, learner, 3_000)
    wait_for(lambda: health(school)[0] == "waits", seconds=SOON_S, what="the state of the log")
    assert health(school)[1] == ["witness_away"]
    page = read_by_the_operator(school, "/receivers")
    assert "The witness exam of the log" in page
    assert "The witness regulator of the log" not in page
    page = read_by_the_operator(school, "/log")
    assert page.count("does not answer; is asked again") == 1
    assert page.index("exam</th>") < page.index("does not answer; is asked again") < page.index("regulator</th>")
    assert command(school, "ledger", "state")[0] == 1
    final = school.believed(learner)["final"]
    assert school.credited_ms(learner) == recorded_ms(school, learner) == hours < final
    with school.database() as session:
        waiting = session.execute(
            sa.text(
                """SELECT (SELECT max(index) + 1 FROM elearn.ledger_leaf)
                        - (SELECT max(size) FROM elearn.ledger_checkpoint)"""
            )
        ).scalar_one()
    assert waiting > 0, "the leaves are there, unpublished"

    # The power comes back; a witness that was away for long is asked again within a minute.
    exam.plan(pull=False)
    others.start(EXAM)
    wait_until_it_counts(school, learner, seconds=SOON_S)
    assert school.credited_ms(learner) == final
    require_entered_only_after_both_cosigned(school, others, learner)
    assert newest(school, learner).witnessed
    assert health(school) == ("ok", [])
    assert command(school, "ledger", "state")[0] == 0

    # The push goes out again under its own name, is known there, and counts once; what came later follows.
    last = newest(school, learner)
    wait_for(lambda: delivered(school, others, last.id) == "accepted", seconds=SOON_S, what="the newest version")
    wait_for(lambda: delivered(school, others, first.id) == "withdrawn", seconds=SOON_S, what="the notice")
    assert worker != school.product.parts()[Part.WORKER]
    assert next(iter(arrived().values())) == 2
    assert set(list(arrived().values())[1:]) == {1}
    assert others.receipts([first.id]) == [("accepted", "taken"), ("withdrawn", "taken")]
    assert others.holds([last.id]) == [("granted", "accepted")]
    exam.plan()
    with school.database() as session:
        count = session.scalar(sa.select(sa.func.count()).select_from(EligibilityRecord))
    wait_for(lambda: len(exam.state()["records"]) == count, seconds=SOON_S, what="records nobody has granted, too")
    status, lines = reconcile(school, others, f"{exam.url}/records.json")
    assert (status, lines[-1]) == (0, f"here {count}, there {count}, differences 0")
    school.require_sound_ledgers()

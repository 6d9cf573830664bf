"""From a worker's minutes to an exam system's books and back: rejected once, accepted, corrected, revoked, reconciled.

The exam system is the simulator, a process of its own that knows the product by its doors alone. The outline of the
demonstration is made to ask for no hours here, so that the first minute already makes somebody eligible.
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

from elearn.credit_export import records, steps
from elearn.credit_export.exam_system import deliveries
from elearn.credit_export.exam_system.receivers import find_receiver
from elearn.credit_export.lifecycle import Act
from elearn.credit_export.models import EligibilityRecord
from elearn.db import new_id
from elearn.demo.example import OUTLINE
from elearn.people import persons
from elearn.people.callers import Caller, Grant
from elearn.people.identity import Keys
from elearn.people.models import Role
from tests.journeys.exam_system import ExamSystem, an_exam_system
from tests.journeys.running import clean_environment
from tests.journeys.school import Learner, School, a_running_school, right_answers
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("exam system")]

SOON_S = 120
"""Pushes wait up to twenty seconds after a failure; the rest is a busy machine."""


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with a_running_school(tmp_path_factory.mktemp("examined")) as made:
        with made.database() as session:
            session.execute(sa.text("UPDATE elearn.outline_item SET required_hours = 0"))
            session.commit()
        made.product.run(
            "eligibility", "rules", "add", "CN", "--submit", "automatic", "--no-regulator", "--grant", "automatic"
        )
        yield made


def staff(school: School, role: Role, organisation_id: UUID | None = None) -> Caller:
    """Somebody who may act in this role."""
    with school.database() as session:
        keys = Keys(sealing=school.settings.sealing_key, index=school.settings.index_key)
        person = persons.add_staff(session, name="工作人员", keys=keys, at=datetime.now(UTC))
        session.commit()
        grant = Grant(role, organisation_id, None)
        return Caller(new_id(), person.id, "", must_change=False, grants=(grant,), browser_session_id=None)


def study(school: School, learner: Learner, ms: int) -> None:
    """Watch the long lesson for so long, pass the check, and wait until it counts."""
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
    wait_for(
        lambda: recorded_ms(school, learner) == school.believed(learner)["final"],
        seconds=school.credited_s,
        what="a record of all that was watched",
    )


def newest(school: School, learner: Learner) -> EligibilityRecord | None:
    with school.database() as session:
        found = list(records.newest_records(session, [learner.person_id]).values())
        for one in found:
            session.expunge(one)
        return found[0] if found else None


def recorded_ms(school: School, learner: Learner) -> int:
    """What the newest record says; there may be one after each check that was passed."""
    record = newest(school, learner)
    return int(record.hours["online_theory_ms"]) if record else 0


def delivered(school: School, exam: ExamSystem, record_id: UUID) -> str | None:
    """How the version stands with the exam system, in our own books."""
    with school.database() as session:
        receiver = find_receiver(session, exam.client_id)
        assert receiver is not None
        return deliveries.states(session, receiver.id, [record_id]).get(record_id)


def reconcile(school: School, exam: ExamSystem, source: str) -> tuple[int, str]:
    """Status and words of `elearn exam reconcile`."""
    done = subprocess.run(
        [*school.product.elearn, "exam", "reconcile", exam.client_id, source, "--private"],
        env=clean_environment(**school.product.env),
        cwd=school.product.data_dir.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_workers_minutes_become_a_record_that_an_exam_system_acts_on(school: School, tmp_path: Path) -> None:
    learner = school.a_learner()
    manager = staff(school, Role.INSTITUTION_MANAGER, UUID(school.example.institution_id))
    operator = staff(school, Role.OPERATOR)
    with an_exam_system(school.product, tmp_path / "exam", outline=OUTLINE) as exam:
        # It is away at first, then takes the push and loses its answer; it rejects the first thing it hears of.
        exam.plan(
            pull=False,
            pushes=[{"do": "away"}, {"do": "lose_answer"}],
            decisions=[{"do": "reject", "code": "PHOTO_MISSING", "detail": "没有照片"}],
        )
        year = datetime.now(UTC).astimezone().year
        exam.start("--log", f"{school.base}/ledger/{year}")

        study(school, learner, 6_000)
        first = newest(school, learner)
        assert first is not None
        with school.database() as session:
            steps.act(session, first.id, Act.CHECK, caller=manager, reason="", note="", at=datetime.now(UTC))
            session.commit()

        granted = [(first.version, "granted", "rejected")]
        wait_for(lambda: exam.holds() == granted, seconds=SOON_S, what="a push of the grant")
        wait_for(lambda: exam.answers() == [("rejected", "taken")], seconds=SOON_S, what="its receipt")
        assert delivered(school, exam, first.id) == "rejected"
        wait_for(lambda: exam.state()["messages"][0]["times"] == 2, seconds=SOON_S, what="the push once more")
        assert len(exam.answers()) == 1, "the same message is one message"

        exam.plan(pull=False)
        exam.ask("POST", "/decide", {"record_id": str(first.id)})
        wait_for(lambda: delivered(school, exam, first.id) == "accepted", seconds=SOON_S, what="its second thought")

        # More hours: a new version takes the place of the first, and what people did for that one holds.
        study(school, learner, 6_000)
        second = newest(school, learner)
        assert second is not None
        assert second.version > first.version
        before = [(version, "withdrawn", "accepted") for version in range(first.version, second.version)]
        corrected = [*before, (second.version, "granted", "accepted")]
        wait_for(lambda: exam.holds() == corrected, seconds=SOON_S, what="the correction")
        wait_for(lambda: delivered(school, exam, first.id) == "withdrawn", seconds=SOON_S, what="the notice")

        # Revoked, by two people of two sides.
        with school.database() as session:
            now = datetime.now(UTC)
            made = steps.propose(
                session, second.id, Act.REVOKE, caller=manager, reason="HOURS_VOIDED", note="误记", at=now
            )
            steps.answer(session, second.id, made.id, confirm=True, caller=operator, note="", at=now)
            session.commit()
        revoked = [*before, (second.version, "withdrawn", "accepted")]
        wait_for(lambda: exam.holds() == revoked, seconds=SOON_S, what="the withdrawal")
        wait_for(lambda: delivered(school, exam, second.id) == "withdrawn", seconds=SOON_S, what="that it knows")
        wait_for(lambda: {answer for _, answer in exam.answers()} == {"taken"}, seconds=SOON_S, what="all receipts")
        later = ["withdrawn", "accepted"] * (second.version - first.version)
        assert [outcome for outcome, _ in exam.answers()] == ["rejected", "accepted", *later, "withdrawn"]

        # It pulls all of that once more and believes the same; both sides' books agree.
        exam.plan()
        with school.database() as session:
            count = session.scalar(sa.select(sa.func.count()).select_from(EligibilityRecord))
        wait_for(lambda: len(exam.holds()) == count, seconds=SOON_S, what="all records, also those nobody has granted")
        decided = [one for one in exam.holds() if one[2] is not None]
        assert [(version, outcome) for version, _, outcome in decided] == [(one[0], "accepted") for one in revoked]
        status, said = reconcile(school, exam, f"{exam.url}/records.json")
        assert (status, said.splitlines()[-1]) == (0, f"here {count}, there {count}, differences 0")

        # A list that somebody edited by hand.
        held = exam.ask("GET", "/records.json")["records"]
        edited = tmp_path / "edited.json"
        held[-1] |= {"status": "granted", "outcome": "rejected"}
        edited.write_text(json.dumps(held))
        status, said = reconcile(school, exam, str(edited))
        assert status == 1
        assert [line.split("\t")[0] for line in said.splitlines()[:-1]] == ["still_held", "receipt_differs"]

        # Its monitor has read the whole log and found nothing wrong.
        wait_for(lambda: (exam.state()["log"] or {}).get("checked", 0) > 0, seconds=SOON_S, what="a look at the log")
        log = exam.state()["log"]
        assert log["alarms"] == []
        assert log["checked"] == log["size"]
        assert exam.state()["trouble"] == ""
    school.require_sound_ledgers()

"""The walk's second half: what both sides do with a record, from the witnesses' cosignatures until their books agree.

People of the institution and of the regulator act on their pages; the exam system is a process of its own that rejects
once by plan. Figures are read from our database and from what the exam system says of itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from elearn.credit_export.exam_system import reconciling, standing
from elearn.credit_export.exam_system.receivers import get_receiver
from elearn.credit_export.ledger.notes import read_note
from elearn.credit_export.ledger.quorum import Distrusted, Trust
from elearn.credit_export.lifecycle import Act, State, Why
from elearn.demo.admission import OFFICER, SMALL
from elearn.demo.neighbours import ExamSystem, Neighbours
from elearn.demo.transport import HttpTransport
from elearn.demo.waiting import wait_until

if TYPE_CHECKING:
    from elearn.demo.walk import Walk

PATIENCE_S = 60.0
"""For one arrow; pushes go out every five seconds, the exam system does its round every second."""
NO_LONGER_HELD = ("withdrawn", "superseded", "revoked")
"""As the exam system has it from a notice, or from the feed, whichever came first."""
REJECTION = {"do": "reject", "code": "PHOTO_MISSING", "detail": "没有照片"}


@dataclass(slots=True)
class Told:
    """One record between two sides. The exam system pulls nothing until its time comes: what it has, was pushed."""

    walk: Walk
    neighbours: Neighbours
    exam: ExamSystem
    desks: dict[str, HttpTransport] = field(default_factory=dict)
    """Who is signed in, by name."""

    @property
    def learner(self) -> UUID:
        return UUID(self.walk.example.worker_ids[0])

    def go(self) -> None:
        self.exam.plan(pull=False, decisions=[REJECTION])
        self._witnesses()
        self._monitor()
        first = self._granted(self._newest())
        self._pushed(first)
        self._accepted_on_second_thought(first)
        self._pulled(first)
        second = self._corrected(first)
        self._revoked(second)
        self._reconciled()

    # -- the log

    def _witnesses(self) -> None:
        trust = Trust.read(self.neighbours.policy.read_bytes())
        place = f"/ledger/{self.neighbours.year}/checkpoint"
        note = read_note(self.walk.transport()("GET", place, headers={}, body=None).body)
        try:
            checkpoint = trust.require(note, now_s=int(time.time()), max_age_s=3600)
        except Distrusted as error:
            self.walk.arrow("witnesses", False, str(error))
            return
        times = ", ".join(
            f"{name} at {datetime.fromtimestamp(at_s, UTC):%H:%M:%S}Z" for name, at_s in trust.cosigned(note).items()
        )
        ((witnessed, waiting),) = self.walk.rows(
            """SELECT (SELECT witnessed FROM elearn.eligibility_record r JOIN elearn.outline o ON o.id = r.outline_id
                       WHERE r.person_id = :learner AND o.code = :small ORDER BY r.version DESC LIMIT 1),
                      (SELECT count(*) FROM elearn.hours_entry WHERE leaf_index >= :size)""",
            learner=self.learner,
            small=SMALL,
            size=checkpoint.size,
        )
        self.walk.arrow(
            "witnesses",
            bool(witnessed) and waiting == 0,
            f"checkpoint of {checkpoint.size} leaves cosigned by {times}; "
            f"the record says witnessed: {str(witnessed).lower()}",
        )

    def _monitor(self) -> None:
        """The exam system's own one, which mirrors the log and adds up again."""
        size = self.walk.rows("SELECT max(size) FROM elearn.ledger_checkpoint")[0][0]

        def found() -> dict[str, Any]:
            return self.exam.state()["log"] or {}

        read = self._until(lambda: found().get("checked", 0) >= size)
        log = found()
        self.walk.arrow(
            "monitor",
            read and log["alarms"] == [],
            f"the exam system's own read {log.get('checked', 0)} leaves again: {len(log.get('alarms', []))} alarms",
        )

    # -- a record

    def _newest(self) -> UUID:
        """The newest version of the example category's record."""
        ((record_id,),) = self.walk.rows(
            """SELECT r.id FROM elearn.eligibility_record r JOIN elearn.outline o ON o.id = r.outline_id
               WHERE r.person_id = :learner AND o.code = :small ORDER BY r.version DESC LIMIT 1""",
            learner=self.learner,
            small=SMALL,
        )
        return UUID(str(record_id))

    def _granted(self, record_id: UUID) -> UUID:
        rule = self._admit(record_id)
        self.walk.arrow(
            "granted",
            self._state(record_id) == State.GRANTED,
            f"submitted by the platform, checked by manager, verified by {OFFICER}, granted by rule {rule}",
        )
        return record_id

    def _admit(self, record_id: UUID) -> str:
        """By two people of two sides, as the region's rule asks; answers which rule."""
        self._act("manager", record_id, Act.CHECK)
        self._act(OFFICER, record_id, Act.VERIFY)
        rows = self.walk.rows(
            "SELECT rule FROM elearn.eligibility_step WHERE record_id = :record ORDER BY number DESC LIMIT 1",
            record=record_id,
        )
        return str(rows[0][0])

    def _pushed(self, record_id: UUID) -> None:
        began = time.monotonic()
        rejected = self._until(lambda: self._delivered(record_id) == "rejected")
        state = self.exam.state()
        self.walk.arrow(
            "push",
            [one["times"] for one in state["messages"]] == [1] and self._held(record_id)[0] == State.GRANTED,
            f"{len(state['messages'])} message taken, both its signatures hold, "
            f"{time.monotonic() - began:.0f} s after the grant",
        )
        receipt = state["receipts"][0] if state["receipts"] else {}
        self.walk.arrow(
            "reject once", rejected, f"receipt {_said(receipt)} taken; in our books {self._delivered(record_id)}"
        )

    def _accepted_on_second_thought(self, record_id: UUID) -> None:
        self.exam.plan(pull=False)
        self.exam.ask("POST", "/decide", {"record_id": str(record_id)})
        accepted = self._until(lambda: self._delivered(record_id) == "accepted")
        receipt = self.exam.state()["receipts"][-1]
        self.walk.arrow(
            "accept", accepted, f"receipt {_said(receipt)} taken; in our books {self._delivered(record_id)}"
        )

    def _pulled(self, record_id: UUID) -> None:
        before = self.exam.state()
        changes = self.exam.ask("POST", "/pull")["changes"]
        state = self.exam.state()
        same = state["receipts"] == before["receipts"] and self._held(record_id) == (State.GRANTED, "accepted")
        self.exam.plan()
        self.walk.arrow(
            "pull",
            changes > 0 and same,
            f"{changes} changes up to cursor {state['cursor']}, {len(state['records'])} records; "
            "what was pushed before is the same, no second receipt",
        )

    def _corrected(self, first: UUID) -> UUID:
        self._by_two(first, Act.CORRECT, Why.DATA_WRONG, "单位名称写错，更正后重新审核")
        second = self._newest()
        self._admit(second)
        held = self._until(lambda: (self._delivered(first), self._delivered(second)) == ("withdrawn", "accepted"))
        self.walk.arrow(
            "correct",
            held and second != first and self._held(first)[0] in NO_LONGER_HELD,
            f"{Why.DATA_WRONG} by two people: version {self._version(first)} {self._state(first)}, "
            f"version {self._version(second)} {self._state(second)}; there {self._delivered(first)} and "
            f"{self._delivered(second)}",
        )
        return second

    def _revoked(self, record_id: UUID) -> None:
        self._by_two(record_id, Act.REVOKE, Why.GRANTED_IN_ERROR, "演示撤销")
        known = self._until(lambda: self._delivered(record_id) == "withdrawn")
        receipt = self.exam.state()["receipts"][-1]
        self.walk.arrow(
            "revoke",
            known and self._state(record_id) == State.REVOKED and self._held(record_id)[0] in NO_LONGER_HELD,
            f"{Why.GRANTED_IN_ERROR} by two people: version {self._version(record_id)} {self._state(record_id)}; "
            f"withdrawal notice acknowledged by receipt {_said(receipt)}",
        )

    def _reconciled(self) -> None:
        session = self.walk.session

        def compared() -> tuple[int, int, list[reconciling.Difference]]:
            session.rollback()
            receiver = get_receiver(session, self.walk.example.client_id)
            ours = standing.of_receiver(session, receiver.id)
            theirs = reconciling.read_list(json.dumps(self.exam.ask("GET", "/records.json")))
            return len(ours), len(theirs), reconciling.compare(ours, theirs)

        self._until(lambda: compared()[0] == compared()[1] and not compared()[2])
        here, there, differences = compared()
        self.walk.arrow(
            "reconcile",
            here == there and not differences,
            f"records here {here}, there {there}, differences {len(differences)}",
        )

    # -- people's steps, on their pages

    def _by_two(self, record_id: UUID, act: Act, why: Why, note: str) -> None:
        """The institution proposes, the regulator confirms."""
        self._act("manager", record_id, act, {"reason": why.value, "note": note})
        ((proposal,),) = self.walk.rows(
            "SELECT id FROM elearn.eligibility_proposal WHERE record_id = :record ORDER BY at DESC LIMIT 1",
            record=record_id,
        )
        self._post(OFFICER, record_id, f"proposals/{proposal}", {"answer": "confirm", "note": ""})

    def _act(self, who: str, record_id: UUID, act: Act, fields: Mapping[str, str] | None = None) -> None:
        self._post(who, record_id, act.value, fields or {})

    def _post(self, who: str, record_id: UUID, what: str, fields: Mapping[str, str]) -> None:
        page = f"/eligibility/{record_id}"
        answer = self._desk(who).form(page, fields, to=f"{page}/{what}")
        if answer.status != 303:
            raise RuntimeError(f"{who} {what}: {answer.status}")

    def _desk(self, who: str) -> HttpTransport:
        if who not in self.desks:
            sign_in = next(one for one in self.walk.example.sign_ins if one.name == who)
            self.desks[who] = self.walk.transport()
            self.desks[who].sign_in(sign_in.name, sign_in.password)
        return self.desks[who]

    # -- how it stands

    def _state(self, record_id: UUID) -> str:
        rows = self.walk.rows(
            "SELECT to_state FROM elearn.eligibility_step WHERE record_id = :record ORDER BY number DESC LIMIT 1",
            record=record_id,
        )
        return str(rows[0][0])

    def _version(self, record_id: UUID) -> int:
        rows = self.walk.rows("SELECT version FROM elearn.eligibility_record WHERE id = :record", record=record_id)
        return int(rows[0][0])

    def _delivered(self, record_id: UUID) -> str | None:
        """How it stands with the exam system, in our books."""
        rows = self.walk.rows(
            "SELECT state FROM elearn.delivery_event WHERE record_id = :record ORDER BY step DESC LIMIT 1",
            record=record_id,
        )
        return str(rows[0][0]) if rows else None

    def _held(self, record_id: UUID) -> tuple[str, str | None]:
        """The same in the exam system's books: what it holds it for, and its own decision."""
        records = self.exam.ask("GET", "/records.json")["records"]
        found = [one for one in records if one["record_id"] == str(record_id)]
        return (found[0]["status"], found[0]["outcome"]) if found else ("", None)

    @staticmethod
    def _until(holds: Callable[[], bool]) -> bool:
        """Whether it holds at last."""
        return wait_until(holds, seconds=PATIENCE_S, every_s=0.25)


def _said(receipt: Mapping[str, Any]) -> str:
    """`R-1 rejected PHOTO_MISSING 没有照片`."""
    return " ".join(str(receipt[name]) for name in ("receipt_id", "outcome", "code", "detail") if receipt.get(name))

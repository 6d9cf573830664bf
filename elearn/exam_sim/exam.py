"""What the simulator does with what it hears: believes, decides, sends receipts. The same thing twice is once.

What is older than what it knows of a record changes nothing, whatever order things come in. It decides about a record
when it is granted, and says that it knows when one is withdrawn that it held.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elearn import webhooks
from elearn.exam_sim import plan as planning
from elearn.exam_sim.beliefs import Belief, Beliefs
from elearn.exam_sim.client import ExamClient, Forged, Unreachable
from elearn.exam_sim.plan import Decide, Plan

logger = logging.getLogger(__name__)

GRANTED, WITHDRAWN = "granted", "withdrawn"
ENDED = frozenset({"suspended", "revoked", "superseded", WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Told:
    """A record, as it was heard of."""

    cursor: int
    record: dict[str, Any]
    withdrawn: bool = False


class Exam:
    def __init__(
        self,
        beliefs: Beliefs,
        client: ExamClient,
        *,
        secret: Callable[[], str],
        plan_file: Path | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.beliefs = beliefs
        self.client = client
        self._secret = secret
        self._plan_file = plan_file
        self._now_s = now_s
        self._pulling = threading.Lock()

    def plan(self) -> Plan:
        """As it stands in the file now; PlanRefused says what is wrong with it."""
        if self._plan_file is None or not self._plan_file.exists():
            return Plan()
        return planning.read_plan(self._plan_file.read_text(encoding="utf-8"))

    def hear(self, headers: dict[str, str], body: bytes) -> bool:
        """Take a push in; whether it is new. Raises WebhookRefused, Forged, Unreachable."""
        secret = self._secret()
        if not secret:
            raise Unreachable("nobody has told us the secret of pushes yet")
        message_id = webhooks.require(secret, headers, body, now_s=int(self._now_s()))
        message = json.loads(body)
        data = message["data"]
        self.client.require_record(data["jws"], data["record"])
        with self.beliefs.deciding():
            if self.beliefs.had(message_id, message["type"]):
                return False
            self._believe(Told(int(data["cursor"]), data["record"], withdrawn="withdrawal" in data))
            return True

    def pull(self) -> int:
        """Read the feed to its end; how many changes there were. Raises Unreachable, Forged."""
        count = 0
        with self._pulling:
            while True:
                page = self.client.changes(self.beliefs.kept("cursor", "0"))
                with self.beliefs.deciding():
                    for change in page["changes"]:
                        self._believe(Told(int(change["cursor"]), change["record"]))
                    self.beliefs.keep("cursor", page["next_cursor"])
                count += len(page["changes"])
                if not page["more"]:
                    return count

    def _believe(self, told: Told) -> None:
        record = told.record
        before = self.beliefs.record(record["record_id"])
        if before is not None and (before.cursor, before.status == WITHDRAWN) >= (told.cursor, told.withdrawn):
            return
        status = WITHDRAWN if told.withdrawn else record["status"]
        held = before is not None and before.status == GRANTED
        now = Belief(
            record["record_id"],
            record["version"],
            told.cursor,
            status,
            before.outcome if before else None,
            record,
        )
        self.beliefs.put(now)
        if status == GRANTED and not held:
            self._decide(now)
        elif status in ENDED and (held or (before is not None and before.status == "suspended")):
            self._reply(now, "withdrawn")

    def _decide(self, one: Belief) -> None:
        decision = planning.decision(self.plan(), self.beliefs.count("decisions"))
        if decision.do is Decide.NOTHING:
            return
        outcome = "accepted" if decision.do is Decide.ACCEPT else "rejected"
        self.beliefs.put(replace(one, outcome=outcome))
        code = None if decision.do is Decide.ACCEPT else decision.code or "OTHER"
        self._reply(one, outcome, code, decision.detail)

    def decide_again(self, record_id: str) -> bool:
        """Think about a record once more, by the plan's next step."""
        with self.beliefs.deciding():
            found = self.beliefs.record(record_id)
            if found is None or found.status != GRANTED:
                return False
            self._decide(found)
            return True

    def _reply(self, one: Belief, outcome: str, code: str | None = None, detail: str | None = None) -> None:
        body = {"record_id": one.record_id, "version": one.version, "outcome": outcome}
        body |= {name: value for name, value in (("code", code), ("detail", detail)) if value is not None}
        self.beliefs.add_receipt(body, due_s=self._now_s() + self.plan().receipts.after_s)

    def send_receipts(self) -> int:
        """Send what is due; how many. Raises Unreachable."""
        how = self.plan().receipts
        if how.hold:
            return 0
        due = self.beliefs.due(now_s=self._now_s(), times=how.times, newest_first=how.newest_first)
        if due:
            answers = self.client.send_receipts([one.body for one in due])
            for one, answer in zip(due, answers, strict=True):
                self.beliefs.answered(one.number, answer)
        return len(due)

    def look(self) -> None:
        """One round of its own work; what goes wrong is kept to be shown, and the next round tries again."""
        try:
            if self.plan().pull:
                self.pull()
            self.send_receipts()
        except (Unreachable, Forged, planning.PlanRefused) as error:
            logger.warning("the exam system could not go on: %s", error)
            self.beliefs.keep("trouble", f"{type(error).__name__}: {error}")
        else:
            self.beliefs.keep("trouble", "")

    def listed(self) -> list[dict[str, Any]]:
        """What it holds, as a reconciliation wants it: no personal data."""
        return [
            {"record_id": one.record_id, "version": one.version, "status": one.status, "outcome": one.outcome}
            for one in self.beliefs.records()
        ]

    def state(self) -> dict[str, Any]:
        """All that it believes and did, for tests and for the page."""
        return {
            "records": self.listed(),
            "messages": [{"id": id_, "type": kind, "times": times} for id_, kind, times in self.beliefs.messages()],
            "receipts": self.beliefs.receipts(),
            "cursor": self.beliefs.kept("cursor", "0"),
            "counted": {name: int(self.beliefs.kept(name, "0")) for name in ("pushes", "decisions")},
            "trouble": self.beliefs.kept("trouble"),
            "log": json.loads(self.beliefs.kept("log", "null")),
        }

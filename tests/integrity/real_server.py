"""The real application as the scripted players' server: every call below is HTTP, as docs/player-protocol.md has it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from elearn.clock import from_ms
from elearn.demo.scripted_player import VIDEO, Answer, Device, ScriptedPlayer, unbase64url
from elearn.people.devices import NEW_A_DAY
from elearn.tracking.pacing import Forbidden, Given, KeyDecision, Wait
from elearn.tracking.spans import Span, merge
from elearn.tracking.verifier import Refusal, Report
from tests.builders_tracking import RIGHT, WRONG
from tests.conftest import ManualClock
from tests.integrity.school import Browser, School, Unit
from tests.tracking.pure.script import BLOCK_MS

CM_OPEN_MS = 5_000_000
"""What the clients' monotonic clocks show at opening: not zero, since a page may be old."""
CODES = {
    "bad_token": Refusal.BAD_TOKEN,
    "not_your_sitting": Refusal.BAD_TOKEN,
    "not_found": Refusal.BAD_TOKEN,
    "stale_nonce": Refusal.STALE,
}
"""The door's own errors in the corpus' words; any other stands for itself."""
NEVER_MS = 2**62


@dataclass
class Sitting:
    """One sitting as its client knows it."""

    sid: str
    learner: str
    unit: str
    player: ScriptedPlayer
    skew_ms: int
    statements: dict[Report, str] = field(default_factory=dict)
    """What was said already: said again, it is the same to the byte."""
    digests: dict[int, str] = field(default_factory=dict)
    over: bool = False


class RealServer:
    """Plays for one story. It knows what clients know: what they sent, and what they were answered."""

    def __init__(self, school: School, clock: ManualClock, units: Mapping[str, int]) -> None:
        self.units = dict(units)
        self.delivered: defaultdict[tuple[str, str], tuple[Span, ...]] = defaultdict(tuple)
        self.reasons: Counter[str] = Counter()
        self.sittings: dict[str, Sitting] = {}
        self._school, self._clock = school, clock
        self._registered: dict[str, Unit] = {
            name: school.unit(f"{name} {ms // 1_000} s", ms, block_ms=BLOCK_MS) for name, ms in units.items()
        }
        self._accounts: dict[str, UUID] = {}
        self._browsers: dict[tuple[str, str], Browser] = {}
        self._devices: defaultdict[str, Device] = defaultdict(Device)
        self._newest: dict[str, Sitting] = {}
        self._pending: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._frontier: dict[tuple[str, str], int] = {}
        self._not_before: defaultdict[str, dict[tuple[str, int], int]] = defaultdict(dict)

    # -- what clients know

    @property
    def learners(self) -> Sequence[str]:
        return list(self._newest)

    def live(self, learner: str) -> Sequence[Sitting]:
        newest = self._newest.get(learner)
        return [] if newest is None or newest.over else [newest]

    def frontier_ms(self, learner: str, unit: str) -> int:
        return self._frontier.get((learner, unit), 0)

    def pending_ms(self, learner: str) -> int:
        return sum(self._pending[learner].values())

    def person_ids(self) -> dict[str, UUID]:
        return {name: self._school.person_of(account_id) for name, account_id in self._accounts.items()}

    def newest_of_each_unit(self) -> dict[tuple[str, str], Sitting]:
        """(learner, unit) -> the last sitting opened there."""
        return {(sitting.learner, sitting.unit): sitting for sitting in self.sittings.values()}

    # -- what clients do

    def open(
        self, sid: str, learner: str, unit: str, device: str, *, cm_ms: int, now_ms: int, skew_ms: int = 0
    ) -> None:
        """Sign in and enrol the device where that is needed, then `POST /sittings`."""
        self._clock.now = from_ms(now_ms)
        known = [theirs for person, theirs in self._browsers if person == learner]
        if device not in known and len(known) == NEW_A_DAY:
            device = known[0]  # nobody brings more new keys in a day: further sittings are opened with an old one
        browser = self._browsers.get((learner, device))
        signing = self._devices[device]
        if browser is None:
            if learner not in self._accounts:
                self._accounts[learner] = self._school.learner()
            browser = self._browsers[learner, device] = Browser(self._school, self._accounts[learner])
            ScriptedPlayer(browser, browser.headers, device=signing).enrol()
        player = ScriptedPlayer(browser, browser.headers, device=signing, cm=CM_OPEN_MS + cm_ms)
        player.open(self._registered[unit].id)
        opened = Sitting(sid, learner, unit, player, skew_ms)
        self.sittings[sid] = self._newest[learner] = opened
        self._learn(opened)

    def close(self, sid: str, *, now_ms: int) -> None:
        """`POST /sittings/<sid>/close`."""
        self._clock.now = from_ms(now_ms)
        sitting = self.sittings[sid]
        sitting.player.close()
        sitting.over = True
        self._learn(sitting)

    def licence(self, sid: str) -> None:
        """`POST /sittings/<sid>/licence`: all keys of the unit, as far as the sitting may have them."""
        sitting = self.sittings[sid]
        player, unit = sitting.player, self._registered[sitting.unit]
        answer = player.call("POST", player.at("/licence"), {})
        if answer.status != 201:
            self._note_error(answer)
            return
        player.state = answer.json()
        opened = player.device.open_licence(player.state["licence"]["jwe"])
        if [unbase64url(key) for key in opened["keys"]] != list(unit.keys):
            raise AssertionError("the licence came with other keys")
        self.delivered[sitting.learner, sitting.unit] = (Span(0, self.units[sitting.unit]),)
        self._learn(sitting)

    def key(self, sid: str, block: Span, *, now_ms: int) -> KeyDecision:
        """`GET /sittings/<sid>/keys/<index>`, again and again until the key is given.

        What could only be answered "too early" again is left out: before Retry-After, unless in the meantime anything
        more was believed or a check was decided, nothing but real time has raised the limit.
        """
        sitting, index = self.sittings[sid], block.start_ms // BLOCK_MS
        waits = self._not_before[sitting.learner]
        until_ms = waits.get((sid, index), 0)
        if now_ms < until_ms:
            return Wait(max(1, (until_ms - now_ms) // 1_000))
        self._clock.now = from_ms(now_ms)
        answer = sitting.player.ask_key(index)
        if answer.status == 200:
            if answer.body != self._registered[sitting.unit].keys[index]:
                raise AssertionError(f"block {index} came with another block's key")
            where = (sitting.learner, sitting.unit)
            self.delivered[where] = merge([*self.delivered[where], block])
            return Given(new=True)
        if answer.status == 425:
            retry_after_s = int(answer.headers["retry-after"])
            waits[sid, index] = now_ms + retry_after_s * 1_000
            return Wait(retry_after_s)
        self._note_error(answer)
        sitting.over = True
        waits[sid, index] = NEVER_MS
        return Forbidden()

    def message(
        self, sid: str, reports: Sequence[Report], *, key: str | None, now_ms: int, length_ms: int | None = None
    ) -> None:
        """`POST /sittings/<sid>/reports`; what is not sent at one moment of the client's clock goes separately."""
        self._clock.now = from_ms(now_ms)
        sitting = self.sittings.get(sid)
        if sitting is None:
            self._speak_for_nobody(reports)
            return
        together: list[Report] = []
        for report in reports:
            if together and together[-1].sent_cm_ms != report.sent_cm_ms:
                self._send(sitting, together, key, length_ms)
                together = []
            together.append(report)
        self._send(sitting, together, key, length_ms)

    def presence(self, learner: str, *, passed: bool, now_ms: int) -> None:
        """Ask for the check and answer it: right, or wrong twice. Without anything to confirm there is no check."""
        self._clock.now = from_ms(now_ms)
        sitting = self._newest.get(learner)
        if sitting is None:
            return
        player = sitting.player
        asked = player.call("POST", player.at("/checks"), {})
        if asked.status == 409 and asked.json()["error"] == "nothing_pending":
            return
        if asked.status != 201:
            self._note_error(asked)
            return
        check = asked.json()["check"]
        if passed:
            outcome = player.answer(check, RIGHT)["outcome"]
        else:
            player.answer(check, WRONG)
            outcome = player.answer(check, RIGHT[:1])["outcome"]
        if outcome != ("passed" if passed else "failed"):
            raise AssertionError(f"the check was {outcome}")
        self._pending[learner].clear()
        self._not_before[learner].clear()
        self._learn(sitting)

    # -- inside

    def _send(self, sitting: Sitting, reports: Sequence[Report], key: str | None, length_ms: int | None) -> None:
        known = {report for report in reports if replace(report, sent_cm_ms=0) in sitting.statements}
        statements = [self._statement(sitting, report, length_ms) for report in reports]
        player = sitting.player
        whole = player.message(statements, sent_cm=CM_OPEN_MS + reports[0].sent_cm_ms)
        if key is not None:
            signing = self._devices[key]
            whole["reports"] = [
                {"statement": one, "sig": signing.sign(player.sid, whole["nonce"], one)} for one in statements
            ]
        answer = player.call("POST", player.at("/reports"), whole)
        if answer.status != 200:
            self._note_error(answer)
            return
        player.state = answer.json()
        self._learn(sitting)
        if any(result["credited_ms"] for result in player.state["results"]):
            self._not_before[sitting.learner].clear()
        for report, result in zip(reports, player.state["results"], strict=True):
            if report in known and result["outcome"] == "ignored":
                self.reasons[Refusal.DUPLICATE] += 1

    def _statement(self, sitting: Sitting, report: Report, length_ms: int | None) -> str:
        """The report as its client says it; `prev` names the statement before it as far as there is one."""
        said = replace(report, sent_cm_ms=0)
        if said not in sitting.statements:
            player = sitting.player
            made = player.make(
                seq=report.seq,
                a=report.a_ms,
                b=report.b_ms,
                cm=CM_OPEN_MS + report.cm_ms,
                play=report.play_ms,
                hidden=report.hidden_ms,
                prev=sitting.digests.get(report.seq - 1),
            )
            player.queue.clear()
            statement: dict[str, Any] = json.loads(made)
            wall = from_ms(round(self._clock.now.timestamp() * 1_000) + sitting.skew_ms)
            statement["timestamp"] = wall.isoformat(timespec="milliseconds")
            if length_ms is not None:
                statement["context"]["extensions"][VIDEO + "length"] = length_ms / 1_000
                statement["result"]["completion"] = report.b_ms >= length_ms
            whole = json.dumps(statement, ensure_ascii=False)
            sitting.statements[said] = whole
            sitting.digests[report.seq] = sha256(whole.encode()).hexdigest()
        return sitting.statements[said]

    def _speak_for_nobody(self, reports: Sequence[Report]) -> None:
        """Reports for a sitting the server never opened, from somebody who is signed in."""
        sitting = next(reversed(self.sittings.values()))
        player, invented = sitting.player, str(uuid4())
        statements = [self._statement(replace(sitting, statements={}, digests={}), one, None) for one in reports]
        body = player.message(statements, sid=invented)
        self._note_error(player.call("POST", f"{player.sittings_path}/{invented}/reports", body, X_Sitting="invented"))

    def _learn(self, sitting: Sitting) -> None:
        state = sitting.player.state
        self._pending[sitting.learner][sitting.unit] = state["pending_ms"]
        self._frontier[sitting.learner, sitting.unit] = state["frontier_ms"]

    def _note_error(self, answer: Answer) -> None:
        code = answer.json()["error"] if answer.status >= 400 else f"status {answer.status}"
        self.reasons[CODES.get(code, code)] += 1

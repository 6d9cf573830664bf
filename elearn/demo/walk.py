"""The main job, walked from the phone to the exam system, one line for every arrow of the picture.

What becomes of the record then, between the two sides, is the walk's second half: `told.py`.

Everything goes over HTTP to a running server, except the figures at the end of each line, which are read from the
database to show what really stands there.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from elearn.courses.models import Unit
from elearn.credit_export.hours import as_text, named, shown_tenths
from elearn.credit_export.ledger_check import check_everything
from elearn.demo import browser
from elearn.demo.admission import SMALL
from elearn.demo.example import OUTLINE, questions
from elearn.demo.kept import Example, SignIn
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.demo.transport import HttpTransport
from elearn.demo.waiting import wait_until
from elearn.training import checking

Say = Callable[[str], None]

CREDITED_S = 150
"""A minute of evidence, the job that looks every few seconds, a checkpoint every ten: twice that."""


@dataclass(slots=True)
class Walk:
    """One walk; `broken` collects the arrows that did not hold."""

    base: str
    transport: Callable[[], HttpTransport]
    session: Session
    example: Example
    say: Say
    broken: list[str] = field(default_factory=list)

    def arrow(self, name: str, holds: bool, text: str) -> None:
        self.say(f"  {'ok ' if holds else 'NOT'} {name:<16} {text}")
        if not holds:
            self.broken.append(name)

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        self.session.rollback()  # a new snapshot each time
        return self.session.execute(sa.text(query), values).all()

    def go(self, then: Callable[[], None]) -> bool:
        """Walk, the second half by `then`; True when every arrow held."""
        worker, other = self.example.sign_ins[0], self.example.sign_ins[1]
        learner = UUID(self.example.worker_ids[0])
        unit = self.session.get_one(Unit, UUID(self.example.small_unit_id))
        duration_ms, unit_id = unit.duration_ms, str(unit.id)
        path = browser.find_chromium()
        self.say(
            f"{worker.name} watches {duration_ms / 1000:.1f} s at normal speed "
            + (f"in Chromium at 360x800 ({path})" if path else "by a SCRIPTED client: no browser was found here")
        )
        said = self._in_browser(path, worker, unit_id, duration_ms) if path else self._scripted(worker, unit_id)
        self._figures(learner, unit_id, duration_ms, said)
        self._cheat(other, unit_id)
        self._exam_system(learner)
        then()
        differences = check_everything(self.session)
        self.arrow("ledger check", not differences, f"{len(differences)} differences after recomputing everything")
        now = self.rows("SELECT clock_timestamp()")[0][0]
        found = [*checking.assignments(self.session, now=now), *checking.figures(self.session, now=now)]
        self.arrow("training check", not found, f"{len(found)} differences between the ledger, assignments and figures")
        return not self.broken

    # -- watching

    def _in_browser(self, path: str, worker: SignIn, unit_id: str, duration_ms: int) -> str:
        with browser.chromium(path) as opened, browser.phone(opened) as phone:
            phone.sign_in(self.base, worker.name, worker.password)
            phone.open_lesson(self.base, unit_id)
            phone.play()
            phone.wait_for_check(timeout_s=duration_ms / 1000 * 1.5 + 60)
            return phone.answer_check(questions(duration_ms))

    def _scripted(self, worker: SignIn, unit_id: str) -> str:
        player = self._player(worker, wait=lambda ms: time.sleep(ms / 1000))
        player.open(unit_id)
        while not player.state["check_due"]:
            before = player.position_ms
            player.play(player.opened["duration_ms"])
            if player.position_ms == before and not player.state["check_due"]:
                raise RuntimeError("the scripted player stands still")
        check = player.ask_check()
        asked = next(one for one in questions(player.opened["duration_ms"]) if one.stem == check["stem"])
        told = player.answer(check, [asked.options[place] for place in asked.correct])
        player.close()
        return str(told["outcome"])

    def _player(self, who: SignIn, wait: Callable[[int], None] = lambda ms: None) -> ScriptedPlayer:
        transport = self.transport()
        return ScriptedPlayer(transport, transport.sign_in(who.name, who.password), wait=wait)

    # -- what stands in the database

    def _figures(self, learner: UUID, unit_id: str, duration_ms: int, said: str) -> None:
        who = {"learner": learner, "unit": unit_id}
        ((sittings, stored, claimed),) = self.rows(
            """SELECT count(DISTINCT s.id), count(t.id), coalesce(sum(
                      ((t.body #>> '{result,extensions,urn:elearn:xapi:report,b}')::bigint)
                    - ((t.body #>> '{result,extensions,urn:elearn:xapi:report,a}')::bigint)), 0)::bigint
               FROM elearn.sitting s
               JOIN elearn.report r ON r.sitting_id = s.id
               JOIN LATERAL (SELECT id, raw::jsonb AS body FROM elearn.statement
                             WHERE id = r.statement_id) t ON true
               WHERE s.learner_id = :learner AND s.unit_id = :unit""",
            **who,
        )
        self.arrow("sitting", sittings >= 1, f"{sittings} opened, signed, one live per person")
        ((blocks, given),) = self.rows(
            """SELECT (SELECT count(*) FROM elearn.unit_block WHERE unit_id = :unit),
                      (SELECT count(*) FROM elearn.delivery WHERE learner_id = :learner AND unit_id = :unit)""",
            **who,
        )
        self.arrow("keys", blocks == given, f"{given} of {blocks} block keys released at the pace of watching")
        self.arrow("statements", stored > 0, f"{stored} stored, claiming {claimed / 1000:.3f} s")
        ((pending,),) = self.rows(
            """SELECT coalesce(sum(end_ms - start_ms), 0)::bigint FROM elearn.watched_span
               WHERE learner_id = :learner AND unit_id = :unit AND kind = 'pending'""",
            **who,
        )
        refused = self.rows(
            """SELECT x ->> 2, sum((x ->> 1)::bigint - (x ->> 0)::bigint)::bigint FROM elearn.report r
               JOIN elearn.sitting s ON s.id = r.sitting_id, jsonb_array_elements(r.refused) x
               WHERE s.learner_id = :learner AND s.unit_id = :unit GROUP BY 1 ORDER BY 1""",
            **who,
        )
        reasons = ", ".join(f"{reason} {ms / 1000:.3f} s" for reason, ms in refused) or "nothing refused"
        self.arrow("verifier", pending >= duration_ms - 1000, f"{pending / 1000:.3f} s believed; {reasons}")
        ((final,),) = self.rows(
            """SELECT coalesce(sum(upper(media) - lower(media)), 0)::bigint FROM elearn.believed_span
               WHERE learner_id = :learner AND unit_id = :unit AND state = 'final'""",
            **who,
        )
        self.arrow(
            "presence check",
            abs(final - duration_ms) <= 1000,
            f"{final / 1000:.3f} s final of {duration_ms / 1000:.3f} s; the phone said: {said}",
        )

    def _cheat(self, who: SignIn, unit_id: str) -> None:
        """One forged request for the whole lesson, the way that finishes courses elsewhere."""
        player = self._player(who)
        opened = player.open(unit_id)
        whole = opened["duration_ms"]
        early = player.ask_key(whole // player.block_ms - (1 if whole % player.block_ms == 0 else 0))
        player.make("end", a=0, b=whole, play=whole)
        result = player.flush()["results"][0]
        earned = player.state["pending_ms"] + player.state["final_ms"]
        player.close()
        self.arrow(
            "forged request",
            earned == 0 and early.status == 425,
            f"{whole / 1000:.0f} s claimed at once: {earned} s earned ({result['class']}); last key: {early.status}",
        )

    # -- the exam system

    def _exam_system(self, learner: UUID) -> None:
        ((final,),) = self.rows(
            """SELECT coalesce(sum(end_ms - start_ms), 0)::bigint FROM elearn.watched_span
               WHERE learner_id = :learner AND kind = 'final'""",
            learner=learner,
        )
        began = time.monotonic()
        wait_until(lambda: self._entered(learner) == final, seconds=CREDITED_S, every_s=0.5)
        entered = self._entered(learner)
        ((leaves, size),) = self.rows(
            """SELECT (SELECT count(*) FROM elearn.ledger_leaf l JOIN elearn.watched_span w ON w.id = l.watched_span_id
                       WHERE w.learner_id = :learner AND l.index < c.size), c.size
               FROM elearn.ledger_checkpoint c ORDER BY c.signed_at DESC, c.size DESC LIMIT 1""",
            learner=learner,
        ) or ((0, 0),)
        self.arrow(
            "log",
            leaves > 0,
            f"{leaves} leaves of theirs in a signed checkpoint of {size}, {time.monotonic() - began:.0f} s later",
        )
        told = self.ask_exam_door(self.example.worker_documents[0], SMALL)
        record, real = told["record"], self.ask_exam_door(self.example.worker_documents[0])["record"]
        self.arrow(
            "hours", entered == final, f"{timedelta(milliseconds=entered)} entered in the ledger, each span once"
        )
        ((before, why, rules),) = self.rows(
            """SELECT r.outcome, array_to_string(r.reasons, ', '), r.rules FROM elearn.eligibility_record r
               JOIN elearn.outline o ON o.id = r.outline_id
               WHERE r.person_id = :learner AND o.code = :small ORDER BY r.version LIMIT 1""",
            learner=learner,
            small=SMALL,
        )
        hours = as_text(shown_tenths(entered, named(rules).online_hour_ms))
        self.arrow(
            "eligibility",
            (before, record["outcome"], real["outcome"]) == ("ineligible", "eligible", "ineligible"),
            f"example category: {before} ({why}), then {record['outcome']} with {hours} of "
            f"{record['hours']['required_theory']} 学时; the real one of {real['hours']['required_theory']}: "
            f"{real['outcome']} ({', '.join(real['reasons'])})",
        )
        received = record["hours"]["online_theory_ms"]
        self.arrow(
            "exam system",
            received == final and told["verified"],
            f"pulled {received / 1000:.3f} s; signature of key {told['kid'][:8]}… "
            + ("verifies" if told["verified"] else "DOES NOT VERIFY"),
        )

    def _entered(self, learner: UUID) -> int:
        ((entered,),) = self.rows(
            "SELECT coalesce(sum(amount_ms), 0)::bigint FROM elearn.hours_entry WHERE person_id = :learner",
            learner=learner,
        )
        return int(entered)

    def ask_exam_door(self, document: str, category: str = OUTLINE) -> dict[str, Any]:
        """What a receiver gets for a document number, and whether the signature holds with the published keys."""
        exam = self.transport()
        basic = base64.b64encode(f"{self.example.client_id}:{self.example.client_secret}".encode()).decode()
        form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        grant = urlencode({"grant_type": "client_credentials", "scope": "eligibility.read"}).encode()
        token = exam("POST", "/exam/v1/token", headers=form, body=grant).json()["access_token"]
        question = {"person": {"document_kind": "resident_id", "document_number": document}, "category": category}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = exam("POST", "/exam/v1/eligibility:check", headers=headers, body=json.dumps(question).encode())
        if answer.status != 200:
            raise RuntimeError(f"the exam system was answered {answer.status}: {answer.body[:200]!r}")
        told: dict[str, Any] = answer.json()
        keys = KeySet.import_key_set(exam("GET", "/exam/v1/jwks.json", headers={}, body=None).json())
        signed = jws.deserialize_compact(told["jws"], keys, algorithms=["Ed25519"])
        told["verified"] = json.loads(signed.payload)["record"] == told["record"]
        told["kid"] = signed.headers()["kid"]
        return told

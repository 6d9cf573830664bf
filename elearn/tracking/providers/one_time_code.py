"""Six digits to the learner's phone by text message. Only a keyed hash stays here; the code is never logged."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from msgspec import UNSET
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.errors import TooMany
from elearn.locale import gettext as _
from elearn.outgoing import Service
from elearn.people import personal
from elearn.people.identity import Keys
from elearn.tracking.models import PresenceCheck
from elearn.tracking.policy import Policy
from elearn.tracking.providers.provider import Asked, Challenge, Found, Provider, Try
from elearn.tracking.providers.said import Said, other_kind

DIGITS = 6
MOST_AN_HOUR = 12
"""As many as checks can fall due in an hour of watching (one each five minutes, MODEL 3.2): no honest learner meets
it. Beyond it somebody plays with the gateway's bill, or with a phone's owner."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class CodeProvider(Provider):
    """Sends through a gateway of the house's own choice."""

    method: ClassVar[str] = "one_time_code"
    gateway: Service
    keys: Keys
    secret: bytes = field(repr=False)

    def answer_ms(self, policy: Policy) -> int:
        """A text message takes its time, and a code is no riddle that more time helps to solve."""
        return policy.code_answer_ms

    def ready(self, session: Session, learner_id: UUID, unit_id: UUID) -> bool:
        return personal.has_phone(session, learner_id)

    def challenge(self, session: Session, asked: Asked) -> Challenge:
        """Raises TooMany `too_many_codes`.

        Sent codes are counted in the checks themselves, under the learner's lock: exact, by the hour that just
        passed, and there when Redis is not.
        """
        now_ms = to_ms(asked.at)
        sent = sorted(
            session.scalars(
                sa.select(PresenceCheck.put_ms).where(
                    PresenceCheck.learner_id == asked.learner_id,
                    PresenceCheck.method == self.method,
                    PresenceCheck.put_ms > now_ms - HOUR_MS,
                )
            )
        )
        if len(sent) >= MOST_AN_HOUR:
            wait_s = -(-(sent[-MOST_AN_HOUR] + HOUR_MS - now_ms) // 1000)
            raise TooMany(
                "Too many codes were sent to this phone. Please wait.", retry_after_s=wait_s, code="too_many_codes"
            )
        phone = personal.reveal_phone(
            session,
            asked.learner_id,
            self.keys,
            receiver=self.gateway.host,
            reason=f"one-time code of check {asked.check_id}",
            at=asked.at,
        )
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        kept = {"hash": self._hash(asked.check_id, code), "phone": "*" * 4 + phone[-4:], "sent": False}
        return Challenge(kept=kept, errand=self._errand(asked, phone, code))

    def show(self, session: Session, check: PresenceCheck) -> dict[str, Any]:
        return {"phone": (check.challenge or {})["phone"], "digits": DIGITS}

    def judge(self, session: Session, check: PresenceCheck, said: Said, found: Found | None) -> Try:
        """`kept` is the hash of what was typed: enough to know the same try again, too little to know the code."""
        if said.code is UNSET:
            raise other_kind()
        typed = self._hash(check.id, said.code)
        return Try(hmac.compare_digest(typed, (check.challenge or {})["hash"]), typed)

    def _hash(self, check_id: UUID, code: str) -> str:
        return hmac.digest(self.secret, b"one-time code" + check_id.bytes + code.encode(), "sha256").hex()

    def _errand(self, asked: Asked, phone: str, code: str) -> Callable[[], None]:
        text = _("%(code)s is your code to confirm that you are learning. Do not pass it on.", code=code)
        body = {"to": phone, "code": code, "text": text}

        def send() -> None:
            self.gateway.post(str(asked.check_id), to_ms(asked.at) // 1000, body)

        return send

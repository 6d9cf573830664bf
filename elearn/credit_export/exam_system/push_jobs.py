"""Every few seconds, each receiver that there is something for."""

from __future__ import annotations

import http.client
import socket
import ssl
from uuid import UUID

from elearn.clock import utcnow
from elearn.credit_export.exam_system import pushing
from elearn.credit_export.exam_system.desks import desk_for
from elearn.credit_export.exam_system.models import PushTarget
from elearn.credit_export.exam_system.push_rules import Answer, Away, Broken, meaning
from elearn.db import db
from elearn.jobs import defer, task
from elearn.reaching import NotAllowed, exchange, retry_after, shown
from elearn.runtime import runtime

SILENCE_S = 15.0
"""The longest a receiver may say nothing; Standard Webhooks asks for 15 to 30 s."""
WHOLE_S = 30.0
MAX_ANSWER_BYTES = 100_000


def post(target: PushTarget, headers: dict[str, str], body: bytes) -> Answer:
    """To where the target is, along no redirect, within bounds."""
    try:
        response, said = exchange(
            "POST",
            target.url,
            headers=headers,
            body=body,
            private=target.private,
            silence_s=SILENCE_S,
            whole_s=WHOLE_S,
            most_bytes=MAX_ANSWER_BYTES,
        )
    except NotAllowed as error:
        return Away(str(error))
    except (ConnectionRefusedError, socket.gaierror, ssl.SSLError) as error:
        return Away(f"no answer: {type(error).__name__}")
    except (OSError, http.client.HTTPException) as error:
        return Broken(f"no answer: {type(error).__name__}")
    asked = retry_after(response.headers.get("Retry-After"), now_s=utcnow().timestamp())
    return meaning(response.status, shown(said), retry_after_s=asked)


@task("exam.push", every="* * * * * */5")
def push_due() -> None:
    """Hand out the receivers that are due. A job that dies keeps its receiver until it runs again or the claim ends."""
    session = db.session()
    for receiver_id in pushing.claim_due(session, at=utcnow()):
        defer(session, "exam.push_to", receiver=str(receiver_id))
    session.commit()


@task("exam.push_to")
def push_to(receiver: str) -> None:
    """Send one receiver what it has not got."""
    means = pushing.Means(now=utcnow, desk=desk_for, sealing_key=runtime().settings.sealing_key, post=post)
    pushing.push(db.session(), UUID(receiver), means)

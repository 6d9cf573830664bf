"""Putting a presence check to the learner: about what, and in which of the ways that the policy allows.

A check belongs to the learner, not to one sitting: a learner who goes on elsewhere is asked the same there. What
would answer it never leaves the server. The learner's row is locked by whoever calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.db import new_id
from elearn.errors import Conflict, NotSignedIn, TooMany
from elearn.tracking import cases, policies
from elearn.tracking.checks import ANOTHER_WAY, open_check, withdraw
from elearn.tracking.models import Outcome, PresenceCheck
from elearn.tracking.policy import Policy
from elearn.tracking.presence import FAILURES_A_DAY, TRIES
from elearn.tracking.providers import Ways
from elearn.tracking.providers.provider import Asked, Challenge, Provider
from elearn.tracking.providers.question import draw_of, drawn
from elearn.tracking.settling import QUESTION, SERVICE_DOWN, Piece, pending_pieces, rules_for
from elearn.tracking.spans import Span
from elearn.tracking.standing import Locked

DAY_MS = 24 * 3_600_000
LAST_MINUTES_MS = 5 * 60_000
"""Checks are about what was watched last (DESIGN 3.6)."""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A check that is out, the methods it may be exchanged for or is, and what must be done once it is committed."""

    check: PresenceCheck
    methods: Sequence[str]
    errand: Callable[[], None] | None = None


def hand_out(
    session: Session,
    locked: Locked,
    policy: Policy,
    *,
    secret: bytes,
    ways: Ways,
    method: str | None = None,
    signed_in_ms: int | None = None,
) -> HandedOut:
    """Put a check to the learner; the time to answer starts now. An open one is handed out again as it is.

    With `method` the learner chose a way. An open check of another way, not tried yet, is put aside for it; coming
    back finds it as it was, its time running on, so that nobody looks around for the easiest.
    `signed_in_ms`: when this learner last gave a password in this browser; None: a host application signs people in.
    The rules are those of what it is about (`settling.rules_for`), not of the sitting that happens to ask.
    Raises Conflict: `nothing_pending`; `checks_locked` until tomorrow; `no_question` when the unit never had any;
    `no_such_way`: not this policy's, not this learner's, or its time is over; `no_way` at all; `check_begun`: a try
    was made. NotSignedIn: `identity_again`, three checks of a day were failed since the sign-in (MODEL 3.2). TooMany.
    """
    out = None if locked.check_deadline_ms is None else open_check(session, locked.learner_id)
    failed = _failed_by_day(session, locked, policy, locked.tau_ms if signed_in_ms is None else signed_in_ms)
    if out is None and len(failed.get(policy.day(locked.tau_ms), ())) >= FAILURES_A_DAY:
        raise Conflict(
            "Too many checks were failed today. The next one can be answered tomorrow.", code="checks_locked"
        )
    # Held since the third of them, nobody earns anything until a check is passed: so nothing before the password.
    if signed_in_ms is not None and any(
        len(one) >= FAILURES_A_DAY and one[FAILURES_A_DAY - 1] >= signed_in_ms for one in failed.values()
    ):
        raise NotSignedIn(
            "Three checks were failed on one day. Please enter your password once more, then confirm again.",
            code="identity_again",
        )
    aside = _put_aside(session, locked)
    topic = _about(out) if out else _what_to_ask_about(session, locked, secret, ways, aside)
    policy = policies.by_digest(session, topic.rules)
    # An open check is exchanged for others about the same, so what is left of a case is asked of the ledger again.
    only = _left_of_case(session, locked, topic.unit_id)
    asks = only and QUESTION in ways  # what is left of a case is not confirmed otherwise
    offered = [QUESTION] if asks else _offered(session, locked, policy, topic.unit_id, ways, aside)
    if out is not None and method in (None, out.method):
        return HandedOut(out, [] if out.tries else sorted({*offered, out.method}, key=_order(policy)))
    if out is not None and out.tries:
        raise Conflict("This check was begun. Please finish it.", code="check_begun")
    if method is not None and method not in offered:
        raise Conflict("This way to confirm is not open to you at the moment.", code="no_such_way")
    if out is not None:
        withdraw(locked, out, ANOTHER_WAY)
        session.flush()
    # Evidence stands: what was decided together with another check, or proved by an older program, stays put aside.
    before = next(
        (
            one
            for one in aside
            if one.method == method and one.deadline_ms >= locked.tau_ms and one.evidence_batch is None
        ),
        None,
    )
    if before is not None:
        before.outcome = before.decided_ms = None
        session.flush()
        locked.check_deadline_ms = before.deadline_ms
        return HandedOut(before, offered)
    check_id = new_id()
    asked = Asked(
        locked.learner_id,
        topic.unit_id,
        topic.window,
        topic.askable,
        locked.check_count,
        check_id,
        from_ms(locked.tau_ms),
        only,
    )
    way, challenge = _first_that_can(session, asked, [ways[one] for one in ([method] if method else offered)], policy)
    check = PresenceCheck(
        id=check_id,
        learner_id=locked.learner_id,
        sitting_id=locked.sitting_id,
        unit_id=topic.unit_id,
        method=way.method,
        question_id=challenge.question_id,
        number=locked.check_count,
        shown=list(challenge.shown),
        challenge=challenge.kept,
        from_ms=topic.window.start_ms,
        to_ms=topic.window.end_ms,
        policy=topic.rules,
        put_ms=locked.tau_ms,
        deadline_ms=locked.tau_ms + way.answer_ms(policy) + policy.answer_grace_ms,
        tries=[],
    )
    session.add(check)
    session.flush()
    locked.check_deadline_ms = check.deadline_ms
    return HandedOut(check, offered, challenge.errand)


def _first_that_can(
    session: Session, asked: Asked, wanted: Sequence[Provider], policy: Policy
) -> tuple[Provider, Challenge]:
    """The first of the wanted ways that may be used now; a way used too often gives way to the next."""
    if not wanted and QUESTION in policy.presence_methods:
        raise Conflict("This lesson has no questions to confirm with.", code="no_question")
    if not wanted:
        raise Conflict("No way to confirm is set up for you yet. Add a security key on your page.", code="no_way")
    *first, last = wanted
    for way in first:
        with suppress(TooMany):
            return way, way.challenge(session, asked)
    return last, last.challenge(session, asked)


def as_shown(session: Session, handed: HandedOut, ways: Ways) -> dict[str, Any]:
    """The check as the player gets it: what is asked, nothing about what would be right."""
    check, way = handed.check, ways[handed.check.method]
    policy = policies.by_digest(session, check.policy)
    shown = {
        "id": str(check.id),
        "kind": check.method,
        **way.show(session, check),
        "answer_ms": way.answer_ms(policy),
        "deadline_ms": check.deadline_ms - policy.answer_grace_ms,
        "tries_left": TRIES - len(check.tries),
    }
    return shown | {"methods": list(handed.methods)} if len(handed.methods) > 1 else shown


def _put_aside(session: Session, locked: Locked) -> Sequence[PresenceCheck]:
    """Withdrawn checks in whose place the next one stands, or the one that is out."""
    return session.scalars(
        sa.select(PresenceCheck)
        .where(PresenceCheck.learner_id == locked.learner_id, PresenceCheck.number == locked.check_count)
        .where(PresenceCheck.outcome == Outcome.WITHDRAWN.value)
        .order_by(PresenceCheck.id)
        .execution_options(populate_existing=True)
    ).all()


def _order(policy: Policy) -> Callable[[str], int]:
    return [*policy.presence_methods, QUESTION].index


def _offered(
    session: Session, locked: Locked, policy: Policy, unit_id: UUID, ways: Ways, aside: Sequence[PresenceCheck]
) -> list[str]:
    """The methods this learner may choose now, in the policy's order.

    Questions stand in, first and whatever the policy, for a service of ours that failed under this very check. Where
    a wrong try was made before it failed, that way is over if there is another: it would start with new tries. A way
    that was put aside is open again while its time runs.
    """
    failed = [one for one in aside if (one.challenge or {})["withdrawn"] == SERVICE_DOWN]
    tried = {one.method for one in failed if one.tries}
    over = {one.method for one in aside if one.deadline_ms < locked.tau_ms} if not failed else set()
    wanted = dict.fromkeys((*([QUESTION] if failed else []), *policy.presence_methods))
    offered = [
        one
        for one in wanted
        if one in ways and one not in over and ways[one].ready(session, locked.learner_id, unit_id)
    ]
    return [one for one in offered if one not in tried] or offered


def _left_of_case(session: Session, locked: Locked, unit_id: UUID) -> frozenset[UUID]:
    """The questions that stand between the learner and the end of a case that was read; none of anything else."""
    owed = cases.owed(session, locked.learner_id, [unit_id], policies.by_digest(session, locked.policy)).get(unit_id)
    if owed is None:
        return frozenset()
    pieces = pending_pieces(session, locked.learner_id)
    return owed.questions if any(one.unit_id == unit_id and owed.holds(one) for one in pieces) else frozenset()


def _failed_by_day(session: Session, locked: Locked, policy: Policy, since_ms: int) -> dict[date, list[int]]:
    """When checks failed, in order, by local day, on every day that was not over at `since_ms`.

    Also one that ran out after a wrong try, but not one that nobody tried.
    """
    decided = session.scalars(
        sa.select(PresenceCheck.decided_ms)
        .where(
            PresenceCheck.learner_id == locked.learner_id,
            PresenceCheck.outcome.in_((Outcome.FAILED.value, Outcome.EXPIRED.value)),
            sa.func.jsonb_array_length(PresenceCheck.tries) > 0,
            PresenceCheck.decided_ms > min(since_ms, locked.tau_ms) - DAY_MS,
        )
        .order_by(PresenceCheck.decided_ms)
    )
    found: dict[date, list[int]] = defaultdict(list)
    for at_ms in decided:
        if at_ms is not None:
            found[policy.day(at_ms)].append(at_ms)
    return found


@dataclass(frozen=True, slots=True)
class _Topic:
    """What a check is about: a unit, its last minutes that wait for a check, all of its media a question may be about,
    and the digest of the rules it was watched under."""

    unit_id: UUID
    window: Span
    askable: tuple[Span, ...]
    rules: str


def _about(check: PresenceCheck, rules: str | None = None) -> _Topic:
    """What an open check is about, so that another in its place is about the same."""
    window = Span(check.from_ms, check.to_ms)
    return _Topic(check.unit_id, window, (window,), rules or check.policy)


def _what_to_ask_about(
    session: Session, locked: Locked, secret: bytes, ways: Ways, aside: Sequence[PresenceCheck]
) -> _Topic:
    """What the next check is about, of all that waits for one and that this learner has a way to confirm.

    Of several units the one in which a drawn moment of everything pending lies: if it were always the last one
    opened, a second of a lesson whose answers somebody knows would confirm all of another.
    """
    pieces = pending_pieces(session, locked.learner_id)

    @cache
    def open_to(unit_id: UUID, rules: str) -> bool:
        return bool(_offered(session, locked, policies.by_digest(session, rules), unit_id, ways, aside))

    pieces = [piece for piece in pieces if open_to(piece.unit_id, rules_for(piece, locked))] or pieces
    if pieces:
        unit_id = _unit_drawn(pieces, drawn(secret, b"unit", draw_of(locked.learner_id, locked.check_count)))
        there = [piece for piece in pieces if piece.unit_id == unit_id]
        last = max(there, key=lambda piece: (piece.credited_at_ms, piece.span.end_ms))
        end_ms = last.span.end_ms
        begin_ms = max(end_ms - LAST_MINUTES_MS, min(piece.span.start_ms for piece in there))
        window, askable = Span(begin_ms, end_ms), tuple(piece.span for piece in there)
        return _Topic(unit_id, window, askable, rules_for(last, locked))
    if locked.held:
        # Nothing is left of what the missed check was about, but the way out is to answer about it.
        missed = session.scalars(
            sa.select(PresenceCheck)
            .where(PresenceCheck.learner_id == locked.learner_id, PresenceCheck.outcome.is_not(None))
            .order_by(PresenceCheck.number.desc())
            .limit(1)
        ).one()
        return _about(missed, locked.policy)
    raise Conflict("There is nothing to confirm.", code="nothing_pending")


def _unit_drawn(pieces: Sequence[Piece], draw: bytes) -> UUID:
    """The unit of one moment of the pending media, each moment as likely as any other."""
    left_ms = int.from_bytes(draw) % sum(piece.span.length_ms for piece in pieces)
    for piece in pieces:
        left_ms -= piece.span.length_ms
        if left_ms < 0:
            return piece.unit_id
    raise AssertionError("the moment lies in one of the pieces")

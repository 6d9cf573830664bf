"""Pure: how one version of a record stands with one receiver (RULES 4(c), the second life-cycle).

    queued ─► sent ─► acknowledged ─► accepted | rejected        acknowledged: it arrived (a 2xx answer)
      ▲         └► failed ─► dead ─┐                              accepted, rejected: the receiver's own decision
      └────────── sent again ◄─────┘
    any of these ─► withdrawal_queued ─► withdrawal_sent ─► withdrawn
                                          └► withdrawal_failed ─► withdrawal_dead
    any of these ─► rerouted

What a receiver has decided is never undone by what happens on the line: an attempt that fails after its receipt
came, a repeated or late message, change nothing. A withdrawal is not undone by a late receipt either; the receipt
itself is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    """The last attempt had no good answer; it is tried again."""
    DEAD = "dead"
    """Given up until an operator sends it again."""
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWAL_QUEUED = "withdrawal_queued"
    WITHDRAWAL_SENT = "withdrawal_sent"
    WITHDRAWAL_FAILED = "withdrawal_failed"
    WITHDRAWAL_DEAD = "withdrawal_dead"
    WITHDRAWN = "withdrawn"
    """The receiver knows that it no longer holds. What it does about it is its own decision."""
    REROUTED = "rerouted"
    """Another receiver is told instead."""


class Event(StrEnum):
    QUEUE = "queue"
    """Something about this version is to be told."""
    SEND = "send"
    """An attempt: it may arrive from now on."""
    ACKNOWLEDGE = "acknowledge"
    FAIL = "fail"
    DIE = "die"
    RESEND = "resend"
    """An operator wants it sent again."""
    ACCEPT = "accept"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    """It no longer holds: the receiver is to be told."""
    CONFIRM = "confirm"
    """The receiver says that it knows of the withdrawal."""
    REROUTE = "reroute"


_ON_ITS_WAY = (State.QUEUED, State.SENT, State.FAILED, State.DEAD)
_DECIDED = (State.ACCEPTED, State.REJECTED)
_THERE = (State.ACKNOWLEDGED, *_DECIDED)
_WITHDRAWING = (
    State.WITHDRAWAL_QUEUED,
    State.WITHDRAWAL_SENT,
    State.WITHDRAWAL_FAILED,
    State.WITHDRAWAL_DEAD,
)
_OVER = (State.WITHDRAWN, State.REROUTED)

Step = tuple[State | None, Event]


def _table() -> dict[Step, State]:
    """From where an event leads where. What stands in no row cannot happen."""
    rows: dict[Step, State] = {}

    def row(event: Event, before: Iterable[State | None], then: State | None = None) -> None:
        """`then` None: nothing changes."""
        for state in before:
            after_ = then or state
            assert after_ is not None
            rows[state, event] = after_

    row(Event.QUEUE, (None, *State), State.QUEUED)

    row(Event.SEND, (None, State.QUEUED, State.SENT, State.FAILED), State.SENT)
    row(Event.SEND, (s for s in _WITHDRAWING if s is not State.WITHDRAWAL_DEAD), State.WITHDRAWAL_SENT)
    row(Event.SEND, (*_THERE, *_OVER))

    row(Event.ACKNOWLEDGE, (State.SENT, State.FAILED), State.ACKNOWLEDGED)
    row(Event.ACKNOWLEDGE, (State.WITHDRAWAL_SENT, State.WITHDRAWAL_FAILED), State.WITHDRAWN)
    # A re-queued or given-up matter stays so: the answer was to an attempt before that.
    row(Event.ACKNOWLEDGE, (State.QUEUED, State.DEAD, State.WITHDRAWAL_QUEUED, State.WITHDRAWAL_DEAD))
    row(Event.ACKNOWLEDGE, (*_THERE, *_OVER))

    row(Event.FAIL, (State.QUEUED, State.SENT, State.FAILED), State.FAILED)
    row(
        Event.FAIL,
        (State.WITHDRAWAL_QUEUED, State.WITHDRAWAL_SENT, State.WITHDRAWAL_FAILED),
        State.WITHDRAWAL_FAILED,
    )
    row(Event.FAIL, (State.DEAD, State.WITHDRAWAL_DEAD, *_THERE, *_OVER))

    row(Event.DIE, _ON_ITS_WAY, State.DEAD)
    row(Event.DIE, _WITHDRAWING, State.WITHDRAWAL_DEAD)
    row(Event.DIE, (*_THERE, *_OVER))

    row(Event.RESEND, (State.FAILED, State.DEAD), State.QUEUED)
    row(Event.RESEND, (State.WITHDRAWAL_FAILED, State.WITHDRAWAL_DEAD), State.WITHDRAWAL_QUEUED)
    row(Event.RESEND, (*_THERE, *_OVER))

    # Whatever the line says: who decides has it. `None`: it was pulled, or came on paper.
    for event, decision in ((Event.ACCEPT, State.ACCEPTED), (Event.REJECT, State.REJECTED)):
        row(event, (None, *_ON_ITS_WAY, *_THERE), decision)
        row(event, (*_WITHDRAWING, *_OVER))

    row(Event.WITHDRAW, (*_ON_ITS_WAY, *_THERE, *_WITHDRAWING, State.WITHDRAWN), State.WITHDRAWAL_QUEUED)
    row(Event.WITHDRAW, (State.REROUTED,))

    row(Event.CONFIRM, (*_WITHDRAWING, State.WITHDRAWN), State.WITHDRAWN)
    row(Event.CONFIRM, (State.REROUTED,))

    row(Event.REROUTE, (*_ON_ITS_WAY, *_THERE, *_WITHDRAWING, State.WITHDRAWN), State.REROUTED)
    return rows


AFTER = _table()


def after(state: State | None, event: Event) -> State | None:
    """The state after `event`; None when that cannot happen to a delivery in `state` (None: nothing was told yet)."""
    return AFTER.get((state, event))


def fold(events: Iterable[Event]) -> State | None:
    """The state after all of them. Raises ValueError naming the first that could not happen."""
    state: State | None = None
    for event in events:
        then = after(state, event)
        if then is None:
            raise ValueError(f"{event} cannot follow {state}")
        state = then
    return state


def may_have_arrived(state: State | None) -> bool:
    """Whether the receiver may hold the record, as far as deliveries tell; what it pulled is not known here."""
    return state not in (None, State.QUEUED)

"""How a version of a record stands with a receiver: every state against every event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.credit_export.exam_system.delivery import AFTER, Event, State, after, fold, may_have_arrived

E, S = Event, State
ON_THE_LINE = (E.SEND, E.ACKNOWLEDGE, E.FAIL, E.DIE)

TABLE = [
    # rule, the events, the state
    ("what is to be told waits", [E.QUEUE], S.QUEUED),
    ("an attempt may have arrived", [E.QUEUE, E.SEND], S.SENT),
    ("a good answer says that it is there", [E.QUEUE, E.SEND, E.ACKNOWLEDGE], S.ACKNOWLEDGED),
    ("no good answer: it is tried again", [E.QUEUE, E.SEND, E.FAIL], S.FAILED),
    ("and then it arrives", [E.QUEUE, E.SEND, E.FAIL, E.SEND, E.ACKNOWLEDGE], S.ACKNOWLEDGED),
    ("given up", [E.QUEUE, E.SEND, E.DIE], S.DEAD),
    ("an operator sends it again", [E.QUEUE, E.SEND, E.DIE, E.RESEND], S.QUEUED),
    ("the receiver decides", [E.QUEUE, E.SEND, E.ACKNOWLEDGE, E.ACCEPT], S.ACCEPTED),
    ("the other way", [E.QUEUE, E.SEND, E.ACKNOWLEDGE, E.REJECT], S.REJECTED),
    ("it may think again", [E.QUEUE, E.SEND, E.ACKNOWLEDGE, E.REJECT, E.ACCEPT], S.ACCEPTED),
    ("a receipt before the answer: it has it", [E.QUEUE, E.SEND, E.ACCEPT], S.ACCEPTED),
    ("the lost answer's repetition changes nothing then", [E.QUEUE, E.SEND, E.ACCEPT, E.FAIL, E.SEND], S.ACCEPTED),
    ("nor does giving up", [E.QUEUE, E.SEND, E.ACCEPT, E.DIE], S.ACCEPTED),
    ("a receipt for what was pulled", [E.ACCEPT], S.ACCEPTED),
    ("a package goes out without waiting", [E.SEND], S.SENT),
    ("what is accepted and then revoked is withdrawn", [E.SEND, E.ACCEPT, E.WITHDRAW], S.WITHDRAWAL_QUEUED),
    ("the notice goes out", [E.SEND, E.ACCEPT, E.WITHDRAW, E.SEND], S.WITHDRAWAL_SENT),
    ("the notice arrives", [E.SEND, E.ACCEPT, E.WITHDRAW, E.SEND, E.ACKNOWLEDGE], S.WITHDRAWN),
    ("or is confirmed by a receipt", [E.SEND, E.ACCEPT, E.WITHDRAW, E.CONFIRM], S.WITHDRAWN),
    ("the notice fails and dies", [E.SEND, E.WITHDRAW, E.SEND, E.FAIL, E.DIE], S.WITHDRAWAL_DEAD),
    ("and is sent again", [E.SEND, E.WITHDRAW, E.SEND, E.DIE, E.RESEND], S.WITHDRAWAL_QUEUED),
    ("a late receipt does not undo a withdrawal", [E.SEND, E.WITHDRAW, E.SEND, E.ACCEPT], S.WITHDRAWAL_SENT),
    ("nor after it arrived", [E.SEND, E.WITHDRAW, E.SEND, E.ACKNOWLEDGE, E.REJECT], S.WITHDRAWN),
    ("suspended, withdrawn, and granted again", [E.SEND, E.WITHDRAW, E.SEND, E.ACKNOWLEDGE, E.QUEUE], S.QUEUED),
    ("given to another receiver", [E.SEND, E.REROUTE], S.REROUTED),
    ("whose notice is on the line", [E.SEND, E.REROUTE, E.SEND, E.ACKNOWLEDGE], S.REROUTED),
    ("and given back", [E.SEND, E.REROUTE, E.QUEUE], S.QUEUED),
]


@pytest.mark.parametrize(("rule", "events", "state"), TABLE, ids=[row[0] for row in TABLE])
def test_the_way_of_a_record(rule: str, events: list[Event], state: State) -> None:
    assert fold(events) is state


@pytest.mark.parametrize(
    ("rule", "state", "event"),
    [
        ("what was never told cannot be withdrawn", None, E.WITHDRAW),
        ("nor given to another", None, E.REROUTE),
        ("nor fail", None, E.FAIL),
        ("nor be sent again", None, E.RESEND),
        ("what waits for its first attempt is not sent again", S.QUEUED, E.RESEND),
        ("a dead letter goes out by an operator's hand only", S.DEAD, E.SEND),
        ("nothing was withdrawn that could be confirmed", S.ACCEPTED, E.CONFIRM),
        ("a receiver that gave it away cannot give it away again", S.REROUTED, E.REROUTE),
    ],
)
def test_what_cannot_happen(rule: str, state: State | None, event: Event) -> None:
    assert after(state, event) is None, rule


CANNOT = (
    {(None, event) for event in (E.ACKNOWLEDGE, E.FAIL, E.DIE, E.RESEND, E.WITHDRAW, E.CONFIRM, E.REROUTE)}
    | {(state, E.SEND) for state in (S.DEAD, S.WITHDRAWAL_DEAD)}
    | {(state, E.RESEND) for state in (S.QUEUED, S.SENT, S.WITHDRAWAL_QUEUED, S.WITHDRAWAL_SENT)}
    | {(state, E.CONFIRM) for state in (S.QUEUED, S.SENT, S.FAILED, S.DEAD, S.ACKNOWLEDGED, S.ACCEPTED, S.REJECTED)}
    | {(S.REROUTED, E.REROUTE)}
)


def test_all_that_the_table_does_not_say_is_meant_to_be_impossible() -> None:
    assert {(state, event) for state in (None, *State) for event in Event} - set(AFTER) == CANNOT


@given(st.sampled_from([S.ACCEPTED, S.REJECTED]), st.lists(st.sampled_from(ON_THE_LINE)))
def test_nothing_on_the_line_undoes_what_a_receiver_decided(decided: State, line: list[Event]) -> None:
    state: State | None = decided
    for event in line:
        state = after(state, event)
    assert state is decided


@given(st.lists(st.sampled_from([E.SEND, E.FAIL, E.ACKNOWLEDGE, E.ACCEPT, E.REJECT, E.CONFIRM, E.DIE])))
def test_a_withdrawal_is_undone_by_nothing_but_a_new_grant(line: list[Event]) -> None:
    state = fold([E.SEND, E.ACCEPT, E.WITHDRAW])
    for event in line:
        state = after(state, event) or state
    assert state in (S.WITHDRAWAL_QUEUED, S.WITHDRAWAL_SENT, S.WITHDRAWAL_FAILED, S.WITHDRAWAL_DEAD, S.WITHDRAWN)


def test_only_what_was_never_tried_cannot_have_arrived() -> None:
    assert [state for state in State if not may_have_arrived(state)] == [S.QUEUED]
    assert not may_have_arrived(None)


def test_a_history_that_cannot_be_is_named() -> None:
    with pytest.raises(ValueError, match="withdraw cannot follow None"):
        fold([E.WITHDRAW])

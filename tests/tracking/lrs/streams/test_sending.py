"""A batch that is refused is halved until what is wrong stands alone; an answer means only what it says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.reaching import retry_after
from elearn.tracking.lrs.streams.outbox import LONGEST_WAIT_S, waiting_s
from elearn.tracking.lrs.streams.sending import Answer, Away, Refused, Sent, Taken, deliver, meaning

NO = Refused(400, "no")
AT_3 = Sent([None, None, None, Refused(None, "no answer", final=False), None], None)
BROKEN = Away("no answer", suspect=True)


class Target:
    """Takes a batch unless one of `bad` is in it; breaks when one of `breaking` is; is away from request `until` on."""

    def __init__(self, bad: set[int], breaking: set[int], until: int = 10**6) -> None:
        self.bad, self.breaking, self.until = bad, breaking, until
        self.there: list[int] = []
        self.requests = 0

    def __call__(self, batch: Sequence[int]) -> Answer:
        self.requests += 1
        if self.requests > self.until:
            return Away("gone")
        if self.breaking & set(batch):
            return BROKEN
        if self.bad & set(batch):
            return NO
        self.there += batch
        return Taken()


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=8))
def test_exactly_what_is_refused_is_left_out_and_the_order_stays(count: int, bad: set[int]) -> None:
    target = Target(bad, set())
    sent = deliver(range(count), target)
    assert target.there == [one for one in range(count) if one not in bad]
    assert sent == Sent([NO if one in bad else None for one in range(count)], None)
    assert target.requests <= 1 + 12 * len(bad)  # two for each halving of at most 64


@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=5), st.integers(0, 20))
def test_what_was_decided_before_it_went_away_is_a_beginning_of_the_batch(
    count: int, bad: set[int], until: int
) -> None:
    target = Target(bad, set(), until)
    sent = deliver(range(count), target)
    if sent.away is None:
        assert len(sent.decided) == count
    decided = range(len(sent.decided))
    assert sent.decided == [NO if one in bad else None for one in decided]
    assert target.there == [one for one in decided if one not in bad]


@pytest.mark.parametrize(
    ("rule", "breaking", "doubting", "expected"),
    [
        ("a break is the target's at first", {3}, False, Sent([], BROKEN)),
        (
            "after many it is the statement's",
            {3},
            True,
            AT_3,
        ),
        ("who takes nothing is away", {0, 1, 2, 3, 4}, True, Sent([], BROKEN)),
    ],
)
def test_a_target_that_breaks(rule: str, breaking: set[int], doubting: bool, expected: Sent) -> None:
    assert deliver(range(5), Target(set(), breaking), doubting=doubting) == expected, rule


def test_a_target_that_breaks_at_everything_is_not_asked_for_long() -> None:
    target = Target(set(), set(range(50)))
    assert deliver(range(50), target, doubting=True) == Sent([], BROKEN)
    assert target.requests <= 15


A, B = UUID(int=0xA << 124 | 4 << 76 | 8 << 60), UUID(int=0xB << 124 | 4 << 76 | 8 << 60)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, [str(A), str(B)], Taken),
        (200, [str(A).upper(), str(B)], Taken),
        (200, [str(B), str(A)], Away),
        (200, [str(A)], Away),
        (200, [], Away),
        (200, "<html>Please sign in</html>", Away),
        (200, {"ok": True}, Away),
        (200, b'["' + str(A).encode(), Away),
        (200, b"", Away),
        (204, b"", Away),
        (302, b"", Away),
        (400, "no", Refused),
        (409, "no", Refused),
        (413, "no", Refused),
        (415, "no", Refused),
        (422, "no", Refused),
        (401, "no", Away),
        (403, "no", Away),
        (404, "no", Away),
        (405, "no", Away),
        (408, "no", Away),
        (429, "no", Away),
        (500, "no", Away),
        (502, "no", Away),
        (503, "no", Away),
        (599, "no", Away),
    ],
)
def test_what_an_answer_means(status: int, body: object, kind: type) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert type(meaning(status, data, [A, B])) is kind


def test_a_refusal_is_told_in_one_short_printable_line() -> None:
    told = meaning(400, b"no\0\n\x1b[31m  \xff" + b"x" * 5000, [A])
    assert isinstance(told, Refused)
    assert told.final
    assert told.why.startswith("400 no [31m \ufffdxx")
    assert len(told.why) < 320


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("-1", None),
        ("soon", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("9" * 400, 999999999.0),
    ],
)
def test_how_long_a_target_asks_to_be_left_alone(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now_s=10.0) == seconds


@given(st.integers(1, 10_000), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1e9)))
def test_the_wait_doubles_up_to_an_hour_and_half_of_it_is_chance(
    attempts: int, chance: float, asked: float | None
) -> None:
    wait = waiting_s(attempts, chance=chance, asked_s=asked)
    assert 5.0 <= wait <= LONGEST_WAIT_S
    assert wait >= min(asked or 0, LONGEST_WAIT_S)
    if asked is None and attempts < 9:
        assert 5.0 * 2 ** (attempts - 1) <= wait <= 10.0 * 2 ** (attempts - 1)


def test_ids_are_compared_as_ids() -> None:
    assert meaning(200, json.dumps([UUID(str(A)).hex]).encode(), [A]) == Taken()

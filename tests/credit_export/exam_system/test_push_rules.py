"""What is pushed, what an answer means, how long is waited: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.push_rules import (
    GIVEN_UP_AFTER,
    LONGEST_WAIT_S,
    Answer,
    Away,
    Broken,
    Kind,
    Refused,
    Taken,
    Takes,
    deliver,
    is_given_up,
    meaning,
    probe,
    waiting_s,
    what_to_tell,
)
from elearn.credit_export.lifecycle import State

GRANTED, EVERYTHING = Takes.GRANTED, Takes.EVERYTHING


@pytest.mark.parametrize(
    ("rule", "now", "stands", "takes", "kind"),
    [
        ("a grant is told", State.GRANTED, None, GRANTED, Kind.CHANGE),
        ("what leads there is not", State.SUBMITTED, None, GRANTED, None),
        ("unless everything is taken", State.SUBMITTED, None, EVERYTHING, Kind.CHANGE),
        ("what was told and is revoked is withdrawn", State.REVOKED, Delivery.ACCEPTED, GRANTED, Kind.WITHDRAWAL),
        ("also when it waits still: order is kept", State.REVOKED, Delivery.QUEUED, GRANTED, Kind.WITHDRAWAL),
        ("also when it was rejected", State.REVOKED, Delivery.REJECTED, GRANTED, Kind.WITHDRAWAL),
        ("suspended likewise", State.SUSPENDED, Delivery.ACKNOWLEDGED, GRANTED, Kind.WITHDRAWAL),
        ("superseded likewise", State.SUPERSEDED, Delivery.ACKNOWLEDGED, EVERYTHING, Kind.WITHDRAWAL),
        ("what was never told needs no withdrawal", State.REVOKED, None, GRANTED, None),
        ("who takes everything hears of it as of a change", State.REVOKED, None, EVERYTHING, Kind.CHANGE),
        ("granted again after a suspension", State.GRANTED, Delivery.WITHDRAWN, GRANTED, Kind.CHANGE),
    ],
)
def test_what_a_receiver_is_told(
    rule: str, now: State, stands: Delivery | None, takes: Takes, kind: Kind | None
) -> None:
    assert what_to_tell(now, stands, takes) is kind, rule
    assert what_to_tell(now, stands, takes, rerouted=True) is None


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Taken(200)),
        (202, Taken(202)),
        (204, Taken(204)),
        (301, Away("301 no", 301)),
        (400, Refused("400 no", 400)),
        (401, Away("401 no", 401)),
        (404, Away("404 no", 404)),
        (409, Refused("409 no", 409)),
        (410, Away("410 no", 410, gone=True)),
        (422, Refused("422 no", 422)),
        (429, Away("429 no", 429)),
        (500, Broken("500 no", 500)),
        (503, Away("503 no", 503)),
    ],
)
def test_what_a_status_says(status: int, answer: Answer) -> None:
    assert meaning(status, "no") == answer


def test_waiting_doubles_has_chance_in_it_and_an_end() -> None:
    assert [waiting_s(n, chance=1) for n in (1, 2, 3, 4)] == [10, 20, 40, 80]
    assert waiting_s(1, chance=0) == 5
    assert waiting_s(100, chance=1) == LONGEST_WAIT_S
    assert waiting_s(1, chance=0, asked_s=120) == 120
    assert waiting_s(1, chance=0, asked_s=1e9) == LONGEST_WAIT_S


def test_a_receiver_down_for_three_days_is_asked_again_within_the_hour_and_nothing_is_given_up() -> None:
    since = datetime(2026, 7, 1, tzinfo=UTC)
    waited, attempts = timedelta(), 0
    while waited < timedelta(days=3):
        attempts += 1
        waited += timedelta(seconds=waiting_s(attempts, chance=1))
    assert attempts < 90
    assert not is_given_up(since, at=since + timedelta(days=3))
    assert is_given_up(since, at=since + GIVEN_UP_AFTER)


def sending(*answers: tuple[str, Answer], attempts: int = 0) -> tuple[list[str], list[Answer], Away | None]:
    """Letters named by matter and number; what was sent, with which answers, and whether the receiver is away."""
    said, tried = dict(answers), []

    def send(letter: str) -> Answer:
        tried.append(letter)
        return said[letter]

    letters = [name for name, _ in answers]
    sent = deliver(letters, send, matter=lambda letter: letter[0], attempts=lambda letter: attempts)
    return tried, [answer for _, answer in sent.answers], sent.away


BROKEN, TAKEN = Broken("500"), Taken()


def test_nothing_overtakes_within_a_matter() -> None:
    tried, _, away = sending(("a1", TAKEN), ("b1", BROKEN), ("b2", TAKEN), ("a2", TAKEN))
    assert tried == ["a1", "b1", "a2"]
    assert away is None


def test_a_refused_letter_holds_up_nobody() -> None:
    tried, _, away = sending(("a1", Refused("400", 400)), ("a2", TAKEN))
    assert (tried, away) == (["a1", "a2"], None)


def test_a_receiver_that_is_away_is_sent_nothing_more() -> None:
    tried, answers, away = sending(("a1", TAKEN), ("b1", Away("503", 503)), ("c1", TAKEN))
    assert tried == ["a1", "b1"]
    assert away == answers[-1]


def test_one_that_breaks_at_everything_is_away_one_that_takes_others_is_not() -> None:
    assert sending(("a1", BROKEN))[2] is not None
    assert sending(("a1", BROKEN), ("b1", BROKEN), ("c1", BROKEN), ("d1", TAKEN))[0] == ["a1", "b1", "c1"]
    assert sending(("a1", BROKEN), ("b1", TAKEN))[2] is None


def test_one_that_breaks_again_at_what_it_broke_at_before_is_not_away_until_it_is_three() -> None:
    assert sending(("a1", BROKEN), attempts=1)[2] is None
    assert sending(("a1", BROKEN), ("b1", BROKEN), ("c1", BROKEN), attempts=1)[2] is not None


def test_a_receiver_that_was_away_is_tried_by_what_failed_least_and_is_first_in_its_matter() -> None:
    failed = {"a1": 9, "a2": 0, "b1": 3, "c1": 4}
    chosen = probe(list(failed), matter=lambda letter: letter[0], attempts=lambda letter: failed[letter])
    assert chosen == ["b1"]
    assert probe([], matter=str, attempts=len) == []

"""How long somebody was there, and why a stretch is not taken: the edges as tables, the laws as properties."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elearn.tracking.attendance.rules import (
    DAY_MS,
    LIMITS,
    MINUTE_MS,
    Act,
    How,
    Mark,
    PersonFacts,
    Refusal,
    Scan,
    SessionFacts,
    Stretch,
    decide,
    document,
    next_act,
    presence,
    takes_codes,
)

M = MINUTE_MS
ON = date(2026, 7, 1)
SESSION = Stretch(540 * M, 630 * M)
"""09:00 to 10:30 of a day that begins at 0."""
NOW = 700 * M
CAP = 8 * 60 * M


def spans(*minutes: tuple[int, int]) -> tuple[Stretch, ...]:
    return tuple(Stretch(a * M, b * M) for a, b in minutes)


def scans(*said: tuple[str, int]) -> list[Scan]:
    return [Scan(Act(act), minute * M) for act, minute in said]


PRESENT = [
    # what was scanned, by minutes of the day; when somebody was there; still open since
    ("in and out", scans(("in", 540), ("out", 630)), spans((540, 630)), None),
    ("early and late are cut off", scans(("in", 520), ("out", 650)), spans((540, 630)), None),
    ("late, and left early", scans(("in", 555), ("out", 600)), spans((555, 600)), None),
    ("a break", scans(("in", 540), ("out", 570), ("in", 580), ("out", 630)), spans((540, 570), (580, 630)), None),
    ("no check-out", scans(("in", 545)), (), 545),
    ("a break without an end", scans(("in", 540), ("out", 570), ("in", 580)), spans((540, 570)), 580),
    ("two check-ins are one", scans(("in", 540), ("in", 550), ("out", 600)), spans((540, 600)), None),
    ("two check-outs are one", scans(("in", 540), ("out", 600), ("out", 620)), spans((540, 600)), None),
    ("out without in", scans(("out", 600)), (), None),
    ("gone before it began", scans(("in", 520), ("out", 535)), (), None),
    ("gone as it began", scans(("in", 520), ("out", 540)), (), None),
    ("came after it was over", scans(("in", 630), ("out", 640)), (), None),
    ("nothing", [], (), None),
]


@pytest.mark.parametrize(("name", "said", "there", "since"), PRESENT, ids=[one[0] for one in PRESENT])
def test_minutes_present_are_what_lies_in_the_session(
    name: str, said: list[Scan], there: tuple[Stretch, ...], since: int | None
) -> None:
    found = presence(said, None, SESSION)
    assert (found.stretches, found.open_since_ms, found.how) == (there, since and since * M, How.CODE)


@pytest.mark.parametrize(
    ("mark", "there"),
    [
        (Mark(None), ()),
        (Mark(Stretch(550 * M, 600 * M)), spans((550, 600))),
        (Mark(Stretch(500 * M, 700 * M)), spans((540, 630))),
        (Mark(Stretch(0, 540 * M), How.SHEET), ()),
    ],
)
def test_a_mark_stands_before_every_scan(mark: Mark, there: tuple[Stretch, ...]) -> None:
    found = presence(scans(("in", 540), ("out", 630)), mark, SESSION)
    assert (found.stretches, found.how, found.open_since_ms) == (there, mark.how, None)


def facts(**changed: object) -> PersonFacts:
    made = PersonFacts(enrolled=[(0, None)])
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def held(**changed: object) -> SessionFacts:
    values = {"stretch": SESSION, "cancelled": False, "in_class_dates": True, "staff": frozenset({"teacher"})} | changed
    return SessionFacts(**values)  # type: ignore[arg-type]


WHOLE = SESSION
DECISIONS = [
    # sentence, stretch, session, person, now, what comes of it
    ("all of it", WHOLE, held(), facts(), NOW, 90 * M),
    ("a part of it", Stretch(550 * M, 551 * M), held(), facts(), NOW, M),
    ("the session was cancelled", WHOLE, held(cancelled=True), facts(), NOW, Refusal.CANCELLED),
    ("outside the class's dates", WHOLE, held(in_class_dates=False), facts(), NOW, Refusal.OUTSIDE_CLASS),
    ("a minute before it began", Stretch(539 * M, 600 * M), held(), facts(), NOW, Refusal.OUTSIDE_SESSION),
    ("a minute after it ended", Stretch(600 * M, 631 * M), held(), facts(), NOW, Refusal.OUTSIDE_SESSION),
    ("in the future", WHOLE, held(), facts(), 629 * M, Refusal.NOT_OVER),
    ("over this moment", WHOLE, held(), facts(), 630 * M, 90 * M),
    ("thirty days ago", WHOLE, held(), facts(), 630 * M + LIMITS.oldest_ms, 90 * M),
    ("a millisecond longer ago", WHOLE, held(), facts(), 631 * M + LIMITS.oldest_ms, Refusal.TOO_OLD),
    ("the teacher", WHOLE, held(staff=frozenset({"ada"})), facts(), NOW, Refusal.TEACHES_IT),
    ("never enrolled", WHOLE, held(), facts(enrolled=[]), NOW, Refusal.NOT_ENROLLED),
    ("enrolled as it began", WHOLE, held(), facts(enrolled=[(540 * M, None)]), NOW, 90 * M),
    ("enrolled while it went on", WHOLE, held(), facts(enrolled=[(541 * M, None)]), NOW, Refusal.NOT_ENROLLED),
    ("left the class before", WHOLE, held(), facts(enrolled=[(0, 540 * M)]), NOW, Refusal.NOT_ENROLLED),
    ("left the class as it ended", WHOLE, held(), facts(enrolled=[(0, 630 * M)]), NOW, 90 * M),
    ("left and came back", WHOLE, held(), facts(enrolled=[(0, 100 * M), (500 * M, None)]), NOW, 90 * M),
    ("studied online meanwhile", WHOLE, held(), facts(online=spans((600, 610))), NOW, Refusal.STUDIED_ONLINE),
    ("studied until it began", WHOLE, held(), facts(online=spans((500, 540))), NOW, 90 * M),
    ("studied when it was over", WHOLE, held(), facts(online=spans((630, 640))), NOW, 90 * M),
    ("was in another session", WHOLE, held(), facts(attended=[*spans((600, 700))]), NOW, Refusal.ELSEWHERE),
    ("is recorded already", WHOLE, held(), facts(attended=[SESSION]), NOW, Refusal.ELSEWHERE),
    ("the session before ended", WHOLE, held(), facts(attended=[*spans((480, 540))]), NOW, 90 * M),
    ("an hour of the day is left", WHOLE, held(), facts(used_ms={ON: CAP - 60 * M}), NOW, 60 * M),
    ("the day is full", WHOLE, held(), facts(used_ms={ON: CAP}), NOW, Refusal.DAY_FULL),
    ("more than full", WHOLE, held(), facts(used_ms={ON: CAP + 1}), NOW, Refusal.DAY_FULL),
    ("another day was full", WHOLE, held(), facts(used_ms={date(2026, 7, 2): CAP}), NOW, 90 * M),
]


@pytest.mark.parametrize(
    ("sentence", "stretch", "session", "person", "now", "comes"), DECISIONS, ids=[one[0] for one in DECISIONS]
)
def test_a_stretch_adds_or_says_why_not(
    sentence: str, stretch: Stretch, session: SessionFacts, person: PersonFacts, now: int, comes: int | Refusal
) -> None:
    assert decide("ada", stretch, session, person, on=ON, day_cap_ms=CAP, now_ms=now) == comes


minutes = st.integers(500, 680)
stretches = (
    st.tuples(minutes, minutes).filter(lambda one: one[0] < one[1]).map(lambda one: Stretch(one[0] * M, one[1] * M))
)


@given(st.lists(stretches, max_size=12), st.lists(stretches, max_size=3), st.integers(0, 200))
@example([Stretch(540 * M, 580 * M), Stretch(580 * M, 620 * M)], [], 60)
def test_nobody_is_in_two_places_and_no_day_holds_more_than_its_cap(
    tries: list[Stretch], online: list[Stretch], cap: int
) -> None:
    person = facts(online=online)
    taken = [
        (one, ms)
        for one in tries
        if isinstance(ms := decide("ada", one, held(), person, on=ON, day_cap_ms=cap * M, now_ms=NOW), int)
    ]
    for (one, _ms), (other, _other_ms) in pairwise(sorted(taken, key=lambda each: each[0])):
        assert one.to_ms <= other.from_ms
    assert all(
        0 < ms <= one.length_ms and SESSION.from_ms <= one.from_ms and one.to_ms <= SESSION.to_ms for one, ms in taken
    )
    assert not any(one.meets(watched) for one, _ms in taken for watched in online)
    assert sum(ms for _one, ms in taken) <= cap * M


@given(st.lists(st.tuples(st.sampled_from(list(Act)), st.integers(500, 700)), max_size=12))
def test_no_run_of_scans_is_ever_worth_more_than_the_session(said: list[tuple[Act, int]]) -> None:
    found = presence([Scan(act, minute * M) for act, minute in sorted(said, key=lambda one: one[1])], None, SESSION)
    assert found.ms <= SESSION.length_ms
    assert all(one.to_ms <= other.from_ms for one, other in pairwise(found.stretches))


def test_pressing_the_button_means_in_and_then_out() -> None:
    said: list[Scan] = []
    for wanted in (Act.IN, Act.OUT, Act.IN):
        assert next_act(said) is wanted
        said.append(Scan(wanted, len(said)))


@pytest.mark.parametrize(
    ("minute", "open_"), [(509, False), (510, True), (540, True), (630, True), (659, True), (660, False)]
)
def test_codes_are_good_from_half_an_hour_before_to_half_an_hour_after(minute: int, open_: bool) -> None:
    assert takes_codes(SESSION, minute * M) is open_


def test_a_document_is_the_same_whatever_the_order_and_another_for_every_other_word() -> None:
    head, lines = {"v": 1, "place": "实训楼"}, [("a", "code", 1, 2, 1), ("b", "code", 1, 2, 1)]
    whole = document(head, lines, ["f1", "f2"])
    assert document(dict(reversed(head.items())), lines[::-1], ["f2", "f1"]) == whole
    others = [
        document({**head, "v": 2}, lines, ["f1", "f2"]), document(head, lines[:1], ["f1", "f2"]),
        document(head, [*lines, lines[0]], ["f1", "f2"]), document(head, lines, ["f1"]),
    ]  # fmt: skip
    assert len({whole, *others}) == 5
    assert DAY_MS == 86_400_000

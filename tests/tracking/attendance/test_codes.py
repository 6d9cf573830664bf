"""The code on the screen: for its session and some seconds only; a ticket is of one person."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.attendance import codes

SECRET = codes.secret_of(b"s" * 32)
SESSION, OTHER, ADA, BOB = (UUID(int=number) for number in range(1, 5))
NOW = 1_782_867_600_000
"""A slot begins here."""


@pytest.mark.parametrize(
    ("later_ms", "taken"), [(0, True), (9_999, True), (10_000, True), (19_999, True), (20_000, False), (-1, False)]
)
def test_a_code_is_taken_while_it_is_shown_and_ten_seconds_more(later_ms: int, taken: bool) -> None:
    shown = codes.code(SECRET, SESSION, codes.slot_of(NOW))
    assert (codes.opened(SECRET, SESSION, shown, NOW + later_ms) is not None) is taken


def test_the_screen_shows_another_code_every_ten_seconds() -> None:
    shown = {codes.code(SECRET, SESSION, codes.slot_of(NOW + second * 1_000)) for second in range(60)}
    assert len(shown) == 6


def test_a_code_is_of_one_session_and_one_installation() -> None:
    slot = codes.slot_of(NOW)
    assert codes.opened(SECRET, OTHER, codes.code(SECRET, SESSION, slot), NOW) is None
    assert codes.opened(SECRET, SESSION, codes.code(codes.secret_of(b"t" * 32), SESSION, slot), NOW) is None


def test_a_ticket_is_of_one_person_and_two_minutes_and_no_code() -> None:
    slot = codes.slot_of(NOW)
    ticket = codes.ticket(SECRET, SESSION, ADA, slot)
    assert codes.redeemed(SECRET, SESSION, ADA, ticket, NOW + codes.TICKET_MS - 1) == slot
    assert codes.redeemed(SECRET, SESSION, ADA, ticket, NOW + codes.TICKET_MS) is None
    assert codes.redeemed(SECRET, SESSION, ADA, ticket, NOW - 1) is None
    assert codes.redeemed(SECRET, SESSION, BOB, ticket, NOW) is None
    assert codes.redeemed(SECRET, OTHER, ADA, ticket, NOW) is None
    assert codes.redeemed(SECRET, SESSION, ADA, codes.code(SECRET, SESSION, slot), NOW) is None
    assert codes.opened(SECRET, SESSION, ticket, NOW) is None


@given(st.text(max_size=80))
def test_whatever_is_typed_is_no_code(text: str) -> None:
    assert codes.opened(SECRET, SESSION, text, NOW) is None
    assert codes.redeemed(SECRET, SESSION, ADA, text, NOW) is None


@pytest.mark.parametrize(
    "text", ["", ".", "1", "1.", "١.x", "9" * 5_000 + ".x", f"{codes.slot_of(NOW)}.é", f"-1.{OTHER}"]
)
def test_odd_text_is_no_code(text: str) -> None:
    assert codes.opened(SECRET, SESSION, text, NOW) is None

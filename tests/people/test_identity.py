"""Numbers of documents, organisations and phones; sealing them. Every number here is made up or a published vector."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from elearn.db import new_id
from elearn.errors import Malformed
from elearn.people.identity import (
    CREDIT_ALPHABET,
    DocumentKind,
    Erased,
    Sealer,
    Unsealable,
    blind_index,
    check_credit_code,
    check_document,
    check_phone,
    mask_document,
    mask_phone,
    resident_check_digit,
)
from tests.builders_people import a_resident_id

RESIDENT = DocumentKind.RESIDENT_ID
serials = st.integers(0, 99_999)
born = st.dates(date(1900, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        pytest.param(RESIDENT, "11010519491231002X", "11010519491231002X", id="the standard's own example"),
        pytest.param(RESIDENT, " 110105 19491231-002x ", "11010519491231002X", id="spaces, a hyphen, a small x"),
        pytest.param(RESIDENT, "１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X", id="full-width typing"),
        pytest.param(RESIDENT, "110105194912310021", "document_check", id="one wrong digit"),
        pytest.param(RESIDENT, "11010519491331002X", "document_birth", id="month 13"),
        pytest.param(RESIDENT, "11010519490229002X", "document_birth", id="29 February of a common year"),
        pytest.param(RESIDENT, "11010518991231002X", "document_birth", id="born before 1900"),
        pytest.param(RESIDENT, "110105491231002", "document_form", id="the old form of 15 digits"),
        pytest.param(RESIDENT, "01010519491231002X", "document_form", id="no region begins with 0"),
        pytest.param(RESIDENT, "1101051949123100²X", "11010519491231002X", id="a superscript is its digit"),
        pytest.param(RESIDENT, "١١٠١٠٥١٩٤٩١٢٣١٠٠٢٠", "document_form", id="digits of another script"),
        pytest.param(RESIDENT, "", "document_form", id="nothing"),
        pytest.param(DocumentKind.HK_MACAO_PERMIT, "h12345678", "H12345678", id="a permit for Hong Kong"),
        pytest.param(DocumentKind.HK_MACAO_PERMIT, "A12345678", "document_form", id="neither H nor M"),
        pytest.param(DocumentKind.TAIWAN_PERMIT, "12345678", "12345678", id="a permit for Taiwan"),
        pytest.param(DocumentKind.PASSPORT, "e1234567", "E1234567", id="a passport"),
        pytest.param(DocumentKind.PASSPORT, "E12", "document_form", id="too short for a passport"),
        pytest.param(DocumentKind.FOREIGNER_ID, "USA110000000000", "USA110000000000", id="a foreigner's, old form"),
    ],
)
def test_what_is_taken_as_a_document_number(kind: DocumentKind, typed: str, expected: str) -> None:
    if expected.startswith("document_"):
        with pytest.raises(Malformed) as refused:
            check_document(kind, typed)
        assert refused.value.error_code == expected
        assert not typed or typed not in str(refused.value)
    else:
        assert check_document(kind, typed) == expected


def test_nobody_is_born_tomorrow() -> None:
    number = a_resident_id(born=date(2026, 7, 2))
    assert check_document(RESIDENT, number, today=date(2026, 7, 2)) == number
    with pytest.raises(Malformed, match="date of birth"):
        check_document(RESIDENT, number, today=date(2026, 7, 1))


@given(serials, born, st.integers(0, 16), st.integers(1, 9))
def test_any_single_wrong_digit_is_noticed(serial: int, day: date, place: int, shift: int) -> None:
    number = a_resident_id(born=day, serial=serial)
    assert check_document(RESIDENT, number) == number
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(Malformed):
        check_document(RESIDENT, wrong)


@given(serials, born, st.integers(0, 15))
def test_any_two_neighbours_swapped_are_noticed(serial: int, day: date, place: int) -> None:
    number = a_resident_id(born=day, serial=serial)
    assume(number[place] != number[place + 1])
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    with pytest.raises(Malformed):
        check_document(RESIDENT, swapped)


@given(st.text(st.sampled_from("0123456789"), min_size=17, max_size=17))
def test_the_check_digit_is_iso_7064_mod_11_2(first: str) -> None:
    """The standard's recursive form, independent of the weights."""
    value = 0
    for digit in first:
        value = (value + int(digit)) * 2 % 11
    assert (value + "0123456789X".index(resident_check_digit(first))) % 11 == 1


def test_a_masked_number_shows_at_most_five_of_eighteen() -> None:
    assert mask_document("11010519491231002X") == "110*************2X"
    assert mask_document("H12345678") == "H*******8"
    assert mask_phone("+8619900000001") == "**********0001"


@given(serials, born)
def test_a_masked_number_hides_the_birth(serial: int, day: date) -> None:
    assert f"{day:%m%d}" not in mask_document(a_resident_id(born=day, serial=serial)).replace("*", "")


@pytest.mark.parametrize(
    ("code", "holds"),
    [
        pytest.param("91350100M000100Y43", True, id="holds"),
        pytest.param("91350100m000100y43 ", True, id="typed small"),
        pytest.param("91310115MA1H8R7C6D", False, id="does not hold: taken, with a warning"),
        pytest.param("91350100I000100Y43", False, id="a letter that is not in the alphabet"),
    ],
)
def test_a_credit_code_that_does_not_hold_is_told_not_refused(code: str, holds: bool) -> None:
    assert check_credit_code(code)[1] is holds


@pytest.mark.parametrize("code", ["", "9135", "91350100M000100Y4", "91350100M000100Y433", "91350100M000100Y4!"])
def test_what_is_no_credit_code_at_all_is_refused(code: str) -> None:
    with pytest.raises(Malformed):
        check_credit_code(code)


@given(st.text(st.sampled_from(CREDIT_ALPHABET), min_size=17, max_size=17))
def test_exactly_one_last_character_holds(first: str) -> None:
    assert [check_credit_code(first + last)[1] for last in CREDIT_ALPHABET].count(True) == 1


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        pytest.param("19900000001", "+8619900000001", id="mainland, 11 digits"),
        pytest.param("199 0000-0001", "+8619900000001", id="with a space and a hyphen"),
        pytest.param("8619900000001", "+8619900000001", id="with the country, without plus"),
        pytest.param("008619900000001", "+8619900000001", id="dialled with 00"),
        pytest.param("＋８６１９９００００００１", None, id="full-width, one digit short"),
        pytest.param("１９９００００００１１", "+8619900000011", id="full-width"),
        pytest.param("+12025550123", "+12025550123", id="another country"),
        pytest.param("12900000001", None, id="no mobile number begins with 12"),
        pytest.param("+8612900000001", None, id="nor with +86"),
        pytest.param("+0123456789", None, id="no country begins with 0"),
        pytest.param("+1234567890123456", None, id="longer than E.164"),
        pytest.param("zhang.san", None, id="a name"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_phone_numbers_have_one_form(typed: str, normal: str | None) -> None:
    if normal is None:
        with pytest.raises(Malformed):
            check_phone(typed)
    else:
        assert check_phone(typed) == normal


# --- sealing ---------------------------------------------------------------------------------------------------------

SEALER = Sealer(b"m" * 32)
PERSON, OTHER = (UUID(int=number) for number in (1, 2))


@given(st.text())
def test_what_is_sealed_opens_again(text: str) -> None:
    key = SEALER.new_data_key(PERSON)
    sealed = SEALER.seal(key, PERSON, "document", text)
    assert SEALER.open(key, PERSON, "document", sealed) == text
    assert len(text) < 4 or text.encode() not in sealed


def test_the_same_number_sealed_twice_looks_different() -> None:
    key = SEALER.new_data_key(PERSON)
    assert SEALER.seal(key, PERSON, "document", "1") != SEALER.seal(key, PERSON, "document", "1")


@pytest.mark.parametrize(
    "how",
    ["another purpose", "another person", "another master key", "another data key", "another form", "cut short"],
)
def test_what_is_moved_or_changed_does_not_open(how: str) -> None:
    key = SEALER.new_data_key(PERSON)
    sealed = SEALER.seal(key, PERSON, "document", "11010519491231002X")
    sealer, person, purpose = SEALER, PERSON, "document"
    match how:
        case "another purpose":
            purpose = "phone"
        case "another person":
            person = OTHER
        case "another master key":
            sealer = Sealer(b"n" * 32)
        case "another data key":
            key = SEALER.new_data_key(PERSON)
        case "another form":
            sealed = b"\x02" + sealed[1:]
        case "cut short":
            sealed = sealed[:9]
    with pytest.raises(Unsealable):
        sealer.open(key, person, purpose, sealed)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, change: int) -> None:
    key = SEALER.new_data_key(PERSON)
    sealed = bytearray(SEALER.seal(key, PERSON, "document", "11010519491231002X"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(Unsealable):
        SEALER.open(key, PERSON, "document", bytes(sealed))


def test_a_data_key_of_one_person_does_not_serve_another() -> None:
    key = SEALER.new_data_key(PERSON)
    with pytest.raises(Unsealable):
        SEALER.seal(key, OTHER, "document", "1")


def test_without_the_persons_key_nothing_opens() -> None:
    sealed = SEALER.seal(SEALER.new_data_key(PERSON), PERSON, "document", "1")
    with pytest.raises(Erased):
        SEALER.open(None, PERSON, "document", sealed)


def test_a_pseudonym_is_128_bits_and_belongs_to_one_person_and_key() -> None:
    key = SEALER.new_data_key(PERSON)
    first = SEALER.pseudonym(key, PERSON)
    assert len(first) == 22
    assert SEALER.pseudonym(key, PERSON) == first
    assert SEALER.pseudonym(SEALER.new_data_key(PERSON), PERSON) != first
    assert len({SEALER.pseudonym(SEALER.new_data_key(one), one) for one in (new_id() for _ in range(200))}) == 200


def test_the_blind_index_tells_kinds_and_keys_apart() -> None:
    index = blind_index(b"i" * 32, "resident_id", "110105")
    assert index == blind_index(b"i" * 32, "resident_id", "110105")
    assert len(index) == 32
    others = [
        blind_index(b"j" * 32, "resident_id", "110105"),
        blind_index(b"i" * 32, "passport", "110105"),
        blind_index(b"i" * 32, "resident_id1", "10105"),
        blind_index(b"i" * 32, "resident_id", "110106"),
    ]
    assert index not in others

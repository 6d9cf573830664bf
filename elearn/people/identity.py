"""Pure: document numbers, credit codes, phone numbers, regions; sealing them, and finding them without reading them.

Sources: GB 11643-1999 (resident identity number; check by ISO 7064 MOD 11-2), GB 32100-2015 (unified social credit
code), E.164 (phone numbers), GB/T 2260 (regions), DESIGN 3.14 (sealed under a key of the person's own, keyed blind
index).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID

from cryptography.exceptions import InvalidTag

from elearn import sealing
from elearn.errors import DomainError, Malformed


class DocumentKind(StrEnum):
    """A resident identity card is not the only document that training proofs name (RULES 2.4)."""

    RESIDENT_ID = "resident_id"
    HK_MACAO_PERMIT = "hk_macao_permit"
    """港澳居民来往内地通行证"""
    TAIWAN_PERMIT = "taiwan_permit"
    """台湾居民来往大陆通行证"""
    FOREIGNER_ID = "foreigner_id"
    """外国人永久居留身份证"""
    PASSPORT = "passport"


FORMS = {
    DocumentKind.RESIDENT_ID: re.compile(r"[1-9]\d{16}[0-9X]"),
    DocumentKind.HK_MACAO_PERMIT: re.compile(r"[HM]\d{8}(\d{2})?"),
    DocumentKind.TAIWAN_PERMIT: re.compile(r"\d{8}(\d{2})?"),
    DocumentKind.FOREIGNER_ID: re.compile(r"[A-Z]{3}\d{12}|9\d{16}[0-9X]"),
    DocumentKind.PASSPORT: re.compile(r"[A-Z0-9]{5,20}"),
}

RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_CHECKS = "10X98765432"

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Without I, O, S, V and Z."""

EARLIEST_BIRTH = date(1900, 1, 1)


def resident_check_digit(first_17: str) -> str:
    """The 18th character of a resident identity number (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, RESIDENT_WEIGHTS, strict=True))
    return RESIDENT_CHECKS[total % 11]


def check_document(kind: DocumentKind, number: str, *, today: date | None = None) -> str:
    """The number in its one normal form: NFKC, upper case, without spaces and hyphens.

    Raises Malformed. The message never holds the number. With `today`, a birth after it is refused too.
    """
    normal = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", number)).upper()
    if not normal.isascii() or not FORMS[kind].fullmatch(normal):
        raise Malformed("The document number does not have the form of this kind of document.", code="document_form")
    if kind is DocumentKind.RESIDENT_ID or (kind is DocumentKind.FOREIGNER_ID and len(normal) == 18):
        _check_born(normal[6:14], today)
        if resident_check_digit(normal[:17]) != normal[17]:
            raise Malformed("The document number has a typing error: its check digit is wrong.", code="document_check")
    return normal


def _check_born(digits: str, today: date | None) -> None:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        born = None
    if born is None or born < EARLIEST_BIRTH or (today is not None and born > today):
        raise Malformed("The document number has no possible date of birth.", code="document_birth")


def born_on(kind: DocumentKind, number: str) -> date | None:
    """The day of birth that a checked number in its normal form says; None: a document of this kind says none."""
    if kind not in (DocumentKind.RESIDENT_ID, DocumentKind.FOREIGNER_ID) or len(number) != 18:
        return None
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def mask_document(number: str) -> str:
    """What a page may show: the first and the last few characters, at most 5 of 18."""
    shown_first, shown_last = (3, 2) if len(number) >= 15 else (1, 1)
    return number[:shown_first] + "*" * (len(number) - shown_first - shown_last) + number[-shown_last:]


def check_credit_code(code: str) -> tuple[str, bool]:
    """The normalised credit code, and whether its check character holds.

    Some early real codes fail, so the caller warns and takes it (RULES 2.4). Raises Malformed when it cannot be one:
    not 18 letters and digits.
    """
    normal = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", code)).upper()
    if not re.fullmatch(r"[0-9A-Z]{18}", normal) or not normal.isascii():
        raise Malformed("A unified social credit code has 18 letters and digits.", code="credit_code_form")
    values = [CREDIT_ALPHABET.find(character) for character in normal]
    if min(values) < 0:
        return normal, False
    total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:17]))
    return normal, (31 - total % 31) % 31 == values[17]


def check_phone(number: str) -> str:
    """The phone number in E.164. A mainland mobile number may come without +86. Raises Malformed."""
    digits = re.sub(r"[\s\-().]", "", unicodedata.normalize("NFKC", number))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if re.fullmatch(r"(86)?1[3-9]\d{9}", digits):
        digits = "+86" + digits[-11:]
    mainland = digits.startswith("+86")
    form = r"\+861[3-9]\d{9}" if mainland else r"\+[1-9]\d{6,14}"
    if not digits.isascii() or not re.fullmatch(form, digits):
        raise Malformed("This is not a phone number.", code="phone_form")
    return digits


def mask_phone(number: str) -> str:
    """What a page may show of an E.164 number: the last four digits."""
    return "*" * (len(number) - 4) + number[-4:]


def is_region(code: str) -> bool:
    """Has it the form of a region's code: six digits, the first not 0 (GB/T 2260)?"""
    return re.fullmatch(r"[1-9]\d{5}", code, re.ASCII) is not None


# --- sealing ---------------------------------------------------------------------------------------------------------


class Unsealable(DomainError):
    """The sealed bytes do not open: another key, another person's, or changed."""

    code = "unsealable"


class Erased(DomainError):
    """The person's key was deleted; nobody can read this any more."""

    code = "erased"


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of the house, 32 bytes each."""

    sealing: bytes = field(repr=False)
    index: bytes = field(repr=False)


VERSION = b"\x01"
"""Sealed form 1: version byte, then what `elearn/sealing.py` makes."""


def _seal(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    return VERSION + sealing.seal(plain, key, VERSION + bound_to)


def _open(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    if sealed[:1] != VERSION:
        raise Unsealable("The sealed data has a form this program does not know.")
    try:
        return sealing.unseal(sealed[1:], key, VERSION + bound_to)
    except (InvalidTag, ValueError) as error:
        raise Unsealable("The sealed data does not open under this key.") from error


class Sealer:
    """Seals a person's data under a key of the person's own, which is itself wrapped under the master key.

    What is sealed is bound to its purpose and to the person: moved to another column or row, it does not open.
    """

    def __init__(self, master_key: bytes) -> None:
        self._master = master_key

    def new_data_key(self, person_id: UUID) -> bytes:
        """A fresh random data key, wrapped; this is what the database keeps."""
        return _seal(self._master, os.urandom(32), b"person key:" + person_id.bytes)

    def _data_key(self, wrapped: bytes | None, person_id: UUID) -> bytes:
        if wrapped is None:
            raise Erased("This person's data was erased.")
        return _open(self._master, wrapped, b"person key:" + person_id.bytes)

    def seal(self, wrapped: bytes | None, person_id: UUID, purpose: str, text: str) -> bytes:
        """`text` sealed for `purpose`. Raises Erased, Unsealable."""
        return _seal(self._data_key(wrapped, person_id), text.encode(), _bound(purpose, person_id))

    def open(self, wrapped: bytes | None, person_id: UUID, purpose: str, sealed: bytes) -> str:
        """What was sealed. Raises Erased, Unsealable."""
        return _open(self._data_key(wrapped, person_id), sealed, _bound(purpose, person_id)).decode()

    def pseudonym(self, wrapped: bytes | None, person_id: UUID) -> str:
        """22 characters of base64url: 128 bits of HMAC-SHA-256 under the person's key. Says nothing without it."""
        digest = hmac.digest(self._data_key(wrapped, person_id), b"pseudonym:" + person_id.bytes, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _bound(purpose: str, person_id: UUID) -> bytes:
    return purpose.encode() + b":" + person_id.bytes


def blind_index(key: bytes, kind: str, normal_number: str) -> bytes:
    """32 bytes by which equal numbers of one kind meet and which nobody without `key` can guess from a list."""
    return hmac.digest(key, kind.encode() + b"\x00" + normal_number.encode(), hashlib.sha256)


def gender_of(kind: DocumentKind, number: str) -> str | None:
    """As a resident identity number says it (GB 11643: the 17th digit is odd for men); other documents do not."""
    if len(number) == 18 and kind in (DocumentKind.RESIDENT_ID, DocumentKind.FOREIGNER_ID):
        return "male" if int(number[16]) % 2 else "female"
    return None

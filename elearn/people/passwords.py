"""Passwords: what is taken, how it is kept (Argon2id), and one-time passwords that can be read aloud.

Length and a list of the usual ones instead of rules of composition: NIST SP 800-63B-4, section 3.1.1.2.
Cost: OWASP Password Storage, Argon2id with 19 MiB, 2 passes, 1 lane; a hash of another cost is made anew at sign-in.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from elearn.errors import Malformed

SHORTEST = 8
LONGEST = 128

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

USUAL = frozenset(
    (
        "password",
        "passw0rd",
        "password1",
        "qwertyuiop",
        "qwerty123",
        "qwer1234",
        "1q2w3e4r",
        "1qaz2wsx",
        "1234qwer",
        "abc12345",
        "abcd1234",
        "a1234567",
        "a12345678",
        "a123456789",
        "aa123456",
        "aa12345678",
        "iloveyou",
        "5201314520",
        "woaini1314",
        "woaini520",
        "admin123",
        "admin888",
        "administrator",
        "letmein1",
        "welcome1",
        "asdfghjkl",
        "zxcvbnm123",
        "11223344",
        "12341234",
        "123123123",
        "147258369",
        "password123",
        "q1w2e3r4",
        "123456abc",
        "123456789a",
    )
)
RUNS = ("01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz")

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what looks alike."""


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def check_new(password: str, *, not_like: tuple[str, ...] = ()) -> None:
    """Raises Malformed for a password that is too short, too long, usual, or the person's own name or number."""
    text = _normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise Malformed(
            "A password has %(shortest)d to %(longest)d characters.",
            code="password_length",
            shortest=SHORTEST,
            longest=LONGEST,
        )
    small = text.casefold()
    near = [one.casefold().lstrip("+") for one in not_like if len(one) >= 3]
    if (
        small in USUAL
        or len(set(small)) < 4
        or any(small in run for run in RUNS)
        or any(small in one or (one in small and len(small) - len(one) < 4) for one in near)
    ):
        raise Malformed("This password is easy to guess. Please choose another.", code="password_easy")


def hash_password(password: str) -> str:
    """Argon2id in PHC form."""
    return HASHER.hash(_normal(password))


def verify(kept: str | None, password: str) -> bool:
    """Whether `password` is the one kept. Costs the same when there is none to compare with."""
    if len(password) > LONGEST:
        password, kept = "", None
    try:
        HASHER.verify(kept or _nobodys(), _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Made at another cost than today's."""
    return HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    """A hash that no password fits, at today's cost."""
    return HASHER.hash(secrets.token_bytes(32))


def new_one_time() -> str:
    """12 characters in three groups: 59 random bits, easy to read aloud and to type on a phone."""
    letters = [secrets.choice(ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[at : at + 4]) for at in (0, 4, 8))


def one_time_form(typed: str) -> str:
    """A one-time password as it is hashed: a phone's capital letters, spaces and missing hyphens do not matter."""
    return re.sub(r"[\s\-]", "", _normal(typed)).lower()

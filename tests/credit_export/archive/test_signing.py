"""Learners sign what they saw: by hand or by their own key, from the last day on, and again after a change."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.requirements import service as requirements
from elearn.credit_export.archive import drawing, reading, signing
from elearn.credit_export.archive.models import HoursSignature
from elearn.credit_export.archive.statement import Standing
from elearn.credit_export.archive.verifying import verify
from elearn.credit_export.exam_system.package_verifying import PackageRefused
from elearn.credit_export.ledger_check import SENTENCES
from elearn.db import LedgerViolation
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import persons
from elearn.people.identity import Erased
from elearn.people.signatures import base64url
from elearn.tracking.providers.said import Assertion
from tests import builders_people as people
from tests.credit_export.archive.school import NOW, SIGNER, Archived, a_drawing
from tests.credit_export.archive.test_archive import files_of, resealed
from tests.hours import credit_all
from tests.tracking.presence.authenticator import PRESENT, Authenticator
from tests.tracking.presence.test_webauthn import SITE, register


def broken(session: Session) -> list[str]:
    """What `elearn ledger check` says of signatures."""
    [query] = [query for sentence, query in SENTENCES.items() if sentence.startswith("hours_signature")]
    return [what for _which, what in session.execute(sa.text(query))]


def standing(archived: Archived, who: int = 0) -> Standing:
    person = archived.learners[who]
    return signing.to_sign(archived.session, archived.held.id, person, now=NOW).standing


def test_a_drawing_is_kept_sealed_beside_what_it_signed(session: Session, archived: Archived) -> None:
    made = archived.sign()
    assert (made.number, made.method) == (1, "drawing")
    assert json.loads(made.said)["person"] == str(archived.learners[0])
    assert b"PNG" not in made.proof_sealed
    [png] = signing.proofs(session, [made], people.KEYS).values()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert standing(archived) is Standing.SIGNED
    assert standing(archived, 1) is Standing.NOT_SIGNED


def test_signing_the_same_again_is_the_signature_that_is_there(archived: Archived) -> None:
    assert archived.sign().id == archived.sign(sent=a_drawing(((60, 60, 500, 180),))).id


def test_a_later_change_is_signed_again_and_both_stay(session: Session, archived: Archived) -> None:
    first = archived.sign()
    span = archived.watching[0].watch(ms=30_000, heard_at=NOW)
    credit_all(session, now=NOW)
    assert standing(archived) is Standing.CHANGED
    assert standing(archived, 1) is Standing.NOT_SIGNED
    second = archived.sign()
    assert (second.number, second.digest == first.digest) == (2, False)
    archived.watching[0].void(span)
    credit_all(session, now=NOW + timedelta(hours=1))
    assert standing(archived) is Standing.CHANGED, "the sums are as before, and what they rest on is not"
    assert archived.verified().holding == 0


def test_what_was_on_the_page_is_what_is_signed(session: Session, archived: Archived) -> None:
    person, held = archived.learners[0], archived.held.id
    seen = signing.to_sign(session, held, person, now=NOW).had.digest
    archived.watching[0].watch(ms=30_000, heard_at=NOW)
    credit_all(session, now=NOW)
    with pytest.raises(Conflict) as refused:
        signing.sign_by_hand(session, held, person, digest=seen, sent=a_drawing(), keys=people.KEYS, at=NOW)
    assert refused.value.error_code == "hours_changed"


def test_it_is_signed_from_the_last_day_on_by_who_is_in_the_class(session: Session, archived: Archived) -> None:
    with pytest.raises(Conflict) as refused:
        archived.sign(now=NOW - timedelta(days=1))
    assert refused.value.error_code == "class_not_over"
    with pytest.raises(NotFound):
        signing.to_sign(session, archived.held.id, people.a_person(session).id, now=NOW)


STROKE = (40, 30, 520, 200)
DRAWINGS = [
    ("two strokes on white", a_drawing(), True),
    ("on nothing, as some browsers send it", a_drawing(alpha=True), True),
    ("one long stroke", a_drawing((STROKE,)), True),
    ("an empty field", a_drawing(()), False),
    ("an empty field of nothing", a_drawing((), alpha=True), False),
    ("a dot", a_drawing(((300, 120, 303, 122),)), False),
    ("a tick in one corner", a_drawing(((20, 20, 60, 100),)), False),
    ("a black box", a_drawing([(0, y, 600, y) for y in range(0, 240, 6)]), False),
    ("no picture", b"\x89PNG\r\n\x1a\n" + b"x" * 100, False),
    ("a photo", b"\xff\xd8\xff" + b"x" * 100, False),
    ("a very large picture", a_drawing() + b"x" * drawing.LARGEST_BYTES, False),
    ("nothing", b"", False),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "taken"), [one[1:] for one in DRAWINGS], ids=[one[0] for one in DRAWINGS])
def test_what_is_a_signature(sent: bytes, taken: bool) -> None:
    with nullcontext() if taken else pytest.raises(Malformed, check=lambda refused: refused.error_code == "drawing"):
        assert drawing.drawn(sent).startswith(b"\x89PNG")


def test_what_else_a_picture_carries_is_not_kept() -> None:
    sent, text = a_drawing(), b"tEXtsecret\0x"
    more = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    assert b"secret" not in drawing.drawn(sent[:33] + more + sent[33:])


# --- by a key ---------------------------------------------------------------------------------------------------------


def by_key(archived: Archived, phone: Authenticator, **changes: Any) -> HoursSignature:
    session, person = archived.session, archived.learners[0]
    digest = signing.to_sign(session, archived.held.id, person, now=NOW).had.digest
    challenge = changes.pop("challenge", base64url(bytes.fromhex(digest)))
    said = msgspec.convert(phone.answer(challenge, **changes), Assertion)
    return signing.sign_by_key(
        session, archived.held.id, person, digest=digest, assertion=said, site=SITE, keys=people.KEYS, at=NOW
    )


def test_a_registered_key_signs_the_digest_and_whoever_verifies_needs_nothing_else(
    session: Session, archived: Archived
) -> None:
    phone = Authenticator()
    key = register(session, archived.learners[0], phone)
    made = by_key(archived, phone)
    assert (made.method, made.key_id) == ("webauthn", key.id)
    content = archived.made()
    assert archived.verified(content).holding == 1

    def answering(**parts: str) -> Callable[[dict[str, bytes]], None]:
        def apply(files: dict[str, bytes]) -> None:
            [name] = [name for name in files if name.startswith("signatures/")]
            files[name] = json.dumps(json.loads(files[name]) | parts, sort_keys=True).encode()
            signoffs = json.loads(files["data/signoffs.json"])
            signoffs[0]["proof_sha256"] = hashlib.sha256(files[name]).hexdigest()
            files["data/signoffs.json"] = json.dumps(signoffs).encode()

        return apply

    digest = base64url(bytes.fromhex(made.digest))
    for parts in (
        {"signature": base64url(b"x" * 70)},
        phone.answer(base64url(bytes(32))),
        phone.answer(digest, flags=PRESENT),
        phone.answer(digest, kind="webauthn.create"),
        {"rp_id": "evil.example"},
    ):
        forged = resealed(content, answering(**parts), signer=SIGNER)
        with pytest.raises(PackageRefused, match="is not of what it says"):
            verify(forged, thumbprint=SIGNER.kid)


NOT_SIGNED: dict[str, dict[str, Any]] = {
    "another statement": {"challenge": base64url(bytes(32))},
    "nobody unlocked it": {"flags": PRESENT},
    "another site": {"origin": "https://evil.example"},
    "inside another site's page": {"cross_origin": True},
}


def test_a_key_that_did_not_sign_this_is_not_taken(session: Session, archived: Archived) -> None:
    phone = Authenticator()
    register(session, archived.learners[0], phone)
    for name, changes in NOT_SIGNED.items():
        with pytest.raises(Conflict) as refused:
            by_key(archived, phone, **changes)
        assert refused.value.error_code == "key", name
    assert standing(archived) is Standing.NOT_SIGNED


def test_somebody_elses_key_is_not_taken(session: Session, archived: Archived) -> None:
    phone = Authenticator()
    register(session, archived.learners[1], phone)
    with pytest.raises(Conflict):
        by_key(archived, phone)


# --- what stays -------------------------------------------------------------------------------------------------------


def test_nobody_changes_a_signature(session: Session, archived: Archived) -> None:
    made = archived.sign()
    for statement in ("UPDATE elearn.hours_signature SET id = id", "DELETE FROM elearn.hours_signature"):
        with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
            session.execute(sa.text(statement))
    copied = "id, class_id, person_id, number, method, said, digest, proof_sealed, proof_sha256, signed_at"
    other = copied.replace("id, class", "gen_random_uuid(), class").replace("number", "9").replace("said", "'{}'")
    with pytest.raises(IntegrityError, match="ck_hours_signature_digest"), session.begin_nested():
        session.execute(sa.text(f"INSERT INTO elearn.hours_signature ({copied}) SELECT {other} "
                                "FROM elearn.hours_signature"))  # fmt: skip
    assert broken(session) == []
    other = copied.replace("id, class", "gen_random_uuid(), class").replace("number", "9")
    session.execute(
        sa.text(f"INSERT INTO elearn.hours_signature ({copied}) SELECT {other} FROM elearn.hours_signature")
    )
    assert broken(session) == ["a signature before it is missing"]
    made.method = "webauthn"
    with pytest.raises(LedgerViolation):
        session.flush()
    session.rollback()


def test_erasing_a_person_makes_their_signature_unreadable(session: Session, archived: Archived) -> None:
    made = archived.sign()
    for person in archived.learners:
        persons.erase_person(session, person, at=NOW)
    session.expire_all()
    assert signing.proofs(session, [made], people.KEYS) == {}
    with pytest.raises(Erased):
        archived.sign(1)


# --- until when -------------------------------------------------------------------------------------------------------


def test_what_is_due_is_a_list_and_deletes_nothing(session: Session, archived: Archived) -> None:
    held, catalogue = reading.held_class(session, archived.held.id), requirements.catalogue(session)
    until = reading.clock_of(catalogue, held, last_earned_on=None).until
    assert until is not None
    assert reading.due(session, sa.true(), on=until) == []
    [(found, clock)] = reading.due(session, sa.true(), on=until + timedelta(days=1))
    assert (found.training.id, clock.until) == (archived.held.id, until)
    assert archived.verified().entries == 4
    # Hours that came after the last day make it longer.
    archived.held.ends_on = archived.held.starts_on
    session.flush()
    kept = json.loads(files_of(archived.made())["data/class.json"])["retention"]
    assert kept["ended_on"] > archived.held.ends_on.isoformat()

"""Security keys: what is registered, which assertions pass, and what nobody gets past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import Conflict, Malformed, NotFound
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.providers import webauthn
from elearn.tracking.providers.models import SecurityKey
from elearn.tracking.providers.webauthn import Site
from tests.builders_people import an_account
from tests.builders_tracking import Watchable, a_player, a_watchable
from tests.conftest import scalar
from tests.tracking.presence.asking import ask, asked, outcome, send
from tests.tracking.presence.authenticator import ATTESTED, PRESENT, VERIFIED, Authenticator, base64url
from tests.tracking.presence.conftest import Allow

AT = datetime(2026, 7, 1, tzinfo=UTC)
SITE = Site("localhost", "http://localhost")
CHALLENGE = bytes(range(32))


def register(session: Session, person_id: UUID, phone: Authenticator, **changes: Any) -> SecurityKey:
    said = phone.create(changes.pop("challenge", base64url(CHALLENGE)), **changes)
    return webauthn.add_key(session, person_id, SITE, challenge=CHALLENGE, name="My phone", at=AT, **said)


@pytest.fixture
def phone(session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow) -> Authenticator:
    """The learner's phone, registered; security keys are the only way."""
    phone = Authenticator()
    register(session, lesson.learner_id, phone)
    allow("webauthn")
    return phone


@pytest.mark.parametrize(
    ("public_url", "site"),
    [
        ("https://learn.example", Site("learn.example", "https://learn.example")),
        ("https://learn.example:8443", Site("learn.example", "https://learn.example:8443")),
        ("http://localhost:8000", Site("localhost", "http://localhost:8000")),
        ("http://learn.example", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::1]", None),
    ],
)
def test_keys_are_good_for_the_public_address_where_browsers_allow_them(public_url: str, site: Site | None) -> None:
    assert Site.of(public_url) == site


# -- registering


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("an answer to another challenge", {"challenge": base64url(bytes(32))}),
        ("given to another site", {"origin": "https://evil.example"}),
        ("given to another port", {"origin": "http://localhost:81"}),
        ("made for another site", {"rp_id": "evil.example"}),
        ("nobody was there", {"flags": VERIFIED | ATTESTED}),
        ("nobody was verified", {"flags": PRESENT | ATTESTED}),
        ("an assertion instead of a registration", {"kind": "webauthn.get"}),
        ("an algorithm that was not asked for", {"algorithm": -65535}),
    ],
)
def test_a_key_that_did_not_answer_as_asked_is_not_taken(
    session: Session, lesson: Watchable, rule: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(Malformed):
        register(session, lesson.learner_id, Authenticator(), **changes)
    assert webauthn.keys_of(session, lesson.learner_id) == [], rule


@pytest.mark.parametrize("part", ["client_data", "attestation"])
@pytest.mark.parametrize("junk", ["", "AAAA", "e30", "%%%", base64url(b"\xa0"), base64url(b"[" * 2000)])
def test_what_is_no_registration_at_all_is_malformed(session: Session, lesson: Watchable, part: str, junk: str) -> None:
    said = {**Authenticator().create(base64url(CHALLENGE)), part: junk}
    with pytest.raises(Malformed):
        webauthn.add_key(session, lesson.learner_id, SITE, challenge=CHALLENGE, name="x", at=AT, **said)


def test_one_key_is_nobody_elses_too(session: Session, lesson: Watchable) -> None:
    phone = Authenticator()
    register(session, lesson.learner_id, phone)
    with pytest.raises(Conflict, match="known already"):
        register(session, an_account(session).person_id, phone)
    assert len(webauthn.keys_of(session, lesson.learner_id)) == 1


def test_a_person_has_at_most_ten_keys(session: Session, lesson: Watchable) -> None:
    for _ in range(webauthn.MOST_KEYS):
        register(session, lesson.learner_id, Authenticator())
    with pytest.raises(Conflict, match="Remove one"):
        register(session, lesson.learner_id, Authenticator())


def test_nobody_removes_somebody_elses_key(session: Session, lesson: Watchable) -> None:
    key = register(session, lesson.learner_id, Authenticator())
    with pytest.raises(NotFound):
        webauthn.remove_key(session, an_account(session).person_id, key.id, at=AT)
    webauthn.remove_key(session, lesson.learner_id, key.id, at=AT)
    with pytest.raises(NotFound):
        webauthn.remove_key(session, lesson.learner_id, key.id, at=AT)


# -- answering


def test_the_phones_lock_makes_pending_final(player: ScriptedPlayer, phone: Authenticator, session: Session) -> None:
    check = asked(player)
    assert (check["kind"], check["rp_id"], len(check["credentials"])) == ("webauthn", "localhost", 1)
    assert outcome(player, check, assertion=phone.answer(check["challenge"])) == "passed"
    assert player.state["final_ms"] == 45_000
    assert check_ledger(session) == []


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("an answer to another challenge", {"challenge": base64url(bytes(32))}),
        ("given to another site", {"origin": "https://evil.example"}),
        ("given to the same host by another scheme", {"origin": "https://localhost"}),
        ("given inside another site's frame", {"cross_origin": True}),
        ("made for another site", {"rp_id": "evil.example"}),
        ("nobody was there", {"flags": VERIFIED}),
        ("somebody was there and not verified", {"flags": PRESENT}),
        ("a registration instead of an assertion", {"kind": "webauthn.create"}),
        ("signed by another key", {"signer": generate_private_key(SECP256R1())}),
    ],
)
def test_a_bad_assertion_is_a_wrong_try(
    player: ScriptedPlayer, phone: Authenticator, rule: str, changes: dict[str, Any]
) -> None:
    check = asked(player)
    bad = phone.answer(changes.pop("challenge", check["challenge"]), **changes)
    assert outcome(player, check, assertion=bad) == "try_again", rule
    assert outcome(player, check, assertion=bad) == "try_again", "the same again is the same try"
    assert asked(player)["tries_left"] == 1
    assert outcome(player, check, assertion=phone.answer(check["challenge"])) == "passed"


def test_two_bad_assertions_fail_the_check(player: ScriptedPlayer, phone: Authenticator) -> None:
    check = asked(player)
    got = [
        outcome(player, check, assertion=phone.answer(check["challenge"], flags=flags)) for flags in (PRESENT, VERIFIED)
    ]
    assert got == ["try_again", "failed"]
    assert player.look()["held"]


def test_another_persons_key_is_a_wrong_try(player: ScriptedPlayer, phone: Authenticator, session: Session) -> None:
    other = Authenticator()
    register(session, an_account(session).person_id, other)
    check = asked(player)
    assert outcome(player, check, assertion=other.answer(check["challenge"])) == "try_again"


def test_a_removed_key_is_a_wrong_try(
    player: ScriptedPlayer, phone: Authenticator, session: Session, lesson: Watchable
) -> None:
    second = Authenticator()
    register(session, lesson.learner_id, second)
    check = asked(player)
    webauthn.remove_key(session, lesson.learner_id, webauthn.keys_of(session, lesson.learner_id)[1].id, at=AT)
    assert outcome(player, check, assertion=second.answer(check["challenge"])) == "try_again"


@pytest.mark.parametrize(
    ("rule", "before", "now", "expected"),
    [
        ("an authenticator that does not count", 0, 0, "passed"),
        ("the first count", 0, 5, "passed"),
        ("one further", 5, 6, "passed"),
        ("far further", 5, 90, "passed"),
        ("the same count: a copy of the key", 5, 5, "try_again"),
        ("an older count: a copy of the key", 5, 4, "try_again"),
        ("it counted once and does not any more", 5, 0, "try_again"),
    ],
)
def test_a_counter_only_moves_on(
    player: ScriptedPlayer, phone: Authenticator, session: Session, rule: str, before: int, now: int, expected: str
) -> None:
    [key] = webauthn.keys_of(session, UUID(str(scalar(session, "SELECT learner_id FROM elearn.learner_watch"))))
    key.sign_count = before
    session.flush()
    check = asked(player)
    assert outcome(player, check, assertion=phone.answer(check["challenge"], counter=now)) == expected, rule
    kept = scalar(session, "SELECT sign_count FROM elearn.security_key")
    assert kept == (now if expected == "passed" else before)


def test_an_assertion_of_one_check_does_not_pass_the_next(player: ScriptedPlayer, phone: Authenticator) -> None:
    first = asked(player)
    assertion = phone.answer(first["challenge"])
    assert outcome(player, first, assertion=assertion) == "passed"
    player.play(15_000)
    later = asked(player)
    assert later["challenge"] != first["challenge"]
    assert outcome(player, later, assertion=assertion) == "try_again"


@pytest.mark.parametrize("part", ["client_data", "authenticator_data"])
@pytest.mark.parametrize("junk", ["", "AAAA", "e30", base64url(b"\xff" * 40), base64url(b"[" * 3000)])
def test_what_is_no_assertion_costs_no_try(player: ScriptedPlayer, phone: Authenticator, part: str, junk: str) -> None:
    check = asked(player)
    got = send(player, check, assertion={**phone.answer(check["challenge"]), part: junk})
    assert (got.status, got.json()["error"]) == (400, "assertion")
    assert asked(player)["tries_left"] == 2


@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_a_signature_that_is_none_is_a_wrong_try(player: ScriptedPlayer, phone: Authenticator, signature: str) -> None:
    check = asked(player)
    bad = {**phone.answer(check["challenge"]), "signature": signature}
    assert outcome(player, check, assertion=bad) == "try_again"


def test_nobody_answers_for_another_learner_with_a_key_of_their_own(
    app: Flask, session: Session, player: ScriptedPlayer, phone: Authenticator
) -> None:
    check = asked(player)
    other = a_watchable(session)
    thief = a_player(app, session, other.learner_id)
    thief.open(other.unit_id)
    assert send(thief, check, assertion=phone.answer(check["challenge"])).status == 404
    assert ask(player).json()["check"]["tries_left"] == 2

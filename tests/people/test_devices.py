"""Device keys: which are taken, how they are named, whose they are."""

from __future__ import annotations

import base64
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from flask import g
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.errors import Conflict, Malformed, NotFound, TooMany
from elearn.people import callers, devices
from elearn.people.devices import Agreement, AgreementJwk, PublicJwk
from tests.builders_people import AT, a_person, an_account, signed_in
from tests.conftest import ManualClock

BASE = {"kty": "EC", "crv": "P-256"}


def _text(value: int, size: int = 32) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(size, "big")).rstrip(b"=").decode()


def a_jwk(curve: ec.EllipticCurve | None = None) -> PublicJwk:
    numbers = ec.generate_private_key(curve or ec.SECP256R1()).public_key().public_numbers()
    return PublicJwk(kty="EC", crv="P-256", x=_text(numbers.x), y=_text(numbers.y))


def test_a_thumbprint_is_that_of_rfc_7638() -> None:
    jwk = a_jwk()
    assert devices.thumbprint(jwk) == ECKey.import_key({**BASE, "x": jwk.x, "y": jwk.y}).thumbprint()
    labelled = msgspec.structs.replace(jwk, ext=True, key_ops=["verify"], kid="phone")
    assert devices.thumbprint(labelled) == devices.thumbprint(jwk)


def test_a_key_as_the_browser_exports_it_is_enrolled_once(client: FlaskClient, session: Session) -> None:
    account, jwk = an_account(session), a_jwk()
    header = signed_in(client, session, account)
    sent = {"jwk": {**BASE, "x": jwk.x, "y": jwk.y, "ext": True, "key_ops": ["verify"]}}
    for _ in range(2):
        answer = client.post("/devices", json=sent, headers=header)
        assert (answer.status_code, answer.json) == (201, {"thumbprint": devices.thumbprint(jwk)})
    key = devices.public_key(session, account.person_id, devices.thumbprint(jwk))
    assert _text(key.public_numbers().x) == jwk.x


GOOD = a_jwk()


@pytest.mark.parametrize(
    "jwk",
    [
        pytest.param({**BASE, "x": GOOD.x, "y": a_jwk().y}, id="no point on the curve"),
        pytest.param({**BASE, "x": _text(0), "y": _text(0)}, id="zero"),
        pytest.param({**BASE, "x": GOOD.x + "AA", "y": GOOD.y}, id="a coordinate too long"),
        pytest.param({**BASE, "x": GOOD.x[:-2], "y": GOOD.y}, id="a coordinate too short"),
        pytest.param({**BASE, "x": GOOD.x + "=", "y": GOOD.y}, id="padded: a second spelling of the same key"),
        pytest.param({**BASE, "x": "!" + GOOD.x[1:], "y": GOOD.y}, id="not base64url"),
        pytest.param({**BASE, "crv": "secp256k1", "x": a_jwk(ec.SECP256K1()).x, "y": GOOD.y}, id="another curve"),
        pytest.param({**BASE, "crv": "P-384", "x": GOOD.x, "y": GOOD.y}, id="a larger curve"),
        pytest.param({"kty": "oct", "k": "AAAA"}, id="a shared secret"),
        pytest.param({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, id="RSA"),
        pytest.param({**BASE, "x": GOOD.x}, id="half a point"),
        pytest.param({**BASE, "x": GOOD.x, "y": GOOD.y, "d": _text(1)}, id="a private key"),
        pytest.param({**BASE, "x": GOOD.x, "y": GOOD.y, "x5u": "https://example.org"}, id="something unknown"),
        pytest.param(None, id="nothing"),
    ],
)
def test_what_is_no_public_key_on_p_256_is_refused(client: FlaskClient, session: Session, jwk: object) -> None:
    header = signed_in(client, session, an_account(session))
    answer = client.post("/devices", json={"jwk": jwk}, headers=header)
    assert answer.status_code == 400
    assert answer.json is not None
    assert _text(1) not in answer.json["detail"]


def test_a_private_key_is_named_as_such(session: Session) -> None:
    with pytest.raises(Malformed) as refused:
        devices.enrol(session, a_person(session).id, msgspec.structs.replace(GOOD, d=_text(1)), at=AT)
    assert refused.value.error_code == "private_key"


def test_nobody_enrols_without_signing_in(client: FlaskClient) -> None:
    with client.application.test_request_context():
        pass
    answer = client.post("/devices", json={"jwk": {**BASE, "x": GOOD.x, "y": GOOD.y}})
    assert answer.status_code == 403
    assert answer.json is not None
    assert answer.json["error"] == "csrf"


def test_a_device_is_its_persons_own_though_two_may_share_a_phone(session: Session) -> None:
    first, second, jwk = a_person(session), a_person(session), a_jwk()
    name = devices.enrol(session, first.id, jwk, at=AT)
    with pytest.raises(NotFound):
        devices.public_key(session, second.id, name)
    assert devices.enrol(session, second.id, jwk, at=AT) == name
    assert devices.public_key(session, second.id, name)


def test_a_revoked_device_no_longer_signs_and_stays_revoked(session: Session) -> None:
    person, jwk = a_person(session), a_jwk()
    name = devices.enrol(session, person.id, jwk, at=AT)
    assert devices.public_key(session, person.id, name) is devices.public_key(session, person.id, name)
    devices.revoke(session, person.id, name, at=AT)
    with pytest.raises(NotFound):
        devices.public_key(session, person.id, name)
    with pytest.raises(Malformed, match="revoked"):
        devices.enrol(session, person.id, jwk, at=AT)
    with pytest.raises(NotFound):
        devices.revoke(session, person.id, name, at=AT)


def test_the_oldest_device_goes_when_there_are_too_many(session: Session) -> None:
    person = a_person(session)
    names = [
        devices.enrol(session, person.id, a_jwk(), at=AT + number * timedelta(hours=3))
        for number in range(devices.MOST_DEVICES + 1)
    ]
    with pytest.raises(NotFound):
        devices.public_key(session, person.id, names[0])
    assert all(devices.public_key(session, person.id, name) for name in names[1:])


def test_a_person_brings_ten_new_devices_a_day_and_a_known_one_always(
    client: FlaskClient, session: Session, clock: ManualClock
) -> None:
    header = signed_in(client, session, an_account(session))

    def bring(jwk: PublicJwk, language: str = "en") -> TestResponse:
        sent = {"jwk": {**BASE, "x": jwk.x, "y": jwk.y}}
        answer = client.post("/devices", json=sent, headers={**header, "Accept-Language": language})
        callers.forget_last_request()
        return answer

    known = a_jwk()
    assert bring(known).status_code == 201
    clock.advance(3_600_000)
    assert [bring(a_jwk()).status_code for _ in range(9)] == [201] * 9
    g.pop("elearn_language", None)
    refused = bring(a_jwk())
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(23 * 3600))
    assert refused.get_json() == {
        "error": "too_many_devices",
        "detail": "Too many new devices in one day. Please go on with one that is known, or try again in 23 h.",
    }
    g.pop("elearn_language", None)
    assert "23 小时" in bring(a_jwk(), "zh").get_json()["detail"]
    assert bring(known).status_code == 201, "the same key again is free"
    other = client.application.test_client()
    callers.forget_last_request()
    assert (
        other.post(
            "/devices",
            json={"jwk": {**BASE, "x": GOOD.x, "y": GOOD.y}},
            headers=signed_in(other, session, an_account(session)),
        ).status_code
        == 201
    )
    callers.forget_last_request()
    clock.advance(23 * 3_600_000)
    assert bring(a_jwk()).status_code == 201, "the first one is a day old"
    assert bring(a_jwk()).status_code == 429


def test_a_revoked_device_counts_among_the_new_ones_of_its_day(session: Session) -> None:
    person = a_person(session)
    for _ in range(devices.NEW_A_DAY):
        devices.revoke(session, person.id, devices.enrol(session, person.id, a_jwk(), at=AT), at=AT)
    with pytest.raises(TooMany) as refused:
        devices.enrol(session, person.id, a_jwk(), at=AT + timedelta(hours=23, minutes=59, milliseconds=1))
    assert refused.value.retry_after_s == 60
    session.rollback()


# -- the key that downloads are sealed to


class Phone:
    """A browser with both its keys."""

    def __init__(self) -> None:
        self.signing, self.agreeing = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    @property
    def jwk(self) -> dict[str, str]:
        return public(self.signing)

    def agreement(self, key: ec.EllipticCurvePrivateKey | None = None, **changes: object) -> dict[str, object]:
        """What the phone sends of its agreement key, or of `key`."""
        jwk = public(key or self.agreeing)
        name = devices.thumbprint(msgspec.convert(jwk, AgreementJwk))
        return {"jwk": jwk, "sig": signed(self.signing, f"elearn agreement\n{name}"), **changes}


def public(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {**BASE, "x": _text(numbers.x), "y": _text(numbers.y)}


def signed(key: ec.EllipticCurvePrivateKey, text: str) -> str:
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    return _text(r << 256 | s, 64)


def enrol(session: Session, person_id: UUID, phone: Phone, agreement: object = None) -> str:
    proof = None if agreement is None else msgspec.convert(agreement, Agreement)
    return devices.enrol(session, person_id, msgspec.convert(phone.jwk, PublicJwk), at=AT, agreement=proof)


def test_a_device_brings_its_agreement_key_with_it(client: FlaskClient, session: Session) -> None:
    account, phone = an_account(session), Phone()
    header = signed_in(client, session, account)
    exported = phone.agreement()
    exported["jwk"] = {**public(phone.agreeing), "ext": True, "key_ops": []}
    for agreement in (phone.agreement(), exported):
        answer = client.post("/devices", json={"jwk": phone.jwk, "agreement": agreement}, headers=header)
        assert answer.status_code == 201, "the same again is harmless, signed anew or labelled"
    assert answer.json is not None
    name = answer.json["thumbprint"]
    assert name == devices.thumbprint(msgspec.convert(phone.jwk, PublicJwk))
    assert devices.agreement_key(session, account.person_id, name) == public(phone.agreeing)


def test_a_device_that_was_enrolled_without_one_may_bring_it_later_and_keeps_it(session: Session) -> None:
    person, phone = a_person(session), Phone()
    name = enrol(session, person.id, phone)
    assert devices.agreement_key(session, person.id, name) is None
    enrol(session, person.id, phone, phone.agreement())
    enrol(session, person.id, phone)
    assert devices.agreement_key(session, person.id, name) == public(phone.agreeing)


def test_an_agreement_key_is_set_once_and_never_replaced(client: FlaskClient, session: Session) -> None:
    account, phone = an_account(session), Phone()
    header = signed_in(client, session, account)
    name = enrol(session, account.person_id, phone, phone.agreement())
    session.commit()
    other = phone.agreement(ec.generate_private_key(ec.SECP256R1()))
    refused = client.post("/devices", json={"jwk": phone.jwk, "agreement": other}, headers=header)
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["error"] == "device_agreement"
    with pytest.raises(Conflict):
        enrol(session, account.person_id, phone, other)
    assert devices.agreement_key(session, account.person_id, name) == public(phone.agreeing)


PHONE = Phone()
PROOF = PHONE.agreement()
SIG = str(PROOF["sig"])
RAW = base64.urlsafe_b64decode(SIG + "==")
NAME = devices.thumbprint(msgspec.convert(PROOF["jwk"], AgreementJwk))


@pytest.mark.parametrize(
    ("rule", "agreement", "error"),
    [
        ("somebody else's signature", {**PROOF, "sig": Phone().agreement()["sig"]}, "agreement_signature"),
        (
            "signed by another device",
            {**PROOF, "sig": signed(Phone().signing, f"elearn agreement\n{NAME}")},
            "agreement_signature",
        ),
        (
            "signed by the agreement key itself",
            {**PROOF, "sig": signed(PHONE.agreeing, f"elearn agreement\n{NAME}")},
            "agreement_signature",
        ),
        (
            "the signature of a bare thumbprint, as a report could hold it",
            {**PROOF, "sig": signed(PHONE.signing, NAME)},
            "agreement_signature",
        ),
        ("a signature cut short", {**PROOF, "sig": SIG[:-3]}, "agreement_signature"),
        ("a signature with more behind it", {**PROOF, "sig": SIG + "AAAA"}, "agreement_signature"),
        (
            "another spelling of it: a zero before s",
            {**PROOF, "sig": _text(int.from_bytes(RAW[:32], "big") << 264 | int.from_bytes(RAW[32:], "big"), 65)},
            "agreement_signature",
        ),
        ("no base64url", {**PROOF, "sig": "§" * 86}, "agreement_signature"),
        ("an empty signature", {**PROOF, "sig": ""}, "agreement_signature"),
        ("zeroes for a signature", {**PROOF, "sig": _text(0, 64)}, "agreement_signature"),
        ("no signature", {"jwk": PROOF["jwk"]}, "malformed"),
        ("no key", {"sig": SIG}, "malformed"),
        ("the signing key again", PHONE.agreement(PHONE.signing), "device_key"),
        ("no point on the curve", {**PROOF, "jwk": {**BASE, "x": GOOD.x, "y": a_jwk().y}}, "device_key"),
        ("a padded coordinate", {**PROOF, "jwk": {**public(PHONE.agreeing), "x": GOOD.x + "="}}, "device_key"),
        ("a private key", {**PROOF, "jwk": {**public(PHONE.agreeing), "d": _text(1)}}, "private_key"),
        ("another curve", {**PROOF, "jwk": {**public(PHONE.agreeing), "crv": "P-384"}}, "malformed"),
        ("a key for signing", {**PROOF, "jwk": {**public(PHONE.agreeing), "use": "sig"}}, "malformed"),
        ("another algorithm", {**PROOF, "jwk": {**public(PHONE.agreeing), "alg": "ECDH-ES"}}, "malformed"),
        ("something unknown", {**PROOF, "more": 1}, "malformed"),
        ("a text", "key", "malformed"),
    ],
)
def test_an_agreement_key_without_a_sound_proof_is_refused_and_nothing_is_enrolled(
    client: FlaskClient, session: Session, rule: str, agreement: object, error: str
) -> None:
    account = an_account(session)
    header = signed_in(client, session, account)
    answer = client.post("/devices", json={"jwk": PHONE.jwk, "agreement": agreement}, headers=header)
    assert answer.json is not None
    assert (answer.status_code, answer.json["error"]) == (400, error), rule
    with pytest.raises(NotFound):
        devices.agreement_key(session, account.person_id, devices.thumbprint(msgspec.convert(PHONE.jwk, PublicJwk)))


def test_two_who_share_a_phone_each_bring_a_key_to_it(session: Session) -> None:
    first, second, phone = a_person(session), a_person(session), Phone()
    name = enrol(session, first.id, phone, phone.agreement())
    with pytest.raises(NotFound):
        devices.agreement_key(session, second.id, name)
    own = ec.generate_private_key(ec.SECP256R1())
    enrol(session, second.id, phone, phone.agreement(own))
    assert devices.agreement_key(session, first.id, name) == public(phone.agreeing)
    assert devices.agreement_key(session, second.id, name) == public(own)


def test_a_revoked_device_has_no_agreement_key_any_more(session: Session) -> None:
    person, phone = a_person(session), Phone()
    name = enrol(session, person.id, phone, phone.agreement())
    devices.revoke(session, person.id, name, at=AT)
    with pytest.raises(NotFound):
        devices.agreement_key(session, person.id, name)


def test_refusals_are_told_in_chinese(client: FlaskClient, session: Session) -> None:
    header = {**signed_in(client, session, an_account(session)), "Accept-Language": "zh-CN"}
    sent = {"jwk": PHONE.jwk, "agreement": {**PROOF, "sig": ""}}
    answer = client.post("/devices", json=sent, headers=header)
    assert answer.json is not None
    assert answer.json["detail"] == "下载密钥未经本设备签名确认。"

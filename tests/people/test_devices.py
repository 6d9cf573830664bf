"""Device keys: which are taken, how they are named, whose they are."""

from __future__ import annotations

import base64
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from elearn.errors import Malformed, NotFound
from elearn.people import devices
from elearn.people.devices import PublicJwk
from tests.builders_people import AT, a_person, an_account, signed_in

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
        devices.enrol(session, person.id, a_jwk(), at=AT + timedelta(seconds=number))
        for number in range(devices.MOST_DEVICES + 1)
    ]
    with pytest.raises(NotFound):
        devices.public_key(session, person.id, names[0])
    assert all(devices.public_key(session, person.id, name) for name in names[1:])

"""Signed statements: what a signature must be for its statement to be stored (Data 2.6)."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from elearn.tracking.lrs.rules.check import check_statement
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.statements import signatures
from tests.builders_lrs import a_statement, an_attachment

HASHES = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}
VERSIONS = ("1.0.3", "2.0.0")
Statement = dict[str, Any]


@cache
def a_private_key(bits: int = 2048, name: str = "") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def a_certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """Of that key, by itself, long expired; as x5c holds it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2013, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2014, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def a_jws(
    payload: Statement | bytes, *, alg: Any = "RS256", key: rsa.RSAPrivateKey | None = None, **header: Any
) -> bytes:
    """A JWS in compact form; of an `alg` that is none of ours it carries some other signature."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    named = {name: value for name, value in {"alg": alg, **header}.items() if value is not None}
    signed = base64url(json.dumps(named).encode()) + b"." + base64url(data)
    hash_ = HASHES.get(str(alg), hashes.SHA256())
    return signed + b"." + base64url((key or a_private_key()).sign(signed, PKCS1v15(), hash_))


def signed_by(statement: Statement, *jws: bytes, **more: Any) -> Statement:
    """The statement with these signatures attached behind what it has."""
    kind = {"usageType": signatures.USAGE, "contentType": "application/octet-stream", **more}
    found = [*statement.get("attachments", []), *(an_attachment(one, **kind) for one in jws)]
    return statement | {"attachments": found}


def verify(statement: Statement, *data: bytes, version: str = "1.0.3") -> None:
    parts = {sha256(one).hexdigest(): one for one in data}
    signatures.verify([check_statement(json.dumps(statement), version)], parts)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("alg", HASHES)
def test_three_algorithms_sign_with_and_without_a_certificate(alg: str, version: str) -> None:  # XAPI-00117
    statement = a_statement()
    mine = a_certificate(a_private_key())
    headers: tuple[dict[str, Any], ...] = ({}, {"x5c": [mine]}, {"x5c": [mine, "more"]})
    for header in headers:
        jws = a_jws(statement, alg=alg, **header)
        verify(signed_by(statement, jws), jws, version=version)


ATTACHED = an_attachment(b"x", fileUrl="https://school.example/x")
SAME: list[tuple[str, Statement, Statement]] = [
    ("with spaces and keys in another order", {}, {"verb": {"display": {"en": "a"}, "id": "a:v"}}),
    ("with what a store sets", {}, {"stored": "2026-01-01T00:00:00Z", "version": "1.0.0"}),
    ("before it got an id", {}, {"id": None}),
    ("before it got a verb's display", {"verb": {"id": "a:v", "display": {"en": "a"}}}, {"verb": {"id": "a:v"}}),
    (
        "with the same moment in another zone",
        {"timestamp": "2026-01-01T08:00:00+08:00"},
        {"timestamp": "2026-01-01T00:00:00Z"},
    ),
    ("with a duration to the hundredth", {"result": {"duration": "PT0.1237S"}}, {"result": {"duration": "PT0.12S"}}),
    ("with an empty list of attachments", {}, {"attachments": []}),
    ("with the other attachments", {"attachments": [ATTACHED]}, {"attachments": [ATTACHED]}),
]
OTHER: list[tuple[str, Statement, Statement]] = [
    ("another verb", {}, {"verb": {"id": "a:other"}}),
    ("another actor", {}, {"actor": {"mbox": "mailto:other@school.example"}}),
    ("another result", {"result": {"score": {"raw": 9}}}, {"result": {"score": {"raw": 8}}}),
    ("no result", {"result": {"success": True}}, {"result": None}),
    ("another id", {}, {"id": str(uuid4())}),
    ("another moment", {"timestamp": "2026-01-01T08:00:00Z"}, {"timestamp": "2026-01-01T00:00:00Z"}),
    ("without the other attachments", {"attachments": [ATTACHED]}, {"attachments": None}),
    ("with an attachment that is not there", {}, {"attachments": [ATTACHED]}),
    ("with a signature that is not there", {}, {"attachments": [ATTACHED | {"usageType": signatures.USAGE}]}),
]


def both(now: Statement, then: Statement) -> tuple[Statement, Statement]:
    """The statement as it is sent, and as it was signed."""
    statement = a_statement(verb={"id": "a:v"}) | now
    signed = {name: value for name, value in (statement | then).items() if value is not None}
    return statement, signed


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("rule", "now", "then"), SAME, ids=[row[0] for row in SAME])
def test_it_signs_the_statement_as_it_was(rule: str, now: Statement, then: Statement, version: str) -> None:
    statement, signed = both(now, then)
    jws = a_jws(json.dumps(signed, indent=3, sort_keys=True).encode())
    verify(signed_by(statement, jws), jws, version=version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("rule", "now", "then"), OTHER, ids=[row[0] for row in OTHER])
def test_it_signs_no_other_statement(rule: str, now: Statement, then: Statement, version: str) -> None:  # XAPI-00116
    statement, signed = both(now, then)
    jws = a_jws(signed)
    with pytest.raises(BadStatement, match=r"Data 2\.6, Data 2\.3\.1 at /attachments/\d: signs another"):
        verify(signed_by(statement, jws), jws, version=version)


def test_a_second_signature_may_cover_the_first_or_not() -> None:
    statement = a_statement()
    first = a_jws(statement)
    with_first = signed_by(statement, first)
    over_both, beside = a_jws(with_first), a_jws(statement, key=a_private_key(name="other"))
    verify(signed_by(with_first, over_both), first, over_both)
    verify(signed_by(with_first, beside), first, beside)
    for number, data in enumerate(([over_both], [first])):
        with pytest.raises(BadStatement, match=f"/attachments/{number}: is a signature, whose data"):
            verify(signed_by(with_first, over_both), *data)


def test_of_a_batch_the_place_is_told() -> None:
    statement = a_statement()
    jws = a_jws(statement)
    good = check_statement(json.dumps(signed_by(statement, jws)))
    bad = check_statement(json.dumps(signed_by(a_statement(), jws)))
    with pytest.raises(BadStatement, match="/1/attachments/0"):
        signatures.verify([good, bad], {sha256(jws).hexdigest(): jws}, several=True)


def test_its_attachment_says_octet_stream_and_its_data_are_there() -> None:  # XAPI-00115
    statement = a_statement()
    jws = a_jws(statement)
    verify(signed_by(statement, jws, contentType="Application/Octet-Stream", sha2=sha256(jws).hexdigest().upper()), jws)
    with pytest.raises(BadStatement, match="contentType: of a signature"):
        verify(signed_by(statement, jws, contentType="text/plain; charset=ascii"), jws)
    with pytest.raises(BadStatement, match="must come with the statement"):
        verify(signed_by(statement, jws, fileUrl="https://school.example/signature"))


def test_another_usage_is_not_looked_at_nor_what_a_sub_statement_has() -> None:
    verify(signed_by(a_statement(), b"no signature", usageType=signatures.USAGE + "s"), b"no signature")
    sub = {"objectType": "SubStatement"} | {k: v for k, v in a_statement().items() if k != "id"}
    verify(a_statement(object=signed_by(sub, b"no signature")), b"no signature")


def changed(jws: bytes, segment: int, become: bytes) -> bytes:
    segments: Sequence[bytes] = jws.split(b".")
    return b".".join(become if number == segment else one for number, one in enumerate(segments))


FORMS = [
    ("nothing", lambda _: b""),
    ("something else", lambda _: b"not a signature"),
    ("two segments", lambda jws: jws.rpartition(b".")[0]),
    ("four segments", lambda jws: jws + b".a"),
    ("no signature (alg none)", lambda jws: changed(jws, 2, b"")),
    ("a detached payload", lambda jws: changed(jws, 1, b"")),
    ("padding", lambda jws: jws + b"="),
    ("a line end", lambda jws: jws + b"\n"),
    ("base64 that is not for addresses", lambda jws: changed(jws, 2, b"a+/b")),
    ("base64 of an impossible length", lambda jws: changed(jws, 2, b"a")),
    ("a header that is not JSON", lambda jws: changed(jws, 0, base64url(b"{'alg':'RS256'}"))),
    ("a header that is no object", lambda jws: changed(jws, 0, base64url(b'["RS256"]'))),
    ("a header that is not UTF-8", lambda jws: changed(jws, 0, base64url(b'{"alg":"\xff"}'))),
    ("a header nested too deep", lambda jws: changed(jws, 0, base64url(b'{"a":' + b"[" * 100_000))),
    ("JSON serialization", lambda jws: json.dumps({"payload": jws.split(b".")[1].decode()}).encode()),
]


@pytest.mark.parametrize(("rule", "make"), FORMS, ids=[row[0] for row in FORMS])
def test_it_is_a_jws_in_compact_form(rule: str, make: Any) -> None:  # XAPI-00115
    statement = a_statement()
    data = make(a_jws(statement))
    with pytest.raises(BadStatement, match=r"Data 2\.6, RFC 7515"):
        verify(signed_by(statement, data), data)


PAYLOADS = [
    ("not JSON", b"{'id':1}"),
    ("no object", b"[]"),
    ("no statement", b"{}"),
    ("a key twice", b'{"id":1,"id":2}'),
    ("not UTF-8", b'{"\xff":1}'),
    ("nested too deep", b"[" * 100_000),
]


@pytest.mark.parametrize(("rule", "payload"), PAYLOADS, ids=[row[0] for row in PAYLOADS])
def test_its_payload_is_a_statement(rule: str, payload: bytes) -> None:  # XAPI-00116
    jws = a_jws(payload)
    with pytest.raises(BadStatement, match=r"Data 2\.6, Data 2\..*signs a payload that is not a statement"):
        verify(signed_by(a_statement(), jws), jws)


@pytest.mark.parametrize("alg", ["HS256", "none", "PS256", "ES256", "rs256", "", 256, None, ["RS256"]])
def test_no_other_algorithm_signs(alg: Any) -> None:  # XAPI-00117
    statement = a_statement()
    jws = a_jws(statement, alg=alg)
    with pytest.raises(BadStatement, match=r"Data 2\.6 at .* RS256, RS384 or RS512"):
        verify(signed_by(statement, jws), jws)


def test_extensions_that_a_reader_must_know_are_refused() -> None:
    statement = a_statement()
    jws = a_jws(statement, crit=["b64"], b64=False)
    with pytest.raises(BadStatement, match=r"4\.1\.11"):
        verify(signed_by(statement, jws), jws)


def test_the_first_certificate_verifies_it() -> None:
    statement = a_statement()
    mine, other = a_certificate(a_private_key()), a_certificate(a_private_key(name="other"))
    good = a_jws(statement, x5c=[mine, other])
    verify(signed_by(statement, good), good)
    for jws in (
        a_jws(statement, x5c=[other, mine]),
        changed(good, 2, base64url(bytes(256))),
        changed(good, 2, base64url(b"x")),
        changed(good, 1, base64url(json.dumps(statement, indent=1).encode())),
        changed(good, 0, base64url(json.dumps({"alg": "RS384", "x5c": [mine]}).encode())),
    ):
        with pytest.raises(BadStatement, match=r"4\.1\.6 .* does not verify"):
            verify(signed_by(statement, jws), jws)


def test_a_short_key_signs_because_the_specifications_own_does() -> None:
    statement = a_statement()
    key = a_private_key(1024)
    jws = a_jws(statement, key=key, x5c=[a_certificate(key)])
    verify(signed_by(statement, jws), jws)


CHAINS: list[tuple[str, Any]] = [
    ("none", []),
    ("nothing", {}),
    ("a text", "x"),
    ("a number in it", [1]),
    ("null in it", [None]),
    ("no base64", ["?"]),
    ("no certificate", ["AAAA"]),
    ("base64 with line ends", ["A\nAAA"]),
    ("a key that is not RSA", [a_certificate(ec.generate_private_key(ec.SECP256R1()))]),
]


@pytest.mark.parametrize(("rule", "chain"), CHAINS, ids=[row[0] for row in CHAINS])
def test_a_chain_of_certificates_begins_with_one_that_can_be_read(rule: str, chain: Any) -> None:
    statement = a_statement()
    jws = a_jws(statement, x5c=chain)
    with pytest.raises(BadStatement, match=r"4\.1\.6 .*cannot be read"):
        verify(signed_by(statement, jws), jws)


def test_a_key_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = a_statement()
    jws = a_jws(statement, x5c=[a_certificate(a_private_key())])
    monkeypatch.setattr(signatures, "LARGEST_KEY_BITS", 2047)
    with pytest.raises(BadStatement, match="8192 bits at most"):
        verify(signed_by(statement, jws), jws)


def test_where_a_certificate_could_be_fetched_from_is_not_looked_at() -> None:
    statement = a_statement()
    jws = a_jws(statement, x5u="https://school.example/x5u", jku="https://school.example/jku", jwk={"kty": "RSA"})
    verify(signed_by(statement, jws), jws)

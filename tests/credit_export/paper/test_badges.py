"""Hours as an Open Badges 3.0 credential, read by a library of others, and the list that says which hold no more."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey
from openbadgeslib.ob3.status import decode_encoded_list, set_indices
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier

from elearn.credit_export.paper import badges
from elearn.credit_export.paper.badges import LIST_BITS, Algorithm, Badge, BadgeKey, Evidence
from tests.credit_export.exam_system.builders import SIGNER

MADE_AT = datetime.now(UTC) - timedelta(days=1)
"""That library looks at the real clock."""
KEYS = {
    Algorithm.EDDSA: BadgeKey(Algorithm.EDDSA, SIGNER.key),
    Algorithm.RS256: BadgeKey(Algorithm.RS256, RSAKey.generate_key(2048, private=True)),
}
ISSUER = "https://hours.example"
BOTH = pytest.mark.parametrize("algorithm", list(Algorithm))


def a_badge(*, index: int = 94_567) -> Badge:
    return Badge(
        issuer=ISSUER,
        issuer_name="hours.example",
        code="abcdefghijkmnpqrstuvwxyz23",
        subject="QzkP43d4dd0Ui71cfbVB8w",
        holder="张三",
        made_at=MADE_AT,
        category_code="low-voltage",
        category_name="低压电工作业",
        category_region="CN",
        outline_id="019f0000-0000-7000-8000-000000000001",
        outline_version="1",
        hours=[("线上理论", "61.6"), ("线下理论", "26.4"), ("线下实操", "60.0")],
        total="148.0",
        outcome="学时要求已满足",
        rules="cn-aq8011-2023; low-voltage@1",
        began_at=MADE_AT - timedelta(days=60),
        ended_at=MADE_AT - timedelta(days=2),
        evidence=[Evidence(f"{ISSUER}/ledger/2026/proof/{'ab' * 32}", "online/theory", 110_880_000)],
        status_list=0,
        status_index=index,
    )


def public_pem(algorithm: Algorithm) -> bytes:
    key = KEYS[algorithm].key
    return key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def serving(bits: list[int], algorithm: Algorithm) -> Callable[[str], bytes]:
    """What a reader fetches under the address of the status list."""

    def download(address: str) -> bytes:
        assert address == f"{ISSUER}/proof/status/0/{algorithm.value}"
        return badges.status_list(ISSUER, 0, bits, KEYS[algorithm], at=datetime.now(UTC)).encode()

    return download


@BOTH
def test_an_independent_library_verifies_it(algorithm: Algorithm) -> None:
    token = badges.badge_jwt(a_badge(), KEYS[algorithm])
    read = OB3Verifier(public_pem(algorithm)).verify(token)
    assert read.achievement.name == "低压电工作业"
    assert read.issuer.id == f"{ISSUER}/proof/issuer"
    assert read.recipient_id == "urn:elearn:subject:QzkP43d4dd0Ui71cfbVB8w"


@BOTH
def test_that_library_also_finds_whether_it_still_holds(algorithm: Algorithm) -> None:
    token, reader = badges.badge_jwt(a_badge(index=7), KEYS[algorithm]), OB3Verifier(public_pem(algorithm))
    reader.verify(token, check_status=True, download=serving([6, 8], algorithm))
    with pytest.raises(OB3VerificationError, match="is set at index 7"):
        reader.verify(token, check_status=True, download=serving([7], algorithm))


@BOTH
def test_a_changed_hour_or_another_key_is_refused(algorithm: Algorithm) -> None:
    head, _body, signature = badges.badge_jwt(a_badge(), KEYS[algorithm]).split(".")
    claims = claims_of(badges.badge_jwt(a_badge(), KEYS[algorithm]))
    claims["credentialSubject"]["creditsEarned"] = 200.0
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(OB3VerificationError):
        OB3Verifier(public_pem(algorithm)).verify(f"{head}.{forged}.{signature}")
    (other,) = set(Algorithm) - {algorithm}
    with pytest.raises(OB3VerificationError):
        OB3Verifier(public_pem(other)).verify(badges.badge_jwt(a_badge(), KEYS[algorithm]))


def test_it_says_hours_earned_when_and_where_the_log_proves_them() -> None:
    made = badges.credential(a_badge(), Algorithm.RS256)
    subject = made["credentialSubject"]
    assert subject["creditsEarned"] == 148.0
    assert [one["value"] for one in subject["result"]] == ["61.6", "26.4", "60.0"]
    assert subject["activityStartDate"] < subject["activityEndDate"] < made["validFrom"]
    assert [one["id"] for one in made["evidence"]] == [
        f"{ISSUER}/proof/abcdefghijkmnpqrstuvwxyz23", f"{ISSUER}/ledger/2026/proof/{'ab' * 32}",
    ]  # fmt: skip
    described = {one["id"] for one in subject["achievement"]["resultDescription"]}
    assert {one["resultDescription"] for one in subject["result"]} == described


def test_neither_document_number_nor_account_stands_in_it() -> None:
    text = json.dumps(badges.credential(a_badge(), Algorithm.EDDSA), ensure_ascii=False)
    assert "document" not in text.lower().replace("documentation", "")
    assert text.count("张三") == 1, "the holder's name once, because the holder shows it"


def test_the_claims_repeat_the_credential_as_the_standard_asks() -> None:
    claims = claims_of(badges.badge_jwt(a_badge(), KEYS[Algorithm.RS256]))
    assert claims["iss"] == claims["issuer"]["id"]
    assert claims["jti"] == claims["id"]
    assert claims["sub"] == claims["credentialSubject"]["id"]
    assert claims["nbf"] == int(MADE_AT.timestamp())


@BOTH
def test_the_key_is_named_by_an_address_and_published_without_its_secret(algorithm: Algorithm) -> None:
    head = badges.badge_jwt(a_badge(), KEYS[algorithm]).split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert header["kid"] == badges.key_address(ISSUER, KEYS[algorithm].kid)
    assert header["alg"] == algorithm.value
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(KEYS[algorithm].public())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(0, LIST_BITS - 1), max_size=40))
def test_a_reader_finds_exactly_the_bits_that_were_set(bits: set[int]) -> None:
    assert set(set_indices(decode_encoded_list(badges.encoded(bits)))) == bits


def test_the_list_is_as_long_as_the_standard_asks_and_begins_at_the_highest_bit() -> None:
    packed = badges.encoded([0])
    assert packed[0] == "u"
    whole = gzip.decompress(base64.urlsafe_b64decode(packed[1:] + "=" * (-(len(packed) - 1) % 4)))
    assert (len(whole) * 8, whole[0]) == (131_072, 0x80)


def test_a_status_list_grows_old_within_the_hour() -> None:
    claims = claims_of(badges.status_list(ISSUER, 0, [], KEYS[Algorithm.RS256], at=MADE_AT))
    assert claims["exp"] - claims["nbf"] <= 3600
    assert claims["credentialSubject"]["ttl"] == 300_000

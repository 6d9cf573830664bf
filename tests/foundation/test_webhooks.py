"""Signatures of Standard Webhooks, against the vector that its libraries share."""

from __future__ import annotations

import base64

import pytest

from elearn import webhooks
from elearn.webhooks import WebhookRefused, require

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT_S, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "v1," + base64.b64encode(bytes(32)).decode()


def given(**changes: str) -> dict[str, str]:
    return {"webhook-id": ID, "webhook-timestamp": str(AT_S), "webhook-signature": SIGNATURE} | {
        name.replace("_", "-"): value for name, value in changes.items()
    }


def test_the_published_vector_is_signed_and_holds() -> None:
    assert webhooks.sign([webhooks.key_of(SECRET)], ID, AT_S, BODY) == SIGNATURE
    assert require(SECRET, given(), BODY, now_s=AT_S) == ID


def test_while_a_secret_changes_one_signature_that_holds_is_enough() -> None:
    new = webhooks.new_secret()
    both = webhooks.headers([webhooks.key_of(new), webhooks.key_of(SECRET)], ID, AT_S, BODY)
    assert both["webhook-signature"].endswith(" " + SIGNATURE)
    for secret in (new, SECRET):
        assert require(secret, both, BODY, now_s=AT_S) == ID


@pytest.mark.parametrize(
    ("what", "headers", "body", "now_s"),
    [
        ("another body", given(), BODY + b" ", AT_S),
        ("another id", given(webhook_id="msg_other"), BODY, AT_S),
        ("another time", given(webhook_timestamp=str(AT_S + 1)), BODY, AT_S),
        ("an old message kept and sent again", given(), BODY, AT_S + webhooks.TOLERANCE_S + 1),
        ("a message of tomorrow", given(), BODY, AT_S - webhooks.TOLERANCE_S - 1),
        ("another key", given(webhook_signature=OTHER), BODY, AT_S),
        ("a signature of another kind", given(webhook_signature=SIGNATURE.replace("v1,", "v1a,")), BODY, AT_S),
        ("no signature", given(webhook_signature=""), BODY, AT_S),
        ("no id", given(webhook_id=""), BODY, AT_S),
        ("a time that is none", given(webhook_timestamp="1e9"), BODY, AT_S),
        ("a time in other digits", given(webhook_timestamp="١٦١٤٢٦٥٣٣٠"), BODY, AT_S),
    ],
)
def test_what_does_not_hold_is_refused(what: str, headers: dict[str, str], body: bytes, now_s: int) -> None:
    with pytest.raises(WebhookRefused):
        require(SECRET, headers, body, now_s=now_s)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_c2hvcnQ=", "whsec_not base64", "whsec_" + "A" * 100])
def test_a_secret_that_is_too_short_or_long_or_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        webhooks.key_of(secret)


def test_a_new_secret_has_256_bits_and_is_another_each_time() -> None:
    first, second = webhooks.new_secret(), webhooks.new_secret()
    assert len(webhooks.key_of(first)) == 32
    assert first != second

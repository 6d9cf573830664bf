"""What the player sends to ask for a check and to answer it (docs/player-protocol.md, section 6). Form only."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from elearn.errors import Malformed
from elearn.people.signatures import unbase64url

Base64url = Annotated[str, Meta(max_length=8_192, pattern="^[A-Za-z0-9_-]*$")]

MAX_IMAGE_BYTES = 200_000
MOST_IMAGES = 3


class AskRequest(Struct, forbid_unknown_fields=True):
    """The body of `POST /sittings/<sid>/checks`; without a method the policy's first that is possible is taken."""

    method: Annotated[str, Meta(max_length=32)] | UnsetType = UNSET


class Assertion(Struct, forbid_unknown_fields=True):
    """What `navigator.credentials.get` brought, each part base64url (Web Authentication Level 3, section 5.1.4)."""

    id: Base64url
    client_data: Base64url
    authenticator_data: Base64url
    signature: Base64url


class Said(Struct, forbid_unknown_fields=True):
    """The body of `POST /sittings/<sid>/checks/<id>`: exactly one member, by the check's kind."""

    answer: Annotated[list[Annotated[int, Meta(ge=0, le=3)]], Meta(max_length=4)] | UnsetType = UNSET
    code: Annotated[str, Meta(pattern="^[0-9]{6}$")] | UnsetType = UNSET
    assertion: Assertion | UnsetType = UNSET
    images: Annotated[list[str], Meta(min_length=1, max_length=MOST_IMAGES)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError unless exactly one kind of answer is there."""
        given = [one for one in (self.answer, self.code, self.assertion, self.images) if one is not UNSET]
        if len(given) != 1:
            raise ValueError("exactly one of answer, code, assertion, images")


def other_kind() -> Malformed:
    """The refusal of an answer whose kind is not the check's."""
    return Malformed("The answer is not of the kind this check asks for.")


def read_base64url(text: str) -> bytes:
    """Unpadded base64url as bytes. Raises Malformed."""
    data = unbase64url(text)
    if data is None:
        raise Malformed("This is not base64url.")
    return data


def image(text: str) -> bytes:
    """A JPEG sent as base64, at most MAX_IMAGE_BYTES. Raises Malformed."""
    if len(text) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise Malformed("The picture is too large.", code="image")
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("The picture is not base64.", code="image") from error
    if not data.startswith(b"\xff\xd8\xff"):
        raise Malformed("The picture is no JPEG.", code="image")
    return data

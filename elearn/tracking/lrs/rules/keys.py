"""The 128-bit keys under which IRIs and actors are found. Pure."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from elearn.tracking.lrs.rules.forms import KNOWN_CHARACTERS


def key_of(*parts: str) -> str:
    """The key (hexadecimal) under which an IRI, or an identifier of several parts, is found.

    Statements speak of the same verbs, activities and people again and again: short ones are remembered.
    """
    return _known(parts) if sum(map(len, parts)) <= KNOWN_CHARACTERS else _key(parts)


def _key(parts: tuple[str, ...]) -> str:
    named = parts[0] if len(parts) == 1 else msgspec.json.encode(parts).decode()
    return blake2b(named.encode(), digest_size=16).hexdigest()


_known = lru_cache(maxsize=8192)(_key)


def actor_key(actor: dict[str, Any]) -> str | None:
    """The key of an agent or identified group: of its identifier alone, whatever its name or its members."""
    if "account" in actor:
        return key_of("account", actor["account"]["homePage"], actor["account"]["name"])
    if "mbox" in actor:
        return key_of("mbox", lower_domain(actor["mbox"]))
    if "mbox_sha1sum" in actor:
        return key_of("mbox_sha1sum", actor["mbox_sha1sum"].lower())
    if "openid" in actor:
        return key_of("openid", actor["openid"])
    return None


def lower_domain(mbox: str) -> str:
    """The address with its domain in small letters: the part before the @ may tell cases apart (RFC 5321, 2.4)."""
    address, at, domain = mbox.rpartition("@")
    return address + at + domain.lower()

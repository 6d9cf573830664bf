"""The 128-bit keys under which IRIs and actors are found. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec


def key_of(*parts: str) -> str:
    """The key (hexadecimal) under which an IRI, or an identifier of several parts, is found."""
    named = parts[0] if len(parts) == 1 else msgspec.json.encode(parts).decode()
    return blake2b(named.encode(), digest_size=16).hexdigest()


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

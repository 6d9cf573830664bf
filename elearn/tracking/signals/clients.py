"""Where a sitting was opened from: kept so that two that are the same can be told, and not longer than needed."""

from __future__ import annotations

import hmac
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.tracking.messages import ClientFacts
from elearn.tracking.signals.models import SittingClient

KEPT_MS = 180 * 24 * 3_600_000
"""Half a year: the network log retention that the Cybersecurity Law asks for (art. 21, six months), and no more."""
USER_AGENT_LENGTH = 300


def secret_of(secret_key: bytes) -> bytes:
    """The key of the address hashes: without it, nobody finds an address by trying them all."""
    return hmac.digest(secret_key, b"elearn sitting address", "sha256")


def coarse(address: str | None, secret: bytes) -> tuple[bytes | None, str | None]:
    """The keyed hash of an address and the network it lies in; (None, None) for what is no address.

    An IPv6 host changes its lower half at will, so the /64 stands for the line.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None, None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv4Address):
        line, network = parsed.packed, str(IPv4Network((parsed, 24), strict=False))
    else:
        line, network = parsed.packed[:8], str(IPv6Network((parsed, 48), strict=False))
    return hmac.digest(secret, line, "sha256")[:16], network


def record(
    session: Session,
    *,
    sitting_id: UUID,
    learner_id: UUID,
    device: str | None,
    opened_ms: int,
    address: str | None,
    user_agent: str,
    client: ClientFacts | None,
    secret: bytes,
) -> None:
    """Keep what a sitting was opened with, in the transaction that opens it."""
    line, network = coarse(address, secret)
    session.execute(
        sa.insert(SittingClient).values(
            sitting_id=sitting_id,
            learner_id=learner_id,
            device=device,
            opened_ms=opened_ms,
            address=line,
            network=network,
            user_agent=user_agent[:USER_AGENT_LENGTH] or None,
            client={} if client is None else msgspec.to_builtins(client),
        )
    )


def forget_old(session: Session, *, now_ms: int) -> int:
    """Remove what is older than it may be kept; answers how many rows."""
    old = sa.delete(SittingClient).where(SittingClient.opened_ms < now_ms - KEPT_MS)
    return session.connection().execute(old).rowcount

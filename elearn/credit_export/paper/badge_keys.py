"""What signs badges: the house's Ed25519 key, and an RSA key that it makes for itself when it first needs one.

The RSA key stands sealed in the database, so every web process of the house has the same one.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey
from sqlalchemy.orm import Session

from elearn import sealing
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.paper.badges import Algorithm, BadgeKey
from elearn.credit_export.paper.models import HouseKey

NAME = "badge RS256"
BITS = 3072
BOUND = b"house key:badge RS256"


def badge_keys(session: Session, signer: Signer, *, sealing_key: bytes, at: datetime) -> dict[Algorithm, BadgeKey]:
    """Both keys. Makes the RSA key when there is none and flushes; does not commit."""
    return {
        Algorithm.EDDSA: BadgeKey(Algorithm.EDDSA, signer.key),
        Algorithm.RS256: BadgeKey(Algorithm.RS256, _rsa(session, sealing_key, at)),
    }


def _rsa(session: Session, sealing_key: bytes, at: datetime) -> RSAKey:
    row = session.get(HouseKey, NAME)
    if row is None:
        session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn house key'))"))
        row = session.scalar(sa.select(HouseKey).where(HouseKey.name == NAME))
    if row is None:
        made = rsa.generate_private_key(65537, BITS)
        plain = made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row = HouseKey(name=NAME, sealed=sealing.seal(plain, sealing_key, BOUND), made_at=at)
        session.add(row)
        session.flush()
    return RSAKey.import_key(sealing.unseal(row.sealed, sealing_key, BOUND))

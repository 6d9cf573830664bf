"""Bearer tokens of /xapi/: JSON Web Tokens that this server alone writes and reads (RFC 7519, RFC 9068's type).

A token says which key it was made by and what it may do, so none is kept. It opens nothing that its key no longer
opens: whoever reads one asks for the key, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

LIVES_S = 600
_ALGORITHM = "HS256"
_TYPE = "at+jwt"
_FOR = "xapi"


@dataclass(frozen=True, slots=True)
class Bearer:
    key: str
    """Of the credential that asked for the token."""
    scopes: tuple[str, ...]


def write(bearer: Bearer, *, at: datetime, signing: bytes) -> str:
    now = int(at.timestamp())
    claims = {"aud": _FOR, "sub": bearer.key, "scope": " ".join(bearer.scopes), "iat": now, "exp": now + LIVES_S}
    return jwt.encode({"alg": _ALGORITHM, "typ": _TYPE}, claims, OctKey.import_key(signing))


def read(token: str, *, at: datetime, signing: bytes) -> Bearer | None:
    """None: not ours, changed, or run out."""
    try:
        found = jwt.decode(token, OctKey.import_key(signing), algorithms=[_ALGORITHM])
    except (JoseError, ValueError):
        return None
    claims = found.claims
    if found.header.get("typ") != _TYPE or claims.get("aud") != _FOR or int(at.timestamp()) >= int(claims["exp"]):
        return None
    return Bearer(claims["sub"], tuple(claims["scope"].split()))

"""What readers of a badge fetch, without signing in: who issued it, the keys, and which badges no longer hold.

The page of a proof, which people open, is `pages/proofs.py`.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify
from flask.typing import ResponseReturnValue

from elearn.clock import utcnow
from elearn.credit_export.exam_system.desks import signer
from elearn.credit_export.paper import badges, standing
from elearn.credit_export.paper.badge_keys import badge_keys
from elearn.credit_export.paper.badges import Algorithm, BadgeKey
from elearn.db import db
from elearn.errors import NotFound
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.web import allow

bp = Blueprint("proof", __name__, url_prefix="/proof")

DAY = "public, max-age=86400"


def install(app: Flask, whole: Blueprint) -> None:
    whole.register_blueprint(bp)


def issuer() -> str:
    """Address of this platform, as its papers name it."""
    return f"{runtime().settings.public_url}{runtime().url_prefix}"


def keys() -> dict[Algorithm, BadgeKey]:
    """What signs badges; the RSA key is made, and committed, at the first call of the house."""
    found = badge_keys(db.session(), signer(), sealing_key=runtime().settings.sealing_key, at=utcnow())
    db.session.commit()
    return found


@bp.get("/issuer")
@allow(ANYBODY)
def issuer_profile() -> ResponseReturnValue:
    """The issuer's profile (Open Badges 3.0)."""
    return _open(jsonify(badges.profile(issuer(), issuer_name())), DAY)


def issuer_name() -> str:
    return issuer().partition("://")[2]


@bp.get("/keys/<kid>")
@allow(ANYBODY)
def key(kid: str) -> ResponseReturnValue:
    """One public key (RFC 7517); a badge's `kid` is this address."""
    for one in keys().values():
        if one.kid == kid:
            return _open(jsonify(one.public()), DAY)
    raise NotFound("There is nothing at this address.")


@bp.get("/status/<int:number>/<algorithm>")
@allow(ANYBODY)
def status_list(number: int, algorithm: str) -> ResponseReturnValue:
    """The bits of badges that no longer hold (Bitstring Status List 1.0)."""
    bits = standing.ended_bits(db.session(), number) if number < 2**31 else None
    if bits is None or algorithm not in set(Algorithm):
        raise NotFound("There is nothing at this address.")
    made = badges.status_list(issuer(), number, bits, keys()[Algorithm(algorithm)], at=utcnow())
    age = int(badges.LIST_LIVES.total_seconds())
    return _open(Response(made, content_type="application/vc+jwt"), f"public, max-age={age}")


def _open(response: Response, caching: str) -> Response:
    """A page of others may check a badge in the browser."""
    response.headers["Cache-Control"] = caching
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response

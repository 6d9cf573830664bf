"""The desk of a receiver in this installation: its outlines, our keys, our signature, our time."""

from __future__ import annotations

from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.credit_export.exam_system.answers import Desk, outlines_of
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.models import Receiver
from elearn.people.identity import Keys
from elearn.runtime import runtime

SIGNER = "exam.signer"


def keys() -> Keys:
    """The keys of the house."""
    settings = runtime().settings
    return Keys(sealing=settings.sealing_key, index=settings.index_key)


def signer() -> Signer:
    """Who signs in the name of the house; made once."""
    kept = runtime().kept
    if SIGNER not in kept:
        kept[SIGNER] = Signer.from_seed(runtime().settings.signing_key)
    found: Signer = kept[SIGNER]
    return found


def desk_for(session: Session, receiver: Receiver) -> Desk:
    """All that answering a receiver needs, asked or not."""
    parts = runtime()
    return Desk(
        receiver=receiver,
        outlines=outlines_of(session, receiver.id),
        keys=keys(),
        signer=signer(),
        issuer=parts.settings.public_url + parts.url_prefix,
        now=utcnow(),
    )

"""Each ten seconds, every target that is due gets what is new: in a job of its own, so that none holds up others."""

from __future__ import annotations

from uuid import UUID

from elearn.clock import utcnow
from elearn.db import db
from elearn.jobs import defer, task
from elearn.runtime import runtime
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.models import ForwardTarget
from elearn.tracking.lrs.streams import outbox
from elearn.tracking.lrs.streams.forward import Means, forward
from elearn.tracking.lrs.streams.peer import Peer, remote
from elearn.tracking.lrs.streams.targets import secret_of


@task("lrs.forward", every="* * * * * */10")
def forward_due() -> None:
    """Hand out the targets that are due. A job that dies keeps its target until it is run again or the claim ends."""
    session = db.session()
    for target_id in outbox.claim_due(session, at=utcnow()):
        defer(session, "lrs.forward_to", target=str(target_id))
    session.commit()


@task("lrs.forward_to")
def forward_to(target: str) -> None:
    """Send one target what it has not got."""
    settings = runtime().settings

    def reach(one: ForwardTarget) -> Peer:
        return remote(one.endpoint, one.key, secret_of(one, settings.sealing_key), private=one.private)

    means = Means(now=utcnow, through=consistent_through, home_page=settings.public_url, reach=reach)
    forward(db.session(), UUID(target), means)

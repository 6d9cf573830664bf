"""Every night: until when certificates hold by the rules as they are now, and whom it is told that they run out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.courses.requirements.service import catalogue
from elearn.db import db
from elearn.jobs import task
from elearn.people.dated import holds_on
from elearn.people.models import Membership, Organisation
from elearn.people.registry import local_day
from elearn.training.certificates import warnings
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.reading import holds
from elearn.training.certificates.register import GROUPS, regimes
from elearn.training.certificates.rules import STAGES, life, stage
from elearn.training.keepers import keepers
from elearn.training.telling import messages, phones
from elearn.training.telling.jobs import reminds_by
from elearn.training.telling.messages import Kind, Telling
from elearn.training.telling.sending import Channel

AT_ONCE = 2_000


@task("training.certificates", every="20 17 * * *")
def of_the_night() -> None:
    """At 01:20 in China."""
    session = db.session()
    settle_all(session)
    channels = reminds_by()
    warn(session, at=utcnow(), channels=channels)
    warnings.warn(session, at=utcnow(), channels=channels)
    session.commit()


def settle_all(session: Session) -> int:
    """Compute again until when each holds; answers how many days changed. Commits page by page."""
    held = catalogue(session)
    changed = 0
    last = UUID(int=0)
    while True:
        rows = session.execute(
            sa.select(WorkerCertificate, Organisation.region)
            .join(Organisation, Organisation.id == WorkerCertificate.organisation_id)
            .where(
                WorkerCertificate.id > last,
                WorkerCertificate.kind.in_(list(GROUPS)),
                WorkerCertificate.ended_on.is_(None),
            )
            .order_by(WorkerCertificate.id)
            .limit(AT_ONCE)
            .with_for_update(of=WorkerCertificate)
        ).all()
        if not rows:
            return changed
        for row, region in rows:
            found = life(row.from_on, row.to_on, row.reviewed_on, regimes(held, row.kind, region))
            if (row.holds_to, row.ends_by) != (found.holds_to, found.ends_by):
                row.holds_to, row.ends_by = found.holds_to, found.ends_by
                changed += 1
            last = row.id
        session.commit()


def warn(session: Session, *, at: datetime, channels: Collection[Channel] = ()) -> int:
    """Tell workers whose certificates run out, at 90, 60 and 30 days, also by `channels`; and who keeps the register
    once a week.

    Only employers for whom they work today tell. Answers how many messages were new; does not commit.
    """
    on = local_day(at)
    rows = session.execute(
        sa.select(
            WorkerCertificate.id, WorkerCertificate.person_id, WorkerCertificate.title, WorkerCertificate.holds_to,
            WorkerCertificate.organisation_id, Organisation.name,
        )
        .join(Organisation, Organisation.id == WorkerCertificate.organisation_id)
        .where(holds(on), WorkerCertificate.holds_to <= on + timedelta(days=STAGES[-1]))
        .where(
            sa.exists().where(
                Membership.person_id == WorkerCertificate.person_id,
                Membership.organisation_id == WorkerCertificate.organisation_id,
                holds_on(Membership, on),
            )
        )
    ).all()  # fmt: skip
    tellings = [
        Telling(
            row.person_id, Kind.CERTIFICATE_EXPIRING, f"{row.id}:{row.holds_to}:{stage(row.holds_to, on)}",
            {"title": row.title, "to_on": row.holds_to.isoformat()}, row.organisation_id,
        )
        for row in rows
    ]  # fmt: skip
    phones.ring(session, channels, tellings, at=at)
    counts: dict[UUID, int] = {}
    for row in rows:
        counts[row.organisation_id] = counts.get(row.organisation_id, 0) + 1
    names = {row.organisation_id: row.name for row in rows}
    year, week, _day = on.isocalendar()
    for organisation_id, people in keepers(session, counts).items():
        facts = {"organisation": names[organisation_id], "count": counts[organisation_id], "days": STAGES[-1]}
        tellings += [
            Telling(one, Kind.CERTIFICATES_EXPIRING, f"{organisation_id}:{year}-W{week}", facts, organisation_id)
            for one in people
        ]
    return messages.tell(session, tellings, at=at)

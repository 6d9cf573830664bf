"""Which of some people must leave the post, and why: training not done, a certificate that is missing, or both."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.paper.sheets import Says

LEAVING = sa.text("""
SELECT membership_id, late, unqualified, certificate_by FROM (
    SELECT f.membership_id, f.unqualified, f.certificate_by, EXISTS (
        SELECT FROM elearn.figure_cell c WHERE c.membership_id = f.membership_id AND c.barred > 0
    ) AS late
    FROM elearn.figure_member f WHERE f.membership_id = ANY (:members)
) each WHERE late OR unqualified OR certificate_by IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Leaving:
    """Somebody who must leave the post, or has a day for the certificate."""

    late: bool = False
    """Training is late, or was to come before the post."""
    unqualified: bool = False
    certificate_by: date | None = None

    @property
    def reasons(self) -> list[str]:
        """In archives: `training`, `certificate`."""
        return [name for name, holds in (("training", self.late), ("certificate", self.unqualified)) if holds]


def leaving(session: Session, members: Collection[UUID]) -> dict[UUID, Leaving]:
    """By membership, as figures counted them last: one query. Nobody else is in it."""
    rows = session.execute(LEAVING, {"members": list(members)})
    return {row.membership_id: Leaving(row.late, row.unqualified, row.certificate_by) for row in rows}


def why(late: bool, unqualified: bool, _: Says) -> str:
    """Why the post must be left, in words; empty: it need not."""
    if late and unqualified:
        return _("training not done, no valid certificate")
    if unqualified:
        return _("no valid certificate")
    return _("training not done") if late else ""

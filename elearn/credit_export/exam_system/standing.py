"""How every record of a receiver's outlines stands here and with it: one side of a reconciliation."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.reconciling import Ours

STANDING = sa.text("""
SELECT r.id, r.version, s.to_state, d.state AS delivery, t.outcome AS receipt
FROM elearn.eligibility_record r
JOIN elearn.outline o ON o.id = r.outline_id
JOIN elearn.receiver_outline ro ON ro.outline_code = o.code AND ro.receiver_id = :receiver
JOIN LATERAL (SELECT to_state FROM elearn.eligibility_step
               WHERE record_id = r.id ORDER BY number DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT state FROM elearn.delivery_event
                    WHERE receiver_id = :receiver AND record_id = r.id ORDER BY step DESC LIMIT 1) d ON true
LEFT JOIN LATERAL (SELECT outcome FROM elearn.receipt
                    WHERE receiver_id = :receiver AND record_id = r.id AND outcome <> 'withdrawn'
                    ORDER BY received_at DESC, id DESC LIMIT 1) t ON true
ORDER BY r.position
""")


def of_receiver(session: Session, receiver_id: UUID) -> list[Ours]:
    """All versions of its outlines, oldest first. One query."""
    return [
        Ours(row.id, row.version, row.to_state, None if row.delivery is None else Delivery(row.delivery), row.receipt)
        for row in session.execute(STANDING, {"receiver": receiver_id})
    ]

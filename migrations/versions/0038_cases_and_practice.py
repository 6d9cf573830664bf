"""Units that are cases with questions, and units that say what is practised on site."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

CHANGE = """
ALTER TABLE elearn.unit DROP CONSTRAINT ck_unit_kind,
    ADD CONSTRAINT ck_unit_kind CHECK (kind IN ('video', 'pages', 'case', 'practice'))
"""


def upgrade() -> None:
    op.execute(sa.text(CHANGE))

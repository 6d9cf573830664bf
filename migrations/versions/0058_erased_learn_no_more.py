"""Who is erased has nothing to learn any more: their memberships are looked at again, and what is open is withdrawn."""

from __future__ import annotations

from alembic import op

revision = "0058"
down_revision = "0057"

CHANGE = """
CREATE FUNCTION elearn.say_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO elearn.assign_due (membership_id, due_on)
    SELECT m.id, DATE '1970-01-01' FROM elearn.membership m
    JOIN elearn.organisation o ON o.id = m.organisation_id AND o.kind = 'enterprise'
    WHERE m.person_id = NEW.id ORDER BY 1 ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER say_erased AFTER UPDATE OF erased_at ON elearn.person
    FOR EACH ROW WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL) EXECUTE FUNCTION elearn.say_erased();
"""


def upgrade() -> None:
    op.execute(CHANGE)

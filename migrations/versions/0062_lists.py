"""Lists of big enterprises: a common name by its letters, the register of certificates by key, surveys of thousands."""

from __future__ import annotations

from alembic import op

revision = "0062"
down_revision = "0061"

TABLE = """
CREATE TABLE elearn.member_letter (
    organisation_id uuid NOT NULL,
    letter text NOT NULL,
    name text NOT NULL,
    membership_id uuid NOT NULL
);

CREATE FUNCTION elearn.letters_of(name text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3 AS $$
    SELECT DISTINCT letter FROM unnest(string_to_array(lower(name), NULL)) letter WHERE letter <> ' '
$$;

-- Shared: who is renamed or forgotten meanwhile waits for the new membership, and then finds its letters.
CREATE FUNCTION elearn.spell_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO elearn.member_letter (organisation_id, letter, name, membership_id)
    SELECT m.organisation_id, letter, p.name, m.id
    FROM (SELECT n.id, n.name FROM elearn.person n WHERE n.id IN (SELECT person_id FROM changed) FOR SHARE) p
    JOIN changed m ON m.person_id = p.id CROSS JOIN elearn.letters_of(p.name) letter;
    RETURN NULL;
END $$;

-- By the whole key: no other index leads to a membership's letters.
CREATE FUNCTION elearn.unspell(member uuid, organisation uuid, called text) RETURNS void LANGUAGE sql AS $$
    DELETE FROM elearn.member_letter
    WHERE organisation_id = organisation AND letter IN (SELECT elearn.letters_of(called)) AND name = called
      AND membership_id = member
$$;
CREATE FUNCTION elearn.spell_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM elearn.unspell(OLD.id, OLD.organisation_id, p.name) FROM elearn.person p WHERE p.id = OLD.person_id;
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO elearn.member_letter (organisation_id, letter, name, membership_id)
        SELECT NEW.organisation_id, letter, p.name, NEW.id
        FROM (SELECT n.name FROM elearn.person n WHERE n.id = NEW.person_id FOR SHARE) p
        CROSS JOIN elearn.letters_of(p.name) letter;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION elearn.spell_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM elearn.unspell(m.id, m.organisation_id, OLD.name) FROM elearn.membership m WHERE m.person_id = OLD.id;
    INSERT INTO elearn.member_letter (organisation_id, letter, name, membership_id)
    SELECT m.organisation_id, letter, NEW.name, m.id FROM elearn.membership m
    CROSS JOIN elearn.letters_of(NEW.name) letter WHERE m.person_id = NEW.id;
    RETURN NULL;
END $$;
"""

BEGIN = """
LOCK TABLE elearn.person, elearn.membership IN SHARE ROW EXCLUSIVE MODE;
CREATE TRIGGER spell_insert AFTER INSERT ON elearn.membership
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.spell_members();
CREATE TRIGGER spell_update AFTER UPDATE OF person_id, organisation_id ON elearn.membership
    FOR EACH ROW EXECUTE FUNCTION elearn.spell_again();
CREATE TRIGGER spell_delete AFTER DELETE ON elearn.membership
    FOR EACH ROW EXECUTE FUNCTION elearn.spell_again();
CREATE TRIGGER spell AFTER UPDATE OF name ON elearn.person
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION elearn.spell_person();
INSERT INTO elearn.member_letter (organisation_id, letter, name, membership_id)
SELECT m.organisation_id, letter, p.name, m.id
FROM elearn.membership m JOIN elearn.person p ON p.id = m.person_id CROSS JOIN elearn.letters_of(p.name) letter;
ALTER TABLE elearn.member_letter
    ADD CONSTRAINT pk_member_letter PRIMARY KEY (organisation_id, letter, name, membership_id);
"""

REGISTER = """
CREATE INDEX ix_worker_certificate_listed
    ON elearn.worker_certificate (organisation_id, coalesce(holds_to, 'infinity'::date), id);
"""

SURVEYS = """
ALTER TABLE elearn.training_survey ADD COLUMN to_ask bigint;
ALTER TABLE elearn.training_survey DROP CONSTRAINT ck_training_survey_state;
ALTER TABLE elearn.training_survey ADD CONSTRAINT ck_training_survey_state
    CHECK (state IN ('draft', 'opening', 'open', 'closed'));
"""


def upgrade() -> None:
    for part in (TABLE, BEGIN, REGISTER, SURVEYS):
        op.execute(part)

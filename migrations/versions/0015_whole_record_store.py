"""What a whole LRS keeps beside its statements: what they are about in a wider sense, what they refer to and how they
can be found by it, attachments, definitions of activities, and documents. What lies there already gets its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)

# As before, for two tables of months: a month is made beside the table and then attached, which blocks neither readers
# nor writers of other months. Where the default partition already holds rows of that month, the default is laid aside,
# its rows are put through the new months, and it is dropped. No row is changed or deleted on the way.
MONTHS = """
CREATE FUNCTION elearn.make_month_of(root text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part text := format('%s_%s', root, to_char(month, 'YYYY_MM'));
    rest text := root || '_default';
    starts timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    ends timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
    aside boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('elearn statement months'));
    IF to_regclass(format('elearn.%I', part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM elearn.%I WHERE stored_at >= $1 AND stored_at < $2)', rest)
       INTO aside USING starts, ends;
    IF aside THEN
        EXECUTE format('LOCK TABLE elearn.%I IN ACCESS EXCLUSIVE MODE', root);
        EXECUTE format('ALTER TABLE elearn.%I DETACH PARTITION elearn.%I', root, rest);
        EXECUTE format('ALTER TABLE elearn.%I RENAME TO %I', rest, root || '_aside');
    END IF;
    EXECUTE format('CREATE TABLE elearn.%I (LIKE elearn.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, root);
    EXECUTE format('ALTER TABLE elearn.%I ATTACH PARTITION elearn.%I FOR VALUES FROM (%L) TO (%L)',
                   root, part, starts, ends);
    PERFORM elearn.guard_statement_part(format('elearn.%I', part)::regclass);
    IF aside THEN
        EXECUTE format('CREATE TABLE elearn.%I PARTITION OF elearn.%I DEFAULT', rest, root);
        PERFORM elearn.guard_statement_part(format('elearn.%I', rest)::regclass);
        EXECUTE format('INSERT INTO elearn.%I SELECT * FROM elearn.%I', root, root || '_aside');
        EXECUTE format('DROP TABLE elearn.%I', root || '_aside');
    END IF;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION elearn.make_statement_month(month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    made boolean := elearn.make_month_of('statement', month);
BEGIN
    RETURN elearn.make_month_of('statement_relation', month) OR made;
END $$;

-- Relations get every month that statements have.
SELECT elearn.make_month_of('statement_relation', to_date(right(relname, 7), 'YYYY_MM'))
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'elearn.statement'::regclass AND relname ~ '_\\d{4}_\\d{2}$'
"""

STATEMENTS = """
SELECT kept.stored_at, kept.id, kept.raw, kept.actor_key, kept.activity_key,
       kept.authority_id IS NULL OR sender.scopes && '{define,all}'
FROM elearn.statement AS kept LEFT JOIN elearn.lrs_credential AS sender ON sender.id = kept.authority_id
"""
RELATE = """
INSERT INTO elearn.statement_relation (key, kind, stored_at, id)
SELECT key, kind, stored_at, id FROM json_to_recordset(%(rows)s::json)
    AS one(key uuid, kind smallint, stored_at timestamptz, id uuid)
"""
REFER = """
INSERT INTO elearn.statement_reference (id, target_id, stored_at)
SELECT id, target_id, stored_at FROM json_to_recordset(%(rows)s::json)
    AS one(id uuid, target_id uuid, stored_at timestamptz)
"""
DEFINE = """
INSERT INTO elearn.activity_definition (activity_key, iri, definition, digest, stored_at, statement_id, merged)
SELECT activity_key, iri, definition, decode(digest, 'hex'), stored_at, statement_id, false
FROM json_to_recordset(%(rows)s::json) AS one(
    activity_key uuid, iri text, definition text, digest text, stored_at timestamptz, statement_id uuid)
"""
FACES = """
WITH RECURSIVE chain (id, stored_at, target_id, steps) AS (
    SELECT id, stored_at, target_id, 1 FROM elearn.statement_reference
    UNION
    SELECT chain.id, chain.stored_at, next.target_id, steps + 1
    FROM chain JOIN elearn.statement_reference AS next ON next.id = chain.target_id
    WHERE steps < 8
), pairs AS (
    SELECT DISTINCT id, stored_at, target_id FROM chain WHERE id <> target_id
), made AS (
    INSERT INTO elearn.statement_face (stored_at, id, target_id, target_stored_at, verb_key, actor_key, activity_key,
                                       registration, authority_id)
    SELECT pairs.stored_at, pairs.id, kept.id, kept.stored_at, kept.verb_key, kept.actor_key, kept.activity_key,
           kept.registration, kept.authority_id
    FROM pairs JOIN elearn.statement_id AS there ON there.id = pairs.target_id
    JOIN elearn.statement AS kept ON kept.stored_at = there.stored_at AND kept.id = there.id
    RETURNING stored_at, id, target_id, target_stored_at
)
INSERT INTO elearn.statement_relation (key, kind, stored_at, id, face_id)
SELECT broad.key, broad.kind, made.stored_at, made.id, made.target_id
FROM made JOIN elearn.statement_relation AS broad
    ON broad.stored_at = made.target_stored_at AND broad.id = made.target_id AND broad.face_id IS NULL
"""


def upgrade() -> None:
    _statements()
    _attachments()
    _definitions_and_documents()
    op.execute("CREATE TABLE elearn.statement_relation_default PARTITION OF elearn.statement_relation DEFAULT")
    for table in (
        "statement_relation",
        "statement_reference",
        "statement_face",
        "statement_attachment",
        "attachment_content",
        "activity_definition",
    ):
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
    op.execute("SELECT elearn.guard_statement_part('elearn.statement_relation_default')")
    op.execute(MONTHS)
    _what_lies_there()


def _statements() -> None:
    op.create_index(
        "ix_statement_actor_key_verb_key_stored_at", "statement", ["actor_key", "verb_key", "stored_at"], schema=SCHEMA
    )
    op.create_index(
        "ix_statement_authority_id_stored_at",
        "statement",
        ["authority_id", "stored_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("authority_id IS NOT NULL"),
    )
    op.create_table(
        "statement_relation",
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("stored_at", TIME, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("face_id", sa.Uuid(), nullable=True),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (stored_at)",
    )
    for name, which in (("own", "face_id IS NULL"), ("face", "face_id IS NOT NULL")):
        op.create_index(
            f"ix_statement_relation_{name}",
            "statement_relation",
            ["key", "kind", "stored_at"],
            schema=SCHEMA,
            postgresql_where=sa.text(which),
        )
    op.create_table(
        "statement_reference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_statement_reference"),
        schema=SCHEMA,
    )
    op.create_index("ix_statement_reference_target_id", "statement_reference", ["target_id"], schema=SCHEMA)
    op.create_table(
        "statement_face",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", TIME, nullable=False),
        sa.Column("target_stored_at", TIME, nullable=False),
        sa.Column("verb_key", sa.Uuid(), nullable=False),
        sa.Column("actor_key", sa.Uuid(), nullable=True),
        sa.Column("activity_key", sa.Uuid(), nullable=True),
        sa.Column("registration", sa.Uuid(), nullable=True),
        sa.Column("authority_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", "target_id", name="pk_statement_face"),
        schema=SCHEMA,
    )
    for column in ("verb_key", "actor_key", "activity_key"):
        op.create_index(f"ix_statement_face_{column}_stored_at", "statement_face", [column, "stored_at"], schema=SCHEMA)
    for column in ("registration", "authority_id"):
        op.create_index(
            f"ix_statement_face_{column}_stored_at",
            "statement_face",
            [column, "stored_at"],
            schema=SCHEMA,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.add_column("statement_voiding", sa.Column("organisation_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.execute("ALTER TABLE elearn.statement_voiding DISABLE TRIGGER append_only_rows")
    op.execute(
        "UPDATE elearn.statement_voiding AS voiding SET organisation_id = sender.organisation_id "
        "FROM elearn.statement AS kept JOIN elearn.lrs_credential AS sender ON sender.id = kept.authority_id "
        "WHERE kept.stored_at = voiding.stored_at AND kept.id = voiding.id AND sender.organisation_id IS NOT NULL"
    )
    op.execute("ALTER TABLE elearn.statement_voiding ENABLE TRIGGER append_only_rows")


def _attachments() -> None:
    op.create_table(
        "statement_attachment",
        sa.Column("stored_at", TIME, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sha2", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stored_at", "id", "position", name="pk_statement_attachment"),
        schema=SCHEMA,
    )
    op.create_table(
        "attachment_content",
        sa.Column("sha2", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha2", name="pk_attachment_content"),
        schema=SCHEMA,
    )
    op.execute("ALTER TABLE elearn.attachment_content ALTER COLUMN content SET STORAGE EXTERNAL")


def _definitions_and_documents() -> None:
    op.create_table(
        "activity_definition",
        sa.Column("activity_key", sa.Uuid(), nullable=False),
        sa.Column("iri", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", TIME, nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=True),
        sa.Column("merged", sa.Boolean(), nullable=False),
        schema=SCHEMA,
    )
    for column in ("stored_at", "digest"):
        op.create_index(
            f"ix_activity_definition_activity_key_{column}",
            "activity_definition",
            ["activity_key", column],
            schema=SCHEMA,
        )
    op.create_table(
        "lrs_document",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("activity_key", sa.Uuid(), nullable=False),
        sa.Column("agent_key", sa.Uuid(), nullable=False),
        sa.Column("registration", sa.Uuid(), nullable=False),
        sa.Column("id_key", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("activity_iri", sa.Text(), nullable=True),
        sa.Column("agent", postgresql.JSONB(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "organisation_id", "kind", "activity_key", "agent_key", "registration", "id_key", name="pk_lrs_document"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_lrs_document_listed",
        "lrs_document",
        ["organisation_id", "kind", "activity_key", "agent_key", "updated_at"],
        schema=SCHEMA,
    )


def _what_lies_there() -> None:
    connection = op.get_bind()
    defined: set[tuple[str, str]] = set()
    relations: list[dict[str, Any]] = []
    references: list[dict[str, Any]] = []
    definitions: list[dict[str, Any]] = []
    rows = connection.execute(sa.text(STATEMENTS).execution_options(yield_per=500))
    for some in rows.partitions():
        for stored_at, id_, raw, actor, activity, defines in some:
            statement = msgspec.json.decode(raw)
            at = {"stored_at": stored_at, "id": id_}
            own = {(actor.hex if actor else None, 1), (actor.hex if actor else None, 2)}
            own.add((activity.hex if activity else None, 3))
            found = dict.fromkeys((key, kind) for key, kind in _relations(statement) if (key, kind) not in own)
            relations.extend({"key": key, "kind": kind, **at} for key, kind in found)
            if statement["object"].get("objectType") == "StatementRef":
                references.append({"target_id": statement["object"]["id"], **at})
            for one in _activities(statement) if defines else ():
                if "definition" in one:
                    text = msgspec.json.encode(one["definition"]).decode()
                    key, digest = _key(one["id"]), blake2b(text.encode(), digest_size=16).hexdigest()
                    if (key, digest) not in defined:
                        defined.add((key, digest))
                        definitions.append(
                            {"activity_key": key, "iri": one["id"], "definition": text, "digest": digest}
                            | {"stored_at": stored_at, "statement_id": id_}
                        )
        for command, made in ((RELATE, relations), (REFER, references), (DEFINE, definitions)):
            _write(connection, command, made)
            made.clear()
    connection.exec_driver_sql(FACES)


def _write(connection: sa.Connection, command: str, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.exec_driver_sql(command, {"rows": msgspec.json.encode(rows).decode()})


def _relations(statement: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """As the rules stood at this step: 1 what `agent` finds, 2 related agents, 3 related activities."""
    thing, context = statement["object"], statement.get("context", {})
    inside = thing if thing.get("objectType") == "SubStatement" else None
    for one in (statement["actor"], *_agents_in(thing)):
        for key in _actor_keys(one):
            yield key, 1
            yield key, 2
    broad = [*_agents_of(context)]
    if inside is not None:
        broad += [inside["actor"], *_agents_in(inside["object"]), *_agents_of(inside.get("context", {}))]
    for one in broad:
        for key in _actor_keys(one):
            yield key, 2
    for one in _activities(statement):
        yield _key(one["id"]), 3


def _agents_in(thing: dict[str, Any]) -> list[dict[str, Any]]:
    return [thing] if thing.get("objectType") in ("Agent", "Group") else []


def _agents_of(context: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (context[name] for name in ("instructor", "team") if name in context)
    yield from (related["agent"] for related in context.get("contextAgents", ()))
    yield from (related["group"] for related in context.get("contextGroups", ()))


def _activities(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    thing = statement["object"]
    kind = thing.get("objectType", "Activity")
    if kind == "Activity":
        yield thing
    for value in statement.get("context", {}).get("contextActivities", {}).values():
        yield from value if isinstance(value, list) else [value]
    if kind == "SubStatement":
        yield from _activities(thing)


def _actor_keys(actor: dict[str, Any]) -> Iterator[str]:
    if "account" in actor:
        yield _key("account", actor["account"]["homePage"], actor["account"]["name"])
    elif "mbox" in actor:
        address, at, domain = actor["mbox"].rpartition("@")
        yield _key("mbox", address + at + domain.lower())
    elif "mbox_sha1sum" in actor:
        yield _key("mbox_sha1sum", actor["mbox_sha1sum"].lower())
    elif "openid" in actor:
        yield _key("openid", actor["openid"])
    for member in actor.get("member", ()):
        yield from _actor_keys(member)


def _key(*parts: str) -> str:
    named = parts[0] if len(parts) == 1 else msgspec.json.encode(parts).decode()
    return blake2b(named.encode(), digest_size=16).hexdigest()

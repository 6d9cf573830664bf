"""COPY of whatever tables there are: cycles, partitions, generated columns, triggers, sequences, odd values."""

from __future__ import annotations

import io
from collections.abc import Iterator

import psycopg
import pytest

from elearn import copying, embedded
from tests.backup.tables import rows_of, rules_of

SCHEMA = """
CREATE SCHEMA elearn;
CREATE SCHEMA procrastinate;
CREATE TABLE elearn.parent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, favourite bigint, name text UNIQUE);
CREATE TABLE elearn.child (id serial PRIMARY KEY, parent bigint NOT NULL REFERENCES elearn.parent DEFERRABLE INITIALLY
    DEFERRED, elder int REFERENCES elearn.child);
ALTER TABLE elearn.parent ADD CONSTRAINT favourite FOREIGN KEY (favourite) REFERENCES elearn.child (id);
CREATE TABLE elearn."Odd name" ("a %s {b}" text CHECK ("a %s {b}" <> 'bad'), twice text GENERATED ALWAYS AS
    ("a %s {b}" || "a %s {b}") STORED, raw bytea, doc jsonb, at timestamptz, amount double precision, part int8range,
    many text[], EXCLUDE USING gist (part WITH &&) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE elearn.monthly (at date NOT NULL, n int, parent bigint REFERENCES elearn.parent) PARTITION BY RANGE (at);
CREATE TABLE elearn.monthly_default PARTITION OF elearn.monthly DEFAULT;
CREATE FUNCTION elearn.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'refused'; END$$;
CREATE TRIGGER always_on BEFORE INSERT ON elearn.child FOR EACH ROW EXECUTE FUNCTION elearn.refuse();
ALTER TABLE elearn.child ENABLE ALWAYS TRIGGER always_on;
CREATE TRIGGER rows BEFORE UPDATE OR DELETE ON elearn.monthly FOR EACH ROW EXECUTE FUNCTION elearn.refuse();
CREATE TRIGGER whole BEFORE TRUNCATE ON elearn.monthly_default FOR EACH STATEMENT EXECUTE FUNCTION elearn.refuse();
CREATE TRIGGER switched_off BEFORE INSERT ON elearn.monthly FOR EACH ROW EXECUTE FUNCTION elearn.refuse();
ALTER TABLE elearn.monthly DISABLE TRIGGER switched_off;
"""
ROWS = """
CREATE TABLE elearn.monthly_07 PARTITION OF elearn.monthly FOR VALUES FROM ('2026-07-01') TO ('2026-08-01')
    PARTITION BY LIST (n);
CREATE TABLE elearn.monthly_07_1 PARTITION OF elearn.monthly_07 FOR VALUES IN (1);
CREATE TABLE elearn.monthly_07_x PARTITION OF elearn.monthly_07 DEFAULT;
CREATE TRIGGER whole BEFORE TRUNCATE ON elearn.monthly_07_1 FOR EACH STATEMENT EXECUTE FUNCTION elearn.refuse();
ALTER TABLE elearn.monthly DISABLE TRIGGER switched_off;
ALTER TABLE elearn.child DISABLE TRIGGER always_on;
INSERT INTO elearn.parent (name) VALUES ('a'), (NULL), (E'tab\\tline\\nback\\\\slash \\\\N'), ('安全生产');
INSERT INTO elearn.child (parent, elder) VALUES (1, 2), (1, NULL), (3, 1);
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE elearn.child ENABLE ALWAYS TRIGGER always_on;
UPDATE elearn.parent SET favourite = 3 WHERE id = 1;
DELETE FROM elearn.parent WHERE id = 4;
INSERT INTO elearn."Odd name" VALUES ('x', DEFAULT, '\\x00ff0a', '{"k": [1, null, "é"]}',
    '2026-07-01 00:00:00.123456+08', 0.1::float8 + 0.2, '[1,5)', '{"a,b","c\\"d",NULL}'),
    (NULL, DEFAULT, '', 'null', 'infinity', 'NaN', 'empty', '{}');
INSERT INTO elearn.monthly VALUES ('2026-07-02', 1, 1), ('2026-07-03', 2, 3), ('2026-12-31', 3, NULL);
"""


@pytest.fixture
def pair(services: embedded.Services) -> Iterator[tuple[str, str]]:
    names = ("copied_from", "copied_to")
    for name in names:
        services.drop_database(name)
    urls = [services.create_database(name) for name in names]
    for url, text in zip(urls, (SCHEMA + ROWS, SCHEMA), strict=True):
        with psycopg.connect(embedded.libpq_url(url), autocommit=True) as connection:
            connection.execute(text.encode())
    yield urls[0], urls[1]
    for name in names:
        services.drop_database(name)


def copy_all(source_url: str, target_url: str, *, spoil: bytes = b"") -> copying.Contents:
    with copying.connect(source_url) as source, copying.connect(target_url) as target:
        with copying.one_moment(source):
            contents = copying.look(source)
            packed = [io.BytesIO() for _ in contents.tables]
            counts = [copying.copy_out(source, table, out) for table, out in zip(contents.tables, packed, strict=True)]
            contents = copying.with_counts(contents, counts, copying.sequences(source))
        with copying.loading(target, contents):
            for table, data in zip(contents.tables, packed, strict=True):
                rows = data.getvalue().replace(b"a\n", spoil) if spoil and table.name == "parent" else data.getvalue()
                copying.copy_in(target, table, io.BytesIO(rows))
    return contents


def test_every_row_and_every_rule_is_the_same_afterwards(pair: tuple[str, str]) -> None:
    contents = copy_all(*pair)
    assert rows_of(pair[1]) == rows_of(pair[0])
    assert rules_of(pair[1]) == rules_of(pair[0])
    assert {table.name: table.rows for table in contents.tables} == {
        "Odd name": 2,
        "child": 3,
        "monthly_07_1": 1,
        "monthly_07_x": 1,
        "monthly_default": 1,
        "parent": 3,
    }


def test_the_next_number_is_the_one_the_source_would_have_given(pair: tuple[str, str]) -> None:
    copy_all(*pair)
    for url in pair:
        with psycopg.connect(embedded.libpq_url(url)) as connection:
            row = connection.execute("INSERT INTO elearn.parent (name) VALUES ('next') RETURNING id").fetchone()
            assert row == (5,)


def test_rows_of_the_default_find_a_partition_the_target_has_by_then(pair: tuple[str, str]) -> None:
    with psycopg.connect(embedded.libpq_url(pair[1])) as connection:
        connection.execute(
            "CREATE TABLE elearn.december PARTITION OF elearn.monthly FOR VALUES FROM ('2026-12-01') TO ('2027-01-01')"
        )
    copy_all(*pair)
    assert rows_of(pair[1]) == rows_of(pair[0])
    with psycopg.connect(embedded.libpq_url(pair[1])) as connection:
        assert connection.execute("SELECT n FROM elearn.december").fetchall() == [(3,)]


def test_rows_that_break_a_foreign_key_bring_nothing_in(pair: tuple[str, str]) -> None:
    rules = rules_of(pair[1])
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        copy_all(*pair, spoil=b"a\n99\t77\tb\n")
    assert not any(rows_of(pair[1]).values())
    assert rules_of(pair[1]) == rules


def test_what_is_written_meanwhile_is_not_seen(pair: tuple[str, str]) -> None:
    with copying.connect(pair[0]) as source, copying.one_moment(source):
        contents = copying.look(source)
        with psycopg.connect(embedded.libpq_url(pair[0])) as other:
            other.execute("UPDATE elearn.parent SET name = 'changed' WHERE id = 2")
            other.execute("INSERT INTO elearn.monthly VALUES ('2026-07-09', 1, NULL)")
        for table in contents.tables:
            out = io.BytesIO()
            copying.copy_out(source, table, out)
            assert b"changed" not in out.getvalue()
            assert b"2026-07-09" not in out.getvalue()

"""The administrator matrix: what is changed with triggers and keys out of the way is named by `elearn ledger check`."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.advancing import House, advance
from tests.credit_export.ledger.log.school import NOW, a_learner, differences

TABLES = (
    "ledger_leaf", "ledger_checkpoint", "evidence_closing", "hours_entry", "eligibility_record", "watched_span",
    "presence_check", "eligibility_step",
)  # fmt: skip

FOREIGN_KEYS = "SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint WHERE contype = 'f' "

LAST = "(SELECT max(index) FROM elearn.ledger_leaf)"
CREDIT = "(SELECT max(index) FROM elearn.ledger_leaf WHERE kind = 'credit')"
FIRST = "(SELECT min(index) FROM elearn.ledger_leaf WHERE kind = 'credit')"

DEEDS = [
    # sentence, what is done, what the check says
    (
        "a credit is made larger in its leaf",
        """UPDATE elearn.ledger_leaf SET raw = replace(raw, '"ms":60000', '"ms":66000') WHERE index = FIRST""",
        "is not what its hash says",
    ),
    (
        "and its hash is made to fit",
        """UPDATE elearn.ledger_leaf SET raw = replace(raw, '"ms":60000', '"ms":66000'), ms = 66000,
           hash = sha256(convert_to(chr(1), 'UTF8') || convert_to(replace(raw, '"ms":60000', '"ms":66000'), 'UTF8'))
           WHERE index = FIRST""",
        "the leaves do not lead to its root",
    ),
    ("only the column is changed", "UPDATE elearn.ledger_leaf SET ms = 66000 WHERE index = FIRST", "its ms says"),
    ("a total is changed beside its leaf", "UPDATE elearn.ledger_leaf SET total = 1 WHERE index = FIRST", "its total"),
    ("a leaf is given to another", "UPDATE elearn.ledger_leaf SET sub = 'x' || sub WHERE index = FIRST", "its sub"),
    ("a leaf is moved in time", "UPDATE elearn.ledger_leaf SET at = at - interval '1d' WHERE index = FIRST", "its at"),
    ("the last leaf is deleted", f"DELETE FROM elearn.ledger_leaf WHERE index = {LAST}", "only"),
    ("a leaf in the middle is deleted", "DELETE FROM elearn.ledger_leaf WHERE index = FIRST", "is missing"),
    (
        "an evidence leaf is deleted",
        "DELETE FROM elearn.ledger_leaf WHERE index = (SELECT max(index) FROM elearn.ledger_leaf WHERE batch > 0)",
        "is missing",
    ),
    (
        "a leaf is copied to the end",
        f"""INSERT INTO elearn.ledger_leaf (origin, index, kind, raw, hash, at, sub, n, counts_as, ms, total)
            SELECT origin, {LAST} + 1, kind, raw, hash, at, sub, n + 10, counts_as, ms, total
            FROM elearn.ledger_leaf WHERE index = {CREDIT}""",
        "does not follow in its chain",
    ),
    (
        "a leaf credits another span",
        """UPDATE elearn.ledger_leaf SET watched_span_id =
           (SELECT id FROM elearn.watched_span WHERE kind = 'pending' LIMIT 1) WHERE index = FIRST""",
        "is made from nothing that was watched",
    ),
    (
        "a checkpoint has another root",
        "UPDATE elearn.ledger_checkpoint SET root = sha256(root)",
        "the leaves do not lead to its root",
    ),
    (
        "a checkpoint has another note",
        "UPDATE elearn.ledger_checkpoint SET note = replace(note, 'localhost', 'otherhost')",
        "its note",
    ),
    (
        "a signature is forged",
        """UPDATE elearn.ledger_checkpoint SET note = (SELECT note FROM elearn.ledger_checkpoint ORDER BY size LIMIT 1)
           WHERE size = (SELECT max(size) FROM elearn.ledger_checkpoint)""",
        "its note is about another tree",
    ),
    (
        "a checkpoint is said to be witnessed",
        "UPDATE elearn.ledger_checkpoint SET witnessed = true",
        "nobody but the log signed it",
    ),
    ("every checkpoint is deleted", "DELETE FROM elearn.ledger_checkpoint", "its leaf stands in no published"),
    (
        "the newest checkpoint is deleted",
        "DELETE FROM elearn.ledger_checkpoint WHERE size = (SELECT max(size) FROM elearn.ledger_checkpoint)",
        "of which there is no such checkpoint",
    ),
    (
        "a checkpoint is invented over leaves that are not there",
        """INSERT INTO elearn.ledger_checkpoint SELECT origin, size + 7, root, note, witnessed, signed_at
           FROM elearn.ledger_checkpoint ORDER BY size DESC LIMIT 1""",
        "of its leaves are there",
    ),
    (
        "a minute is moved",
        """UPDATE elearn.evidence_closing SET to_ms = to_ms + 5
           WHERE batch = (SELECT max(batch) FROM elearn.evidence_closing)""",
        "is not the time that its leaf says",
    ),
    (
        "a closing is deleted",
        "DELETE FROM elearn.evidence_closing WHERE batch = (SELECT min(batch) FROM elearn.evidence_closing)",
        "proves a batch that was never closed",
    ),
    (
        "a closing is invented between others",
        """INSERT INTO elearn.evidence_closing SELECT batch - 1, -5, 0, 1 FROM elearn.evidence_closing
           ORDER BY batch LIMIT 1""",
        "no leaf proves it, but one after it",
    ),
    (
        "a check is changed after its minute",
        "UPDATE elearn.presence_check SET tries = '[[1]]'",
        "rows of another root",
    ),
    (
        "a check is added to a minute that is over",
        """INSERT INTO elearn.presence_check
           SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).* FROM elearn.presence_check c
           LIMIT 1""",
        "rows of another root",
    ),
    (
        "a final row is added to a minute that is over",
        """INSERT INTO elearn.watched_span
           SELECT (jsonb_populate_record(w, jsonb_build_object('id', gen_random_uuid(), 'start_ms', 3000000, 'end_ms',
                   3060000))).* FROM elearn.watched_span w WHERE kind = 'final' LIMIT 1""",
        "final time is not in the log",
    ),
    ("a final row grows", "UPDATE elearn.watched_span SET end_ms = end_ms + 5000 WHERE kind = 'final'", "its row"),
    ("a final row is deleted", "DELETE FROM elearn.watched_span WHERE kind = 'final'", "is made from nothing"),
    (
        "a final row is given to somebody else",
        """UPDATE elearn.watched_span SET learner_id = (SELECT min(learner_id::text)::uuid FROM elearn.watched_span
           o WHERE o.learner_id <> watched_span.learner_id) WHERE kind = 'final'""",
        "its subject is not the person of its row",
    ),
    ("the key of a subject is deleted", "DELETE FROM elearn.subject_key", "its subject is not the person of its row"),
    (
        "hours are entered that no leaf earned",
        """INSERT INTO elearn.hours_entry
           SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'leaf_origin', NULL,
                   'leaf_index', NULL, 'watched_span_id',
                   (SELECT id FROM elearn.watched_span WHERE kind = 'pending' LIMIT 1)))).*
           FROM elearn.hours_entry e LIMIT 1""",
        "names no leaf, and is not older than the log",
    ),
    ("an entry grows", "UPDATE elearn.hours_entry SET amount_ms = amount_ms + 1", "its leaf"),
    ("an entry is deleted", "DELETE FROM elearn.hours_entry", "hours of this leaf are not entered"),
    (
        "an entry counts as practice",
        "UPDATE elearn.hours_entry SET kind = 'practice'",
        "of online/practice, its leaf",
    ),
    (
        "the mark says that all was entered, and entries are deleted",
        "DELETE FROM elearn.hours_entry; UPDATE elearn.ledger_mark SET entered_to = 1000000",
        "hours of this leaf are not entered",
    ),
]  # fmt: skip


def test_the_check_names_each_deed(session: Session, house: House) -> None:
    learner = a_learner(session)
    other = a_learner(session, ms=20_000)
    advance(session, now=NOW, house=house)
    other.void(other.watch(ms=10_000))
    learner.watch(ms=7_000)
    advance(session, now=NOW + timedelta(minutes=1), house=house)
    assert differences(session, house) == []
    unseen = {}
    for sentence, deed, said in DEEDS:
        with session.begin_nested() as done:
            as_administrator(session, deed)
            found = differences(session, house)
            if not any(said in one for one in found):
                unseen[sentence] = found
            done.rollback()
    assert unseen == {}
    file = house.desk.ledger_dir / "2026" / "checkpoint"
    whole = file.read_bytes()
    file.write_text(str(session.scalar(sa.text("SELECT note FROM elearn.ledger_checkpoint ORDER BY size LIMIT 1"))))
    assert ["leaves only" in one for one in differences(session, house)] == [True], "an older checkpoint is served"
    file.write_bytes(whole)
    assert differences(session, house) == []


def as_administrator(session: Session, deed: str) -> None:
    """Do it with every guard of ours out of the way."""
    for table in TABLES:
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))
    for table, name in session.execute(sa.text(FOREIGN_KEYS)).all():
        session.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    for statement in deed.split("; "):
        session.execute(sa.text(statement.replace("FIRST", FIRST).replace(":", r"\:")))

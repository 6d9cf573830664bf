"""The log, gone through leaf by leaf: is it what was signed, and does it follow from what is stored left of it?

Nothing here trusts a column: each leaf is read from its bytes, chains are added up anew, evidence is hashed anew from
the rows of watching, the tree is built anew and compared with every checkpoint and with the public files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.credit_export.ledger import evidence, subjects
from elearn.credit_export.ledger.attending import class_urn
from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.crediting import unit_urn
from elearn.credit_export.ledger.leaves import (
    Attend,
    Chained,
    Credit,
    Evidence,
    Leaf,
    LeafRefused,
    Policy,
    Unit,
    Void,
    digest,
    digest_bytes,
    read,
)
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.models import LedgerCheckpoint
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.notes import NoteRefused, Verifier, read_note
from elearn.credit_export.ledger.publishing import Desk
from elearn.credit_export.ledger.tree import EMPTY, Tree, leaf_hash

AT_ONCE = 2_000
FILE_AFTER_ROW_S = 1.0

LEAVES = """
SELECT l.*, l.index AS place, w.kind AS span_kind, w.learner_id, w.unit_id, w.start_ms, w.end_ms, w.policy, w."on",
       w.reverses_id, w.end_ms - w.start_ms - w.excess_ms AS worth_ms, p.erased_at IS NOT NULL AS erased,
       n.person_id AS attender_id, n.from_at, n.to_at, n.ms AS attended_ms, n."on" AS attended_on,
       n.reverses_id AS line_reversed, t.doc, s.class_id, s.kind AS session_kind, a.proposed_by, a.by_id AS confirmed_by
FROM elearn.ledger_leaf l
LEFT JOIN elearn.watched_span w ON w.id = l.watched_span_id
LEFT JOIN elearn.attendance_line n ON n.id = l.attendance_line_id AND n.refused_as IS NULL
LEFT JOIN elearn.attendance_list t ON t.id = n.list_id
LEFT JOIN elearn.attendance_answer a ON a.list_id = n.list_id AND a.confirmed
LEFT JOIN elearn.class_session s ON s.id = t.session_id
LEFT JOIN elearn.person p ON p.id = coalesce(w.learner_id, n.person_id)
WHERE l.origin = :origin ORDER BY l.index
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what it should be."""

    where: str
    which: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.which}: {self.what}"


@dataclass(slots=True)
class _Chain:
    n: int = 0
    prev: str | None = None
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Reading:
    """What the leaves of one log have said so far."""

    chains: dict[str, _Chain] = field(default_factory=dict)
    standing: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Digest of a leaf that adds -> subject, what it counts as, milliseconds. Taken out by its void."""
    spans: dict[str, UUID] = field(default_factory=dict)
    """Digest of a credit or attend leaf -> the final row, or the line of attendance, that it is made from."""
    units: dict[str, Unit] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    at: datetime | None = None


def check_log(session: Session, *, desk: Desk | None = None, sealing_key: bytes | None = None) -> Iterator[Difference]:
    """All differences of all logs. With a desk the public files are compared too, with the key whose each leaf is."""
    names = {} if sealing_key is None else subjects.kept_subjects(session, sealing_key=sealing_key)
    origins = session.scalars(
        sa.text("SELECT origin FROM elearn.ledger_leaf UNION SELECT origin FROM elearn.ledger_checkpoint ORDER BY 1")
    ).all()
    for origin in origins:
        yield from _check_one(session, origin, names if sealing_key is not None else None, desk)
    yield from _check_evidence(session)


def _check_one(session: Session, origin: str, names: dict[str, UUID] | None, desk: Desk | None) -> Iterator[Difference]:
    checkpoints = session.scalars(
        sa.select(LedgerCheckpoint).where(LedgerCheckpoint.origin == origin).order_by(LedgerCheckpoint.size)
    ).all()
    due = {one.size: one for one in checkpoints}
    tree, reading = Tree(), _Reading()
    files = LogFiles(directory_of(desk.ledger_dir, origin)) if desk else None
    key = files.key() if files else None
    rows = session.execute(sa.text(LEAVES).execution_options(yield_per=AT_ONCE), {"origin": origin})
    for row in rows:
        which = f"{origin} {row.place}"
        if row.place != tree.size:
            yield Difference("ledger_leaf", which, f"the leaf before it is missing: {tree.size} should follow")
            rows.close()
            break
        raw = row.raw.encode()
        if leaf_hash(raw) != bytes(row.hash):
            yield Difference("ledger_leaf", which, "is not what its hash says")
        tree.append(leaf_hash(raw))
        try:
            leaf = read(raw)
        except LeafRefused as error:
            yield Difference("ledger_leaf", which, f"is no leaf: {error}")
            continue
        for what in (*_columns(row, leaf), *_follows(row, leaf, reading), *_from_rows(row, leaf, reading, names)):
            yield Difference("ledger_leaf", which, what)
        if (signed := due.pop(tree.size, None)) is not None:
            yield from _checkpoint(signed, tree, key)
    for left in due.values():
        yield Difference("ledger_checkpoint", f"{origin} {left.size}", f"only {tree.size} of its leaves are there")
    if files is not None and checkpoints:
        yield from _files(session, files, checkpoints[-1])


def _checkpoint(row: LedgerCheckpoint, tree: Tree, key: Verifier | None) -> Iterator[Difference]:
    which = f"{row.origin} {row.size}"
    if tree.root() != row.root:
        yield Difference("ledger_checkpoint", which, "the leaves do not lead to its root")
    try:
        note = read_note(row.note)
        if Checkpoint.read(note.text) != Checkpoint(row.origin, row.size, row.root):
            yield Difference("ledger_checkpoint", which, "its note is about another tree")
        if key is not None:
            key.time_of(note)
        if row.witnessed and all(line.name == row.origin for line in note.lines):
            yield Difference("ledger_checkpoint", which, "is said to be witnessed, and nobody but the log signed it")
    except NoteRefused as error:
        yield Difference("ledger_checkpoint", which, f"its note does not hold: {error}")


def _files(session: Session, files: LogFiles, newest: LedgerCheckpoint) -> Iterator[Difference]:
    """The public files. Whoever publishes may be at it: the row comes first, its file a moment later."""
    which = f"{newest.origin} {newest.size}"
    until = time.monotonic() + FILE_AFTER_ROW_S
    while True:
        try:
            note = files.checkpoint()
            told = Checkpoint.read(note.text) if note else Checkpoint(newest.origin, 0, EMPTY)
        except NoteRefused as error:
            yield Difference("checkpoint file", which, f"cannot be read: {error}")
            return
        if told.size >= newest.size or time.monotonic() > until:
            break
        time.sleep(FILE_AFTER_ROW_S / 10)
    if told.size < newest.size:
        yield Difference("checkpoint file", which, f"tells of {told.size} leaves only")
    elif not session.scalar(
        sa.select(sa.exists().where(LedgerCheckpoint.origin == told.origin, LedgerCheckpoint.size == told.size,
                                    LedgerCheckpoint.root == told.root))
    ):  # fmt: skip
        yield Difference("checkpoint file", which, f"tells of {told.size} leaves, of which there is no such checkpoint")
    if not files.holds(Checkpoint(newest.origin, newest.size, newest.root)):
        yield Difference("tiles", which, "do not lead to the root of the newest checkpoint")


def _columns(row: sa.Row[tuple[object, ...]], leaf: Leaf) -> Iterator[str]:
    """The columns that repeat the leaf."""
    said: dict[str, object] = {"kind": type(leaf).__name__.lower()}
    match leaf:
        case Credit() | Attend() | Void():
            said |= {"sub": leaf.sub, "n": leaf.n, "total": leaf.total}
            if not isinstance(leaf, Void):
                said |= {"ms": leaf.ms}
        case Evidence():
            said |= {"from_ms": to_ms(leaf.from_), "to_ms": to_ms(leaf.to)}
        case Unit():
            said |= {"names": leaf.unit}
        case Policy():
            said |= {"names": leaf.pol}
    if not isinstance(leaf, Evidence):
        said |= {"at": leaf.at}
    for name, value in said.items():
        if getattr(row, name) != value:
            yield f"its {name} says {getattr(row, name)}, the leaf {value}"


def _follows(row: sa.Row[tuple[object, ...]], leaf: Leaf, reading: _Reading) -> Iterator[str]:
    """What anybody sees who reads the leaves in order."""
    if reading.at is not None and row.at < reading.at:
        yield "was appended before the leaf before it"
    reading.at = row.at
    match leaf:
        case Evidence():
            reading.roots.add(leaf.root)
        case Unit():
            reading.units[leaf.unit] = leaf
        case Policy():
            reading.policies.add(leaf.pol)
        case Credit() | Attend() | Void():
            yield from _chained(row, leaf, reading)


def _chained(row: sa.Row[tuple[object, ...]], leaf: Chained, reading: _Reading) -> Iterator[str]:
    counts_as, ms = row.counts_as, 0
    match leaf:
        case Credit():
            if leaf.ev not in reading.roots:
                yield "names evidence that no leaf before it proves"
            if leaf.pol not in reading.policies:
                yield "names rules that no leaf before it names"
            unit = reading.units.get(leaf.unit)
            if unit is None:
                yield "is about a unit that no leaf before it names"
            elif counts_as != f"online/{unit.kind}":
                yield f"counts as {counts_as}, its unit is {unit.kind}"
            ms = leaf.ms
        case Attend():
            ms = leaf.ms
        case Void():
            taken = reading.standing.pop(leaf.ref, None)
            if taken is None or taken[:2] != (leaf.sub, counts_as):
                yield "takes back what does not stand in this log"
            else:
                ms = -taken[2]
    chain = reading.chains.setdefault(leaf.sub, _Chain())
    total = chain.totals.get(counts_as, 0) + ms
    if (leaf.n, leaf.prev, leaf.total) != (chain.n + 1, chain.prev, total):
        yield f"does not follow in its chain: {leaf.n} with {leaf.total} ms, not {chain.n + 1} with {total} ms"
    if row.ms != ms:
        yield f"its ms says {row.ms}, the leaf {ms}"
    own = digest(leaf_hash(row.raw.encode()))
    chain.n, chain.prev = leaf.n, own
    chain.totals[counts_as] = total
    if not isinstance(leaf, Void):
        reading.standing[own] = (leaf.sub, counts_as, leaf.ms)


def _from_rows(
    row: sa.Row[tuple[object, ...]], leaf: Leaf, reading: _Reading, names: dict[str, UUID] | None
) -> Iterator[str]:
    """The rows of watching, or of attendance, that a leaf of a chain is made from."""
    if isinstance(leaf, Attend) or (isinstance(leaf, Void) and row.attendance_line_id is not None):
        yield from _from_lines(row, leaf, reading, names)
        return
    if not isinstance(leaf, Credit | Void):
        return
    if row.span_kind != ("final" if isinstance(leaf, Credit) else "reversal"):
        yield "is made from nothing that was watched, or taken back"
        return
    if isinstance(leaf, Credit):
        stored = (unit_urn(row.unit_id), (row.start_ms, row.end_ms), row.worth_ms, row.on, row.policy)
        if (leaf.unit, leaf.span, leaf.ms, leaf.day, leaf.pol) != stored:
            said = f"{leaf.ms} ms of {leaf.span} on {leaf.day}"
            yield f"says {said}, its row {row.worth_ms} ms of {stored[1]} on {row.on}"
        reading.spans[digest(leaf_hash(row.raw.encode()))] = row.watched_span_id
    elif reading.spans.get(leaf.ref) != row.reverses_id:
        yield "takes back another leaf than its row does"
    if names is not None and not row.erased and names.get(leaf.sub) != row.learner_id:
        yield f"its subject is not the person of its row, {row.learner_id}"


def _from_lines(
    row: sa.Row[tuple[object, ...]], leaf: Attend | Void, reading: _Reading, names: dict[str, UUID] | None
) -> Iterator[str]:
    """The line of a confirmed list that an attend leaf, or the void of one, is made from."""
    if row.confirmed_by is None or (row.line_reversed is None) != isinstance(leaf, Attend):
        yield "is made from nothing that was attended and confirmed, or taken back"
        return
    if isinstance(leaf, Attend):
        said = (leaf.class_, leaf.kind, leaf.from_, leaf.to, leaf.ms, leaf.day, leaf.doc)
        stored = (class_urn(row.class_id), row.session_kind, row.from_at, row.to_at, row.attended_ms, row.attended_on,
                  row.doc)  # fmt: skip
        if said != stored:
            yield f"says {leaf.ms} ms on {leaf.day}, its line {row.attended_ms} ms on {row.attended_on}, or else"
        reading.spans[digest(leaf_hash(row.raw.encode()))] = row.attendance_line_id
    elif reading.spans.get(leaf.ref) != row.line_reversed:
        yield "takes back another leaf than its line does"
    if names is None:
        return
    if not row.erased and names.get(leaf.sub) != row.attender_id:
        yield f"its subject is not the person of its line, {row.attender_id}"
    for name, person in zip(leaf.by, (row.proposed_by, row.confirmed_by), strict=True):
        if names.get(name, person) != person:  # who was erased since has no name any more
            yield f"another two people than those of its list, {row.proposed_by} and {row.confirmed_by}"


def _check_evidence(session: Session) -> Iterator[Difference]:
    """Each batch that has a leaf, hashed anew."""
    leaves = {
        row.batch: row
        for row in session.execute(
            sa.text("SELECT batch, origin, index AS place, raw FROM elearn.ledger_leaf WHERE kind = 'evidence'")
        )
    }
    before, to_before = EMPTY, 0
    for batch in evidence.all_batches(session):
        row = leaves.pop(batch.batch, None)
        if batch.from_ms < to_before:
            yield Difference("evidence_closing", str(batch.batch), "begins before the one before it ended")
        to_before = batch.to_ms
        if row is None:
            if leaves and max(leaves) > batch.batch:
                yield Difference("evidence_closing", str(batch.batch), "no leaf proves it, but one after it")
            continue
        try:
            leaf = read(row.raw.encode())
        except LeafRefused:
            continue
        if not isinstance(leaf, Evidence):
            continue
        which = f"{row.origin} {row.place}"
        proved = evidence.prove(session, batch, before)
        before = digest_bytes(leaf.root)
        if (digest(proved.root), proved.count) != (leaf.root, leaf.count):
            yield Difference(
                "evidence", which, f"the reports, deliveries and checks of its minute are {proved.count} "
                f"rows of another root; it proves {leaf.count}"
            )  # fmt: skip
        if (to_ms(leaf.from_), to_ms(leaf.to)) != (batch.from_ms, batch.to_ms):
            yield Difference("evidence_closing", str(batch.batch), "is not the time that its leaf says")
    for row in leaves.values():
        yield Difference("evidence", f"{row.origin} {row.place}", "proves a batch that was never closed")

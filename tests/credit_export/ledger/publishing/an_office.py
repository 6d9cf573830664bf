"""A log that is published for tests: leaves in the database, a signer and witnesses over directories of their own.

office = an_office(session, tmp_path); office.append(3); office.publish(); office.require_sound()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.growing import newest_checkpoint
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.models import LedgerLeaf
from elearn.credit_export.ledger.naming import directory_of
from elearn.credit_export.ledger.notes import Note, SignatureLine, read_note
from elearn.credit_export.ledger.publishing import Desk, Published, publish
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.signer import LocalSigner, OtherSize, SignerAway, Wanted
from elearn.credit_export.ledger.standing import Standing, read_standing
from elearn.credit_export.ledger.tiles import WIDTH, bundle, entries_path, new_tiles, tile_path
from elearn.credit_export.ledger.tree import Tree, leaf_hash
from elearn.credit_export.ledger.trouble import Level, of_log, state_of
from elearn.credit_export.ledger.witness.keeping import add_log, opened
from elearn.credit_export.ledger.witness.keys import make_key
from elearn.credit_export.ledger.witnesses import WitnessAway, read_answer, request_body

ORIGIN = "hours.example/ledger/2026"
NOW = datetime(2026, 7, 1, 1, tzinfo=UTC)
TWO = ("exam", "regulator")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass
class NearWitness:
    """The product's own witness, asked without a network; `away`: it does not answer."""

    name: str
    directory: Path
    away: bool = False
    asked: int = 0

    def add_checkpoint(self, old: int, proof: Sequence[bytes], note: Note) -> tuple[SignatureLine, ...] | OtherSize:
        self.asked += 1
        if self.away:
            raise WitnessAway("The witness %(name)s does not cosign: %(why)s", name=self.name, why="nobody is there")
        with opened(self.directory, wait=True) as witness:
            answer = witness.add_checkpoint(request_body(old, proof, note), now_s=int(NOW.timestamp()))
        return read_answer(self.name, answer.status, answer.body)


@dataclass
class NearSigner:
    """The signer over its directory; `away`: its process does not run."""

    directory: Path
    away: bool = False

    def vkey(self, origin: str) -> str:
        self._answer()
        return LocalSigner(self.directory).vkey(origin)

    def sign(self, wanted: Wanted) -> SignatureLine | OtherSize:
        self._answer()
        return LocalSigner(self.directory).sign(wanted)

    def _answer(self) -> None:
        if self.away:
            raise SignerAway("The signer at %(address)s does not sign: %(why)s", address="here", why="nobody is there")


@dataclass
class Office:
    """One log, whoever publishes it, and the time."""

    session: Session
    place: Path
    origin: str
    signer: NearSigner
    witnesses: list[NearWitness]
    trust: Trust
    now: datetime = NOW
    every: timedelta = timedelta(0)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.place / "ledger", self.signer, self.witnesses, self.trust, self.every)

    @property
    def files(self) -> LogFiles:
        return LogFiles(directory_of(self.desk.ledger_dir, self.origin))

    @property
    def standing(self) -> Standing:
        return read_standing(self.files.directory)

    @property
    def level(self) -> Level:
        return state_of(of_log(self.standing, self.now))

    @property
    def said(self) -> list[str]:
        """What the programs saw that is not as it should be."""
        return [one.detail for one in of_log(self.standing, self.now) if one.detail]

    @property
    def size(self) -> int:
        """Of the published checkpoint, by the row."""
        row = newest_checkpoint(self.session, self.origin)
        return row.size if row else 0

    def append(self, count: int, *, said: str = "leaf") -> None:
        if count:
            self.session.execute(sa.insert(LedgerLeaf), leaves(self.origin, self.leaves(), count, said))
        self.session.commit()

    def leaves(self) -> int:
        counted = sa.select(sa.func.count()).where(LedgerLeaf.origin == self.origin).select_from(LedgerLeaf)
        return self.session.scalar(counted) or 0

    def publish(self, *, after: timedelta = timedelta(0)) -> Published | None:
        self.now += after
        return publish(self.session, self.origin, now=self.now, desk=self.desk)

    def published(self, *, after: timedelta = timedelta(0)) -> Published:
        found = self.publish(after=after)
        assert found is not None, self.standing
        return found

    def require_sound(self) -> None:
        require_sound(self.session, self.origin, self.files, self.trust)


def leaves(origin: str, begin: int, count: int, said: str = "leaf") -> list[dict[str, Any]]:
    raws = {index: f'{{"n":{index},"t":"{said}"}}' for index in range(begin, begin + count)}
    return [
        {"origin": origin, "index": index, "kind": "policy", "raw": raw, "hash": leaf_hash(raw.encode()), "at": NOW}
        for index, raw in raws.items()
    ]


def an_office(
    session: Session, place: Path, *, witnesses: Sequence[str] = (), quorum: str = "all", origin: str = ORIGIN
) -> Office:
    """With a quorum of `all` or `any` of the witnesses, or none at all."""
    signer = NearSigner(place / "signer")
    vkey, asked, lines = LocalSigner(signer.directory).vkey(origin), [], []
    for name in witnesses:
        key = make_key(place / name, f"{name}.example/witness")
        add_log(place / name, vkey)
        asked.append(NearWitness(name, place / name))
        lines.append(f"witness {name} {key.verifier.vkey}\n")
    if witnesses:
        lines.append(f"group them {quorum} {' '.join(witnesses)}\n")
    trust = Trust.read("".join(lines) + f"quorum {'them' if witnesses else 'none'}\n")
    return Office(session, place, origin, signer, asked, trust)


def require_sound(session: Session, origin: str, files: LogFiles, trust: Trust) -> None:
    """Row, file, signatures and every tile say the same of the leaves in the database; nothing is half written."""
    row = newest_checkpoint(session, origin)
    raws = session.scalars(
        sa.select(LedgerLeaf.raw).where(LedgerLeaf.origin == origin).order_by(LedgerLeaf.index)
    ).all()
    note = files.checkpoint()
    if row is None:
        assert note is None
        return
    assert note is not None
    entries = [raw.encode() for raw in raws]
    checkpoint = Checkpoint.read(note.text)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (origin, row.size, row.root)
    assert read_note(row.note).text == note.text
    key = files.key()
    assert key is not None
    replace(trust, known_logs=Trust.none(key).known_logs).require(note, now_s=int(NOW.timestamp()))
    tree = Tree()
    nodes = {}
    for entry in entries:
        for level, index, hash_ in tree.append(leaf_hash(entry)):
            nodes[level, index] = hash_
        if tree.size == row.size:
            assert tree.root() == row.root
    for level, index, width in new_tiles(0, row.size):
        assert files.hashes(level, index, width) == b"".join(nodes[8 * level, index * WIDTH + n] for n in range(width))
        if level == 0:
            assert files.entries(index, width) == bundle(entries[index * WIDTH : index * WIDTH + width])
    for path in files.directory.glob("tile/**/*"):
        if path.is_file() and not path.name.startswith("."):
            assert path.read_bytes() == _content(str(path.relative_to(files.directory)), nodes, entries), path


def _content(path: str, nodes: dict[tuple[int, int], bytes], entries: list[bytes]) -> bytes:
    """What the file must hold, whichever tree it was written for."""
    _, level, *digits = path.replace(".p/", "/p").split("/")
    width = int(digits.pop()[1:]) if digits[-1].startswith("p") else WIDTH
    index = int("".join(digits).replace("x", ""))
    if level == "entries":
        assert path == entries_path(index, width)
        return bundle(entries[index * WIDTH : index * WIDTH + width])
    assert path == tile_path(int(level), index, width)
    return b"".join(nodes[8 * int(level), index * WIDTH + n] for n in range(width))

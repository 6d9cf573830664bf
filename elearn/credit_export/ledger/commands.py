"""`elearn ledger verify`: what anybody who holds a proof of hours can check, without asking us or a database."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import (
    HoursProof,
    HoursProofRefused,
    Reason,
    StoredCheckpoint,
    require_hours_proof,
    require_in_log,
)
from elearn.credit_export.ledger.leaves import Attend, Credit, Leaf, Void
from elearn.credit_export.ledger.notes import NoteRefused, read_note
from elearn.credit_export.ledger.quorum import Trust, TrustRefused
from elearn.credit_export.ledger.tiles import BadTile, NoTile, TileNodes, in_directory
from elearn.credit_export.ledger.tree import consistency_proof

DAY_S = 86_400
LAST_YEAR_S = 253_402_300_800
"""The year 10000: a date cannot be later."""
A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=A_FILE)
@click.option("--trust", "policy", type=A_FILE, help="Whom you believe: logs, witnesses, quorum (C2SP tlog-policy).")
@click.option("--subject", metavar="SUB", help="Whose hours they should be, as the log writes it.")
@click.option("--max-age", "days", type=click.IntRange(min=0), metavar="DAYS", help="Cosigned at most so long ago.")
@click.option("--stored", type=A_FILE, help="The newest checkpoint of this log that you believed before.")
@click.option(
    "--tiles",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The log's public files, as `elearn ledger monitor` keeps them: shows that the log only grew since --stored.",
)
def verify(
    file: Path, policy: Path | None, subject: str | None, days: int | None, stored: Path | None, tiles: Path | None
) -> None:
    """Check the proof of hours FILE offline; exit status 0 when it shows them, 1 when it does not, and why."""
    try:
        trust = None if policy is None else Trust.read(policy.read_bytes())
    except TrustRefused as error:
        raise click.ClickException(f"{policy}: {error}") from None
    try:
        said = verified(
            file.read_bytes(),
            trust=trust,
            subject=subject,
            now_s=int(time.time()),
            max_age_s=None if days is None else days * DAY_S,
            stored=None if stored is None else read_stored(stored),
            tiles=tiles,
        )
    except HoursProofRefused as error:
        click.echo(f"Refused: {error}.")
        raise click.exceptions.Exit(1) from None
    click.echo(said)


def verified(
    data: bytes,
    *,
    trust: Trust | None,
    subject: str | None,
    now_s: int,
    max_age_s: int | None,
    stored: StoredCheckpoint | None,
    tiles: Path | None,
) -> str:
    """What the file shows, as a sentence; raises HoursProofRefused. Without trust it shows nothing."""
    file = HoursProof.read(data)
    try:
        checkpoint = Checkpoint.read(file.proof.note.text)
    except NoteRefused as error:
        raise HoursProofRefused(Reason.LOG_SIGNATURE, str(error)) from None
    if trust is None:
        require_in_log(file, checkpoint)
        raise HoursProofRefused(
            Reason.LOG_SIGNATURE,
            f"the entry is in a tree of {checkpoint.size} leaves that calls itself {checkpoint.origin}, and no --trust"
            " says whose signatures to believe",
        )
    leaf = require_hours_proof(
        data,
        trust=trust,
        subject=subject,
        now_s=now_s,
        max_age_s=max_age_s,
        stored=stored,
        consistency=() if stored is None or tiles is None else _grown(stored, checkpoint, tiles),
    )
    cosigned = ", ".join(f"{name} ({_moment(at_s)})" for name, at_s in trust.cosigned(file.proof.note).items())
    return (
        f"Shown: {_said(leaf)}. It is leaf {file.proof.index} of {checkpoint.origin}, whose checkpoint of"
        f" {checkpoint.size} leaves is cosigned by {cosigned or 'nobody: this is the word of the log alone'}."
    )


def read_stored(path: Path) -> StoredCheckpoint:
    """A checkpoint that whoever runs this kept as they believed it; its signatures were checked then."""
    try:
        return Checkpoint.read(read_note(path.read_bytes()).text)
    except NoteRefused as error:
        raise click.ClickException(f"{path}: {error}") from None


def _grown(stored: StoredCheckpoint, checkpoint: Checkpoint, tiles: Path) -> tuple[bytes, ...]:
    """The proof that one of these trees begins with the other, out of the public files of the larger."""
    old, new = sorted((stored.size, checkpoint.size))
    try:
        return consistency_proof(old, new, TileNodes(in_directory(tiles), new))
    except (BadTile, NoTile) as error:
        raise HoursProofRefused(Reason.CONSISTENCY, f"{tiles} is not whole: {error}") from None


def _said(leaf: Leaf) -> str:
    match leaf:
        case Credit():
            what = f"{leaf.ms} ms of {leaf.unit} watched on {leaf.day} by {leaf.sub}"
        case Attend():
            what = f"{leaf.ms} ms of {leaf.kind} attended in {leaf.class_} on {leaf.day} by {leaf.sub}"
        case Void():
            what = f"{leaf.ref} of {leaf.sub} taken back ({leaf.why})"
        case _:
            return f"a leaf of type {type(leaf).__name__.lower()}"
    return f"{what}, {leaf.total} ms in all with leaf {leaf.n} of the chain"


def _moment(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}" if at_s < LAST_YEAR_S else f"second {at_s}"

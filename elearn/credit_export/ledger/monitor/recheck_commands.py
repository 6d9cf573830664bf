"""`elearn ledger recheck`: an authority computes drawn blocks of hours again, on a machine of its own.

    mirror (as `ledger monitor`) ─► draw ─► raw evidence of each block ─► rechecking.py ─► DIR/rechecked.jsonl

It is the monitor's directory: what is mirrored was proved to be signed. What agreed is not asked for again; what did
not is, every time. A draw that was interrupted goes on.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import click

from elearn.credit_export.ledger import block_evidence
from elearn.credit_export.ledger.leaves import Credit, Evidence, LeafRefused, read
from elearn.credit_export.ledger.monitor.asking import Door, Draw, Draws, Refused
from elearn.credit_export.ledger.monitor.commands import ALARMS, NOT_SEEN, Percent
from elearn.credit_export.ledger.monitor.fetching import Unreachable
from elearn.credit_export.ledger.monitor.looking import Monitor, watching
from elearn.credit_export.ledger.monitor.rechecking import Answer, Known, Result, recheck, unless_reused
from elearn.credit_export.ledger.monitor.sampling import Block, block_at, drawn
from elearn.credit_export.ledger.naming import year_and_series
from elearn.credit_export.ledger.plain_text import base64_bytes
from elearn.credit_export.ledger.quorum import Trust, TrustRefused
from elearn.credit_export.ledger.sampling import USUAL, is_drawn, percent_of
from elearn.credit_export.ledger.tree import root_of

DONE = (Answer.AGREES, Answer.GONE)


@click.command("recheck")
@click.argument("url")
@click.option("--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="The monitor's.")  # fmt: skip
@click.option("--client", required=True, help="Our name at the door of evidence.")
@click.option("--secret-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--trust", "policy", type=click.Path(path_type=Path, exists=True), help="A tlog-policy file.")
@click.option("--door", help="Where evidence is given; else ISSUER/exam/v1 of a log at ISSUER/ledger/YEAR.")
@click.option("--percent", type=Percent(), default=str(USUAL), show_default=True, help="Less is not agreed.")
@click.option("--json", "as_json", is_flag=True, help="Lines of JSON.")
def command(
    url: str,
    directory: Path,
    client: str,
    secret_file: Path,
    policy: Path | None,
    door: str | None,
    percent: Fraction,
    as_json: bool,
) -> None:
    """Draw blocks of the log at URL, ask for their raw evidence, and compute their hours again.

    Exit status 1: a block differs or is withheld, or the log has alarms. 2: log or door could not be asked.
    """
    try:
        trust = Trust.read(policy.read_bytes()) if policy else None
    except TrustRefused as error:
        raise click.BadParameter(str(error), param_hint="--trust") from None
    at = door or f"{url.rstrip('/').rpartition('/ledger/')[0]}/exam/v1"
    status = NOT_SEEN
    try:
        with watching(directory, url, trust) as running:
            alarms = running.look(now_s=int(time.time())).alarms
            asked = Door(at, client, secret_file.read_text().strip())
            try:
                status = _recheck(running, asked, percent, Book(directory / "rechecked.jsonl"), as_json)
            finally:
                asked.close()
            if alarms:
                click.echo(f"the log itself has {len(alarms)} alarms: elearn ledger monitor", err=True)
                status = ALARMS
    except Unreachable as error:
        click.echo(f"elearn: {error}", err=True)
        status = NOT_SEEN
    raise click.exceptions.Exit(status)


class Book:
    """What came of each block, a line each; the newest line of a block holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept: dict[int, Result] = {}
        self.shown: dict[str, int] = {}
        """What earned something -> the first leaf that it was shown for."""
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                one = json.loads(line)
                found = Result(one["index"], Answer(one["answer"]), shown=tuple(one["shown"]))
            except (ValueError, KeyError, TypeError):
                continue  # half a line of a run that was killed: its block is asked for again
            self._know(found)

    def add(self, one: Result) -> None:
        self._know(one)
        with self._path.open("a") as file:
            file.write(json.dumps(_line(one) | {"shown": one.shown}) + "\n")

    def _know(self, one: Result) -> None:
        self.kept[one.index] = one
        for each in one.shown:
            self.shown.setdefault(each, one.index)


def _recheck(running: Monitor, door: Door, percent: Fraction, book: Book, as_json: bool) -> int:
    log = running.origin()
    if log is None:
        raise Unreachable("nothing of the log could be mirrored")
    draws = door.draw(log.rpartition("/")[2], running.mirror.size())
    wrong = [*_wrong_draws(running, draws, percent)]
    for sentence in wrong:
        click.echo(json.dumps({"draw": sentence}) if as_json else f"DRAW {sentence}")
    counted: Counter[Answer] = Counter()
    for block in _blocks(running, draws):
        before = book.kept.get(block.index)
        if before is None or before.answer not in DONE:
            result = unless_reused(_result(running, door, log, block), book.shown)
            book.add(result)
            _say(result, as_json)
        counted[book.kept[block.index].answer] += 1
    bad = counted[Answer.DIFFERS] + counted[Answer.WITHHELD]
    if as_json:
        click.echo(json.dumps({"log": log, **{one.value: counted[one] for one in Answer}}))
    else:
        click.echo(f"{log}: {counted.total()} blocks drawn, " + ", ".join(f"{counted[one]} {one}" for one in Answer))
    return ALARMS if bad or wrong else 0


def _wrong_draws(running: Monitor, draws: Draws, percent: Fraction) -> Iterator[str]:
    """Draws that leave leaves out, draw too few, or draw by another root than the log's."""
    node, end = running.mirror.node(), 0
    for one in draws.draws:
        if one.begin != end or one.end <= one.begin:
            yield f"leaves from {end} to {one.begin} stand in no draw"
        end = one.end
        if percent_of(one.per_million) < percent:
            yield f"{float(percent_of(one.per_million)):g} % were drawn, {float(percent):g} % are agreed"
        if node is None or end > running.mirror.size() or root_of(end, node).hex() != one.root:
            yield f"the blocks up to {end} were drawn by another root than the log's"
    if end != running.mirror.size():
        yield f"the newest draw ends at {end}, the log at {running.mirror.size()}"


def _blocks(running: Monitor, draws: Draws) -> Iterator[Block]:
    size = running.mirror.size()
    for one in draws.draws:
        yield from _of_draw(running, one, size)
    for index in sorted({index for one in draws.orders for index in range(one.begin, min(one.end, size))}):
        block = block_at(running.mirror, index)
        if block and not any(_draws(one, index) for one in draws.draws):
            yield block


def _draws(one: Draw, index: int) -> bool:
    return one.begin <= index < one.end and is_drawn(bytes.fromhex(one.root), index, percent_of(one.per_million))


def _of_draw(running: Monitor, one: Draw, size: int) -> Iterator[Block]:
    among = range(one.begin, min(one.end, size))
    return drawn(running.mirror, bytes.fromhex(one.root), among, percent_of(one.per_million))


def _result(running: Monitor, door: Door, log: str, block: Block) -> Result:
    data = door.evidence(log.rpartition("/")[2], block.index)
    if isinstance(data, Refused):
        return Result(block.index, Answer.WITHHELD, (data.why,))
    try:
        given = block_evidence.read(data)
    except ValueError as error:
        return Result(block.index, Answer.WITHHELD, (f"what is shown is no evidence: {error}",))
    return recheck(block.index, block.leaf, given, _known(running, log, block))


def _known(running: Monitor, log: str, block: Block) -> Known:
    unit = running.memory.facts.units.get(block.leaf.unit)
    return Known(
        log=log,
        entry=block.text,
        evidence=lambda place: _evidence_at(running, place),
        unit_ms=unit.ms if unit else None,
        now_ms=1_000 * int(time.time()),
        given_back=_given_back(running, block),
        begun_anew=year_and_series(log.rpartition("/")[2])[1] > 1,
    )


def _evidence_at(running: Monitor, place: int) -> Evidence | None:
    if place >= running.mirror.size():
        return None
    try:
        leaf = read(running.mirror.entry(place))
    except LeafRefused:
        return None
    return leaf if isinstance(leaf, Evidence) else None


def _given_back(running: Monitor, block: Block) -> Credit | None:
    """The newest leaf of this person over these media that was taken back before."""
    person = running.memory.person(base64_bytes(block.leaf.sub.replace("-", "+").replace("_", "/") + "=="))
    for index in sorted((one for one in person.voided if one < block.index), reverse=True):
        taken = block_at(running.mirror, index)
        if taken and taken.leaf.unit == block.leaf.unit:
            begin, end = taken.leaf.span
            if begin <= block.leaf.span[0] and block.leaf.span[1] <= end:
                return taken.leaf
    return None


def _line(one: Result) -> dict[str, object]:
    return {
        "index": one.index,
        "answer": one.answer.value,
        "media_ms": one.media_ms,
        "why": one.why,
        "notes": one.notes,
    }


def _say(one: Result, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_line(one)))
        return
    click.echo(f"block {one.index}: {one.answer}" + (f", {one.media_ms} ms of media" if one.media_ms else ""))
    _list(one.why, "  ")
    _list(one.notes, "  note: ")


def _list(sentences: Sequence[str], before: str) -> None:
    for sentence in sentences:
        click.echo(f"{before}{sentence}")

"""What is wrong with the log: a code with facts for programs, a sentence for people, details for operators.

    standing.json (of each log)   who publishes writes it      the signer, the witnesses, since when leaves wait
    running.json (beside them)    the job `ledger.advance`     when it ran last, why it failed, how far evidence is

Read by `/healthz` (codes alone), the operator's pages (sentences in the reader's language, details) and `elearn ledger
state`. Neither file is needed by anything else, and no database is asked: the log may be stuck because it is away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import click
import msgspec

from elearn.clock import MILLISECOND, from_ms, to_ms
from elearn.credit_export.ledger.files import write_whole
from elearn.credit_export.ledger.standing import Part, Standing, all_standings
from elearn.settings import Settings

FILE = "running.json"
NOTED_EVERY = timedelta(seconds=30)
"""A run that is like the one before is written down so often."""
SILENT = timedelta(minutes=3)
"""The job runs every few seconds; a batch that is large takes a minute."""
LATE = timedelta(minutes=5)
"""Thirty times what a checkpoint takes: leaves that wait for longer wait for somebody."""
EVIDENCE_LATE = timedelta(minutes=10)


class Level(StrEnum):
    """How bad it is, the worst last."""

    OK = "ok"
    """Told, and nothing waits for it."""
    WAITS = "waits"
    """Hours wait and nothing is lost; it goes on by itself when somebody answers."""
    ALARM = "alarm"
    """Somebody has to look."""


class Code(StrEnum):
    APPENDING_FAILS = "appending_fails"
    EVIDENCE_LATE = "evidence_late"
    JOB_SILENT = "job_silent"
    LOG_CONTRADICTS = "log_contradicts"
    PUBLISHING_LATE = "publishing_late"
    SIGNER_AWAY = "signer_away"
    SIGNER_REFUSES = "signer_refuses"
    WITNESS_AWAY = "witness_away"
    WITNESS_REFUSES = "witness_refuses"


SENTENCES: Mapping[Code, str] = {
    Code.APPENDING_FAILS: "Nothing is appended to the log since %(since)s: the job fails each time. Hours wait.",
    Code.EVIDENCE_LATE: "Evidence of %(since)s has no leaf in the log yet: a long transaction, or the job lags behind.",
    Code.JOB_SILENT: "The job that moves the log on has not run since %(since)s. Look whether the worker runs.",
    Code.LOG_CONTRADICTS: "What the database says of the log %(log)s contradicts what was published. It has stopped.",
    Code.PUBLISHING_LATE: "Leaves of the log %(log)s wait since %(since)s for a checkpoint that others sign.",
    Code.SIGNER_AWAY: "The signer of the log %(log)s does not answer since %(since)s. It is asked again.",
    Code.SIGNER_REFUSES: "The signer of the log %(log)s refuses since %(since)s. Somebody has to look.",
    Code.WITNESS_AWAY: "The witness %(name)s of the log %(log)s does not answer since %(since)s. It is asked again.",
    Code.WITNESS_REFUSES: "The witness %(name)s of the log %(log)s refuses since %(since)s. Somebody has to look.",
}
"""Message ids of the catalogues; `since` is a moment as the reader reads it."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is not as it should be."""

    code: Code
    level: Level
    log: str = ""
    """Name of the log, without its host."""
    name: str = ""
    """Of the witness."""
    since: datetime | None = None
    detail: str = ""
    """What the program saw, in English: for operators and nobody else."""

    def facts(self, since: str) -> dict[str, str]:
        """What the sentence names; `since` as it is shown."""
        return {"log": self.log, "name": self.name, "since": since}

    def sentence(self) -> str:
        """In English, times in UTC: for a terminal."""
        since = f"{self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else "-"
        return SENTENCES[self.code] % self.facts(since)


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the job that moves the log on fares."""

    ran_ms: int = 0
    """When a run ended last; 0: nothing is known of any."""
    appending: Part = Part()
    evidence_ms: int = 0
    """Of the oldest closed minute without a leaf: when it was closed; 0: there is none."""


_read = msgspec.json.Decoder(Running).decode


def read_running(ledger_dir: Path) -> Running:
    try:
        return _read((ledger_dir / FILE).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Running()


def note_run(ledger_dir: Path, *, now: datetime, failed: str | None = None, evidence_ms: int = 0) -> None:
    """Write down how a run ended; one like the last is left out for half a minute."""
    before = read_running(ledger_dir)
    part = before.appending.ok(now, size=0) if failed is None else before.appending.worse("refuses", failed, now)
    same = (part.state, part.detail, evidence_ms) == (
        before.appending.state,
        before.appending.detail,
        before.evidence_ms,
    )
    if same and 0 <= to_ms(now) - before.ran_ms < NOTED_EVERY // MILLISECOND:
        return
    ledger_dir.mkdir(parents=True, exist_ok=True)
    write_whole(ledger_dir / FILE, msgspec.json.encode(Running(to_ms(now), part, evidence_ms)))


def troubles(ledger_dir: Path, now: datetime) -> list[Trouble]:
    """All of them, the worst first."""
    found = of_job(read_running(ledger_dir), now)
    for standing in all_standings(ledger_dir):
        found += of_log(standing, now)
    return sorted(found, key=lambda one: (-list(Level).index(one.level), one.code))


def state_of(found: Sequence[Trouble]) -> Level:
    """The worst level; ok when nothing is wrong."""
    return max((one.level for one in found), key=list(Level).index, default=Level.OK)


def of_job(running: Running, now: datetime) -> list[Trouble]:
    """What is wrong with appending: pure."""
    found = []
    if running.appending.state != "ok":
        part = running.appending
        found.append(Trouble(Code.APPENDING_FAILS, Level.ALARM, since=part.since, detail=part.detail))
    if running.ran_ms and now - from_ms(running.ran_ms) > SILENT:
        found.append(Trouble(Code.JOB_SILENT, Level.ALARM, since=from_ms(running.ran_ms)))
    if running.evidence_ms and now - from_ms(running.evidence_ms) > EVIDENCE_LATE:
        found.append(Trouble(Code.EVIDENCE_LATE, Level.ALARM, since=from_ms(running.evidence_ms)))
    return found


def of_log(standing: Standing, now: datetime) -> list[Trouble]:
    """What is wrong with publishing one log: pure."""
    log = standing.origin.rpartition("/")[2]
    found = []
    if standing.alarm:
        found.append(Trouble(Code.LOG_CONTRADICTS, Level.ALARM, log, detail=standing.alarm))
    parts = [("", standing.signer, Code.SIGNER_AWAY, Code.SIGNER_REFUSES, Level.WAITS)]
    missed = Level.OK if standing.quorum else Level.WAITS
    for name, part in standing.witnesses.items():
        parts.append((name, part, Code.WITNESS_AWAY, Code.WITNESS_REFUSES, missed))
    for name, part, away, refuses, level in parts:
        if part.state == "away":
            found.append(Trouble(away, level, log, name, part.since, part.detail))
        elif part.state == "refuses":
            found.append(Trouble(refuses, Level.ALARM, log, name, part.since, part.detail))
    waiting = from_ms(standing.waiting_ms) if standing.waiting_ms else None
    if waiting is not None and now - waiting > LATE:
        found.append(Trouble(Code.PUBLISHING_LATE, Level.ALARM, log, since=waiting))
    elif not standing.quorum and all(one.level is Level.OK for one in found):
        # Nobody is away any more, and the next run asks them all.
        found.append(Trouble(Code.PUBLISHING_LATE, Level.WAITS, log, since=waiting))
    return found


@click.command("state")
def command() -> None:
    """Say how the log of hours stands: what is published, who is waited for, what must be done."""
    directory, now = Settings.from_env().ledger_dir, datetime.now(UTC)  # the database may be what is away
    logs = all_standings(directory)
    for one in logs:
        click.echo(f"{one.origin}: {state_of(of_log(one, now))}, {one.published} leaves published")
    if not logs:
        click.echo("no log was begun")
    found = troubles(directory, now)
    for trouble in found:
        click.echo(f"  {trouble.level} {trouble.code}: {trouble.sentence()}")
        if trouble.detail:
            click.echo(f"    {trouble.detail}")
    raise click.exceptions.Exit(0 if state_of(found) is Level.OK else 1)

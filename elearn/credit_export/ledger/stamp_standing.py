"""How it stands with the time stamp authority, for an operator to see: a file beside the logs, `stamping.json`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click
import msgspec

from elearn.clock import MILLISECOND, from_ms
from elearn.credit_export.ledger.files import put
from elearn.credit_export.ledger.standing import Part
from elearn.settings import Settings

FILE = "stamping.json"
FAR = timedelta(minutes=5)
"""Clocks that differ by more are told."""


class Stamping(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it stands with the authority."""

    part: Part = Part()
    newest_ms: int = 0
    """When the newest stamp was made, by the authority's clock."""
    ahead_ms: int = 0
    """How far that clock was before ours."""

    def sentences(self) -> list[str]:
        """What is not as it should be."""
        found = [self.part.detail] if self.part.state != "ok" else []
        if abs(self.ahead_ms) > FAR // MILLISECOND:
            found.append(f"The clock of the time stamp authority and ours differ by {self.ahead_ms // 1000} s")
        return found

    @property
    def state(self) -> str:
        """ok | away (it is asked again) | alarm (a clock is wrong)."""
        return self.part.state if self.part.state != "ok" else "alarm" if self.sentences() else "ok"

    @property
    def newest(self) -> datetime | None:
        return from_ms(self.newest_ms) if self.newest_ms else None


_read = msgspec.json.Decoder(Stamping).decode


def read_stamping(ledger_dir: Path) -> Stamping:
    """How it stood last; of what is not known, as if nothing had been asked."""
    try:
        return _read((ledger_dir / FILE).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Stamping()


def state_of(ledger_dir: Path, tsa: str | None) -> str:
    """off | ok | away | alarm."""
    return read_stamping(ledger_dir).state if tsa else "off"


def write_stamping(ledger_dir: Path, standing: Stamping) -> None:
    put(ledger_dir / FILE, msgspec.json.encode(standing))


@click.command("stamps")
def command() -> None:
    """Say how it stands with time stamps. Exit status 1: the authority is away, or a clock is wrong."""
    settings = Settings.from_env()
    standing, state = read_stamping(settings.ledger_dir), state_of(settings.ledger_dir, settings.ledger_tsa)
    newest = f", newest {standing.newest:%Y-%m-%d %H:%M:%S} UTC" if standing.newest else ""
    click.echo(f"time stamps: {state}{newest}")
    for sentence in standing.sentences() if settings.ledger_tsa else ():
        click.echo(f"  {sentence}")
    raise click.exceptions.Exit(0 if state in ("off", "ok") else 1)

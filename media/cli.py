"""The commands of `elearn media`; alone: `python -m media package lesson.mp4`."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from media.errors import Interrupted, MediaError
from media.package import Progress, package

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130  # what a shell says of a program ended by Ctrl-C


@click.group("media")
def media_commands() -> None:
    """Package videos as encrypted HLS lessons."""


@media_commands.command("package")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Directory to make. Default: SOURCE without its ending.")
@click.option(
    "--block-seconds", type=click.IntRange(1, 600), default=30, show_default=True, help="How much one key opens."
)
def package_command(source: Path, out: Path | None, block_seconds: int) -> None:
    """Make an encrypted HLS lesson of the video SOURCE."""
    target = out or source.with_name(f"{source.stem}.lesson")
    # A service manager's SIGTERM ends us as tidily as Ctrl-C does.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with click.progressbar(length=1000, label="Packaging", show_eta=False, item_show_func=_left) as bar:

            def show(progress: Progress) -> None:
                bar.update(round(progress.fraction * 1000) - bar.pos, progress)

            manifest = package(source, target, block_ms=block_seconds * 1000, progress=show)
    except MediaError as error:
        click.echo(f"Error: {error} [{error.code}]", err=True)
        raise SystemExit(EXIT_INTERRUPTED if isinstance(error, Interrupted) else EXIT_FAILED) from error
    finally:
        signal.signal(signal.SIGTERM, before)
    sizes = ", ".join(f"{r.width}x{r.height}" for r in manifest.renditions)
    click.echo(
        f"{target}: {manifest.duration_ms / 1000:.3f} s, {sizes}, "
        f"{len(manifest.blocks)} key blocks, content {manifest.content_hash[:16]}"
    )


def _left(progress: Progress | None) -> str | None:
    if progress is None:
        return None
    return progress.stage.value if progress.eta_s is None else f"{progress.stage.value}, {progress.eta_s} s left"


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt

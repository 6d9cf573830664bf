"""`elearn witness`: for the exam authority and the regulator, on machines of their own."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from elearn.credit_export.ledger.witness import keys
from elearn.credit_export.ledger.witness.keeping import add_log

DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True, help="The witness's own."
)


@click.group()
def witness() -> None:
    """Cosign a log's checkpoints: it has never had two histories (C2SP tlog-witness)."""


@witness.command()
@DIRECTORY
@click.option("--name", help="The witness's name, such as exam.example/witness; by default one of this machine.")
@click.option("--algorithm", type=click.Choice(list(keys.ALGORITHMS)), default="ed25519", show_default=True)
def key(directory: Path, name: str | None, algorithm: str) -> None:
    """Make the key at first use; print what the log's operator and the verifiers need."""
    keys.make_key(directory, name or f"{socket.gethostname()}/witness", algorithm)
    for signer in keys.read_keys(directory):
        click.echo(signer.verifier.vkey)


@witness.command("add-log")
@DIRECTORY
@click.argument("vkey")
def add(directory: Path, vkey: str) -> None:
    """Look at the log that has this key from now on."""
    click.echo(add_log(directory, vkey))


@witness.command()
@DIRECTORY
@click.option("--listen", default="127.0.0.1:7380", show_default=True, metavar="HOST:PORT")
def serve(directory: Path, listen: str) -> None:
    """Answer logs until interrupted."""
    from elearn.credit_export.ledger.witness import server

    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit():
        raise click.BadParameter("it is HOST:PORT", param_hint="--listen")
    server.serve(directory, host.strip("[]"), int(port))

"""`elearn package verify FILE`: what a receiver runs on a machine of its own; no settings, no network, no database."""

from __future__ import annotations

import json
from pathlib import Path

import click
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from elearn.credit_export.exam_system.package_verifying import PackageRefused, verify

UNKNOWN_SIGNER = 2


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Keys you believe: the JSON of ISSUER/exam/v1/jwks.json, fetched once.")  # fmt: skip
@click.option("--key", "thumbprint", help="Or the thumbprint of the key, as the issuer told you.")
def check(file: Path, keys: Path | None, thumbprint: str | None) -> None:
    """Check the package FILE: who signed it, that nothing was changed, that XLSX and JSON say the same.

    Exit status 0: whole, and signed by a key you named. 1: not whole, or signed by another. 2: whole, but you named
    no key, so anybody may have made it.
    """
    trusted = None if keys is None else trusted_keys(keys)
    try:
        found = verify(file, trusted=trusted, thumbprint=thumbprint)
    except PackageRefused as refused:
        click.echo(f"REFUSED ({refused.reason}): {refused}")
        raise click.exceptions.Exit(1) from None
    manifest = found.manifest
    click.echo(f"package   {manifest['id']}")
    click.echo(f"issuer    {manifest['issuer']}")
    click.echo(f"receiver  {manifest['receiver']['name']} ({manifest['receiver']['client_id']})")
    click.echo(f"made      {manifest['made_at']}, changes since {manifest['period']['since'] or 'the beginning'}")
    click.echo("counts    " + ", ".join(f"{name} {count}" for name, count in manifest["counts"].items()))
    click.echo(f"signed    {found.signed_by}")
    if not found.known:
        click.echo("The package is whole. Who signed it is NOT known: name a key with --keys or --key.")
        raise click.exceptions.Exit(UNKNOWN_SIGNER)
    click.echo("OK")


def trusted_keys(file: Path) -> KeySet:
    """The keys that somebody believes, out of a file of theirs. Raises ClickException: it holds none."""
    try:
        return KeySet.import_key_set(json.loads(file.read_bytes()))
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise click.ClickException(f"{file} holds no keys: {error}") from error

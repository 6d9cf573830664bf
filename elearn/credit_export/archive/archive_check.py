"""`elearn archive verify FILE`: what anybody runs on a machine of their own; no settings, no network, no database."""

from __future__ import annotations

from pathlib import Path

import click

from elearn.credit_export.archive.verifying import verify
from elearn.credit_export.exam_system.package_check import UNKNOWN_SIGNER, trusted_keys
from elearn.credit_export.exam_system.package_verifying import PackageRefused


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Keys you believe: the JSON of ISSUER/exam/v1/jwks.json, fetched once.")  # fmt: skip
@click.option("--key", "thumbprint", help="Or the thumbprint of the key, as the issuer told you.")
def check(file: Path, keys: Path | None, thumbprint: str | None) -> None:
    """Check the class archive FILE: who signed it, that nothing was changed, and that its hours add up.

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
    click.echo(f"class       {manifest['class']['class_no']} {manifest['class']['title']}")
    click.echo(f"issuer      {manifest['issuer']}")
    click.echo(f"state of    {manifest['as_of']}, to be kept until {manifest['keep_until'] or 'its class has ended'}")
    click.echo(f"learners    {manifest['counts']['people']}, signatures that hold {found.holding}")
    click.echo(f"hours       {found.entries} entries, {found.total_ms} ms, added up again")
    if found.without_leaf:
        click.echo(f"            {found.without_leaf} of them are older than the log and have no leaf")
    for gap in manifest["missing"]:
        click.echo(f"missing     {gap['what']} {gap['count']}")
    click.echo(f"signed      {found.signed_by}")
    if not found.known:
        click.echo("The archive is whole. Who signed it is NOT known: name a key with --keys or --key.")
        raise click.exceptions.Exit(UNKNOWN_SIGNER)
    click.echo("OK")

"""`elearn package verify FILE`: what a receiver runs on a machine of its own; no settings, no network, no database.

`elearn archive verify` is the same command over another file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import click
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from elearn.credit_export.exam_system.package_verifying import PackageRefused, Verified, verify

UNKNOWN_SIGNER = 2

Found = TypeVar("Found", bound=Verified)


def verify_command(
    verify: Callable[..., Found], told: Callable[[Found], Iterator[str]], *, what: str, checks: str
) -> click.Command:
    """The command that verifies a signed file and prints what `told` says of it.

    `what` the file is called, as in "The package is whole"; `checks`: the first line of its help.
    """

    @click.command(
        "verify",
        help=f"""{checks}

    Exit status 0: whole, and signed by a key you named. 1: not whole, or signed by another. 2: whole, but you named
    no key, so anybody may have made it.
    """,
    )
    @click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
    @click.option("--keys", type=click.Path(path_type=Path, exists=True, dir_okay=False),
                  help="Keys you believe: the JSON of ISSUER/exam/v1/jwks.json, fetched once.")  # fmt: skip
    @click.option("--key", "thumbprint", help="Or the thumbprint of the key, as the issuer told you.")
    def check(file: Path, keys: Path | None, thumbprint: str | None) -> None:
        try:
            found = verify(file, trusted=None if keys is None else _trusted(keys), thumbprint=thumbprint)
        except PackageRefused as refused:
            click.echo(f"REFUSED ({refused.reason}): {refused}")
            raise click.exceptions.Exit(1) from None
        for line in told(found):
            click.echo(line)
        if not found.known:
            click.echo(f"The {what} is whole. Who signed it is NOT known: name a key with --keys or --key.")
            raise click.exceptions.Exit(UNKNOWN_SIGNER)
        click.echo("OK")

    return check


def _trusted(file: Path) -> KeySet:
    """The keys that somebody believes, out of a file of theirs. Raises ClickException: it holds none."""
    try:
        return KeySet.import_key_set(json.loads(file.read_bytes()))
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise click.ClickException(f"{file} holds no keys: {error}") from error


def _told(found: Verified) -> Iterator[str]:
    manifest = found.manifest
    yield f"package   {manifest['id']}"
    yield f"issuer    {manifest['issuer']}"
    yield f"receiver  {manifest['receiver']['name']} ({manifest['receiver']['client_id']})"
    yield f"made      {manifest['made_at']}, changes since {manifest['period']['since'] or 'the beginning'}"
    yield "counts    " + ", ".join(f"{name} {count}" for name, count in manifest["counts"].items())
    yield f"signed    {found.signed_by}"


check = verify_command(
    verify,
    _told,
    what="package",
    checks="Check the package FILE: who signed it, that nothing was changed, that XLSX and JSON say the same.",
)

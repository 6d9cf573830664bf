"""`elearn archive verify FILE`: what anybody runs on a machine of their own; no settings, no network, no database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elearn.credit_export.archive import bundle_verifying
from elearn.credit_export.archive.verifying import VerifiedArchive, verify
from elearn.credit_export.exam_system.package_check import verify_command


def _told(found: VerifiedArchive) -> Iterator[str]:
    manifest = found.manifest
    if "class" not in manifest:
        yield from (f"{name:11} {value}" for name, value in manifest["about"])
        yield f"issuer      {manifest['issuer']}"
        yield f"state of    {manifest['as_of']}"
        yield f"hours       {found.entries} entries, {found.total_ms} ms, added up again"
        yield f"signed      {found.signed_by}"
        return
    yield f"class       {manifest['class']['class_no']} {manifest['class']['title']}"
    yield f"issuer      {manifest['issuer']}"
    yield f"state of    {manifest['as_of']}, to be kept until {manifest['keep_until'] or 'its class has ended'}"
    yield f"learners    {manifest['counts']['people']}, signatures that hold {found.holding}"
    yield f"hours       {found.entries} entries, {found.total_ms} ms, added up again"
    if found.without_leaf:
        yield f"            {found.without_leaf} of them are older than the log and have no leaf"
    for gap in manifest["missing"]:
        yield f"missing     {gap['what']} {gap['count']}"
    yield f"signed      {found.signed_by}"


def _verified(source: Path, **believed: Any) -> VerifiedArchive:
    """Of a class, of a person or of an enterprise, as the file says; that is checked with all the rest."""
    form = bundle_verifying.form_of(source)
    return verify(source, **believed) if form is None else bundle_verifying.verify(source, form, **believed)


check = verify_command(
    _verified,
    _told,
    what="archive",
    checks=(
        "Check the archive FILE of a class, a person or an enterprise: who signed it, that nothing was changed, and "
        "that its hours add up."
    ),
)

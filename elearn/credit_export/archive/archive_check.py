"""`elearn archive verify FILE`: what anybody runs on a machine of their own; no settings, no network, no database."""

from __future__ import annotations

from collections.abc import Iterator

from elearn.credit_export.archive.verifying import VerifiedArchive, verify
from elearn.credit_export.exam_system.package_check import verify_command


def _told(found: VerifiedArchive) -> Iterator[str]:
    manifest = found.manifest
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


check = verify_command(
    verify,
    _told,
    what="archive",
    checks="Check the class archive FILE: who signed it, that nothing was changed, and that its hours add up.",
)

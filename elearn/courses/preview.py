"""A unit as its teachers look at it before learners do: playlists and keys without a sitting.

Hours come from sittings alone, and keys from here are no deliveries, so whatever is played this way earns nothing: not
for a teacher who is enrolled somewhere either.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching
from elearn.courses.models import UnitKind
from elearn.errors import NotFound
from media.errors import BadManifest
from media.manifest import Manifest


def manifest_of(session: Session, unit_id: UUID, teaches: Collection[UUID], media_dir: Path) -> Manifest:
    """The manifest of a video that one of `teaches` teaches, drafts too. Raises NotFound."""
    unit = teaching.own_unit(session, unit_id, teaches)
    if unit.kind is not UnitKind.VIDEO:
        raise NotFound("There is no such file.")
    try:
        return catalogue.manifest(catalogue.unit_facts(session, unit_id), media_dir)
    except BadManifest as error:
        raise NotFound("There is no such file.") from error


def key_of(session: Session, unit_id: UUID, index: int, teaches: Collection[UUID], sealing_key: bytes) -> bytes:
    """The key of one block. Raises NotFound."""
    teaching.own_unit(session, unit_id, teaches)
    return catalogue.block_key(session, unit_id, index, sealing_key)

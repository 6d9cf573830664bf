"""Where things are, for the player: who it speaks as, about what, and where the media lies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import url_for

from elearn.courses import catalogue, delivery
from elearn.courses.catalogue import UnitFacts
from elearn.courses.delivery import media_url
from elearn.courses.models import UnitKind
from elearn.errors import NotFound
from elearn.runtime import runtime
from elearn.tracking.ingest import Whose
from elearn.tracking.lrs.rules.check import actor_key, key_of
from media.errors import BadManifest
from media.manifest import Manifest
from media.playlist import master_playlist

VIDEO = "https://w3id.org/xapi/video/activity-type/video"
LESSON = "http://adlnet.gov/expapi/activities/lesson"
"""What a unit of pages is."""


def actor(public_url: str, pseudonym: str) -> dict[str, Any]:
    """The xAPI agent that a learner's statements carry: no name, no document, a pseudonym."""
    return {"objectType": "Agent", "account": {"homePage": public_url, "name": pseudonym}}


def activity(public_url: str, facts: UnitFacts) -> dict[str, Any]:
    """The xAPI activity of a unit."""
    return {
        "objectType": "Activity",
        "id": activity_id(public_url, facts.id),
        "definition": definition(facts.kind, facts.title),
    }


def definition(kind: UnitKind, title: str) -> dict[str, Any]:
    """What the activity of such a unit is. Titles are Chinese, as what is taught is."""
    return {"type": VIDEO if kind is UnitKind.VIDEO else LESSON, "name": {"zh": title}}


def activity_id(public_url: str, unit_id: UUID) -> str:
    return f"{public_url}/units/{unit_id}"


@lru_cache(maxsize=4096)
def whose(public_url: str, pseudonym: str, unit_id: UUID) -> Whose:
    """What a sitting's statements must be about, as the record store's keys."""
    key = actor_key(actor(public_url, pseudonym))
    assert key is not None  # an account identifies
    return Whose(actor_key=key, activity_key=key_of(activity_id(public_url, unit_id)))


def poster_url(facts: UnitFacts) -> str | None:
    """The unit's poster; None where the packaged files are not on this machine."""
    try:
        return media_url(facts.content_hash, catalogue.manifest(facts, runtime().settings.media_dir).poster)
    except BadManifest:
        return None


def master(facts: UnitFacts, sitting_id: UUID) -> str:
    """The HLS master playlist of a unit, for one sitting. Raises NotFound: there are no packaged files."""
    return master_playlist(
        _manifest(facts),
        lambda name: url_for("elearn.tracking.rendition_playlist", sitting_id=sitting_id, rendition=name),
    )


def rendition(facts: UnitFacts, sitting_id: UUID, name: str) -> str:
    """One rendition's playlist: segments are static files, keys come from the sitting. Raises NotFound."""
    return delivery.rendition(
        _manifest(facts), name, lambda index: url_for("elearn.tracking.key", sitting_id=sitting_id, index=index)
    )


def _manifest(facts: UnitFacts) -> Manifest:
    try:
        return catalogue.manifest(facts, runtime().settings.media_dir)
    except BadManifest as error:
        raise NotFound("The files of this lesson are not here.") from error

"""WAYS OF ASKING "ARE YOU THERE?" A policy names which of them a learner may be asked by (`presence_methods`).

    provider.py        what a way must be able to do; open this first
    question.py        four options about the last minutes (the default)
    one_time_code.py   six digits to the phone, by a gateway of the house
    webauthn.py        the phone's own lock; no image leaves the device
    face.py            a face service of the house; pictures.py tells replays. Never the only way
    said.py            what the player sends    models.py   keys, consents    (requests to services: elearn/outgoing.py)

What follows from a passed, failed or missed check stands in `checks.py` and `settling.py`, for all ways the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from elearn.outgoing import Service
from elearn.people.identity import Keys
from elearn.runtime import runtime
from elearn.settings import Settings
from elearn.tracking.providers.face import FaceProvider
from elearn.tracking.providers.one_time_code import CodeProvider
from elearn.tracking.providers.provider import Provider
from elearn.tracking.providers.question import QuestionProvider
from elearn.tracking.providers.webauthn import Site, WebauthnProvider

Ways = Mapping[str, Provider]
"""The ways this installation has, by method."""


def ways_of(settings: Settings, secret: bytes) -> Ways:
    """Questions always; the others where what they need is set up. `secret` keys challenges and hashes."""
    keys = Keys(settings.sealing_key, settings.index_key)
    made: list[Provider] = [QuestionProvider(secret)]
    if settings.sms_url is not None:
        made.append(CodeProvider(Service(settings.sms_url, settings.sms_secret), keys, secret))
    site = Site.of(settings.public_url)
    if site is not None:
        made.append(WebauthnProvider(site, secret))
    if settings.face_url is not None:
        made.append(FaceProvider(Service(settings.face_url, settings.face_secret), keys))
    return {one.method: one for one in made}


def ways(secret: bytes) -> Ways:
    """Those of the running application."""
    parts = runtime()
    found: Ways | None = parts.kept.get("presence_ways")
    if found is None:
        found = parts.kept["presence_ways"] = ways_of(parts.settings, secret)
    return found

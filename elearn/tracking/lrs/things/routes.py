"""The doors /xapi/activities and /xapi/agents: what is known of a thing (xAPI Communication 2.4, 2.5)."""

from __future__ import annotations

import msgspec
from flask import Response, request
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.db import db
from elearn.tracking.lrs.access.credentials import READS_ANY, holder
from elearn.tracking.lrs.asking import agent_parameter, iri_parameter, only_parameters
from elearn.tracking.lrs.doorway import bp
from elearn.tracking.lrs.rules.check import key_of
from elearn.tracking.lrs.tags import tag_of
from elearn.tracking.lrs.things.definitions import canonical
from elearn.tracking.lrs.things.persons import person


@bp.get("/activities")
@web.allow(READS_ANY)
def get_activity() -> ResponseReturnValue:
    """The whole activity: its id and its canonical definition. One that nobody defined has its id alone."""
    only_parameters("activityId", clause="Communication 2.5")
    iri = iri_parameter("activityId", clause="Communication 2.5")
    key = key_of(iri)
    activity: dict[str, object] = {"objectType": "Activity", "id": iri}
    definition = canonical(db.session(), [key], organisation_id=holder().organisation_id).get(key)
    if definition is not None:
        activity["definition"] = definition
    return _answer(activity)


@bp.get("/agents")
@web.allow(READS_ANY)
def get_person() -> ResponseReturnValue:
    """A Person for an agent, also for one that no statement speaks of."""
    only_parameters("agent", clause="Communication 2.4")
    return _answer(person(db.session(), agent_parameter(), holder().reads))


def _answer(thing: object) -> Response:
    """As JSON, with the tag of its content; 304 to whoever has it (Communication 3.1)."""
    response = Response(msgspec.json.encode(thing), content_type="application/json; charset=utf-8")
    response.set_etag(tag_of(response.get_data()))
    response.make_conditional(request)
    return response

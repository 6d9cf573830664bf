"""What a request to /xapi/ asks for, read and refused in one way: its body and its parameters."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from flask import request

from elearn import errors
from elearn.tracking.lrs.rules.actors import check_actor, check_agent
from elearn.tracking.lrs.rules.forms import is_iri, is_uuid, read_timestamp
from elearn.tracking.lrs.rules.reading import BadStatement


class BadParameter(BadStatement):
    """A parameter that holds JSON breaks the specification: at which place (its name, then a JSON pointer), and why."""

    code = "bad_parameter"

    def __init__(self, where: str, why: str, clause: str) -> None:
        super().__init__(where, why, clause)
        self.detail = "The parameter breaks xAPI %(clause)s at %(where)s: %(why)s"


def json_body() -> str:
    """The request's JSON text. Raises BadStatement."""
    if request.mimetype != "application/json":
        raise BadStatement("", "must come as application/json", "Communication 1.5")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise BadStatement("", "must come without a content encoding", "Communication 1.4")
    try:
        return request.get_data(cache=False).decode()
    except UnicodeDecodeError as error:
        raise BadStatement("", "must be UTF-8", "Communication 1.4") from error


def uuid_parameter(parameter: str) -> UUID:
    value = request.args.get(parameter)
    if not is_uuid(value):
        raise errors.Malformed("The parameter %(name)s must be a UUID.", code="bad_parameter", name=parameter)
    return UUID(value)


def only_parameters(*known: str) -> None:
    """Refuse any other parameter, and one given twice (Communication 2.1, 3.2)."""
    for name, values in request.args.lists():
        if name not in known:
            raise errors.Malformed(
                "The parameter %(name)s does not go with this request.", code="bad_parameter", name=name[:100]
            )
        if len(values) > 1:
            raise errors.Malformed("The parameter %(name)s is given twice.", code="bad_parameter", name=name)


def body_bytes() -> bytes:
    """The request's body as it came, of whatever type. Raises Malformed: a content encoding (nothing is unpacked here).

    TooLarge comes from the door's limit.
    """
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise errors.Malformed("The body must come without a content encoding (xAPI Communication 1.4).")
    return request.get_data(cache=False)


def text_parameter(parameter: str) -> str:
    """A parameter that must be there and say something. Raises Malformed."""
    value = request.args.get(parameter)
    if not value:
        raise errors.Malformed("The parameter %(name)s is missing.", code="bad_parameter", name=parameter)
    if "\0" in value:
        raise errors.Malformed("A text of the request holds a character that no text may hold.", code="bad_parameter")
    return value


def iri_parameter(parameter: str) -> str:
    value = text_parameter(parameter)
    if not is_iri(value):
        raise errors.Malformed(
            "The parameter %(name)s must be an IRI with a scheme.", code="bad_parameter", name=parameter
        )
    return value


def moment_parameter(parameter: str, *, zone_needed: bool) -> datetime:
    """A timestamp (Data 4.5), in UTC; `zone_needed` as 2.0 asks. Raises Malformed."""
    value = read_timestamp(request.args.get(parameter), zone_needed=zone_needed)
    if value is None:
        raise errors.Malformed("The parameter %(name)s must be a timestamp.", code="bad_parameter", name=parameter)
    return value


def agent_parameter(*, groups: bool = False) -> dict[str, Any]:
    """The parameter `agent`: an agent in JSON, or with `groups` a group as well.

    Raises Malformed when it is missing, BadParameter when it is wrong.
    """
    text = text_parameter("agent")
    check = check_actor if groups else check_agent
    try:
        agent: dict[str, Any] = msgspec.json.decode(text)
        json.loads(text, object_pairs_hook=_each_key_once)
        check(agent, "agent")
    except BadStatement as error:
        raise BadParameter(error.where, error.why, error.clause) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadParameter("agent", "is not JSON", "Data 2.2") from error
    return agent


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise BadStatement("agent", "is there twice in one object", "Data 2.2")
    return dict(pairs)

"""What a request to /xapi/ asks for, read and refused in one way: its body and its parameters."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from flask import request

from elearn import errors
from elearn.tracking.lrs.rules.actors import check_actor, check_agent
from elearn.tracking.lrs.rules.forms import is_iri, is_uuid, read_timestamp
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.rules.text import decode
from elearn.tracking.lrs.versions import BadHeader

PARAMETERS = "Communication 3.2"
"""The clause that has unknown and broken parameters refused, when no closer one does."""


class NoLength(errors.LengthNeeded, BadHeader):
    """A body that only its length can show to be whole came without one (411)."""


class BadParameter(BadStatement):
    """A parameter breaks the specification: at which place (its name, then a JSON pointer), why, and which clause."""

    code = "bad_parameter"

    def __init__(self, where: str, why: str, clause: str = PARAMETERS) -> None:
        super().__init__(where[:200], why, clause)
        self.detail = "The parameter breaks xAPI %(clause)s at %(where)s: %(why)s"


def whole_body(most: int, *, ends_itself: bool) -> bytes:
    """The request's body, never a part of it.

    A connection that breaks ends the body without a word, and so does the limit where the body comes in chunks.
    So one byte more than `most` is asked for, and what came is held against its Content-Length. Without one (chunks)
    only a body is taken that shows its own end (`ends_itself`), as a JSON object or multipart does.

    Raises TooLarge, BadHeader (it is shorter than announced), NoLength.
    """
    request.max_content_length = most + 1
    body = request.get_data(cache=False)
    if len(body) > most:
        raise errors.TooLarge("The request is larger than this door takes.")
    announced = request.content_length
    if announced is not None and len(body) < announced:
        raise BadHeader("Content-Length", "says more than came: the request was cut off", "Communication 3.2")
    if announced is None and not ends_itself and (body or "Transfer-Encoding" in request.headers):
        raise NoLength("Content-Length", "must be there, to tell whether all has come", "Communication 3.2")
    return body


def json_body(most: int) -> str:
    """The request's JSON text, of `most` bytes at most. Raises BadStatement, BadHeader, TooLarge."""
    try:
        return whole_body(most, ends_itself=True).decode()
    except UnicodeDecodeError as error:
        raise BadStatement("", "must be UTF-8", "Communication 1.4") from error


def only_parameters(*known: str, clause: str = PARAMETERS) -> None:
    """Refuse any other parameter, also one that differs in case alone, and one given twice. Raises BadParameter."""
    for name, values in request.args.lists():
        if name not in known:
            raise BadParameter(name, "does not go with this request", clause)
        if len(values) > 1:
            raise BadParameter(name, "is given twice", clause)


def uuid_parameter(parameter: str, clause: str = PARAMETERS) -> UUID:
    """Raises BadParameter: it is missing, or no UUID."""
    value = request.args.get(parameter)
    if not is_uuid(value):
        raise BadParameter(parameter, "must be a UUID in its standard form", f"{clause}, Data 4.4")
    return UUID(value)


def flag_parameter(parameter: str, clause: str = PARAMETERS) -> bool:
    """False when it is missing; else "true" or "false", as in JSON. Raises BadParameter."""
    value = request.args.get(parameter, "false")
    if value not in ("true", "false"):
        raise BadParameter(parameter, "must be true or false", clause)
    return value == "true"


def text_parameter(parameter: str) -> str:
    """A parameter that must be there and say something. Raises BadParameter."""
    value = request.args.get(parameter)
    if not value:
        raise BadParameter(parameter, "is missing")
    if "\0" in value:
        raise BadParameter(parameter, "must not hold the character NUL")
    return value


def iri_parameter(parameter: str, clause: str = PARAMETERS) -> str:
    """Raises BadParameter: it is missing, or no IRI."""
    value = request.args.get(parameter)
    if value is None:
        raise BadParameter(parameter, "is missing", clause)
    if not is_iri(value):
        raise BadParameter(parameter, "must be an IRI with a scheme", f"{clause}, Data 4.3")
    return value


def moment_parameter(parameter: str, *, zone_needed: bool, clause: str = PARAMETERS) -> datetime:
    """A timestamp (Data 4.5) of any zone, in UTC; `zone_needed` as 2.0 asks. Raises BadParameter.

    The "+" of a zone that a client forgot to escape arrives as a space, which nothing else in that place can be.
    """
    text = request.args.get(parameter, "")
    head, space, zone = text.rpartition(" ")
    value = read_timestamp(text, zone_needed=zone_needed)
    if value is None and space:
        value = read_timestamp(f"{head}+{zone}", zone_needed=zone_needed)
    if value is None:
        raise BadParameter(parameter, "must be a timestamp", f"{clause}, Data 4.5")
    return value


def agent_parameter(*, groups: bool = False) -> dict[str, Any]:
    """The parameter `agent`: an agent in JSON, or with `groups` a group as well. Raises BadParameter."""
    check = check_actor if groups else check_agent
    written = text_parameter("agent")
    try:
        agent: dict[str, Any] = decode(written)
    except BadStatement as error:
        raise BadParameter("agent", error.why, error.clause) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadParameter("agent", "is not JSON", "Data 2.2") from error
    try:
        check(agent, "agent")
    except BadStatement as error:
        raise BadParameter(error.where, error.why, error.clause) from error
    return agent

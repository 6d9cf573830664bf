"""What a request to /xapi/ asks for, read and refused in one way: its body and its parameters."""

from __future__ import annotations

from uuid import UUID

from flask import request

from elearn import errors
from elearn.tracking.lrs.rules.forms import is_uuid
from elearn.tracking.lrs.rules.reading import BadStatement


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

"""What a GET on /xapi/statements asks for: its parameters, judged (xAPI Communication 2.1.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from flask import request

from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.asking import (
    BadParameter,
    agent_parameter,
    flag_parameter,
    iri_parameter,
    moment_parameter,
    only_parameters,
    uuid_parameter,
)
from elearn.tracking.lrs.rules.keys import actor_key, key_of
from elearn.tracking.lrs.statements import answers
from elearn.tracking.lrs.statements.search import Filters

CLAUSE = "Communication 2.1.3"
FORMATS = ("exact", "ids", "canonical")
FILTERS = (
    "agent",
    "verb",
    "activity",
    "registration",
    "related_activities",
    "related_agents",
    "since",
    "until",
    "limit",
    "format",
    "attachments",
    "ascending",
)
NOTHING = Reads(all=False)
MAX_PAGE = 500
"""Statements in one answer, whatever `limit` says; 0 asks for as many."""

_LIMIT = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Filters):
    """A question for many statements: what they must meet, and how they are shown."""

    reads: Reads = NOTHING
    """Whose statements the key may see is not in a question or a link: the door says it each time."""
    limit: int = MAX_PAGE
    """From 1 to MAX_PAGE."""
    form: str = "exact"
    attachments: bool = False


def asked(*, second: bool, home_page: str) -> Asked:
    """The request's question. `second`: by the rules of xAPI 2.0. Raises BadParameter."""
    only_parameters(*FILTERS, clause=CLAUSE)
    given = request.args
    agent = agent_parameter(groups=True) if "agent" in given else None
    agent_key = None if agent is None else actor_key(agent)
    if agent is not None and agent_key is None:
        raise BadParameter("agent", "must have an identifier", CLAUSE)
    return Asked(
        form=form(),
        attachments=flag_parameter("attachments", CLAUSE),
        agent_key=None if agent_key is None else UUID(agent_key),
        authority_id=None if agent is None else answers.credential_of(agent, home_page=home_page),
        related_agents=flag_parameter("related_agents", CLAUSE),
        verb_key=UUID(key_of(iri_parameter("verb", CLAUSE))) if "verb" in given else None,
        activity_key=UUID(key_of(iri_parameter("activity", CLAUSE))) if "activity" in given else None,
        related_activities=flag_parameter("related_activities", CLAUSE),
        registration=uuid_parameter("registration", CLAUSE) if "registration" in given else None,
        since=moment_parameter("since", zone_needed=second, clause=CLAUSE) if "since" in given else None,
        until=moment_parameter("until", zone_needed=second, clause=CLAUSE) if "until" in given else None,
        ascending=flag_parameter("ascending", CLAUSE),
        limit=_limit(),
    )


def form() -> str:
    """The parameter `format`. Raises BadParameter."""
    value = request.args.get("format", "exact")
    if value not in FORMATS:
        raise BadParameter("format", "must be ids, exact or canonical", CLAUSE)
    return value


def _limit() -> int:
    value = request.args.get("limit", "0")
    if not _LIMIT.fullmatch(value):
        raise BadParameter("limit", "must be a whole number, not below zero", CLAUSE)
    return min(int(value) or MAX_PAGE, MAX_PAGE)

"""The filters of xAPI Communication 2.1.3 once more, over statements in a list: slow, plain, from the text alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from elearn.tracking.lrs.rules.check import VOIDED

MAX_STEPS = 8


@dataclass(frozen=True)
class Lying:
    """A statement in the store."""

    statement: dict[str, Any]
    stored_at: datetime
    credential_id: UUID | None
    organisation_id: UUID | None

    @property
    def id(self) -> UUID:
        return UUID(self.statement["id"])


@dataclass(frozen=True)
class Question:
    agent: dict[str, Any] | None = None
    credential_id: UUID | None = None
    """Which credential `agent` is the authority of."""
    related_agents: bool = False
    verb: str | None = None
    activity: str | None = None
    related_activities: bool = False
    registration: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False
    readers: tuple[UUID, ...] | None = None
    """The credentials whose statements may be seen; None: everything."""

    @property
    def filters(self) -> bool:
        return any((self.agent, self.verb, self.activity, self.registration))


@dataclass
class Naive:
    lying: Sequence[Lying]
    by_id: dict[UUID, Lying] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {one.id: one for one in self.lying}

    def search(self, asked: Question) -> list[UUID]:
        found = [
            one
            for one in self.lying
            if not self._voided(one)
            and (asked.since is None or one.stored_at > asked.since)
            and (asked.until is None or one.stored_at <= asked.until)
            and self._seen(one, asked)
            and (not asked.filters or any(self._seen(it, asked) and _meets(it, asked) for it in self._chain(one)))
        ]
        found.sort(key=lambda one: (one.stored_at, one.id), reverse=not asked.ascending)
        return [one.id for one in found]

    def _seen(self, one: Lying, asked: Question) -> bool:
        return asked.readers is None or one.credential_id in asked.readers

    def _chain(self, one: Lying) -> Iterator[Lying]:
        """The statement and those it refers to, straight or through others that are there."""
        ids: set[UUID] = set()
        it: Lying | None = one
        while it is not None and it.id not in ids and len(ids) <= MAX_STEPS:
            yield it
            ids.add(it.id)
            thing = it.statement["object"]
            it = self.by_id.get(UUID(thing["id"])) if thing.get("objectType") == "StatementRef" else None

    def _voided(self, target: Lying) -> bool:
        if target.credential_id is None or target.statement["verb"]["id"] == VOIDED:
            return False
        return any(
            one.statement["verb"]["id"] == VOIDED
            and UUID(one.statement["object"]["id"]) == target.id
            and one.organisation_id in (None, target.organisation_id)
            for one in self.lying
        )


def _meets(one: Lying, asked: Question) -> bool:
    statement = one.statement
    thing, context = statement["object"], statement.get("context", {})
    inner = thing if thing.get("objectType") == "SubStatement" else None
    if asked.verb is not None and statement["verb"]["id"] != asked.verb:
        return False
    if asked.registration is not None and context.get("registration") != asked.registration:
        return False
    if asked.agent is not None:
        actors = [statement["actor"], thing]
        if asked.related_agents:
            actors += _context_actors(context)
            if inner is not None:
                actors += [inner["actor"], inner["object"], *_context_actors(inner.get("context", {}))]
        named = {name for actor in actors for name in _identifiers(actor)}
        by_authority = asked.related_agents and asked.credential_id is not None
        wanted = next(_identifiers(asked.agent))  # its own, not its members'
        if wanted not in named and not (by_authority and one.credential_id == asked.credential_id):
            return False
    if asked.activity is not None:
        things = [thing]
        if asked.related_activities:
            things += _context_activities(context)
            if inner is not None:
                things += [inner["object"], *_context_activities(inner.get("context", {}))]
        if not any(it.get("objectType", "Activity") == "Activity" and it["id"] == asked.activity for it in things):
            return False
    return True


def _identifiers(actor: dict[str, Any]) -> Iterator[str]:
    if actor.get("objectType", "Agent") in ("Agent", "Group"):
        for name in ("mbox", "mbox_sha1sum", "openid", "account"):
            if name in actor:
                yield repr(actor[name])
        for member in actor.get("member", []):
            yield from _identifiers(member)


def _context_actors(context: dict[str, Any]) -> list[dict[str, Any]]:
    found = [context[name] for name in ("instructor", "team") if name in context]
    found += [one["agent"] for one in context.get("contextAgents", [])]
    return found + [one["group"] for one in context.get("contextGroups", [])]


def _context_activities(context: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for value in context.get("contextActivities", {}).values():
        found += value if isinstance(value, list) else [value]
    return found

"""Which rules apply: today's for a new sitting, and those of old decisions by their digest."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.runtime import runtime
from elearn.tracking.models import WatchPolicy
from elearn.tracking.policy import Policy

GIVEN = "watch_policy"
_known: dict[str, Policy] = {}
"""Immutable values under their own hash: what one application learns is true in every other."""


@cache
def current(scale: int) -> tuple[Policy, str]:
    """The rules for what begins now, and their digest."""
    policy = Policy() if scale == 1 else Policy().scaled(scale)
    return policy, policy.digest()


@cache
def _with_digest(policy: Policy) -> tuple[Policy, str]:
    return policy, policy.digest()


def give(app: Flask, policy: Policy | None) -> None:
    """Let `app` judge what begins from now on by `policy`, its check schedule included; None: by the default again.

    For whoever holds the application, as its clock is: no route and no setting gets here.
    """
    app.extensions["elearn"].kept[GIVEN] = policy


def in_force() -> tuple[Policy, str]:
    """The rules for what begins now in this application, and their digest."""
    parts = runtime()
    given: Policy | None = parts.kept.get(GIVEN)
    return current(parts.settings.policy_scale) if given is None else _with_digest(given)


def keep(session: Session, policy: Policy, digest: str) -> None:
    """Make sure that the rules a decision names can be read again."""
    row = {"digest": digest, "canonical": policy.canonical().decode()}
    session.execute(insert(WatchPolicy).values(row).on_conflict_do_nothing())


def by_digest(session: Session, digest: str) -> Policy:
    """The rules kept under `digest`; LookupError when nobody kept them."""
    policy = _known.get(digest)
    if policy is None:
        canonical = session.scalar(sa.select(WatchPolicy.canonical).where(WatchPolicy.digest == digest))
        if canonical is None:
            raise LookupError(f"no policy {digest}")
        policy = _known[digest] = Policy.read(canonical)
    return policy

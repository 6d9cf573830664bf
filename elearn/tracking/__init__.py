"""FROM WHAT THE PHONE SAYS TO WHAT WE BELIEVE.

    report (xAPI statement, signed) ─► record store ─► verdict ─► watched spans, pending ─► check passed ─► final
    messages.py                        lrs/            verifier.py recording.py             checks.py

In comes what a player claims; out goes `watched_span`, the ledger that hours are earned from. Open `routes.py` for
the door (docs/player-protocol.md says what goes through it), `ingest.py` for the way of a message, `verifier.py`
for the rules.

    spans, verifier, pacing, presence, policy, replay   pure: MODEL's arithmetic, and decisions taken again
    messages, tokens     what arrives, and who may send it
    standing             the rows a decision starts from, under lock: the learner's first, then the sitting's
    doorway, routes, check_routes, media_routes          the door's views, and what all of them begin with
    sittings, ingest, delivery, recording                open, report, hand out keys, write down
    asking, checks, settling, providers/                 put a check, judge it, carry out what follows; the ways
    page_rules, page_views                               units of pages: pure rules; showing one
    licences             all keys of a lesson at once, sealed to a device that is going offline
    rules, policies      what a catalogue of rules may say (rules.yaml is MODEL's); which rule applies, and where
    addresses, described where things are; what units are, said in the record store
    watched, ledger_check, duties                        for other packages; rebuilding the ledger; jobs
    explain, evidence, counted, judged_again             accounts of a sitting and of a lesson
    voids                final time taken back, and given back, by what people decided
    attendance/          hours on site: sessions, who came and went, lists that two people agree on
    signals/             what looks odd, and the people who decide about it; changes no credit
    lrs/                 the record store, whole and by the standard
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask


BY_IMPORT = ("check_routes", "described", "duties", "media_routes", "routes", "signals.duties")
"""Modules whose views and jobs are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Bring the sitting's door, the record store's doors and the jobs on board."""
    from elearn.tracking import doorway, lrs

    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")
    whole.register_blueprint(doorway.bp)
    lrs.install(app, whole)

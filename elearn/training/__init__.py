"""WHO MUST LEARN WHAT BY WHEN: programmes, rules that assign, reminders, certificates, figures, archives.

In come an enterprise's people (`people/placements`), courses (`courses/catalogue`) and credited hours
(`credit_export`); out go assignments that know whether they are done, lists of who is late or must leave the post, and
figures that agree with the ledger. Nothing here earns an hour: it only reads what was credited.

    models               programmes, standing rules, assignments, signatures of levels
    rules, law           pure: what a member must learn, by which occasion and clause
    law_hours            pure: how many hours the law asks of a post, and whether so much is enough
    lawful, lawful_rules what people have learned, and what rules give, against it
    programmes           what an enterprise trains its people in, and its rules
    assigning, settling  jobs: who must learn what is new; what is credited, tested, signed, and so done
    classrooms           sessions on site of a programme: who is invited, what is credited of them
    three_level          signatures under the levels, by two people; level_card is their card
    reading, listing     lists of assignments, found at a cost that history does not add to
    tallies, checking    how many of each programme are done; `elearn check`, which computes everything again
    keepers              who keeps a unit's people, to be told
    telling/             messages, reminders, what goes out by text message and e-mail
    certificates/        each employer's register, what it publishes of it
    plans/               the yearly plan, its versions, what became of each line; surveys before it; the training fund
    apprentices/         who learns a trade beside whom
    figures/             each node's figures, and what a page reads of them
    archives/            one person, one file; an enterprise's year; an inspector's link with an end
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask


BY_IMPORT: tuple[str, ...] = (
    "apprentices.models",
    "archives.enterprise",
    "archives.inspecting",
    "archives.models",
    "assigning",
    "certificates.jobs",
    "certificates.models",
    "certificates.notices",
    "figures.keeping",
    "models",
    "plans.fund_models",
    "plans.models",
    "plans.survey_models",
    "plans.survey_opening",
    "settling",
    "telling.jobs",
    "telling.messages",
)
"""Modules whose tables and jobs are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Bring tables and jobs on board; pages are in `pages/`."""
    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")

"""WHO MUST LEARN WHAT BY WHEN: programmes, rules that assign, reminders, certificates, figures, archives.

In come an enterprise's people (`people/placements`), courses (`courses/catalogue`) and credited hours
(`credit_export`); out go assignments that know whether they are done, lists of who is late or must leave the post, and
figures that agree with the ledger. Nothing here earns an hour: it only reads what was credited.

    models               programmes, standing rules, assignments, signatures of levels
    rules, law           pure: what a member must learn, by which occasion and clause
    programmes           what an enterprise trains its people in, and its rules
    assigning, settling  jobs: who must learn what is new; what is credited, tested, signed, and so done
    messages, wording    what a person is told, once for each cause; the words of it
    certificates         each employer's register: until when each holds by the rules of each day, who looked it up
    notices              what an enterprise publishes of it
    plans                the yearly plan, its versions, what became of each line
    apprenticeships      who learns a trade beside whom: weekly notes, two signatures
    reminding, reminders, sending    which reminder is due when; told once; out of the house by text message
    emailing             the same by e-mail, to an address that its owner has confirmed
    three_level          signatures under the levels, by two people; level_card is their card
    reading, keepers     lists of assignments; who keeps a unit's people, to be told
    figures, dashboards  each node's figures, kept by what changed (counted, figure_sql); what a page reads of them
    person_archive, enterprise_archive, inspecting    one file each; an inspector's link with an end
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask


BY_IMPORT: tuple[str, ...] = (
    "apprenticeship_models",
    "assigning",
    "certificate_jobs",
    "certificate_models",
    "enterprise_archive",
    "enterprise_models",
    "figures",
    "inspecting",
    "messages",
    "models",
    "notices",
    "plan_models",
    "reminder_jobs",
    "settling",
)
"""Modules whose tables and jobs are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Bring tables and jobs on board; pages are in `pages/`."""
    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")

"""The PDF that opens an archive: the class, what is missing, each learner with hours and signature, the files."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from elearn.credit_export.archive import words
from elearn.credit_export.archive.form import BOOK, LESSON_PLANS, section_name
from elearn.credit_export.archive.gathering import Archive
from elearn.credit_export.archive.reading import hours_text
from elearn.credit_export.paper import typeset
from elearn.credit_export.paper.sheets import Says, day_text, head, kinds, moment_text, speaker

CELLS = (("online", "theory"), ("offline", "theory"), ("offline", "practice"))


def pdf(archive: Archive, language: str, *, issuer: str) -> bytes:
    """PDF/A, A4 across; the same archive gives the same bytes."""
    return typeset.pdf("archive", data(archive, language, issuer=issuer), at=archive.as_of)


def data(archive: Archive, language: str, *, issuer: str) -> dict[str, Any]:
    """What the template shows; all texts are in `language`."""
    _ = speaker(language)
    training, kept = archive.sections["class"], archive.clock
    days = [day_text(one, language) for one in (training["starts_on"], training["ends_on"]) if one]
    filing = training["filing"]
    until = day_text(kept.until, language) if kept.until else _("the class has no last day yet")
    return {
        **head(language),
        "title": _("Archive of a class"),
        "issuer": issuer,
        "footer": _("State of %(when)s", when=moment_text(archive.as_of, language)) + f" · {issuer}",
        "facts": [
            [_("Training institution"), training["institution"]["name"]],
            [_("Class"), f"{archive.class_no} · {training['title']}"],
            [_("Period of the class"), " – ".join(days)],
            [_("Filing"), filing["number"] or _("not filed")],
            [_("Subject of training"), f"{training['outline']['name']} · {training['outline']['code']}"],
            [_("To be kept until"), until + " · " + _("%(years)s years", years=kept.kept.years)],
        ],
        "missing_title": _("Still missing") if archive.missing else _("Nothing is missing"),
        "missing": [words.gap_text(one, _) for one in archive.missing],
        "people_title": _("Learners: credited hours (学时), tests, signature"),
        "people_head": ["#", _("Name"), _("Document number"), *kinds(_), _("Tests passed"), _("Signature"), ""],
        "people": _people(archive, _),
        "nobody": _("Nobody is in this class."),
        "files_title": _("Files of this archive"),
        "files": files(archive, _),
        "note": _(
            "Hours are the sums of the ledger: data/hours.json holds every entry beside its leaf of the log. elearn "
            "archive verify checks signature, files and sums without a network. Document numbers are masked."
        ),
    }


def hours_by_person(archive: Archive) -> dict[Any, tuple[str, ...]]:
    """学时 of each, by the three kinds that sheets know."""
    found = {}
    for one in archive.sections["hours"]:
        sums: dict[tuple[str, str], int] = {}
        for line in one["sums"]:
            cell = line["modality"], line["kind"]
            sums[cell] = sums.get(cell, 0) + line["ms"]
        found[one["person_id"]] = tuple(hours_text(archive.lengths, cell[0], sums.get(cell, 0)) for cell in CELLS)
    return found


def passed_by_person(archive: Archive) -> dict[Any, set[Any]]:
    """The tests that each has passed."""
    passed: dict[Any, set[Any]] = {}
    for one in archive.sections["tests"]:
        if one["passed"]:
            passed.setdefault(one["person_id"], set()).add(one["test_id"])
    return passed


def _people(archive: Archive, _: Says) -> list[dict[str, Any]]:
    hours, passed = hours_by_person(archive), passed_by_person(archive)
    drawn = {
        one["person_id"]: archive.proofs[one["proof"]]
        for one in archive.sections["signoffs"]
        if one["holds"] and one["method"] == "drawing" and one["proof"]
    }
    return [
        {
            "cells": [
                str(number), one["name"] or "—", one["document_masked"] or "—",
                *hours[one["person_id"]],
                str(len(passed.get(one["person_id"], ()))), words.standing_text(one["signed"], _),
            ],
            "drawing": _in_svg(drawn[one["person_id"]]) if one["person_id"] in drawn else None,
        }
        for number, one in enumerate(archive.sections["roster"]["people"], start=1)
    ]  # fmt: skip


def _in_svg(png: bytes) -> str:
    """A drawing as the template takes pictures. Its first header says how large it is (PNG, 11.2.2)."""
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><image width="{width}" '
        f'height="{height}" href="data:image/png;base64,{b64encode(png).decode()}"/></svg>'
    )


def files(archive: Archive, _: Says) -> list[list[str]]:
    """Name, what it holds, how many of it."""
    count = {name: len(found) for name, found in archive.sections.items() if isinstance(found, list)}
    count["roster"] = len(archive.sections["roster"]["people"])
    count["attendance"] = len(archive.sections["attendance"]["lines"])
    count["teachers"] = len(archive.sections["teachers"]["named"])
    count["evidence"] = len(archive.sections["evidence"]["leaves"])
    lines = [[section_name(name), words.section_text(name, _), str(count.get(name, ""))] for name in archive.sections]
    sent = len(archive.sections["class"]["lesson_plans"])
    plans = [[LESSON_PLANS, _("Files of lesson plans, each called by its SHA-256"), str(sent)]]
    signatures = [["signatures/", _("Drawings and keys' answers"), str(len(archive.proofs))]]
    return [[BOOK, _("The same as a workbook"), ""], *lines, *plans, *signatures]

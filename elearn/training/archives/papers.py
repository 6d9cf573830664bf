"""Archives of persons and enterprises as people read them: tables on paper (PDF) and in a workbook. Values in."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from elearn.courses.requirements.rows import Training
from elearn.credit_export.archive.workbook import Cell, Workbook
from elearn.credit_export.paper import typeset
from elearn.credit_export.paper.sheets import Says, day_text, head, moment_text, speaker
from elearn.training import law_words
from elearn.training.figures import leaving
from elearn.training.figures.board_tables import hours, kinds, purposes
from elearn.training.law_hours import Verdict

Found = Mapping[str, Any]
"""Sections of an archive: name -> rows."""


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def states(_: Says) -> dict[str, str]:
    return {
        "waiting": _("Waits for an earlier one"),
        "open": _("Open"),
        "done": _("Done"),
        "withdrawn": _("Withdrawn"),
    }


def placements(found: Found, _: Says) -> Sheet:
    return Sheet(
        _("Posts"),
        (_("Unit"), _("Post"), _("Employment"), _("From"), _("To")),
        [
            (one["unit"], one["post"], kinds(_)[one["kind"]], one["from_on"], one["to_on"])
            for one in found["placements"]
        ],
    )


def assignments(found: Found, _: Says) -> Sheet:
    """Of one person, or of many: then with their names."""
    named = ("name",) if found["assignments"] and "name" in found["assignments"][0] else ()
    return Sheet(
        _("Training"),
        (*((_("Name"),) if named else ()), _("Training"), _("Purpose"), _("Assigned"), _("Due"), _("State"), _("Done"),
         _("Hours learned"), _("Hours asked")),
        [
            (*(one[field] or "—" for field in named), one["programme"], purposes(_)[one["purpose"]], one["assigned_on"],
             one["due_on"], states(_)[one["state"]], one["done_at"], hours(one["credited_ms"]),
             hours(one["required_ms"]))
            for one in found["assignments"]
        ],
    )  # fmt: skip


def levels(found: Found, _: Says) -> Sheet:
    sides = {"learner": _("Learner"), "signer": _("Who signs for the level")}
    return Sheet(
        _("Three-level education"),
        (_("Level"), _("Signed by"), _("As"), _("When"), _("Hours on site, as stated"), _("What was signed (SHA-256)")),
        [
            (purposes(_)[one["purpose"]], one["by"] or "—", sides[one["side"]], one["signed_at"],
             hours(one["on_site_ms"]) if one["on_site_ms"] is not None else "—", one["digest"][:16])
            for one in found["levels"]
        ],
    )  # fmt: skip


def entries(found: Found, _: Says) -> Sheet:
    """The ledger, entry by entry, each with its place in the log."""
    return Sheet(
        _("Hours of the ledger"),
        (_("Day"), _("Training"), _("How"), _("Hours learned"), _("Log"), _("Entry"), _("Leaf")),
        [
            (one["earned_on"], one["programme"], _("on site") if one["modality"] == "offline" else _("online"),
             _signed(one["ms"]), one["origin"] or "—",
             one["index"] if one["index"] is not None else "—", (one["hash"] or "—")[:23])
            for person in found["hours"] for one in person["entries"]
        ],
    )  # fmt: skip


def elsewhere(found: Found, _: Says) -> Sheet:
    return Sheet(
        _("Hours from elsewhere, with consent"),
        (_("Year"), _("Learned with"), _("Hours learned")),
        [(one["year"], one["learned_with"], hours(one["ms"])) for one in found["elsewhere"]],
    )


def lines(found: Found, _: Says) -> Sheet:
    return Sheet(
        _("Hours"),
        (_("Name"), _("Training"), _("Hours learned"), _("Entries")),
        [(one["name"] or "—", one["programme"], hours(one["ms"]), one["entries"]) for one in found["hours"]],
    )


def law(found: Found, _: Says) -> Sheet:
    """Hours so far against what the law asks: of one person, or of many with their names."""
    rows = [("", one) for one in found["person"]["law"]] if "person" in found else [
        (person["name"] or "—", one) for person in found["people"] for one in person["law"]
    ]  # fmt: skip
    named = "person" not in found
    return Sheet(
        _("Hours that the law asks"),
        (*((_("Name"),) if named else ()), _("When"), _("Class hours"), _("Judged"), _("On site, as stated")),
        [
            (*((name,) if named else ()), law_words.when_text(Training(one["training"]), _),
             law_words.hours_text(one["has_micro"], one["asked_hours"], one["clause"], _),
             law_words.verdict_text(Verdict(one["verdict"]), one["short_micro"], _),
             hours(one["stated_ms"]) if one["stated_ms"] else "—")
            for name, one in rows
        ],
    )  # fmt: skip


def certificates(found: Found, _: Says) -> Sheet:
    named = ("name",) if found["certificates"] and "name" in found["certificates"][0] else ()
    return Sheet(
        _("Certificates"),
        (*((_("Name"),) if named else ()), _("For"), _("Issued by"), _("From"), _("Holds to"), _("Looked up")),
        [
            (*(one[field] or "—" for field in named), one["title"], one["issuer"], one["from_on"], one["holds_to"],
             {"unchecked": _("not yet"), "agrees": _("agrees"), "differs": _("differs")}[one["check_state"]])
            for one in found["certificates"]
        ],
    )  # fmt: skip


def people(found: Found, _: Says) -> Sheet:
    return Sheet(
        _("People"),
        (_("Name"), _("Unit"), _("Post"), _("Employment"), _("From"), _("To"), _("Must leave the post"),
         _("Certificate by")),
        [
            (one["name"] or "—", one["unit"], one["post"], kinds(_)[one["kind"]], one["from_on"], one["to_on"],
             must_leave(one, _) or "—", one["certificate_by"])
            for one in found["people"]
        ],
    )  # fmt: skip


def must_leave(one: Mapping[str, Any], _: Says) -> str:
    """Why somebody must leave the post, as figures counted them last; empty: they need not."""
    return leaving.why("training" in one["must_leave"], "certificate" in one["must_leave"], _)


def paper(
    title: str,
    facts: Sequence[tuple[str, str]],
    sheets: Sequence[Sheet],
    notes: Sequence[str],
    *,
    language: str,
    as_of: datetime,
    issuer: str,
) -> bytes:
    """PDF/A, A4 across; the same values give the same bytes."""
    _ = speaker(language)
    return typeset.pdf(
        "tables",
        {
            **head(language),
            "title": title,
            "issuer": issuer,
            "footer": _("State of %(when)s", when=moment_text(as_of, language)) + f" · {issuer}",
            "facts": [list(one) for one in facts],
            "charts": [],
            "tables": [
                {
                    "title": one.title,
                    "head": list(one.head),
                    "rows": [[_text(cell, language) for cell in row] for row in one.rows],
                }
                for one in sheets
                if one.rows
            ],
            "notes": list(notes),
        },
        at=as_of,
    )


def book(title: str, sheets: Sequence[Sheet], *, as_of: datetime) -> bytes:
    """XLSX, a sheet of each table, also of empty ones."""
    out = io.BytesIO()
    with Workbook(out, title=title, as_of=as_of) as made:
        for one in sheets:
            made.add(one.title[:31], dict.fromkeys(one.head, 22), one.rows)
    return out.getvalue()


def _signed(ms: int) -> str:
    return f"-{hours(-ms)}" if ms < 0 else hours(ms)


def _text(cell: Cell, language: str) -> str:
    match cell:
        case None | "":
            return "—"
        case datetime():
            return moment_text(cell, language)
        case date():
            return day_text(cell, language)
    return str(cell)

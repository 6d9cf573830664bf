"""A board of figures as a workbook and on paper: what the page shows, in its language."""

from __future__ import annotations

import io
from collections.abc import Sequence

from elearn.clock import utcnow
from elearn.credit_export.archive.workbook import Workbook
from elearn.credit_export.paper import typeset
from elearn.credit_export.paper.sheets import head, moment_text, speaker
from elearn.people.models import Organisation
from elearn.training.figures import board_tables
from elearn.training.figures.dashboards import Board, Chosen, Line


def xlsx(unit: Organisation, board: Board, lines: Sequence[Line], chosen: Chosen, language: str) -> bytes:
    """A sheet of what is shown and one of each table."""
    out, _ = io.BytesIO(), speaker(language)
    with Workbook(out, title=unit.name, as_of=board.computed_at or utcnow()) as book:
        asked = [(name, value, "") for name, value in _asked(unit, board, chosen, language)]
        book.add(
            _("Figures"), {_("Figure"): 30, _("Value"): 24, _("Of"): 30}, [*asked, *board_tables.facts(board.whole, _)]
        )
        for table in board_tables.tables(board, lines, _):
            widths = {title: 34 if place == 0 else 14 for place, title in enumerate(table.head)}
            book.add(table.title, widths, ([row.label, *map(_number, row.cells)] for row in table.rows))
    return out.getvalue()


def pdf(unit: Organisation, board: Board, lines: Sequence[Line], chosen: Chosen, language: str) -> bytes:
    """PDF/A, A4 across, with the charts."""
    now = utcnow()
    _ = speaker(language)
    found = board_tables.tables(board, lines, _)
    return typeset.pdf(
        "tables",
        {
            **head(language),
            "title": f"{unit.name} · {_('Figures')}",
            "issuer": _("Safety training"),
            "footer": _("State of %(when)s", when=moment_text(board.computed_at or now, language)),
            "facts": [*map(list, _asked(unit, board, chosen, language)),
                      *([name, f"{value} · {of}"] for name, value, of in board_tables.facts(board.whole, _))],
            "charts": [table.chart for table in found if table.chart],
            "tables": [
                {"title": one.title, "head": list(one.head), "rows": [[row.label, *row.cells] for row in one.rows]}
                for one in found
            ],
            "notes": [
                _(
                    "People are counted where they are placed today; training in the quarter in which it was assigned, "
                    "hours in the one in which they were learned."
                )
            ],
        },
        at=now,
    )  # fmt: skip


def _asked(unit: Organisation, board: Board, chosen: Chosen, language: str) -> list[tuple[str, str]]:
    _ = speaker(language)
    return [
        (_("Unit"), unit.name),
        (_("State of"), moment_text(board.computed_at, language) if board.computed_at else "—"),
        (_("Period"), board_tables.period_text(chosen.period, _)),
        (_("Purpose"), board_tables.purposes(_)[chosen.purpose] if chosen.purpose else _("All of them")),
        (_("Employment"), board_tables.kinds(_)[chosen.kind] if chosen.kind else _("All of them")),
    ]


def _number(cell: str) -> str | int:
    return int(cell) if cell.isascii() and cell.isdecimal() else cell

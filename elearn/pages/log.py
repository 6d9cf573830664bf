"""How the log of hours stands: what is published, and how the signer and each witness are. For operator and auditor.

Whoever learns loses nothing while somebody here is away; what counts waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import from_ms
from elearn.credit_export.ledger.doors import desk
from elearn.credit_export.ledger.naming import log_name, year_and_series
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.standing import Part, Standing, all_standings
from elearn.locale import gettext as _
from elearn.people.permissions import AUDITOR, OPERATOR


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/log", "log_standing", log_standing)


@dataclass(frozen=True, slots=True)
class Line:
    """The signer, or a witness."""

    name: str
    part: Part | None
    """None: it was never asked."""
    url: str | None = None


def state_texts() -> dict[str, str]:
    return {
        "ok": _("well"),
        "away": _("does not answer; is asked again"),
        "refuses": _("refuses: somebody has to look"),
        "waits": _("waits"),
        "alarm": _("has stopped: somebody has to look"),
    }


@web.allow(OPERATOR, AUDITOR)
def log_standing() -> ResponseReturnValue:
    """Each year's log, the newest first."""
    at = desk()
    logs = [
        (one, _name(one), from_ms(one.published_ms) if one.published_ms else None, _lines(one, at.trust))
        for one in reversed(all_standings(at.ledger_dir))
    ]
    return render_template("elearn/log.html", logs=logs, takes=takes(at.trust), states=state_texts())


def takes(trust: Trust) -> str:
    """Which witnesses it takes, in words."""
    if trust.quorum is None:
        return _("none: records say that their hours are not witnessed")
    group = trust.groups.get(trust.quorum)
    if group is None:
        return trust.quorum
    facts = {"least": group.least, "all": len(group.members), "names": ", ".join(group.members)}
    return _("%(least)s of %(all)s: %(names)s", **facts)


def _lines(one: Standing, trust: Trust) -> list[Line]:
    """The signer, those whom the policy names now, and nobody who was taken out of it."""
    witnesses = [Line(name, one.witnesses.get(name), witness.url) for name, witness in trust.witnesses.items()]
    return [Line(_("signer"), one.signer), *witnesses]


def _name(one: Standing) -> str:
    """As its public files are called."""
    return log_name(*year_and_series(one.origin.rpartition("/")[2]))

"""WHO: persons, their accounts and devices, organisations, roles.

In comes a name, a document number, a password, a device's public key; out goes `current_account()`, the person's
facts with everything masked, and "may this caller do that". Open `models.py` for the nouns, `permissions.py` for who
may do what, `persons.py` for what can be done with people. Pure are `identity.py` (numbers, sealing, blind index) and
`signatures.py` (what browsers sign).

    identity   models   permissions ◄── callers (who asks)
    persons   accounts   organisations   roles   (on registry: what they share)   passwords   tries   csrf
    tree (what lies below which node)    placements (where a member stands, at what post; away and back)
    dated (what holds on a day)    offices/ (units of an enterprise, who holds which role there, invitations)
    consents (what an employer may see beyond its own)      joining/ (by a poster's link)    acts (who ended what, why)
    employments (one by one)    verifying (is the document theirs)    merging (somebody who is registered twice)
    tracing (where the database speaks of somebody)    roster/ (a spreadsheet that HR exported, taken in)
    signin (sessions, one-time passwords)      devices ◄── signatures     commands
    by_phone/ (a first or a forgotten password, by a code to the phone)
    operators (who runs a command of ours)
    programs (what is no person: a name and a secret against a bearer token; the doors that give tokens use it)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask

BY_IMPORT: tuple[str, ...] = ("acts", "by_phone.sending", "joining.jobs", "roster.duties", "merging", "verifying")
"""Modules whose tables and jobs are known once they are imported."""


def install(app: Flask, whole: Blueprint) -> None:
    """Put sign-in, the check against forged requests, and our doors on `whole`, and nothing on the host application.

    Raises RuntimeError when the host has a flask-login of its own and did not pass `Elearn(identify=...)`.
    """
    from elearn.people import callers, csrf, signin
    from elearn.people.routes import bp

    for module in BY_IMPORT:
        import_module(f"{__name__}.{module}")
    parts = app.extensions["elearn"]
    if parts.identify is None:
        if getattr(app, "login_manager", None) is not None:
            raise RuntimeError("this application has a LoginManager of its own: pass Elearn(identify=...)")
        # Not init_app: that one would look at the session after every response of the host's.
        parts.kept[callers.MANAGER] = app.login_manager = signin.login_manager()  # type: ignore[attr-defined]

    whole.before_request(callers.forget_last_request)
    whole.before_request(csrf.forget_last_request)
    whole.before_request(csrf.check)
    whole.context_processor(lambda: {"csrf_token": csrf.token, "current_account": callers.current_account})
    whole.register_blueprint(bp)

"""elearn: safety training that is really watched, and hours an exam system can rely on.

Data flows right, imports point left: a package knows where its data comes from, never who uses it.

    phone player ─► statements ─► verification ─► watched ledger ─► hours ledger ─► eligibility ─► exam system
    pages/          tracking/lrs  tracking/       tracking/         credit_export/  credit_export/ credit_export/

    media ◄── people ◄── courses ◄── tracking ◄── credit_export ◄── training ◄── pages ◄── create_app

Open `extension.py` first: it says what is on board. `people` knows who, `courses` what there is to study,
`tracking` turns what a phone says into what we believe, `credit_export` turns that into hours an exam system
receives, `pages` is what a person sees. The small modules beside them (settings, db, arrays, web, clock, jobs, locale,
errors) are habits that all share, and `embedded` runs the database where nobody brought one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from elearn.clock import Clock
    from elearn.settings import Settings


def create_app(settings: Settings | None = None, *, clock: Clock | None = None, check_schema: bool = True) -> Flask:
    """The whole product as one Flask application. Settings default to the environment's.

    Raises OldSchema; `check_schema=False` is `Elearn`'s.
    """
    # Imported here so that `import elearn.clock` does not load the whole product.
    from werkzeug.middleware.proxy_fix import ProxyFix

    from elearn.extension import Elearn
    from elearn.pages.frame import nothing_here
    from elearn.settings import Settings as EnvironmentSettings
    from elearn.web import Application

    settings = settings or EnvironmentSettings.from_env()
    app = Application("elearn", static_folder=None)
    app.secret_key = settings.secret_key
    app.config.update(
        SESSION_COOKIE_NAME="elearn",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Else every answer to a signed-in person, media included, carries a cookie and cannot be cached.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    if settings.trusted_proxies:
        # Limits on guessing count by address; without this everybody behind our proxy would be one address.
        trusted = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted)  # type: ignore[method-assign]
    Elearn(app, settings=settings, clock=clock, check_schema=check_schema)
    # An address that no route knows belongs to no blueprint; where we are a guest, the host answers it.
    for status in (404, 405):
        app.register_error_handler(status, nothing_here)
    return app

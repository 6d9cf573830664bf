"""The `elearn` command. Each command is one call; the work is in the packages."""

from __future__ import annotations

import contextlib
import copy
import importlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from elearn.errors import DomainError
from elearn.settings import SettingsError


class Late(click.Group):
    """A group some of whose commands stand in packages, each as `module:name`; a package loads when asked for.

    So `elearn witness serve`, which others run on machines of their own, loads neither Flask nor the database.
    `inside` are commands that run in the application's context, `alone` those that need none.
    """

    def __init__(
        self,
        *args: Any,
        inside: Mapping[str, str] | None = None,
        alone: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._inside, self._alone = dict(inside or {}), dict(alone or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._inside, *self._alone})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._inside:
            return in_application(_found(self._inside[cmd_name]))
        if cmd_name in self._alone:
            return _found(self._alone[cmd_name])
        return super().get_command(ctx, cmd_name)


def _found(place: str) -> click.Command:
    module, name = place.split(":")
    command: click.Command = getattr(importlib.import_module(module), name)
    return command


@click.group(
    cls=Late,
    inside={
        "eligibility": "elearn.credit_export.eligibility_commands:eligibility",
        "exam": "elearn.credit_export.exam_system.commands:exam",
        "figures": "elearn.training.figures.commands:figures",
        "lrs": "elearn.tracking.lrs.commands:lrs",
        "org": "elearn.people.commands:orgs",
        "receiver": "elearn.credit_export.commands:receivers",
        "role": "elearn.people.commands:roles",
        "rules": "elearn.courses.requirements.commands:rules",
        "tracking": "elearn.tracking.commands:tracking",
        "training": "elearn.training.commands:training",
        "user": "elearn.people.commands:users",
    },
    alone={
        "exam-sim": "elearn.exam_sim.commands:exam_sim",
        "media": "media.cli:media_commands",
        "witness": "elearn.credit_export.ledger.witness.commands:witness",
    },
)
@click.version_option(package_name="elearn")
def cli() -> None:
    """Verified learning hours: courses, watched time, and what the exam system receives."""


def main() -> None:
    """Run the command; an expected error is one line and exit status 1, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    try:
        # Outside its standalone mode click answers the status of `Exit` instead of raising it.
        status = cli(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (DomainError, SettingsError) as error:
        click.echo(f"elearn: {error}", err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def in_application(command: click.Command) -> click.Command:
    """A package's command, or group of commands, run inside the application's context; asking for help is not."""
    if isinstance(command, click.Group):
        inside = {name: in_application(one) for name, one in command.commands.items()}
        return click.Group(command.name, commands=inside, help=command.help)
    alone = copy.copy(command)
    run = command.callback

    def inside_application(*args: object, **options: object) -> object:
        from elearn.serving import application

        with application():
            return run(*args, **options) if run else None

    alone.callback = inside_application
    return alone


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--processes", default=2, show_default=True, help="Web processes.")
@click.option("--tls-certificate", type=click.Path(path_type=Path, exists=True), help="PEM file.")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True), help="PEM file.")
@click.option("--upgrade", is_flag=True, help="Bring the schema to this program's revision first.")
def serve(
    host: str, port: int, processes: int, tls_certificate: Path | None, tls_key: Path | None, upgrade: bool
) -> None:
    """Serve the application and run its worker; starts the embedded services where no server is set."""
    from elearn import schema, serving, starting

    stopped = contextlib.suppress(KeyboardInterrupt)
    with stopped, starting.stopped_by_signals(), serving.settled(to_serve=True) as settings:
        if upgrade:
            schema.upgrade(settings.database_url or "")
        tls = (tls_certificate, tls_key) if tls_certificate and tls_key else None
        serving.serve(settings, host=host, port=port, processes=processes, tls=tls)


@cli.command()
@click.option("--until-done", is_flag=True, help="End when no job is left.")
def worker(until_done: bool) -> None:
    """Run background jobs: packaging, credit, checks that time out, months ahead."""
    from elearn import jobs, serving

    with serving.application() as app:
        jobs.work(app, until_done=until_done)


@cli.group()
def db() -> None:
    """The database's schema."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema to this program's revision."""
    from elearn import schema, serving

    with serving.settled() as settings:
        schema.upgrade(settings.database_url or "")
        click.echo(f"the schema is at {schema.newest()}")


@cli.group(
    "package",
    cls=Late,
    inside={
        "make": "elearn.credit_export.exam_system.package_commands:make",
        "profile": "elearn.credit_export.exam_system.package_commands:profile",
        "receipt": "elearn.credit_export.exam_system.package_commands:receipt",
    },
    alone={"verify": "elearn.credit_export.exam_system.package_check:check"},
)
def package() -> None:
    """Signed packages for exam systems that no network reaches, and their receipt files."""


@cli.group(
    cls=Late,
    inside={
        "due": "elearn.credit_export.archive.commands:due",
        "make": "elearn.credit_export.archive.commands:make",
    },
    alone={"verify": "elearn.credit_export.archive.archive_check:check"},
)
def archive() -> None:
    """Archives of classes, each one file."""


@cli.group(
    cls=Late,
    inside={"order": "elearn.credit_export.exam_system.order_commands:command"},
    alone={
        "monitor": "elearn.credit_export.ledger.monitor.commands:monitor",
        "recheck": "elearn.credit_export.ledger.monitor.recheck_commands:command",
        "signer": "elearn.credit_export.ledger.signer_door:command",
        "stamps": "elearn.credit_export.ledger.stamp_standing:command",
        "state": "elearn.credit_export.ledger.trouble:command",
        "verify": "elearn.credit_export.ledger.commands:verify",
    },
)
def ledger() -> None:
    """The ledgers of watched time and hours."""


@ledger.command("check")
def ledger_check() -> None:
    """Recompute everything right of the record store and compare; exit status 1 names each difference."""
    from elearn import serving
    from elearn.credit_export.ledger.publishing import desk_of
    from elearn.credit_export.ledger_check import check_everything
    from elearn.db import db as database

    with serving.application() as app:
        settings = app.extensions["elearn"].settings
        differences = check_everything(database.session(), desk=desk_of(settings), sealing_key=settings.sealing_key)
    for difference in differences:
        click.echo(str(difference))
    click.echo(f"{len(differences)} differences")
    raise click.exceptions.Exit(1 if differences else 0)


@cli.command("check")
@click.option("--most", default=20, show_default=True, help="Differences to name of each kind.")
def check(most: int) -> None:
    """Check everything: the ledgers, assignments and figures, each computed again; exit status 1 when one differs."""
    from elearn import serving
    from elearn.clock import utcnow
    from elearn.credit_export.ledger.publishing import desk_of
    from elearn.db import db as database
    from elearn.training import checking

    differ = False
    with serving.application() as app:
        settings = app.extensions["elearn"].settings
        for name, differences in checking.everything(
            database.session(), now=utcnow(), desk=desk_of(settings), sealing_key=settings.sealing_key
        ):
            for difference in differences[:most]:
                click.echo(difference)
            click.echo(f"{name}: {len(differences)} differences")
            differ = differ or bool(differences)
    raise click.exceptions.Exit(1 if differ else 0)


@cli.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Put the keys in too; without them sealed data stays sealed.")
def backup(target: Path, with_secrets: bool) -> None:
    """Write database and media to the file TARGET, as of one moment."""
    from elearn import backup as module
    from elearn import serving

    with serving.settled() as settings:
        secrets_file = settings.data_dir / "secrets.json" if with_secrets else None
        click.echo(str(module.backup(settings.database_url or "", settings.media_dir, secrets_file, target)))


@cli.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
def restore(source: Path) -> None:
    """Bring a backup into an empty database and media directory."""
    from elearn import backup as module
    from elearn import serving

    with serving.settled() as settings:
        secrets_file = settings.data_dir / "secrets.json"
        click.echo(str(module.restore(source, settings.database_url or "", settings.media_dir, secrets_file)))


@cli.command()
@click.option("--walk-only", is_flag=True, help="Walk the main job, then end.")
@click.option("--walk", is_flag=True, hidden=True, help="The same as --walk-only.")
@click.option("--lan", is_flag=True, help="Serve self-signed TLS to the local network, so that a phone can use it.")
@click.option("--port", default=8000, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Default: a directory of the demo's own.")
def demo(walk_only: bool, walk: bool, lan: bool, port: int, data_dir: Path | None) -> None:
    """Set up an example, walk the way from the phone to the exam system, then serve it."""
    from elearn.demo import run

    raise click.exceptions.Exit(run(walk_only=walk_only or walk, lan=lan, port=port, data_dir=data_dir))

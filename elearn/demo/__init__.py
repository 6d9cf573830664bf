"""`make demo`: an example set up, the main job walked, then served for people to try.

    preparing.py   what is done once the first page is there, at each start what is missing
    example.py     the people, the class and the videos, made through the services that pages use
    enterprise.py  the workers' enterprise: its units, posts, and the education of whoever is new
    admission.py   what it takes until somebody is admitted: a small category, a region's rule, an officer
    neighbours.py  two witnesses and an exam system, as processes of their own
    lan.py         what a phone on the same network needs
    waiting.py     for what one of these processes brings about
    walk.py        from the phone to the exam system, one line an arrow; open this first
    told.py        its second half: what both sides do with a record, until their books agree
    browser.py     a worker's phone: headless Chromium, used as a person would
    scripted_player.py, transport.py   a player without a screen, over real HTTP; tests and benchmarks use it too

It owns a data directory of its own; `kept.py` is what it keeps there. The first start sets up and walks; later ones
find everything and only serve. What the first page does not need is loaded and started after it: until then this
process leaves the processor to `elearn serve`.
"""

from __future__ import annotations

import dataclasses
import http.client
import os
import ssl
import subprocess
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from elearn.demo.kept import Example
from elearn.demo.neighbours import Neighbours, free_ports
from elearn.demo.waiting import wait_until
from elearn.settings import Settings
from elearn.starting import ending_with_us, environment_of_others, running, stopped_by_signals
from elearn.zone import LOCAL_ZONE

UP_S = 60
STOP_S = 40
"""`elearn serve` lets requests, its worker's job and the database end, one after the other."""


def run(*, walk_only: bool, lan: bool, port: int, data_dir: Path | None) -> int:
    """The exit status: 0 when every arrow held and both sides' books agree at its end."""
    with stopped_by_signals():
        if walk_only and data_dir is None:
            with tempfile.TemporaryDirectory(prefix="elearn-walk-") as made:
                # Another account runs the database where root may not: it must be able to enter.
                os.chmod(made, 0o755)
                return _run(Path(made), walk_only=True, lan=False, port=free_ports(1)[0])
        return _run((data_dir or Path("var/demo")).absolute(), walk_only=walk_only, lan=lan, port=port)


def _run(place: Path, *, walk_only: bool, lan: bool, port: int) -> int:
    """One start of it."""
    started = time.monotonic()
    address, certificate, key = "localhost", None, None
    if lan:
        from elearn.demo.lan import own_address, self_signed

        address = own_address()
        certificate, key = self_signed(place, [address])
    base = f"{'https' if lan else 'http'}://{address}:{port}"
    kept = place / "demo.json"
    example = Example.load(kept)
    if example is not None and example.base not in ("", base):
        raise click.ClickException(
            f"{place} was set up for {example.base}, and its log of hours is called by that address. "
            "Start it there, or name another directory with --data-dir."
        )
    settings = Settings.from_env({"ELEARN_DATA_DIR": str(place), "ELEARN_PUBLIC_URL": base})
    year = datetime.now(LOCAL_ZONE).year
    neighbours = Neighbours.settle(place / "neighbours", base, settings.ledger_signer_dir, year)
    settings = dataclasses.replace(settings, ledger_policy=neighbours.policy)
    # The product's own `elearn serve`, in a process of its own as in production, which runs the services too.
    command = ending_with_us("serve", "--upgrade", "--host", "0.0.0.0" if lan else "127.0.0.1", "--port", str(port))
    if certificate:
        command += ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    env = environment_of_others() | settings.to_env()
    # Ctrl+C in the terminal is for us: the database ends after what we do with it.
    with running(command, stop_s=STOP_S, env=env, start_new_session=True) as server:
        _wait_until_up(base, server)
        click.echo(f"elearn is at {base} after {time.monotonic() - started:.1f} s")
        # All of the product: the first page has not waited for it.
        from elearn import serving
        from elearn.demo.preparing import prepared

        with (
            serving.settled(settings) as settings,
            prepared(settings, neighbours, kept, certificate=certificate, walk_only=walk_only) as held,
        ):
            if not walk_only:
                click.echo(f"\nServing at {base}; stop with Ctrl+C")
                with suppress(KeyboardInterrupt):
                    server.wait()
    return 0 if held else 1


def _wait_until_up(base: str, server: subprocess.Popen[bytes]) -> None:
    told = wait_until(lambda: server.poll() is not None or _is_up(base), seconds=UP_S, every_s=0.05)
    if server.returncode is not None:
        raise RuntimeError(f"the server ended with status {server.returncode}")
    if not told:
        raise RuntimeError(f"the server did not answer within {UP_S} s")


def _is_up(base: str) -> bool:
    """Whether people are let in: `/healthz`."""
    there = urlsplit(base)
    connection = http.client.HTTPConnection(there.netloc, timeout=5)
    if there.scheme == "https":
        # Our own certificate, on this machine.
        connection = http.client.HTTPSConnection(there.netloc, timeout=5, context=ssl._create_unverified_context())
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()

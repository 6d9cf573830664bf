"""The log as everybody may read it, `/ledger/<year>/`: nobody signs in, nothing here is a secret.

    checkpoint                 the newest published one (C2SP tlog-checkpoint)
    log.vkey                   the public key that signs it (C2SP signed-note)
    tile/...                   hashes and entries (C2SP tlog-tiles), below the newest checkpoint's size
    stamp/newest, stamp/...    RFC 3161 time stamps over checkpoints, where the settings name an authority
    proof/<hash of a leaf>     that leaf with its proof, as an exam system checks it without asking anybody

All but the proof are files that a web server or a CDN may serve in our place. A path is never taken as it came: it is
read into numbers, and only numbers make the name of a file.
"""

from __future__ import annotations

import hashlib
import re

import sqlalchemy as sa
from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import HoursProof
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.models import LedgerLeaf
from elearn.credit_export.ledger.naming import NAME, base_of
from elearn.credit_export.ledger.notes import Note
from elearn.credit_export.ledger.proving import Proving
from elearn.credit_export.ledger.publishing import Desk, desk_of
from elearn.credit_export.ledger.tiles import WIDTH, NoTile, entries_path, tile_path, width_of
from elearn.db import db
from elearn.errors import NotFound
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.web import allow

bp = Blueprint("ledger", __name__, url_prefix="/ledger")

DESK = "ledger.desk"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
TILE = re.compile(r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
STAMP = re.compile(r"newest|(?:0|[1-9][0-9]{0,18})\.(txt|tsr)")
STAMP_TYPES = {None: TEXT, "txt": TEXT, "tsr": "application/timestamp-reply"}
HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def install(app: Flask, whole: Blueprint) -> None:
    """Put the doors on board. Raises SettingsError when the policy of witnesses cannot be read."""
    extension = app.extensions["elearn"]
    extension.kept[DESK] = desk_of(extension.settings)
    whole.register_blueprint(bp)


def desk() -> Desk:
    """Where and with whom the running application publishes."""
    found: Desk = runtime().kept[DESK]
    return found


@bp.get("/<name>/checkpoint")
@allow(ANYBODY)
def checkpoint(name: str) -> ResponseReturnValue:
    """The newest checkpoint that met the quorum."""
    note, _ = _published(_files(name))
    return _answer(str(note).encode(), TEXT, ASK_AGAIN)


@bp.get("/<name>/log.vkey")
@allow(ANYBODY)
def key(name: str) -> ResponseReturnValue:
    """The log's public key. Whoever relies on it keeps the one they were given, and compares."""
    found = _files(name).key()
    if found is None:
        raise _nothing()
    return _answer(f"{found.vkey}\n".encode(), TEXT, ASK_AGAIN)


@bp.get("/<name>/tile/<path:place>")
@allow(ANYBODY)
def tile(name: str, place: str) -> ResponseReturnValue:
    """Hashes, or the entries below them."""
    files = _files(name)
    asked = TILE.fullmatch(place)
    if asked is None:
        raise _nothing()
    level = None if asked[1] == "entries" else int(asked[1])
    index, width = int(asked[2].replace("x", "").replace("/", "")), int(asked[3] or WIDTH)
    path = entries_path(index, width) if level is None else tile_path(level, index, width) if width <= WIDTH else ""
    if path != f"tile/{place}":  # written in another way than the one
        raise _nothing()
    _, published = _published(files)
    if width > width_of(level or 0, index, published.size):
        raise _nothing()
    try:
        data = files.entries(index, width) if level is None else files.hashes(level, index, width)
    except NoTile:
        raise _nothing() from None
    return _answer(data, BYTES, FOR_EVER if width == WIDTH else ASK_AGAIN)


@bp.get("/<name>/stamp/<file>")
@allow(ANYBODY)
def stamp(name: str, file: str) -> ResponseReturnValue:
    """`newest` says of which checkpoint the newest time stamp is; `<size>.txt` is its text, `<size>.tsr` the stamp."""
    asked = STAMP.fullmatch(file)
    if asked is None:
        raise _nothing()
    try:
        data = (_files(name).directory / "stamp" / file).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _nothing() from None
    return _answer(data, STAMP_TYPES[asked[1]], ASK_AGAIN if asked[1] is None else FOR_EVER)


@bp.get("/<name>/proof/<hash_>")
@allow(ANYBODY)
def proof(name: str, hash_: str) -> ResponseReturnValue:
    """The leaf with this hash, and that it is in the newest checkpoint; a leaf that is not yet in it is not there."""
    files = _files(name)
    asked = HASH.fullmatch(hash_)
    if asked is None:
        raise _nothing()
    note, published = _published(files)
    found = db.session.execute(
        sa.select(LedgerLeaf.index, LedgerLeaf.raw)
        .where(
            LedgerLeaf.hash == bytes.fromhex(asked[1]),
            LedgerLeaf.origin == our_origin(name),
            LedgerLeaf.index < published.size,
        )
        .order_by(LedgerLeaf.index)
        .limit(1)
    ).first()
    if found is None:
        raise _nothing()
    index, raw = found
    made = HoursProof.made(raw.encode(), index, published.size, _proving(name, files, published.size).nodes(), note)
    return _answer(made.write().encode(), TEXT, ASK_AGAIN)


def _files(name: str) -> LogFiles:
    if not NAME.fullmatch(name):
        raise _nothing()
    return LogFiles(desk().ledger_dir / name)


def _proving(name: str, files: LogFiles, size: int) -> Proving:
    """Kept until the log has grown."""
    kept: dict[str, Proving] = runtime().kept.setdefault("ledger.proving", {})
    found = kept.get(name)
    if found is None or found.size != size or found.files.directory != files.directory:
        found = kept[name] = Proving(files, size)
    return found


def our_origin(name: str) -> str:
    """The origin line of the log that we call so."""
    return f"{base_of(runtime().settings.public_url, runtime().url_prefix)}/{name}"


def _published(files: LogFiles) -> tuple[Note, Checkpoint]:
    note = files.checkpoint()
    if note is None:
        raise _nothing()
    return note, Checkpoint.read(note.text)


def _nothing() -> NotFound:
    return NotFound("There is nothing at this address.")


def _answer(data: bytes, content_type: str, caching: str) -> Response:
    response = Response(data, content_type=content_type)
    response.headers["Cache-Control"] = caching
    # A page of others may check a proof in the browser.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.set_etag(hashlib.sha256(data).hexdigest()[:32])
    response.make_conditional(request)
    return response

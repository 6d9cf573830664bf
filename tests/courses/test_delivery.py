"""Packaged media is served to anybody: ranges, types, caching for good, and never a file beside the public ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from elearn.courses import delivery
from elearn.runtime import runtime
from elearn.settings import Settings

HASH = "ab" * 32
SEGMENT = bytes(range(256)) * 40


@pytest.fixture
def place(settings: Settings) -> Path:
    place = settings.media_dir / HASH
    (place / "public" / "360").mkdir(parents=True, exist_ok=True)
    (place / "public" / "360" / "0.m4s").write_bytes(SEGMENT)
    for name in ("360/init.mp4", "poster.jpg", "sprite.vtt", "notes.txt", ".hidden.jpg.bak"):
        (place / "public" / name).write_bytes(b"x")
    (place / "keys.bin").write_bytes(b"secret")
    (place / "manifest.json").write_bytes(b"{}")
    (place / "secret.jpg").write_bytes(b"secret")
    link = place / "public" / "link.jpg"
    if not link.is_symlink():
        link.symlink_to(place / "secret.jpg")
    return place


def test_a_segment_is_served_whole_and_kept_for_good(client: FlaskClient, place: Path) -> None:
    answer = client.get(f"/media/{HASH}/360/0.m4s", buffered=True)
    assert (answer.status_code, answer.data) == (200, SEGMENT)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert {"public", "immutable", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("path", "kind"),
    [("360/0.m4s", "video/iso.segment"), ("360/init.mp4", "video/mp4"), ("poster.jpg", "image/jpeg"),
     ("sprite.vtt", "text/vtt; charset=utf-8")],
)  # fmt: skip
def test_each_kind_of_file_says_what_it_is(client: FlaskClient, place: Path, path: str, kind: str) -> None:
    answer = client.get(f"/media/{HASH}/{path}", buffered=True)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-99", 206, 0, 99),
        ("bytes=100-", 206, 100, 10_239),
        ("bytes=-10", 206, 10_230, 10_239),
        ("bytes=0-99999", 206, 0, 10_239),
    ],
)
def test_a_range_is_answered(client: FlaskClient, place: Path, asked: str, status: int, first: int, last: int) -> None:
    answer = client.get(f"/media/{HASH}/360/0.m4s", headers={"Range": asked}, buffered=True)
    assert (answer.status_code, answer.data) == (status, SEGMENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(SEGMENT)}"


def test_a_range_behind_the_end_is_refused(client: FlaskClient, place: Path) -> None:
    assert client.get(f"/media/{HASH}/360/0.m4s", headers={"Range": "bytes=20000-"}, buffered=True).status_code == 416


def test_what_a_browser_has_is_not_sent_again(client: FlaskClient, place: Path) -> None:
    tag = client.get(f"/media/{HASH}/360/0.m4s", buffered=True).headers["ETag"]
    assert not tag.startswith("W/")
    assert client.get(f"/media/{HASH}/360/0.m4s", headers={"If-None-Match": tag}, buffered=True).status_code == 304
    assert client.get(f"/media/{HASH}/poster.jpg", buffered=True).headers["ETag"] != tag


@pytest.mark.parametrize(
    "path",
    [
        f"{HASH}/../keys.bin",
        f"{HASH}/%2e%2e/keys.bin",
        f"{HASH}/..%2fkeys.bin",
        f"{HASH}/..%5ckeys.bin",
        f"{HASH}/../secret.jpg",
        f"{HASH}/%2e%2e/secret.jpg",
        f"{HASH}/360/../../secret.jpg",
        f"{HASH}/link.jpg",
        f"{HASH}//etc/passwd",
        f"{HASH}/notes.txt",
        f"{HASH}/360",
        f"{HASH}/360/9.m4s",
        f"{HASH}/0%00.m4s",
        f"{HASH}/",
        f"{HASH.upper()}/360/0.m4s",
        "../" + HASH + "/public/360/0.m4s",
        ".making/360/0.m4s",
        f"{'cd' * 32}/360/0.m4s",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, place: Path, path: str) -> None:
    answer = client.get(f"/media/{path}", buffered=True)
    assert answer.status_code in (404, 308), path
    assert b"secret" not in answer.data


def test_addresses_point_at_the_cdn_where_there_is_one(app: Flask, place: Path) -> None:
    with app.test_request_context():
        assert delivery.media_url(HASH, "360/0.m4s") == f"/media/{HASH}/360/0.m4s"
        kept = runtime().settings
        runtime().settings = dataclasses.replace(kept, media_url="https://cdn.example/lessons/")
        try:
            assert delivery.media_url(HASH, "a.jpg") == f"https://cdn.example/lessons/{HASH}/public/a.jpg"
        finally:
            runtime().settings = kept

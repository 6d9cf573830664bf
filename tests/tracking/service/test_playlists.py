"""What a browser plays from: segments are static files anybody may have, keys come from the sitting alone."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from media.manifest import MANIFEST_FILE, write_manifest
from tests.builders_tracking import a_player, a_unit, a_watchable
from tests.media.builders import a_manifest


def a_packaged_lesson(app: Flask, session: Session) -> ScriptedPlayer:
    """A player of a unit whose manifest lies where packaging puts it."""
    manifest = a_manifest()
    place = app.extensions["elearn"].settings.media_dir / manifest.content_hash
    place.mkdir(parents=True, exist_ok=True)
    (place / MANIFEST_FILE).write_bytes(write_manifest(manifest))
    lesson = a_watchable(session)
    unit_id = a_unit(session, lesson.course_id, lesson.institution_id, manifest=manifest)
    player = a_player(app, session, lesson.learner_id)
    player.open(unit_id)
    return player


def test_the_playlists_name_static_segments_and_the_sitting_s_keys(app: Flask, session: Session) -> None:
    player = a_packaged_lesson(app, session)
    assert player.opened["poster"].endswith(".jpg")
    master = player.call("GET", player.opened["playlist"])
    assert master.status == 200
    assert master.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert master.headers["cache-control"] == "no-store"
    rendition, _larger = [line for line in master.body.decode().splitlines() if line.endswith(".m3u8")]
    lines = player.call("GET", rendition).body.decode().splitlines()
    keys = [line for line in lines if line.startswith("#EXT-X-KEY")]
    assert all(f'URI="{player.at("/keys/")}' in line for line in keys)
    assert [line for line in lines if line.startswith("/media/")], "segments need no sitting"
    first_key = keys[0].split('URI="')[1].split('"')[0]
    assert player.call("GET", first_key).status == 200


def test_a_playlist_that_is_not_there_is_not_found(app: Flask, session: Session) -> None:
    player = a_packaged_lesson(app, session)
    assert player.call("GET", player.at("/999.m3u8")).status == 404
    lesson = a_watchable(session)
    unpackaged = a_player(app, session, lesson.learner_id)
    assert unpackaged.open(lesson.unit_id)["poster"] is None
    assert unpackaged.call("GET", unpackaged.at("/master.m3u8")).status == 404

"""What a lesson's download is, what the service worker keeps, and what is shown where there is no network."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from uuid import UUID

import msgspec
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import catalogue
from elearn.extension import Elearn
from elearn.pages import offline
from elearn.people.models import Account
from elearn.settings import Settings
from elearn.tracking import policies
from elearn.tracking.policy import Policy
from media.manifest import MANIFEST_FILE, PUBLIC, Rendition, Segment, hash_of_files, write_manifest
from tests.builders_courses import AT, SEALING_KEY, a_lesson, a_manifest, covering_questions
from tests.conftest import ManualClock
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]


def a_rendition(width: int, height: int) -> Rendition:
    name = f"{min(width, height)}p"
    segments = tuple(Segment(f"{name}/{index}.m4s", index * 30_000, 30_000, index) for index in range(3))
    return Rendition(name, width, height, 400_000, "avc1.4d401e,mp4a.40.2", f"{name}/init.mp4", segments)


@pytest.fixture
def packaged(app: Flask, world: World, session: Session) -> Iterator[UUID]:
    """A unit with three sizes; the files of the middle one are here."""
    plain = a_manifest(90_000)
    sizes = tuple(a_rendition(*size) for size in ((426, 240), (854, 480), (1280, 720)))
    names = {name for one in sizes for name in (one.init, *(segment.uri for segment in one.segments))}
    files = dict.fromkeys(names | {plain.poster, plain.sprite, plain.sprite_vtt}, "0" * 64)
    manifest = msgspec.structs.replace(plain, renditions=sizes, files=files, content_hash=hash_of_files(files))
    place = app.extensions["elearn"].settings.media_dir / manifest.content_hash
    (place / PUBLIC / "480p").mkdir(parents=True, exist_ok=True)
    (place / MANIFEST_FILE).write_bytes(write_manifest(manifest))
    for name, bytes_ in (("init.mp4", 700), ("0.m4s", 9000), ("1.m4s", 200), ("2.m4s", 100)):
        (place / PUBLIC / "480p" / name).write_bytes(b"x" * bytes_)
    unit = catalogue.register_unit(
        session,
        a_lesson(session, world.course).id,
        "高处作业",
        manifest,
        [bytes([index]) * 16 for index in range(3)],
        covering_questions(90_000),
        sealing_key=SEALING_KEY,
        published_at=AT,
    )
    session.commit()
    yield unit.id
    catalogue._manifest.cache_clear()


def config_of(browser: Browser, unit_id: UUID) -> dict[str, object]:
    found = re.search(r'id="player-config">(.*?)</script>', browser.get(f"/learn/{unit_id}").text, re.S)
    assert found is not None
    config: dict[str, object] = json.loads(found[1])
    return config


def test_a_lesson_is_offered_in_a_phones_size_with_what_it_weighs(packaged: UUID, world: World, browser: Opens) -> None:
    told = config_of(browser(world.worker), packaged)["offline"]
    assert told == {"worker": "/sw.js?lang=en&text=100", "scope": "/", "rendition": "480p", "bytes": 10_000}
    page = browser(world.worker).get("/").text
    assert 'data-app="/sw.js?lang=en&amp;text=100"' in page, "one address everywhere: else each would replace the other"


def test_where_the_rules_have_no_downloads_none_is_offered(
    app: Flask, packaged: UUID, world: World, browser: Opens
) -> None:
    policies.give(app, dataclasses.replace(Policy(), licence_ms=0))
    try:
        assert config_of(browser(world.worker), packaged)["offline"] is None
    finally:
        policies.give(app, None)


def test_a_lesson_without_files_here_is_not_offered(world: World, browser: Opens) -> None:
    assert config_of(browser(world.worker), world.unit.id)["offline"] is None


@pytest.mark.parametrize(
    ("rule", "sizes", "chosen"),
    [
        ("the largest that is not above 480 lines", [(426, 240), (640, 360), (1280, 720)], "360p"),
        ("a picture that stands upright is measured by its shorter side", [(240, 426), (480, 854)], "480p"),
        ("where all are larger, the smallest", [(1280, 720), (1920, 1080)], "720p"),
    ],
)
def test_the_size_that_is_downloaded(rule: str, sizes: list[tuple[int, int]], chosen: str) -> None:
    manifest = msgspec.structs.replace(a_manifest(90_000), renditions=tuple(a_rendition(*size) for size in sizes))
    assert offline._rendition(manifest).name == chosen, rule


def test_the_worker_may_serve_the_whole_product_and_is_asked_for_anew(browser: Opens) -> None:
    answer = browser(None).get("/sw.js")
    assert answer.status_code == 200
    assert answer.headers["Service-Worker-Allowed"] == "/"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.mimetype == "text/javascript"


def test_all_that_the_worker_keeps_is_there_for_anybody(browser: Opens) -> None:
    anybody = browser(None)
    found = re.match(r"self\.settings=(\{.*\});\n", anybody.get("/sw.js").text)
    assert found is not None
    settings = json.loads(found[1])

    def names(of: str) -> set[str]:
        return {re.sub(r"-[A-Z0-9]{8}|\?.*", "", one.rsplit("/", 1)[1]) for one in settings[of]}

    assert {"pages.js", "shelf.js", "app.css", "icon.svg"} <= names("shell")
    assert {"player.js", "hls.light.js", "decrypt.js", "pageunit.js"} <= names("lessons")
    assert not names("shell") & names("lessons") - {"chunk.js"}
    assert (names("shell") | names("lessons")).isdisjoint({"htmx.js", "worker.js", "stamp.txt"})
    for address in [*settings["shell"], *settings["lessons"], settings["offline"]]:
        with anybody.get(address) as answer:
            assert answer.status_code == 200, address
    shell = [anybody.client.get(address, headers={"Accept-Encoding": "gzip"}) for address in settings["shell"]]
    assert sum(int(answer.headers["Content-Length"]) for answer in shell) < 30_000, "everybody's phone loads it"
    for answer in shell:
        answer.close()


def test_without_network_the_page_says_so_and_names_no_learner(browser: Opens) -> None:
    assert "No network" in browser(None).page("/offline")


def test_without_network_whoever_works_here_is_told_of_their_work(world: World, browser: Opens) -> None:
    desk = browser(world.clerk)
    found = re.search(r'data-app="([^"]+)"', desk.get("/people").text)
    assert found is not None
    script = desk.get(found[1].replace("&amp;", "&")).text
    page = json.loads(script.removeprefix("self.settings=").partition(";\n")[0])["offline"]
    said = browser(None).page(page)
    assert "What was saved is saved" in said
    assert "Try again" in said
    assert "What was saved is saved" not in browser(None).page("/offline"), "a learner is told of lessons"
    assert "data-away=" not in browser(None).get(page).text, "it says so already"


def test_the_page_without_network_speaks_the_language_and_size_that_was_chosen(world: World, browser: Opens) -> None:
    phone = browser(world.worker)
    phone.client.set_cookie("lang", "zh")
    phone.client.set_cookie("text", "160")
    found = re.match(r"self\.settings=(\{.*\});\n", phone.get("/sw.js").text)
    assert found is not None
    told = browser(None).get(json.loads(found[1])["offline"]).text
    assert 'lang="zh-CN" class="text-160"' in told
    assert "没有网络" in told
    assert "li.ming" not in told


@pytest.mark.parametrize(("language", "name"), [("zh", "安全培训"), ("en", "Safety training")])
def test_a_phone_can_put_it_on_its_home_screen(language: str, name: str, browser: Opens) -> None:
    anybody = browser(None)
    answer = anybody.get(f"/manifest.webmanifest?lang={language}")
    assert answer.mimetype == "application/manifest+json"
    told = json.loads(answer.data)
    assert (told["name"], told["start_url"], told["scope"], told["display"]) == (name, "/", "/", "standalone")
    assert {(one["sizes"], one["purpose"]) for one in told["icons"]} == {
        ("192x192", "any"),
        ("512x512", "any"),
        ("512x512", "maskable"),
    }
    for icon in told["icons"]:
        with anybody.get(icon["src"]) as picture:
            assert picture.data.startswith(b"\x89PNG")
            side = int.from_bytes(picture.data[16:20])
            assert icon["sizes"] == f"{side}x{side}"


def test_below_a_prefix_of_a_host_the_app_stays_there(settings: Settings, clock: ManualClock) -> None:
    host = Flask("host")
    Elearn(host, settings=settings, url_prefix="/training", clock=clock)
    anybody = host.test_client()
    told = json.loads(anybody.get("/training/manifest.webmanifest?lang=zh").data)
    assert (told["start_url"], told["scope"], told["id"]) == ("/training/",) * 3
    assert all(one["src"].startswith("/training/static/build/") for one in told["icons"])
    worker = anybody.get("/training/sw.js")
    assert worker.headers["Service-Worker-Allowed"] == "/training/"
    assert '"offline": "/training/offline?lang=' in worker.text
    assert '"shell": ["/training/static/' in worker.text

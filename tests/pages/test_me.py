"""A person's own page: who they are, where they are signed in and what they studied with; how pages are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.db import Base
from elearn.pages import own_data
from elearn.pages.me import device_name
from elearn.people import callers, organisations
from elearn.people.models import Account, BrowserSession, EmploymentKind
from tests.builders_people import AT
from tests.builders_tracking import a_player, a_watchable
from tests.conftest import ManualClock
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]


def again(one: Browser) -> Browser:
    """The next request comes from this browser, whoever asked before."""
    callers.forget_last_request()
    return one


NAMED = re.compile(r"(?:FROM|JOIN) elearn\.(\w+)")
OTHERS = "00000000-0000-7000-8000-000000000001"


def test_where_somebody_is_signed_in_and_how_another_browser_is_signed_out(
    world: World, browser: Opens, session: Session
) -> None:
    """One phone, one lost phone, one at a colleague's."""
    lost, colleague, phone = (browser(world.worker) for _number in range(3))
    page = phone.get("/me")
    ends = re.findall(r'action="(/me/sign-ins/[0-9a-f-]{36}/end)"', page.text)
    assert "云岭" in page.text or world.enterprise.name in page.text
    assert page.text.count("Another browser") == 2
    assert len(ends) == 2, "none for this browser: it has its own button"
    every = session.scalars(sa.select(BrowserSession.id).where(BrowserSession.account_id == world.worker.id))
    own = next(one for one in every if not any(str(one) in end for end in ends))
    assert phone.post(f"/me/sign-ins/{own}/end").status_code == 404, "signing out clears it, too"
    assert phone.post(ends[1]).status_code == 303
    assert "That browser is signed out." in phone.page("/me")
    assert again(lost).get("/me").status_code == 303, "its cookie is worth nothing now"
    assert again(phone).post(ends[1]).status_code == 404, "it has ended already"
    assert phone.post("/me/sign-ins/end-others").status_code == 303
    assert again(colleague).get("/me").status_code == 303
    assert "Another browser" not in again(phone).page("/me")


def test_nobody_ends_the_sign_in_of_somebody_else(world: World, browser: Opens) -> None:
    phone, another = browser(world.worker), browser(world.worker)
    theirs = re.findall(r'action="(/me/sign-ins/[0-9a-f-]{36}/end)"', another.get("/me").text)[0]
    stranger = browser(world.stranger)
    for address in (theirs, f"/me/sign-ins/{OTHERS}/end", "/me/devices/none/revoke"):
        assert stranger.post(address).status_code == 404, address
    assert again(phone).get("/me").status_code == 200
    stranger.token = "forged"
    assert again(stranger).post("/me/sign-ins/end-others").status_code == 403


def test_a_lost_phone_sends_no_study_time_any_more(app: Flask, world: World, browser: Opens, session: Session) -> None:
    seen = a_watchable(session, learner_id=world.worker.person_id)
    session.commit()
    player = a_player(app, session, world.worker.person_id)
    player.open(seen.unit_id)
    phone = browser(world.worker)
    page = phone.get("/me")
    assert "last studied" in page.text
    revoke = re.findall(r'action="(/me/devices/[\w-]+/revoke)"', page.text)
    assert len(revoke) == 1
    assert browser(world.stranger).post(revoke[0]).status_code == 404
    assert again(phone).post(revoke[0]).status_code == 303
    assert "That device can send no study time any more." in (after := phone.page("/me"))
    assert "last studied" not in after


@pytest.mark.parametrize(
    ("address", "cookie", "shown", "not_shown"),
    [
        ("/text/130?next=/hours", "text=130", 'class="text-130"', 'class="text-160"'),
        ("/text/160?next=/hours", "text=160", 'class="text-160"', 'class="text-130"'),
        ("/text/100?next=/hours", "text=100", '<html lang="en">', "text-1"),
        ("/theme/sun?next=/hours", "theme=sun", 'class="theme-sun"', "text-1"),
        ("/theme/auto?next=/hours", "theme=auto", '<html lang="en">', "theme-sun"),
    ],
)
def test_the_size_of_text_and_the_colours_are_kept_without_script(
    address: str, cookie: str, shown: str, not_shown: str, world: World, browser: Opens
) -> None:
    phone = browser(world.worker)
    answer = phone.get(address)
    assert (answer.status_code, answer.location) == (303, "/hours")
    assert cookie in answer.headers["Set-Cookie"]
    head = phone.get("/hours").text.split("<head>")[0]
    assert shown in head
    assert not_shown not in head


@pytest.mark.parametrize("address", ["/text/200", "/text/", "/data/none", "/theme/dark", "/text/13%00"])
def test_what_is_no_size_and_no_mode_is_not_kept(address: str, world: World, browser: Opens) -> None:
    answer = browser(world.worker).get(address)
    assert answer.status_code == 404
    assert "text=" not in answer.headers.get("Set-Cookie", "")


def test_who_reads_in_the_sun_gets_one_light_page_in_large_text_and_so_does_the_page_without_network(
    world: World, browser: Opens
) -> None:
    phone = browser(world.worker)
    phone.get("/text/160")
    phone.get("/theme/sun")
    page = phone.get("/me").text
    assert 'class="text-160 theme-sun"' in page
    assert '<meta name="color-scheme" content="light">' in page, "a device in the dark darkens nothing of it"
    assert 'data-app="/sw.js?lang=en&amp;text=160&amp;theme=sun"' in page
    worker = phone.client.get("/sw.js?lang=en&text=160&theme=sun").text
    assert '"offline": "/offline?lang=en&text=160&theme=sun"' in worker
    without_cookies = browser(None).get("/offline?lang=en&text=160&theme=sun").text
    assert 'class="text-160 theme-sun"' in without_cookies


def test_where_data_is_saved_a_lesson_loads_nothing_before_play(world: World, browser: Opens) -> None:
    phone, lesson = browser(world.worker), f"/learn/{world.unit.id}"
    normal = phone.get(lesson).text
    assert ("poster.jpg" in normal, '"saves_data": false' in normal, 'preload="auto"' in normal) == (True, True, True)
    phone.get("/data/low")
    saving = phone.get(lesson).text
    assert ("poster.jpg" in saving, '"saves_data": true' in saving, 'preload="none"' in saving) == (False, True, True)
    asked = {"Accept": "text/html", "Save-Data": "on"}
    assert '"saves_data": true' in browser(world.worker).client.get(lesson, headers=asked).text, "the browser's word"
    again(phone).get("/data/normal")
    assert '"saves_data": false' in phone.client.get(lesson, headers=asked).text, "the person's word comes first"


def test_a_learner_has_a_bar_in_reach_of_the_thumb_and_staff_their_menu(world: World, browser: Opens) -> None:
    bar = re.compile(r'<nav class="bar".*?</nav>', re.S)
    found = bar.search(browser(world.worker).get("/courses/" + str(world.course.id)).text)
    assert found is not None
    places = re.findall(r'href="([^"]+)"( aria-current="page")?', found[0])
    assert [place for place, _current in places] == ["/", "/learn", "/hours", "/messages", "/me"]
    assert [place for place, current in places if current] == ["/learn"]
    desk = browser(world.manager).get("/")
    assert bar.search(desk.text) is None
    assert 'data-app="/sw.js?lang=en&amp;text=100&amp;desk=1"' in desk.text, "the page without network speaks of work"
    assert browser(world.manager).page("/me")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (Linux; Android 9) AppleWebKit/537.36 Chrome/86.0 Mobile MicroMessenger/8.0", "Android, WeChat"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) Version/17.1 Safari/604.1", "iPhone, Safari"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", "Windows, Edge"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) Chrome/114.0 Safari HuaweiBrowser/5", "HarmonyOS, Huawei"),
        ("curl/8", ""),
        ("", ""),
    ],
)
def test_a_device_is_called_by_what_its_owner_knows_it_by(said: str, name: str) -> None:
    assert device_name(said) == name


def test_a_person_takes_all_of_their_own_data_along_and_nobody_elses(
    world: World, browser: Opens, session: Session, clock: ManualClock
) -> None:
    organisations.join(
        session, world.stranger.person_id, world.other_enterprise.id, EmploymentKind.FLEXIBLE, date(2026, 2, 1), at=AT
    )
    session.commit()
    phone = browser(world.worker)
    answer = phone.get("/me/data.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    told = json.loads(answer.data)
    assert told["person"]["name"] == "李明"
    assert re.search(r"\*{4,}", told["person"]["document"]), "masked here, too"
    assert [one["organisation"] for one in told["employments"]] == [world.enterprise.name]
    assert [one["title"] for one in told["classes"]] == [world.held.title]
    assert len(told["sign_ins"]) == 1
    assert world.other_enterprise.name not in answer.text
    assert not [name for name in told if "sealed" in json.dumps(told[name])]
    clock.advance(16 * 60_000)
    late = again(phone).get("/me/data.json")
    assert (late.status_code, late.location) == (303, "/signin/again?next=/me/data.json")


def test_every_table_about_a_person_is_in_their_own_data_or_it_is_said_why_not(app: Flask) -> None:
    named = set(NAMED.findall(" ".join(own_data.PARTS.values())))
    about = {
        str(mapper.local_table.description)
        for mapper in Base.registry.mappers
        if {"person_id", "learner_id"} & {column.key for column in mapper.local_table.columns}
    }
    assert sorted(about - named - set(own_data.NOT_TOLD)) == []
    assert named & set(own_data.NOT_TOLD) == set()

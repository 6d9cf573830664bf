"""What a worker's keys do in a lesson, and what is told meanwhile: playing, going back, menus, checks, the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from elearn.demo.browser import Phone
from elearn.demo.example import questions
from tests.journeys.keyboard_pages import require_reflow, skip
from tests.journeys.school import Learner, School
from tests.journeys.screen_reader import Reader, small

if TYPE_CHECKING:
    from playwright.sync_api import Page

LESSON_S = 22
WAITING = "待确认"
SHOWN = """[...document.querySelector("video").textTracks]
  .filter((one) => one.mode === "showing").map((one) => one.language)"""


def look_at_the_lesson(page: Page, reader: Reader) -> None:
    """Before anything is played: all stops of the page, its language, its shape on a small screen."""
    names = [stop.told.name for stop in reader.round()]
    page.emulate_media(color_scheme="dark")
    assert [stop.told.name for stop in reader.round()] == names, "all the same where it is dark"
    page.emulate_media(color_scheme="light")
    assert names[0] == "跳到正文"
    assert names.index("播放") < names.index("播放位置") < names.index("字幕 (CC)") < names.index("全屏"), names
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    require_reflow(page)
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(
        """() => { const style = getComputedStyle(document.querySelector(".spinner"));
            return parseFloat(style.animationDuration) < 0.001 && style.animationIterationCount === "1"; }"""
    ), "nothing turns for who asked for stillness"
    page.emulate_media(reduced_motion="no-preference")
    slider = reader.at("[data-seek]")
    assert (slider.role, slider.name, slider.states["valuetext"]) == ("slider", "播放位置", "0 秒，共 22 秒"), slider


def plays(handset: Phone) -> bool:
    return bool(handset.evaluate("!document.querySelector('video').paused"))


def play_and_seek(handset: Phone, reader: Reader) -> None:
    skip(reader)
    reader.to("button", "播放")
    reader.press("Enter")
    handset.wait_until(lambda: handset.position_s() > 2.5, "the lesson to play", timeout_s=30)
    reader.becomes("button", "暂停")  # the big button went, and the focus came here
    reader.press("Space")
    reader.becomes("button", "播放")
    assert not plays(handset)
    assert WAITING in reader.hear("未学"), "where things stand, now that nothing speaks over it"
    reader.to("slider", "播放位置", key="Shift+Tab")
    before = handset.position_s()
    reader.press("ArrowLeft")
    handset.wait_until(lambda: handset.position_s() < before - 2, "five seconds back", timeout_s=5)
    assert reader.here().states["valuetext"] == f"{int(max(before - 5, 0))} 秒，共 22 秒"
    reader.press("End")
    reader.hear("您跳过了一段")
    assert handset.position_s() < before + 1


def use_the_menus(handset: Phone, reader: Reader) -> None:
    """A menu opens and is left by the escape key, and the focus stays where it was."""
    speed = reader.to("combobox", "倍速")
    assert speed.told.value == "1×"
    reader.press("Enter")
    assert reader.here().states.get("expanded") is True
    reader.press("Escape")
    here = reader.here()
    assert (here.name, here.value, here.states.get("expanded")) == (speed.told.name, "1×", False)
    captions = reader.to("button", "字幕")
    assert captions.told.states["pressed"] == "false"
    reader.press("Enter")
    on = reader.here()
    assert (on.name, on.states["pressed"]) == ("字幕：中文 (ZH)", "true")
    reader.hear("字幕：中文")
    assert handset.evaluate(SHOWN) == ["zh"]
    reader.press("Enter")
    assert reader.here().name == "字幕：English (EN)"
    reader.press("Enter")
    assert (reader.here().name, reader.here().states["pressed"]) == ("字幕 (CC)", "false")
    # A letter by itself does something only within the player: who speaks to the phone types letters unawares.
    reader.to("link", "计入")
    reader.press("k", "m")
    assert not plays(handset)
    assert handset.evaluate("document.querySelector('video').muted") is False


def come_back_from_another_device(handset: Phone, reader: Reader) -> None:
    """The lesson was opened elsewhere meanwhile: playing on does not take it back unasked."""
    reader.announcements()
    reader.to("button", "播放", key="Shift+Tab")
    reader.press("Enter")
    reader.hear("已在另一台设备上继续", seconds=20)
    reader.becomes("button", "在这里继续")
    reader.to("button", "播放")
    reader.press("Enter")
    reader.becomes("button", "在这里继续")  # only the cover's own button takes the lesson back
    assert not plays(handset)
    reader.press("Enter")
    handset.wait_until(lambda: plays(handset), "the lesson again", timeout_s=20)
    reader.becomes("button", "暂停")  # the cover went, and the focus came here
    told = reader.to("slider", "播放位置", key="Shift+Tab").told.states["valuetext"]
    reader.page.wait_for_timeout(1500)
    assert plays(handset)
    assert reader.here().states["valuetext"] == told, "where the focus is, not every second is read out"


def answer(handset: Phone, reader: Reader, *, whole_ms: int = LESSON_S * 1000) -> None:
    """Mark what is right and send it."""
    stem = handset.page.inner_text("[data-check=stem]")
    asked = next(one for one in questions(whole_ms) if one.stem == stem)
    wanted = {asked.options[place] for place in asked.correct}
    marked = set[str]()
    while marked != wanted:
        here = reader.stop()
        assert here, marked
        if here.told.role == "checkbox" and here.told.name in wanted - marked:
            reader.press("Space")
            assert reader.here().states["checked"] == "true"
            marked.add(here.told.name)
        reader.press("Tab")
    if reader.here().name != "提交答案":
        reader.to("button", "提交答案")
    reader.press("Enter")
    reader.hear("回答正确")
    reader.becomes("button", "继续")


def watch_by_pieces(handset: Phone, reader: Reader) -> None:
    """Until a check comes; each pause tells the server how far it is, so that one comes before the end."""

    def played_to(second: float) -> bool:
        return handset.asks() or handset.position_s() > second

    while not handset.asks():
        before = handset.position_s()
        handset.wait_until(partial(played_to, before + 0.5), "the lesson to play", timeout_s=20)
        reader.announcements()
        handset.wait_until(partial(played_to, before + 2.5), "two seconds of it", timeout_s=20)
        assert [said for said in reader.announcements() if WAITING in said] == [], "nothing speaks over the lesson"
        reader.press("k")
        handset.wait_until(lambda: not plays(handset), "the pause", timeout_s=10)
        reader.page.wait_for_timeout(300)
        reader.press("k")


def answer_the_first_check(handset: Phone, reader: Reader) -> None:
    page = handset.page
    before = reader.to("button", "静音")
    reader.announcements()
    watch_by_pieces(handset, reader)
    handset.wait_until(lambda: reader.here().role == "checkbox", "the focus in the dialog", timeout_s=5)
    here = reader.stop()
    assert here, "the focus goes into the dialog"
    assert here.told.role == "checkbox"
    dialog, group = reader.at("#check-dialog"), reader.at("[data-check=options]")
    assert (dialog.role, dialog.name, dialog.states["modal"]) == ("dialog", "您还在学习吗？", True)
    assert "还剩" in dialog.description, dialog
    assert "正确选项可能不止一个" in dialog.description, dialog
    assert (group.role, group.name) == ("group", page.inner_text("[data-check=stem]"))
    stops = [stop for _ in range(8) if (stop := reader.next())]
    assert all(stop.facts["modal"] for stop in stops), "the focus stays in the dialog"
    assert small(stops) == []
    reader.to("checkbox", here.told.name)
    reader.press("Enter")
    assert page.is_visible("#check-dialog[data-stage=asking]"), "enter marks nothing and sends nothing"
    reader.press("Escape", "Escape", "Escape")
    page.wait_for_timeout(100)
    assert page.is_visible("#check-dialog[open]"), "the escape key is no answer"
    answer(handset, reader)
    reader.press("Enter")
    handset.wait_until(lambda: plays(handset), "the lesson to go on", timeout_s=10)
    reader.becomes("button", before.told.name)  # back where it was


def confirm_unasked(handset: Phone, reader: Reader) -> None:
    """Who wants to stop before a check comes asks for one."""
    page = handset.page

    before = handset.position_s()
    handset.wait_until(
        lambda: handset.asks() or handset.position_s() > before + 1.5, "some seconds to confirm", timeout_s=20
    )
    assert not handset.asks(), "the one before was passed a moment ago"
    reader.press("k")
    handset.wait_until(lambda: page.is_visible("[data-do=confirm]"), "what waits to be confirmed", timeout_s=10)
    reader.to("button", "立即确认")
    reader.press("Enter")
    handset.wait_until(lambda: reader.here().role == "checkbox", "the focus in the dialog", timeout_s=10)
    answer(handset, reader)
    reader.press("Enter")
    handset.wait_until(lambda: page.is_hidden("[data-do=confirm]"), "nothing to wait any more", timeout_s=10)
    reader.becomes("button", "播放")  # the button that was pressed went, and the focus came here
    assert not plays(handset), "who paused has paused"
    reader.press("Enter")
    handset.wait_until(lambda: plays(handset), "the lesson to go on", timeout_s=10)


def finish(school: School, handset: Phone, reader: Reader, learner: Learner) -> None:
    while school.believed(learner)["final"] < (LESSON_S - 1) * 1000:
        handset.wait_for_check(timeout_s=40)
        answer(handset, reader)
        reader.press("Enter")
    assert "22 秒" in reader.hear("本课已学完")
    reader.becomes("link", "返回课程")
    reader.press("Enter")
    reader.page.wait_for_url("**/courses/*")


def read_pages(handset: Phone, reader: Reader, *, count: int, whole_ms: int) -> None:
    """A lesson of pages: each read until it is told to be counted, then turned; a check is answered where it comes."""
    page = handset.page

    def counted() -> bool:
        return page.inner_text("[data-page-says]") != ""

    reader.round()
    require_reflow(page)
    skip(reader)
    reader.to("button", "开始阅读")
    reader.press("Enter")
    for number in range(1, count + 1):
        reader.becomes("heading", f"第{number}节")
        reader.announcements()
        while not counted():
            handset.wait_until(lambda: counted() or handset.asks(), "the page to count", timeout_s=30)
            if handset.asks():
                answer(handset, reader, whole_ms=whole_ms)
                reader.press("Enter")
        if number < count:
            reader.to("button", "下一页")
            reader.press("Enter")

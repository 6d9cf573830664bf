"""What a worker's keys do on the pages around a lesson: signing in, finding it, its test, the other language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elearn.courses.questions.kinds import Blank, Case, Content, Fill, Multiple, Option, Ordering, Single, TrueFalse
from tests.journeys.school import Learner, School
from tests.journeys.screen_reader import Reader
from tests.journeys.turning import arrive

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

COURSE, LESSON, TEST = "键盘也能学", "第一课：上岗之前", "键盘也能考"
ASKED: tuple[Content, ...] = (
    Single(
        stem="进配电房前先做什么？", options=tuple(map(Option, ("先合闸再说", "擦干鞋底", "看清指示灯"))), correct=2
    ),
    Multiple(stem="进配电房要穿戴哪些？", options=tuple(map(Option, ("绝缘手套", "凉鞋", "安全带"))), correct=(0, 2)),
    TrueFalse(stem="光脚可以进配电房。", correct=False),
    Fill(stem="有人触电，应先____。", blanks=(Blank(texts=("qie duan dian yuan",)),)),
    Ordering(stem="停电作业按先后排列。", lines=tuple(map(Option, ("断电", "验电", "挂牌上锁")))),
    Case(
        stem="有人未验电就打开柜门，被电弧灼伤。",
        parts=(
            Single(stem="直接原因是什么？", options=tuple(map(Option, ("没有验电", "没有吃早饭"))), correct=0),
            Multiple(
                stem="应采取哪些措施？", options=tuple(map(Option, ("先验电", "挂牌上锁", "一人作业"))), correct=(0, 1)
            ),
        ),
    ),
)  # fmt: skip
RIGHT = ("看清指示灯", "绝缘手套", "安全带", "错误")
WIDE = """() => [...document.querySelectorAll("main *")]
  .filter((one) => one.checkVisibility() && !one.closest(".sr") && one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 120))"""


def gone_to(page: Page, ending: str) -> None:
    page.wait_for_url(lambda url: url.endswith(ending))
    page.wait_for_load_state("load")


def sign_in(school: School, reader: Reader, learner: Learner) -> None:
    reader.page.goto(f"{school.base}/signin")
    here = reader.stop() or reader.to("textbox", "账号名或手机号")  # as a rule it waits there
    assert (here.told.role, here.told.name) == ("textbox", "账号名或手机号")
    reader.type(learner.sign_in.name)
    reader.press("Tab")
    assert reader.here().name == "密码"
    reader.type(learner.sign_in.password)
    reader.press("Enter")
    gone_to(reader.page, "/")


def skip(reader: Reader, named: str = "跳到正文") -> None:
    """The first stop of every page leads past what is on all of them."""
    first = reader.next()
    assert first, "nothing to stop at"
    assert (first.told.role, first.told.name) == ("link", named)
    reader.press("Enter")
    assert reader.here().role == "main"


def find_the_lesson(page: Page, reader: Reader) -> None:
    skip(reader)
    reader.to("link", "全部课时和课程")
    reader.press("Enter")
    gone_to(page, "/learn")
    skip(reader)
    reader.to("link", COURSE)
    reader.press("Enter")
    page.wait_for_url("**/courses/*")
    skip(reader)
    reader.to("link", LESSON)
    reader.press("Enter")
    page.wait_for_selector("[data-player][data-ready=true]")


def require_reflow(page: Page) -> None:
    """On 320 px, and with text of twice the size, all is read without scrolling sideways."""
    page.set_viewport_size({"width": 320, "height": 700})
    for size in ("", "200%"):
        page.evaluate("(size) => (document.documentElement.style.fontSize = size)", size)
        wide = page.evaluate(WIDE)
        assert page.evaluate("document.documentElement.scrollWidth <= 320"), (size, wide)
        assert wide == [], size
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size({"width": 360, "height": 800})


def begin_the_test(page: Page, reader: Reader) -> None:
    reader.to("link", "学习")
    reader.press("Enter")
    gone_to(page, "/learn")
    skip(reader)
    reader.to("link", "我的测验")
    reader.press("Enter")
    gone_to(page, "/tests")
    skip(reader)
    reader.to("button", "开始测验")
    reader.press("Enter")
    arrive(page, ".test .choice", seconds=15)
    assert TEST in page.title()


def asked(reader: Reader, place: int, stem: str) -> None:
    """A question was gone over to: it is told whole."""
    here = reader.here()
    assert f"第 {place} 题" in here.name, here
    assert stem in here.description, here


def answer_everything(page: Page, reader: Reader) -> None:
    reader.round()
    require_reflow(page)
    skip(reader)
    # One of several: arrows choose.
    reader.to("radio", "")
    group = reader.at("[data-question] [role=radiogroup]")
    assert group.name == ASKED[0].stem
    for _ in range(3):
        if reader.here().name == RIGHT[0] and reader.here().states["checked"] == "true":
            break
        reader.press("ArrowDown")
    assert reader.here().states["checked"] == "true"
    reader.hear("已保存")
    go_on(reader, 2, ASKED[1].stem)
    for name in RIGHT[1:3]:
        reader.to("checkbox", name, key="Tab")
        reader.press("Space")
        assert reader.here().states["checked"] == "true"
        reader.press("Shift+Tab", "Shift+Tab", "Shift+Tab")
    reader.hear("已保存")
    go_on(reader, 3, ASKED[2].stem)
    reader.to("radio", "")
    reader.press("ArrowDown")
    go_on(reader, 4, ASKED[3].stem)
    blank = reader.to("textbox", "第 1 空")
    assert ASKED[3].stem in blank.told.description
    reader.type("qie duan dian yuan")
    go_on(reader, 5, ASKED[4].stem)
    put_in_order(page, reader, ["断电", "验电", "挂牌上锁"])
    go_on(reader, 6, ASKED[5].stem)
    answer_the_case(page, reader)


def answer_the_case(page: Page, reader: Reader) -> None:
    """Each part says what it asks; the question is open until all of them are answered."""

    def told() -> str | None:
        return page.get_attribute("[data-grid] li:last-child button", "aria-label")

    first, second = (reader.at(f".parts > li:nth-child({place}) .choices") for place in (1, 2))
    assert (first.role, first.name) == ("radiogroup", "直接原因是什么？")
    assert (second.role, second.name) == ("group", "应采取哪些措施？")
    reader.to("radio", "")
    reader.press("Space")
    if reader.here().name != "没有验电":
        reader.press("ArrowDown")
    assert (reader.here().name, reader.here().states["checked"]) == ("没有验电", "true")
    reader.hear("已保存")
    assert told() == "6: 未答"
    for name in ("先验电", "挂牌上锁"):
        reader.to("checkbox", name)
        reader.press("Space")
        assert reader.here().states["checked"] == "true"
        reader.press("Shift+Tab", "Shift+Tab", "Shift+Tab")
    reader.hear("已保存")
    assert told() == "6: 已答"


def go_on(reader: Reader, place: int, stem: str) -> None:
    reader.to("button", "下一题")
    reader.press("Enter")
    asked(reader, place, stem)


def put_in_order(page: Page, reader: Reader, wanted: list[str]) -> None:
    """By the buttons beside the lines: each move says where the line stands now, and the focus stays with the line."""

    def lines() -> list[str]:
        shown = page.locator(".ordering > li:not(.keep)").all_inner_texts()
        return [text for line in shown for text in wanted if text in line]

    reader.to("button", "这个顺序是对的")  # it may be; the button goes when it is pressed
    reader.press("Enter")
    reader.becomes("button", f"下移：{lines()[0]}")
    if lines() == wanted:
        reader.press("Enter")
        reader.hear(f"{wanted[0]}：第 2 位，共 3 位")
    for rank, text in enumerate(wanted):
        while (place := lines().index(text)) > rank:
            if reader.here().name != f"上移：{text}":
                reader.to("button", f"上移：{text}")
            reader.press("Enter")
            reader.hear(f"{text}：第 {place} 位，共 3 位")
            reader.becomes("button", f"{'上' if place > 1 else '下'}移：{text}")
    reader.hear("已保存")


def hand_in(page: Page, reader: Reader) -> None:
    """The browser asks by a dialog of its own, whose keys Playwright does not reach: accepting it is the enter key."""
    sure: list[str] = []

    def accept(dialog: Dialog) -> None:
        sure.append(dialog.message)
        dialog.accept()

    page.on("dialog", accept)
    reader.to("button", "交卷")
    reader.press("Enter")
    arrive(page, "[data-ended]", seconds=15)
    assert sure == ["题目已全部作答。现在交卷吗？"]
    reader.hear("正在交卷")
    assert page.title() == f"已通过 · {TEST}", "the first that is told of the page"
    heading = reader.at("h1")
    assert (heading.role, heading.name) == ("heading", "已通过")
    reader.round()
    require_reflow(page)


def go_over_to_english(page: Page, reader: Reader) -> None:
    """What is Chinese on an English page says so, for the voice that reads it."""
    reader.to("link", "EN")
    assert page.evaluate("document.activeElement.lang") == "en"
    reader.press("Enter")
    arrive(page, "html[lang=en]", seconds=15)
    assert reader.at("h1").name == "Passed"
    assert page.evaluate("document.querySelector('.eyebrow').lang") == "zh-CN"
    reader.to("link", "Learn")
    reader.press("Enter")
    gone_to(page, "/learn")
    skip(reader, "Skip to content")
    reader.to("link", COURSE)
    reader.press("Enter")
    page.wait_for_url("**/courses/*")
    reader.to("link", LESSON)
    reader.press("Enter")
    page.wait_for_selector("[data-player][data-ready=true]")
    assert page.evaluate("document.querySelector('h1').lang") == "zh-CN"
    assert reader.at("[data-seek]").states["valuetext"].endswith(" s of 22 s")
    assert reader.at(".controls [data-do=toggle]").name == "Play"

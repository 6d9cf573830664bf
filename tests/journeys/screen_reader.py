"""A page as somebody meets it who presses keys and listens: what has the focus, what is told of it, what is announced.

What is told comes from Chromium's accessibility tree, which is what screen readers ask. What is announced is collected
as live regions change: only those that can be perceived, because whatever lies behind a dialog is silent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

MOST_STOPS = 60
LEAST_CONTRAST = 3.0
LEAST_TARGET = 44
STATES = ("checked", "pressed", "expanded", "disabled", "modal", "focused", "valuetext", "invalid")

ATTRIBUTE = "function () { return this.getAttribute('aria-valuetext'); }"

NOWHERE = "!document.activeElement || document.activeElement === document.body"

TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  scrollTo(0, 0);
}"""

LISTEN = """(() => {
  const LIVE = "[role=status], [role=alert], [aria-live=polite], [aria-live=assertive]";
  const last = new WeakMap();
  const silent = (region) => !region.checkVisibility() || region.closest("[inert], [aria-hidden=true], [aria-live=off]")
    || (document.querySelector("dialog:modal") && !region.closest("dialog:modal"));
  const regionsOf = (record) => {
    const from = record.target instanceof Element ? record.target : record.target.parentElement;
    const around = from?.closest(LIVE);
    return around ? [around] : record.type === "attributes" ? [...(from?.querySelectorAll(LIVE) ?? [])] : [];
  };
  new MutationObserver((records) => {
    for (const region of new Set(records.flatMap(regionsOf))) {
      const text = silent(region) ? "" : region.innerText.replace(/\\s+/g, " ").trim();
      if (text && last.get(region) !== text) window.isAnnounced(text);
      last.set(region, text);
    }
  }).observe(document, {subtree: true, childList: true, characterData: true, attributeFilter: ["hidden"]});
})()"""

STOP = """() => {
  const here = document.activeElement;
  if (!here || here === document.body || here === document.documentElement) return null;
  const shape = (one) => { const {x, y, width, height} = one.getBoundingClientRect(); return {x, y, width, height}; };
  const luminance = ([r, g, b]) => [r, g, b]
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const groundOf = (one) => {
    for (; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const marked = here.closest(".choice") ?? here;
  const style = getComputedStyle(marked);
  const inside = parseFloat(style.outlineOffset) < 0;
  const around = groundOf(inside ? marked : marked.parentElement);
  const [light, dark] = [numbers(style.outlineColor), around].map(luminance).sort((one, other) => other - one);
  const target = here.closest("label") ?? here;
  const box = shape(target);
  const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
  const middle = document.elementFromPoint(
    within(box.x + box.width / 2, innerWidth), within(box.y + box.height / 2, innerHeight));
  return {
    order: [...document.querySelectorAll("*")].indexOf(here), inMain: Boolean(here.closest("main")),
    modal: Boolean(here.closest("dialog:modal")), about: here.outerHTML.slice(0, 160),
    box, top: box.y + scrollY, bottom: box.y + box.height + scrollY,
    inText: here.tagName === "A" && getComputedStyle(here).display === "inline",
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    contrast: (light + 0.05) / (dark + 0.05),
    seen: Boolean(middle && (target.contains(middle) || middle.contains(target))),
  };
}"""


@dataclass(frozen=True, slots=True)
class Told:
    """What a screen reader says of one thing."""

    role: str
    name: str
    description: str
    value: str
    states: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the focus is, and what is told of it."""

    told: Told
    facts: dict[str, Any]


@dataclass(slots=True)
class Reader:
    """Presses keys, and nothing else; every stop of the focus on the way can be seen."""

    page: Page
    cdp: CDPSession
    announced: list[str] = field(default_factory=list)
    """What was not listened for yet."""
    transcript: list[str] = field(default_factory=list)
    """All that was announced, in order."""

    def listen(self, text: str) -> None:
        self.announced.append(text)
        self.transcript.append(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def here(self) -> Told:
        """What has the focus."""
        found = self.cdp.send("Runtime.evaluate", {"expression": "document.activeElement"})
        return self._told(found["result"]["objectId"])

    def becomes(self, role: str, name: str, *, seconds: float = 10) -> None:
        """The focus is on this in a moment, where it can be seen."""
        for _ in range(int(seconds * 20)):
            if self.page.evaluate(NOWHERE) is False and (self.here().role, self.here().name) == (role, name):
                break
            self.page.wait_for_timeout(50)
        here = self.stop()
        assert here, f"the focus was lost, not on {role} {name!r}"
        assert (here.told.role, here.told.name) == (role, name)

    def at(self, selector: str) -> Told:
        """What is told of something else on the page, for whoever reads on to it."""
        found = self.cdp.send("Runtime.evaluate", {"expression": f"document.querySelector({selector!r})"})
        assert "objectId" in found["result"], selector
        return self._told(found["result"]["objectId"])

    def _told(self, object_id: str) -> Told:
        asked = {"objectId": object_id, "fetchRelatives": False}
        (node,) = self.cdp.send("Accessibility.getPartialAXTree", asked)["nodes"][:1]
        states = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}

        def text(name: str) -> str:
            return str(node.get(name, {}).get("value", ""))

        kept = {name: value for name, value in states.items() if name in STATES}
        # Chromium tells screen readers the words that stand for a range's number, but its protocol only the number.
        asked = {"functionDeclaration": ATTRIBUTE, "objectId": object_id, "returnByValue": True}
        if spoken := self.cdp.send("Runtime.callFunctionOn", asked)["result"].get("value"):
            kept["valuetext"] = spoken
        return Told(text("role"), text("name"), text("description"), text("value"), kept)

    def stop(self) -> Stop | None:
        """Where the focus is now; None: nowhere. What has it can be seen to have it."""
        facts = self.page.evaluate(STOP)
        if facts is None:
            return None
        told = self.here()
        about = f"{told.role} {told.name!r}: {facts}"
        assert told.name, f"nameless: {about}"
        assert facts["outline"] >= 2, f"no outline: {about}"
        assert facts["contrast"] >= LEAST_CONTRAST, f"an outline that is hard to see: {about}"
        assert facts["seen"], f"something lies over it: {about}"
        return Stop(told, facts)

    def next(self, key: str = "Tab") -> Stop | None:
        self.press(key)
        return self.stop()

    def to(self, role: str, name: str, *, key: str = "Tab") -> Stop:
        """Press Tab until this has the focus."""
        passed = []
        for _ in range(MOST_STOPS):
            stop = self.next(key)
            if stop and stop.told.role == role and name in stop.told.name:
                return stop
            passed.append((stop.told.role, stop.told.name) if stop else None)
        raise AssertionError(f"no {role} {name!r} among {passed}")

    def round(self) -> list[Stop]:
        """Every stop once, from the top of the page to its end: in reading order, without a trap, large enough."""
        self.top()
        stops: list[Stop] = []
        while (stop := self.next()) and len(stops) < MOST_STOPS:
            if stops and stop.facts["order"] <= stops[0].facts["order"]:
                break
            stops.append(stop)
        assert 0 < len(stops) < MOST_STOPS, "the keyboard is trapped"
        for before, after in pairwise(stops):
            assert before.facts["order"] < after.facts["order"], f"{before} before {after}"
            if before.facts["inMain"] and after.facts["inMain"]:
                assert before.facts["top"] < after.facts["bottom"], f"{after} stands above {before}"
        assert small(stops) == []
        self.top()
        return stops

    def top(self) -> None:
        """As if the page had just come: the next stop is its first."""
        self.page.evaluate(TOP)

    def announcements(self) -> list[str]:
        """What was announced since this was last asked, in order."""
        self.page.wait_for_timeout(50)
        said, self.announced[:] = list(self.announced), []
        return said

    def hear(self, text: str, *, seconds: float = 10) -> str:
        """Wait until this is announced; answers the whole sentence. What came before it was heard too."""
        for _ in range(int(seconds * 10)):
            for place, said in enumerate(self.announced):
                if text in said:
                    del self.announced[: place + 1]
                    return said
            self.page.wait_for_timeout(100)
        raise AssertionError(f"not announced: {text!r}, but {self.announced}")


def small(stops: list[Stop]) -> list[str]:
    """Targets under 44 px that are no part of a sentence, nor shown to nobody but who tabs to them."""
    return [
        f"{one.told.role} {one.told.name!r}: {one.facts['box']}"
        for one in stops
        if min(one.facts["box"]["width"], one.facts["box"]["height"]) < LEAST_TARGET - 0.01 and not one.facts["inText"]
    ]


def reading(page: Page) -> Reader:
    """Listen to this page, and to all that it goes on to."""
    reader = Reader(page, page.context.new_cdp_session(page))
    page.expose_function("isAnnounced", lambda text: reader.listen(text))
    page.add_init_script(LISTEN)
    return reader

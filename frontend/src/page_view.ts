// What the learner sees of a page: its contents, the ring of time still to be counted, back and on.

import { duration, t } from "./messages";
import type { Page } from "./protocol";
import { mark, write } from "./tongue";
import { type View, drawArc } from "./view";

export class PageView {
  private said = "";

  constructor(private readonly view: View) {}

  show(page: Page, count: number): void {
    const { view } = this;
    const image = view.find<HTMLImageElement>("[data-page-image]");
    view.find("[data-page-number]").textContent = t("Page {number} of {count}", { number: page.index + 1, count });
    write(view.find("[data-page-title]"), page.title);
    view.find("[data-page-text]").innerHTML = page.html;
    mark(view.find("[data-page-text]"), page.html);
    image.hidden = page.image === null;
    image.alt = page.title;
    if (page.image === null) image.removeAttribute("src");
    else image.src = page.image;
    const box = view.find("[data-page]");
    box.hidden = false;
    box.scrollTop = 0;
    view.find("[data-page-bar]").hidden = false;
    view.root.scrollIntoView({ block: "start" });
    view.find("[data-page-title]").focus({ preventScroll: true });
    this.say("");
  }

  /** `leftMs` of the page's `wholeMs` are not read yet; `counted`: the server believes all of it. */
  time(leftMs: number, wholeMs: number, counted: boolean): void {
    drawArc(this.view.find("[data-page-ring]"), counted ? 1 : 1 - leftMs / wholeMs);
    // Rounded up: "0 s still to be counted" would look stuck.
    const left = duration(Math.ceil(leftMs / 1000) * 1000);
    this.view.find("[data-page-left]").textContent = counted ? "" : t("{time} of this page still to be counted", { time: left });
    this.say(counted ? t("This page is counted.") : "");
  }

  buttons(first: boolean, last: boolean, open: boolean): void {
    this.view.find<HTMLButtonElement>("[data-do=back]").disabled = first;
    const next = this.view.find<HTMLButtonElement>("[data-do=next]");
    next.hidden = last;
    // Not `disabled`: who comes there by keyboard or screen reader is told why it does not open yet.
    next.setAttribute("aria-disabled", String(!open));
  }

  idle(on: boolean): void {
    this.view.find("[data-page-bar]").dataset["idle"] = String(on);
  }

  /** Said once, also to a screen reader. */
  private say(text: string): void {
    if (text === this.said) return;
    this.said = text;
    this.view.find("[data-page-says]").textContent = text;
  }
}

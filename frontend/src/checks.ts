// The presence check's dialog: a question, any subset of its options, a countdown, two tries.

import { hideModal, showModal } from "./dialogs";
import { duration, t } from "./messages";
import type { Check, CheckOutcome } from "./protocol";

export type After = "passed" | "again" | "closed";

const RIGHT = "Right! {time} of this lesson is final.";
const WRONG = "That was not right. You go back to the last passed check and answer a new question to go on.";
const RAN_OUT = "The time ran out. You go back to the last passed check and answer a new question to go on.";

interface Parts {
  title: HTMLElement;
  intro: HTMLElement;
  stem: HTMLElement;
  options: HTMLElement;
  says: HTMLElement;
  time: HTMLElement;
  tries: HTMLElement;
  go: HTMLButtonElement;
  later: HTMLButtonElement;
}

export class CheckDialog {
  private readonly parts: Parts;

  constructor(private readonly dialog: HTMLDialogElement) {
    const part = <T extends HTMLElement>(name: string): T => {
      const found = dialog.querySelector<T>(`[data-check=${name}]`);
      if (!found) throw new Error(`the page lacks the check's ${name}`);
      return found;
    };
    this.parts = {
      title: part("title"),
      intro: part("intro"),
      stem: part("stem"),
      options: part("options"),
      says: part("says"),
      time: part("time"),
      tries: part("tries"),
      go: part("go"),
      later: part("later"),
    };
    // A check is answered or runs out; the escape key is no answer.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
  }

  /** Put `check`; `leftMs` is how long it may still be answered. Resolves with what the learner chose to do next. */
  async run(check: Check, leftMs: number, send: (answer: number[]) => Promise<CheckOutcome>): Promise<After> {
    this.ask(check);
    const ends = performance.now() + leftMs;
    for (let tries = check.tries_left; ; ) {
      this.showTries(tries);
      const answer = await this.answer(ends);
      if (answer === null) return this.close(t(RAN_OUT), "bad", t("New question"), "again");
      this.busy(true);
      const outcome = await send(answer).finally(() => this.busy(false));
      switch (outcome.outcome) {
        case "passed":
          return this.close(t(RIGHT, { time: duration(outcome.final_ms) }), "good", t("Go on"), "passed");
        case "failed":
          return this.close(t(WRONG), "bad", t("New question"), "again");
        case "expired":
          return this.close(t(RAN_OUT), "bad", t("New question"), "again");
        case "try_again":
          tries = outcome.tries_left ?? tries - 1;
          this.say(t("Not quite. Look again: one more try."), "bad");
          this.boxes().forEach((box) => (box.checked = false));
          this.boxes()[0]?.focus();
      }
    }
  }

  dismiss(): void {
    hideModal(this.dialog);
  }

  private ask(check: Check): void {
    const { title, intro, stem, options, go, later } = this.parts;
    title.textContent = t("Are you still with us?");
    intro.textContent = t("One question about what you just watched. More than one answer may be right.");
    intro.hidden = stem.hidden = options.hidden = false;
    stem.textContent = check.stem;
    options.replaceChildren(
      ...check.options.map((option) => {
        const label = document.createElement("label");
        const box = document.createElement("input");
        const text = document.createElement("span");
        label.className = "choice";
        box.type = "checkbox";
        box.value = String(option.id);
        text.textContent = option.text;
        label.append(box, text);
        return label;
      }),
    );
    go.textContent = t("Send the answer");
    later.hidden = true;
    this.say("", null);
    this.dialog.dataset["stage"] = "asking";
    showModal(this.dialog);
    this.boxes()[0]?.focus();
  }

  /** The marked options once sent; null when the time is over and nothing was marked. */
  private answer(ends: number): Promise<number[] | null> {
    const { go, time } = this.parts;
    return new Promise((resolve) => {
      const done = (value: number[] | null): void => {
        clearInterval(timer);
        go.onclick = null;
        resolve(value);
      };
      const look = (): void => {
        const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
        time.textContent = t("{seconds} seconds left", { seconds: left });
        time.classList.toggle("urgent", left <= 10);
        if (left > 0) return;
        const marked = this.marked();
        done(marked.length > 0 ? marked : null);
      };
      const timer = setInterval(look, 250);
      look();
      go.onclick = () => {
        const marked = this.marked();
        if (marked.length === 0) this.say(t("Mark at least one answer."), "bad");
        else done(marked);
      };
    });
  }

  private close(text: string, tone: "good" | "bad", next: string, after: After): Promise<After> {
    const { intro, stem, options, time, tries, go, later } = this.parts;
    intro.hidden = stem.hidden = options.hidden = true;
    time.textContent = tries.textContent = "";
    this.say(text, tone);
    this.dialog.dataset["stage"] = "told";
    go.textContent = next;
    later.textContent = t("Close");
    later.hidden = after === "passed";
    go.focus();
    return new Promise((resolve) => {
      const done = (value: After): void => {
        go.onclick = later.onclick = null;
        hideModal(this.dialog);
        resolve(value);
      };
      go.onclick = () => done(after);
      later.onclick = () => done("closed");
    });
  }

  private boxes(): HTMLInputElement[] {
    return [...this.parts.options.querySelectorAll("input")];
  }

  private marked(): number[] {
    return this.boxes()
      .filter((box) => box.checked)
      .map((box) => Number(box.value));
  }

  private busy(on: boolean): void {
    this.parts.go.disabled = on;
  }

  private say(text: string, tone: "good" | "bad" | null): void {
    this.parts.says.textContent = text;
    this.parts.says.dataset["tone"] = tone ?? "";
  }

  private showTries(tries: number): void {
    this.parts.tries.textContent = tries === 1 ? t("1 try left") : t("{count} tries left", { count: tries });
  }
}

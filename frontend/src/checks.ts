// The presence check's dialog: what is asked, a countdown, two tries, another way when there is one.

import { hideModal, showModal } from "./dialogs";
import { duration, t } from "./messages";
import type { Check, CheckOutcome, Said } from "./protocol";
import { write } from "./tongue";
import { canPut, insteadOf, type Method, type Way, wayOf } from "./ways";

/** What comes next; a method: the learner wants to confirm that way. */
export type After = "passed" | "again" | "closed" | { method: Method };

const RIGHT = "Right! {time} of this lesson is final.";
const WRONG = "That was not right. You go back to the last passed check and answer a new question to go on.";
const RAN_OUT = "The time ran out. You go back to the last passed check and answer a new question to go on.";

/** Seconds before the end that are said to who cannot see the countdown. */
const SAID_AT_S = [30, 10];

interface Parts {
  title: HTMLElement;
  intro: HTMLElement;
  stem: HTMLElement;
  options: HTMLElement;
  ways: HTMLElement;
  says: HTMLElement;
  time: HTMLElement;
  /** How long is left, said when little is. */
  left: HTMLElement;
  tries: HTMLElement;
  go: HTMLButtonElement;
  later: HTMLButtonElement;
}

export class CheckDialog {
  private readonly parts: Parts;
  /** Ends what the learner is waited for. */
  private drop = (): void => undefined;
  private dropped = false;
  /** It stays open until this page closes it. */
  private wanted = false;

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
      ways: part("ways"),
      says: part("says"),
      time: part("time"),
      left: part("left"),
      tries: part("tries"),
      go: part("go"),
      later: part("later"),
    };
    // A check is answered or runs out: the escape key is no answer, nor is a phone's way back. What cannot be cancelled
    // a second time (browsers see to it that no dialog holds anybody) opens again. Enter on an option submits nothing.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("submit", (event) => event.preventDefault());
    dialog.addEventListener("close", () => this.wanted && showModal(dialog));
  }

  /** Put `check`; `leftMs` is how long it may still be answered. Resolves with what the learner chose to do next. */
  async run(check: Check, leftMs: number, send: (said: Said) => Promise<CheckOutcome>): Promise<After> {
    const way = wayOf(check);
    this.dropped = false;
    this.ask(way, check);
    const ends = performance.now() + leftMs;
    for (let tries = check.tries_left; ; ) {
      this.showTries(tries);
      const said = await this.answer(way, ends);
      if (this.dropped) return "closed";
      if (said === null) return this.close(t(RAN_OUT), "bad", t("New question"), "again");
      if ("method" in said) return said;
      this.busy(true);
      const outcome = await send(said).finally(() => this.busy(false));
      if (this.dropped) return "closed";
      switch (outcome.outcome) {
        case "passed":
          return this.close(t(RIGHT, { time: duration(outcome.final_ms) }), "good", t("Go on"), "passed");
        case "failed":
          return this.close(t(WRONG), "bad", t("New question"), "again");
        case "expired":
          return this.close(t(RAN_OUT), "bad", t("New question"), "again");
        case "withdrawn":
          return "again";
        case "try_again":
          tries = outcome.tries_left ?? tries - 1;
          this.parts.ways.replaceChildren(); // begun is begun
          this.say(way.wrong, "bad");
          way.clear();
      }
    }
  }

  /** Whoever waits for it is answered that it was closed. */
  dismiss(): void {
    this.dropped = true;
    this.drop();
    this.hide();
  }

  private hide(): void {
    this.wanted = false;
    hideModal(this.dialog);
  }

  private ask(way: Way, check: Check): void {
    const { title, intro, stem, options, ways, go, later } = this.parts;
    title.textContent = t("Are you still with us?");
    intro.textContent = way.intro;
    intro.hidden = stem.hidden = options.hidden = ways.hidden = false;
    write(stem, way.stem);
    const first = way.draw(options);
    ways.replaceChildren(
      ...(check.methods ?? [])
        .filter((method) => method !== check.kind)
        .filter(canPut)
        .map((method) => {
          const button = document.createElement("button");
          button.type = "button";
          button.className = "button plain wide";
          button.value = method;
          button.textContent = insteadOf(method);
          return button;
        }),
    );
    go.textContent = way.go;
    later.hidden = true;
    this.say("", null);
    this.dialog.dataset["stage"] = "asking";
    this.dialog.dataset["kind"] = check.kind;
    this.wanted = true;
    showModal(this.dialog);
    (first ?? go).focus();
  }

  /** What was given once sent, or the way chosen instead; null when the time is over and nothing was given. */
  private answer(way: Way, ends: number): Promise<Said | { method: Method } | null> {
    const { go, time, left: saidLeft, ways } = this.parts;
    return new Promise((resolve, reject) => {
      const done = (value: Said | { method: Method } | null): void => {
        clearInterval(timer);
        go.onclick = ways.onclick = null;
        resolve(value);
      };
      const look = (): void => {
        const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
        time.textContent = t("{seconds} seconds left", { seconds: left });
        if (SAID_AT_S.includes(left) && saidLeft.textContent !== time.textContent) saidLeft.textContent = time.textContent;
        time.classList.toggle("urgent", left <= 10);
        if (left === 0) done(way.given());
      };
      this.drop = () => done(null);
      const timer = setInterval(look, 250);
      look();
      go.onclick = () => {
        this.busy(true);
        way
          .read(ends - performance.now())
          .then((said) => (said === null ? this.say(way.nothing, "bad") : done(said)), reject)
          .finally(() => this.busy(false));
      };
      ways.onclick = (event) => {
        const method = event.target instanceof HTMLButtonElement ? event.target.value : "";
        if (canPut(method)) done({ method });
      };
    });
  }

  private close(text: string, tone: "good" | "bad", next: string, after: After): Promise<After> {
    const { intro, stem, options, ways, time, left, tries, go, later } = this.parts;
    intro.hidden = stem.hidden = options.hidden = ways.hidden = true;
    time.textContent = left.textContent = tries.textContent = "";
    this.say(text, tone);
    this.dialog.dataset["stage"] = "told";
    go.textContent = next;
    later.textContent = t("Close");
    later.hidden = after === "passed";
    go.focus();
    return new Promise((resolve) => {
      const done = (value: After): void => {
        go.onclick = later.onclick = null;
        this.hide();
        resolve(value);
      };
      go.onclick = () => done(after);
      later.onclick = () => done("closed");
      this.drop = () => done("closed");
    });
  }

  private busy(on: boolean): void {
    this.parts.go.disabled = on;
    for (const button of this.parts.ways.querySelectorAll("button")) button.disabled = on;
  }

  private say(text: string, tone: "good" | "bad" | null): void {
    this.parts.says.textContent = text;
    this.parts.says.dataset["tone"] = tone ?? "";
  }

  private showTries(tries: number): void {
    this.parts.tries.textContent = tries === 1 ? t("1 try left") : t("{count} tries left", { count: tries });
  }
}

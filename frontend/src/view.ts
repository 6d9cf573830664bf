// What the learner sees and touches: the control bar, the marked track, the ring, notices and covers.
// The page (lesson.html) brings the elements; they are found by their data- names.

import { type Message, clock, duration, t } from "./messages";
import type { Receipt, RefusalClass, State, Stretch } from "./protocol";
import { leaveFull } from "./screen";
import { Telling } from "./telling";

/** What is shown of where things stand; the page itself knows most of it before a sitting opens. */
export type Known = Pick<State, "spans" | "pending_ms" | "final_ms" | "frontier_ms" | "complete"> & { held?: boolean };

const EXPLAIN: Record<RefusalClass, readonly [Message, Message]> = {
  jumped_ahead: ["You jumped ahead", "Only what is studied in order counts, so we went back to where you had got to."],
  too_fast: ["Too fast", "This part went by faster than time passed. Go on at normal speed from the marked place."],
  playing_elsewhere: [
    "Continued on another device",
    "The lesson is now open elsewhere. What you studied here before that counts.",
  ],
  hidden: [
    "Out of sight",
    "The lesson ran while this page was hidden or untouched, so that part did not count. Keep the page in front and study it again.",
  ],
  check_missed: [
    "A check was missed",
    "Time since the last passed check does not count. Answer a check, then go on from the marked place.",
  ],
  limit_reached: [
    "A limit was reached",
    "There is a limit for one day and for study without network. Connect and go on from the marked place; if today is full, go on tomorrow.",
  ],
  device_problem: [
    "This device could not be confirmed",
    "Its last report did not fit. Reload the page and go on from the marked place. If it happens again, use another browser.",
  ],
};

const NOTICE_MS = 12_000;
const MINUTE_MS = 60_000;
const SAME_NOTICE_MS = 15_000;
const RING = 2 * Math.PI * 52;

export interface Cover {
  title: string;
  text: string;
  action?: { label: string; run: () => void };
  other?: { label: string; href: string };
  tone?: "good" | "bad";
}

export class View {
  private readonly found = document.querySelector<HTMLVideoElement>("[data-player] video");
  readonly root: HTMLElement;
  private readonly said = new Map<string, number>();
  private readonly telling = new Telling();
  private scrubbing = false;
  private durationMs = 0;

  constructor() {
    this.root = this.find("[data-player]");
  }

  /** A lesson of pages has none. */
  get video(): HTMLVideoElement {
    if (!this.found) throw new Error("the page lacks a video");
    return this.found;
  }

  /** Whatever plays stops. */
  pause(): void {
    this.found?.pause();
  }

  /** A dialog comes: whatever plays stops, and leaves the full screen. */
  rest(): void {
    this.pause();
    if (this.found) leaveFull(this.found);
  }

  /** How long the whole lesson is. */
  lasts(durationMs: number): void {
    this.durationMs = durationMs;
  }

  find<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = document.querySelector<T>(selector);
    if (!found) throw new Error(`the page lacks ${selector}`);
    return found;
  }

  on(name: string, action: () => void): void {
    for (const button of document.querySelectorAll<HTMLElement>(`[data-do=${name}]`)) {
      button.addEventListener("click", action);
    }
  }

  // -- the control bar

  playing(on: boolean): void {
    const leaves = on && document.activeElement?.matches(".stage-play");
    this.root.dataset["playing"] = String(on);
    if (leaves) this.focusOnPlay();
    const label = on ? t("Pause") : t("Play");
    for (const button of this.root.querySelectorAll("[data-do=toggle]")) button.setAttribute("aria-label", label);
  }

  muted(on: boolean): void {
    this.root.dataset["muted"] = String(on);
    this.find("[data-do=mute]").setAttribute("aria-label", on ? t("Sound on") : t("Mute"));
  }

  /** The seek bar. `onSeek` gets milliseconds when the learner lets go. */
  seekBar(durationMs: number, onSeek: (ms: number) => void): void {
    const bar = this.find<HTMLInputElement>("[data-seek]");
    this.lasts(durationMs);
    bar.disabled = false;
    bar.max = String(durationMs);
    bar.oninput = () => {
      this.scrubbing = true;
      this.time(Number(bar.value), durationMs, true);
    };
    bar.onchange = () => {
      this.scrubbing = false;
      onSeek(Number(bar.value));
    };
  }

  /** `moved`: the learner went there, or it stands still; else the lesson plays on. */
  position(ms: number, durationMs: number, moved = false): void {
    if (this.scrubbing) return;
    this.find<HTMLInputElement>("[data-seek]").value = String(ms);
    this.time(ms, durationMs, moved || this.found?.paused !== false);
  }

  private time(ms: number, durationMs: number, moved: boolean): void {
    const bar = this.find<HTMLInputElement>("[data-seek]");
    const said = t("{at} of {whole}", { at: duration(ms), whole: duration(durationMs) });
    // Where the focus is, each new value is read out: while it plays, not every second.
    if (moved || document.activeElement !== bar || ms % MINUTE_MS < 1000) setNew(bar, "aria-valuetext", said);
    bar.style.setProperty("--at", `${durationMs > 0 ? (ms / durationMs) * 100 : 0}%`);
    this.find("[data-time]").textContent = `${clock(ms)} / ${clock(durationMs)}`;
  }

  /** The captions' language, `shown` being what it calls itself and its code; null: none are shown. */
  captions(shown: readonly [string, string] | null): void {
    const button = this.find("[data-do=captions]");
    const code = shown ? shown[1].toUpperCase() : "CC";
    const name = shown ? t("Captions: {language}", { language: shown[0] }) : t("Captions");
    button.setAttribute("aria-pressed", String(shown !== null));
    button.setAttribute("aria-label", `${name} (${code})`);
    button.textContent = code;
    this.announce(shown ? name : "");
  }

  /** Fill a select; hidden when there is no choice. */
  choices(name: string, options: readonly (readonly [string, string])[], chosen: string, pick: (v: string) => void): void {
    const select = this.find<HTMLSelectElement>(`[data-choice=${name}]`);
    select.replaceChildren(...options.map(([value, label]) => new Option(label, value, false, value === chosen)));
    select.onchange = () => pick(select.value);
    (select.closest<HTMLElement>("[data-choice-box]") ?? select).hidden = options.length < 2;
  }

  /** `pick` gets an index into `labels`; -1 lets the player choose. */
  qualities(labels: readonly string[], pick: (index: number) => void): void {
    const options = [["-1", t("Auto")] as const, ...labels.map((label, index) => [String(index), label] as const)];
    this.choices("quality", labels.length > 1 ? options : [], "-1", (value) => pick(Number(value)));
  }

  // -- what counts

  progress(state: Known): void {
    const whole = this.durationMs;
    const { final_ms: final, pending_ms: pending } = state;
    const mark = ([from, to]: Stretch, kind: string): HTMLElement => {
      const stretch = document.createElement("i");
      stretch.className = kind;
      stretch.style.left = `${(from / whole) * 100}%`;
      stretch.style.width = `${((to - from) / whole) * 100}%`;
      return stretch;
    };
    const frontier = document.createElement("i");
    frontier.className = "frontier";
    frontier.style.left = `${(state.frontier_ms / whole) * 100}%`;
    this.find("[data-track]").replaceChildren(
      ...state.spans.final.map((span) => mark(span, "final")),
      ...state.spans.pending.map((span) => mark(span, "pending")),
      ...(state.complete || state.frontier_ms === 0 ? [] : [frontier]),
    );
    this.arc("final", final, 0, whole);
    this.arc("pending", pending, final, whole);
    this.find("[data-percent]").textContent = `${Math.floor(((final + pending) * 100) / whole)}%`;
    this.find("[data-final]").textContent = t("{time} final", { time: duration(final) });
    const waiting = this.find("[data-pending]");
    waiting.textContent = t("{time} waiting for a check", { time: duration(pending) });
    waiting.hidden = pending < 1000;
    const left = this.find("[data-left]");
    left.textContent = t("{left} left to study", { left: duration(Math.max(0, whole - state.frontier_ms)) });
    left.hidden = whole - state.frontier_ms < 1000;
    this.find("[data-advice]").textContent = advice(state, left.hidden);
    const confirm = this.find("[data-do=confirm]");
    const goes = pending < 1000 && !state.held;
    if (goes && document.activeElement === confirm) this.focusOnPlay();
    confirm.hidden = goes;
    confirm.textContent = state.held ? t("Answer now") : t("Confirm now");
    const speaking = !this.found?.paused; // a page of text is read all the time
    const said = this.telling.of(state, Math.max(0, whole - state.frontier_ms), speaking);
    if (said !== null) this.announce(said);
  }

  private arc(kind: string, ms: number, afterMs: number, whole: number): void {
    const circle = document.querySelector<SVGCircleElement>(`[data-ring=${kind}]`);
    if (circle) drawArc(circle, whole > 0 ? Math.min(1, ms / whole) : 0, whole > 0 ? afterMs / whole : 0);
  }

  // -- telling

  /** Said to who listens, and shown nowhere. */
  private announce(text: string): void {
    this.find("[data-announce]").textContent = text;
  }

  explain(why: RefusalClass): void {
    const [title, text] = EXPLAIN[why];
    this.notice(t(title), t(text), "warn");
  }

  /** What became of reports, where it was not what the learner expects. */
  results({ results, ended }: Receipt): void {
    for (const { outcome, class: why } of results) {
      // "Continued elsewhere" lies over the video already.
      if (why === "playing_elsewhere" && ended) continue;
      if (why && (outcome === "refused" || outcome === "partly")) this.explain(why);
    }
  }

  /** A notice under the video; the same one not twice within a short time. */
  notice(title: string, text: string, tone: "warn" | "info" | "good" = "info"): void {
    const last = this.said.get(title) ?? -Infinity;
    if (performance.now() - last < SAME_NOTICE_MS) return;
    this.said.set(title, performance.now());
    const box = document.createElement("div");
    const strong = document.createElement("strong");
    const line = document.createElement("p");
    const put = document.createElement("button");
    box.className = `notice ${tone}`;
    strong.textContent = title;
    line.textContent = text;
    put.type = "button";
    put.className = "icon-button";
    put.dataset["dismiss"] = "";
    put.setAttribute("aria-label", t("Close"));
    put.textContent = "×";
    box.append(strong, line, put);
    const place = this.find("[data-notices]");
    place.prepend(box);
    while (place.children.length > 3) place.lastElementChild?.remove();
    setTimeout(() => this.putAway(box), NOTICE_MS);
  }

  /** Nothing goes from under the finger of who is about to close it. */
  private putAway(box: HTMLElement): void {
    if (box.contains(document.activeElement)) setTimeout(() => this.putAway(box), NOTICE_MS);
    else box.remove();
  }

  network(text: string | null): void {
    const badge = this.find("[data-network]");
    badge.hidden = text === null;
    if (text !== null && badge.textContent !== text) badge.textContent = text;
  }

  busy(text: string | null): void {
    this.find("[data-busy]").hidden = text === null;
    this.find("[data-busy-text]").textContent = text ?? "";
  }

  /** Something lies over the video and wants a decision. */
  cover(cover: Cover | null): void {
    const box = this.find("[data-cover]");
    const left = cover === null && box.contains(document.activeElement);
    box.hidden = cover === null;
    this.root.dataset["covered"] = String(cover !== null);
    if (left) this.focusOnPlay();
    if (!cover) return;
    box.dataset["tone"] = cover.tone ?? "";
    this.find("[data-cover-title]").textContent = cover.title;
    this.find("[data-cover-text]").textContent = cover.text;
    const button = this.find<HTMLButtonElement>("[data-cover-action]");
    button.hidden = !cover.action;
    if (cover.action) {
      button.textContent = cover.action.label;
      button.onclick = cover.action.run;
    }
    const link = this.find<HTMLAnchorElement>("[data-cover-link]");
    link.hidden = !cover.other;
    if (cover.other) {
      link.textContent = cover.other.label;
      link.href = cover.other.href;
    }
    (cover.action && cover.tone !== "good" ? button : cover.other ? link : button).focus({ preventScroll: true });
  }

  /** What had the focus is gone: it is not lost, but where the learner goes on. */
  keepFocus(): void {
    const here = document.activeElement;
    // A browser takes the focus from what is not shown any more only when it draws again.
    if (!here || here === document.body || here.getClientRects().length === 0) this.focusOnPlay();
  }

  private focusOnPlay(): void {
    const place = this.root.querySelector<HTMLElement>(".controls [data-do=toggle], [data-page-title]");
    place?.focus({ preventScroll: true });
  }
}

/** Only what is new: an attribute that is set is told again, whatever it was. */
function setNew(element: HTMLElement, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Show `share` of a ring, 0 to 1, beginning where `after` of it ends. */
export function drawArc(circle: ElementCSSInlineStyle, share: number, after = 0): void {
  circle.style.strokeDasharray = `${share * RING} ${RING}`;
  circle.style.strokeDashoffset = `${-after * RING}`;
  circle.style.visibility = share > 0 ? "visible" : "hidden";
}

function advice(state: Known, watched: boolean): string {
  if (state.held) return t(EXPLAIN.check_missed[1]);
  if (state.complete) return t("Confirmed. This lesson is complete.");
  if (watched && state.pending_ms > 0) return t("Everything is studied. One check makes it final.");
  if (state.pending_ms === 0 && state.final_ms === 0) return t("Nothing studied yet");
  return t("Time studied becomes final when you pass a short check.");
}

// A running test: one question at a time, answers kept on this device until the server has them.
//
// Every answer gets a number, counted up over the whole attempt. What was not confirmed yet stands in localStorage and is
// sent again and again; the server keeps the highest number of each question, so nothing is lost and nothing goes back,
// however the network behaves. The clock is the server's: the page knows how far it was when it came.

import { type Answer, type Shown, drawn, made } from "./answering";

interface Given {
  place: number;
  n: number;
  answer: Answer;
}

interface Config {
  attempt: string;
  csrf: string;
  now_ms: number;
  deadline_ms: number;
  grace_ms: number;
  questions: Shown[];
  saved: Given[];
  urls: { save: string; submit: string; result: string };
  texts: Record<string, string>;
}

const SOON_MS = 700;
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000];
const TIMEOUT_MS = 12_000;

const raw = document.getElementById("test-config")?.textContent;
if (raw) run(JSON.parse(raw) as Config);

function run(config: Config): void {
  const began = performance.now();
  const leftMs = () => config.deadline_ms - config.now_ms - (performance.now() - began);
  const name = `elearn-test-${config.attempt}`;
  const say = (key: string, facts: Record<string, string | number> = {}) =>
    (config.texts[key] ?? key).replace(/\{(\w+)\}/g, (_, fact: string) => String(facts[fact] ?? ""));
  const find = <T extends HTMLElement>(what: string) => document.querySelector<T>(`[data-${what}]`)!;

  const words = { say, announce: (text: string) => void (find("moved").textContent = text) };

  const given = new Map<number, Given>();
  const unsent = new Set<number>();
  let counted = 0;
  let lasting = true;
  let here = 0;
  let over = false;
  let handing = false;
  let sending = false;
  let failures = 0;
  let timer = 0;

  for (const one of config.saved) given.set(one.place, one);
  for (const one of restored()) {
    const known = given.get(one.place);
    if (known && known.n >= one.n) continue;
    given.set(one.place, one);
    unsent.add(one.place);
  }
  for (const one of given.values()) counted = Math.max(counted, one.n);

  function restored(): Given[] {
    try {
      return (JSON.parse(localStorage.getItem(name) ?? "[]") as Given[]).filter(
        (one) => config.questions[one.place] !== undefined,
      );
    } catch {
      return [];
    }
  }

  function keep(): void {
    try {
      const waiting = [...unsent].map((place) => given.get(place));
      if (waiting.length) localStorage.setItem(name, JSON.stringify(waiting));
      else localStorage.removeItem(name);
    } catch {
      lasting = false; // a private window: the answers live as long as this page
    }
  }

  function give(place: number, answer: Answer): void {
    counted += 1;
    given.set(place, { place, n: counted, answer });
    unsent.add(place);
    keep();
    mark();
    says("saving");
    soon(SOON_MS);
  }

  // --- sending --------------------------------------------------------------------------------------------------------

  function soon(ms: number): void {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void send(), ms);
  }

  async function send(): Promise<void> {
    if (sending || over || (!unsent.size && !handing)) return;
    sending = true;
    const last = handing; // it may be asked for while answers are on their way: they come first, then this
    const batch = [...unsent].map((place) => given.get(place)!);
    try {
      const response = await post(last ? config.urls.submit : config.urls.save, batch);
      if (response.status === 401 || response.status === 403) {
        failures += 1;
        says("signin");
        soon(RETRY_MS[RETRY_MS.length - 1]!);
        return;
      }
      if (response.ok && last) return leave();
      if (response.status === 409 || response.status === 404) return leave();
      if (!response.ok) throw new Error(String(response.status));
      const { kept } = (await response.json()) as { kept: Record<string, number> };
      failures = 0;
      for (const one of batch) {
        if ((kept[String(one.place)] ?? 0) >= one.n && given.get(one.place)?.n === one.n) unsent.delete(one.place);
      }
      // Another tab or phone answered later: its count is the one to go on from.
      for (const n of Object.values(kept)) counted = Math.max(counted, n);
      keep();
      if (handing) return soon(0);
      says(unsent.size ? "saving" : "saved");
      if (unsent.size) soon(SOON_MS);
    } catch {
      failures += 1;
      if (leftMs() < -config.grace_ms) {
        says("late");
        if (navigator.onLine) return leave();
      } else says(lasting ? "kept" : "unkept");
      soon(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]!);
    } finally {
      sending = false;
    }
  }

  function post(url: string, answers: Given[]): Promise<Response> {
    const stop = new AbortController();
    const timeout = window.setTimeout(() => stop.abort(), TIMEOUT_MS);
    const body = JSON.stringify({ answers });
    return fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": config.csrf },
      body,
      keepalive: body.length < 60_000,
      signal: stop.signal,
    }).finally(() => window.clearTimeout(timeout));
  }

  function leave(): void {
    over = true;
    try {
      localStorage.removeItem(name);
    } catch {
      // nothing was kept
    }
    location.replace(config.urls.result);
  }

  function handIn(key: string): void {
    handing = true;
    // Nothing can be pressed any more; what becomes of it is still said, so the lines that say it stay.
    const spoken = [find("says"), find("minutes")];
    for (const part of document.querySelectorAll("[data-test] > *")) {
      if (!spoken.some((line) => part.contains(line))) part.setAttribute("inert", "");
    }
    says(key);
    soon(0);
  }

  function says(key: string): void {
    // What lasts a moment is shown and not spoken: it would be said at every answer, and again when it is over.
    const line = find("says");
    const text = say(key);
    const passing = key === "saving";
    find("saving").textContent = passing ? text : "";
    if (passing) line.textContent = "";
    else if (line.textContent !== text) line.textContent = text;
    line.dataset["state"] = key;
  }

  window.addEventListener("online", () => soon(0));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") void send();
    else tick();
  });

  // --- the question on the screen -------------------------------------------------------------------------------------

  /** Whether nothing of a question is left open: each part of a case, each blank. */
  function isAnswered(question: Shown, answer: Answer | undefined): boolean {
    if (answer === null || answer === undefined) return false;
    if (!Array.isArray(answer)) return true;
    if (question.kind === "case") {
      return (question.parts ?? []).every((part, place) => isAnswered(part, (answer as Answer[])[place]));
    }
    if (question.kind !== "fill") return answer.length > 0;
    return answer.length === question.blanks && (answer as string[]).every((text) => text.trim());
  }

  /** Go over to a question: who listens hears which it is, and what it asks. */
  function goTo(place: number): void {
    open(place);
    const box = find("question");
    box.focus({ preventScroll: true });
    if (box.getBoundingClientRect().top < 0) box.scrollIntoView();
  }

  function open(place: number): void {
    here = Math.max(0, Math.min(config.questions.length - 1, place));
    const question = config.questions[here]!;
    const box = find("question");
    const points = (question.points_milli ?? 0) / 1000;
    find("place").textContent = `${say("question", { at: here + 1, whole: config.questions.length })} · ${say("points", { points })}`;
    box.replaceChildren(...drawn(question, given.get(here)?.answer ?? null, (answer) => give(here, answer), "q", words));
    find<HTMLButtonElement>("back").disabled = here === 0;
    find<HTMLButtonElement>("next").disabled = here === config.questions.length - 1;
    mark();
  }

  // --- how far it is --------------------------------------------------------------------------------------------------

  const grid = find("grid");
  config.questions.forEach((_, place) => {
    const line = made("li", "");
    const button = document.createElement("button");
    button.type = "button";
    button.addEventListener("click", () => goTo(place));
    line.append(button);
    grid.append(line);
  });

  function mark(): void {
    let done = 0;
    grid.querySelectorAll("button").forEach((button, place) => {
      const answered = isAnswered(config.questions[place]!, given.get(place)?.answer);
      if (answered) done += 1;
      button.textContent = String(place + 1);
      button.className = answered ? "is-done" : "";
      button.setAttribute("aria-label", `${place + 1}: ${say(answered ? "answered" : "open")}`);
      if (place === here) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
    const bar = find<HTMLProgressElement>("progress");
    bar.max = config.questions.length;
    bar.value = done;
    missing = config.questions.length - done;
  }

  let missing = config.questions.length;
  let told = Infinity;

  function tick(): void {
    if (over) return;
    const seconds = Math.max(0, Math.ceil(leftMs() / 1000));
    const clock = find("clock");
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    clock.classList.toggle("is-short", seconds <= 60);
    const minutes = Math.ceil(seconds / 60);
    if ([10, 5, 1].includes(minutes) && minutes !== told) {
      told = minutes;
      find("minutes").textContent = say("left", { minutes });
    }
    if (seconds === 0 && !handing) handIn("over");
  }

  find("back").addEventListener("click", () => goTo(here - 1));
  find("next").addEventListener("click", () => goTo(here + 1));
  find("submit").addEventListener("click", () => {
    if (window.confirm(missing ? say("sure", { count: missing }) : say("sure_all"))) handIn("handing");
  });
  window.setInterval(tick, 500);
  open(0);
  tick();
  // What a page sent while it was closing may have arrived after all: then nothing waits, and this page says so.
  keep();
  if (unsent.size) soon(0);
  else if (given.size) says("saved");
}

// A question of a test on the screen: its stem, its pictures, and the fields of its kind. Each answer is handed on as it
// is given. Whoever listens is told what is asked with each field, and where a line stands after a move.

import { write } from "./tongue";

export interface Shown {
  kind: "single" | "multiple" | "truefalse" | "fill" | "ordering" | "case";
  stem: string;
  image?: string;
  options?: { text: string; image?: string }[];
  blanks?: number;
  parts?: Shown[];
  points_milli?: number;
}

export type Answer = number | boolean | number[] | string[] | Answer[] | null;

export interface Words {
  say(key: string, facts?: Record<string, string | number>): string;
  /** Said to who listens, and shown nowhere. */
  announce(text: string): void;
}

type Take = (answer: Answer) => void;

/** What a question shows, and the fields that answer it; `id` begins the ids of its elements. */
export function drawn(question: Shown, answer: Answer, take: Take, id: string, words: Words): HTMLElement[] {
  const stem = made("p", "stem", question.stem);
  stem.id = `${id}-stem`;
  const found = [stem];
  if (question.image) found.push(picture(question.image, words.say("picture")));
  const how = made("p", "quiet", words.say(question.kind));
  how.id = `${id}-how`;
  found.push(how);
  if (question.kind === "case") {
    const parts = question.parts ?? [];
    const answers: Answer[] = Array.isArray(answer) ? [...(answer as Answer[])] : parts.map(() => null);
    const list = made("ol", "parts");
    parts.forEach((part, place) => {
      const line = made("li", "");
      line.append(
        ...drawn(part, answers[place] ?? null, (one) => {
          answers[place] = one;
          take([...answers]);
        }, `${id}-${place}`, words),
      );
      list.append(line);
    });
    return [...found, list];
  }
  if (question.kind === "fill") return [...found, ...blanks(question, answer, take, id, words)];
  if (question.kind === "ordering") return [...found, ordering(question, answer, take, id, words)];
  return [...found, choices(question, answer, take, id, words)];
}

function choices(question: Shown, answer: Answer, take: Take, id: string, words: Words): HTMLElement {
  const several = question.kind === "multiple";
  const options =
    question.kind === "truefalse" ? [{ text: words.say("true") }, { text: words.say("false") }] : (question.options ?? []);
  const box = made("div", "choices");
  box.setAttribute("role", several ? "group" : "radiogroup");
  asks(box, id);
  options.forEach((option, place) => {
    const value = question.kind === "truefalse" ? place === 0 : place;
    const label = made("label", "choice");
    const input = document.createElement("input");
    input.type = several ? "checkbox" : "radio";
    input.name = id;
    input.value = String(place);
    input.checked = several ? Array.isArray(answer) && (answer as number[]).includes(place) : answer === value;
    input.addEventListener("change", () => {
      if (!several) return take(value);
      const ticked = [...box.querySelectorAll<HTMLInputElement>("input:checked")].map((one) => Number(one.value));
      take(ticked.length ? ticked : null);
    });
    const text = made("span", "", option.text);
    if ("image" in option && option.image) text.append(picture(option.image, ""));
    label.append(input, text);
    box.append(label);
  });
  return box;
}

function blanks(question: Shown, answer: Answer, take: Take, id: string, words: Words): HTMLElement[] {
  const texts = Array.from({ length: question.blanks ?? 0 }, (_, place) =>
    Array.isArray(answer) ? String((answer as string[])[place] ?? "") : "",
  );
  return texts.map((text, place) => {
    const field = made("div", "field");
    const label = made("label", "", words.say("blank", { at: place + 1 }));
    const input = document.createElement("input");
    input.id = `${id}-${place}`;
    label.setAttribute("for", input.id);
    input.value = text;
    input.autocomplete = "off";
    input.maxLength = 500;
    input.addEventListener("input", () => {
      texts[place] = input.value;
      take(texts.some((one) => one.trim()) ? [...texts] : null);
    });
    input.setAttribute("aria-describedby", `${id}-stem`);
    field.append(label, input);
    return field;
  });
}

function ordering(question: Shown, answer: Answer, take: Take, id: string, words: Words): HTMLElement {
  const options = question.options ?? [];
  const order = Array.isArray(answer) ? [...(answer as number[])] : options.map((_, place) => place);
  const list = made("ol", "ordering");
  asks(list, id);
  /** `focus`: the button to go on from; at either end it is the line's other one that still moves it. */
  const draw = (focus?: string) => {
    list.replaceChildren(
      ...order.map((place, rank) => {
        const line = made("li", "");
        const option = options[place]!;
        const text = made("span", "grow", `${rank + 1}. ${option.text}`);
        if (option.image) text.append(picture(option.image, ""));
        line.append(text, mover(-1, "↑", "up", rank, option.text), mover(1, "↓", "down", rank, option.text));
        return line;
      }),
      ...(answer === null ? [keepButton()] : []),
    );
    const [, rank] = focus?.split("-") ?? [];
    const places = [`[data-move="${focus}"]`, `[data-move$="-${rank}"]`].map((one) => `${one}:not(:disabled)`);
    if (focus) places.map((one) => list.querySelector<HTMLElement>(one)).find((one) => one !== null)?.focus();
  };
  const mover = (step: number, sign: string, key: string, rank: number, text: string) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "icon-button";
    button.textContent = sign;
    button.dataset["move"] = `${key}-${rank}`;
    button.setAttribute("aria-label", words.say(key, { line: text }));
    button.disabled = order[rank + step] === undefined;
    button.addEventListener("click", () => {
      [order[rank], order[rank + step]] = [order[rank + step]!, order[rank]!];
      answer = [...order];
      take([...order]);
      draw(`${key}-${rank + step}`);
      words.announce(words.say("moved", { line: text, at: rank + step + 1, whole: order.length }));
    });
    return button;
  };
  // The order shown may be the right one: then one tap says so.
  const keepButton = () => {
    const line = made("li", "keep");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button second small";
    button.textContent = words.say("keep");
    button.addEventListener("click", () => {
      answer = [...order];
      take([...order]);
      draw("down-0"); // this button goes
    });
    line.append(button);
    return line;
  };
  draw();
  return list;
}

/** `element` is answered: named by the question, described by how it is to be answered. */
function asks(element: HTMLElement, id: string): void {
  element.setAttribute("aria-labelledby", `${id}-stem`);
  element.setAttribute("aria-describedby", `${id}-how`);
}

function picture(url: string, alt: string): HTMLElement {
  const image = document.createElement("img");
  image.src = url;
  image.alt = alt;
  image.className = "question-image";
  return image;
}

export function made(tag: string, className: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (className) element.className = className;
  write(element, text);
  return element;
}

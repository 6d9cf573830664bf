// The ways a check may be put: what each shows in the dialog, and what it sends as the answer.

import { t } from "./messages";
import type { Check, Said } from "./protocol";
import { write } from "./tongue";
import { assertionFor, hasSecurityKeys } from "./webauthn";

export type Method = "question" | "one_time_code" | "webauthn";

/** One check as the dialog works with it. */
export interface Way {
  readonly intro: string;
  readonly stem: string;
  readonly go: string;
  /** What to say when the learner sends nothing. */
  readonly nothing: string;
  /** What to say after a first wrong try. */
  readonly wrong: string;
  /** Fill the place of the answer; answers what to focus, if anything there. */
  draw(place: HTMLElement): HTMLElement | undefined;
  /** What was given so far; null for nothing. */
  given(): Said | null;
  /** The answer when the learner presses the button; null for none. It may ask the device. */
  read(leftMs: number): Promise<Said | null>;
  /** Empty it for another try. */
  clear(): void;
}

const ELSE: Record<Method, () => string> = {
  question: () => t("Answer a question instead"),
  one_time_code: () => t("Get a code by text message instead"),
  webauthn: () => t("Use the phone's lock instead"),
};

/** Can this page put a check this way? */
export function canPut(method: string): method is Method {
  return method === "webauthn" ? hasSecurityKeys() : method in ELSE;
}

/** How the button that goes over to `method` is called. */
export function insteadOf(method: Method): string {
  return ELSE[method]();
}

export function wayOf(check: Check): Way {
  switch (check.kind) {
    case "one_time_code":
      return new Code(check);
    case "webauthn":
      return new Lock(check);
    default:
      return new Question(check);
  }
}

class Question implements Way {
  readonly intro = t("One question about what you just studied. More than one answer may be right.");
  readonly go = t("Send the answer");
  readonly nothing = t("Mark at least one answer.");
  readonly wrong = t("Not quite. Look again: one more try.");
  readonly stem: string;
  private boxes: HTMLInputElement[] = [];

  constructor(private readonly check: Check) {
    this.stem = check.stem ?? "";
  }

  draw(place: HTMLElement): HTMLElement | undefined {
    place.replaceChildren(
      ...(this.check.options ?? []).map((option) => {
        const label = document.createElement("label");
        const box = document.createElement("input");
        const text = document.createElement("span");
        label.className = "choice";
        box.type = "checkbox";
        box.value = String(option.id);
        write(text, option.text);
        label.append(box, text);
        return label;
      }),
    );
    this.boxes = [...place.querySelectorAll("input")];
    return this.boxes[0];
  }

  given(): Said | null {
    const marked = this.boxes.filter((box) => box.checked).map((box) => Number(box.value));
    return marked.length > 0 ? { answer: marked } : null;
  }

  read(): Promise<Said | null> {
    return Promise.resolve(this.given());
  }

  clear(): void {
    this.boxes.forEach((box) => (box.checked = false));
    this.boxes[0]?.focus();
  }
}

class Code implements Way {
  readonly intro = t("The message can take a minute.");
  readonly go = t("Send the code");
  readonly nothing = t("Type the six digits of the message.");
  readonly wrong = t("That is not the code. One more try.");
  readonly stem: string;
  private readonly box = document.createElement("input");

  constructor(check: Check) {
    this.stem = t("We sent a code to your phone {phone}.", { phone: check.phone ?? "" });
  }

  draw(place: HTMLElement): HTMLElement {
    const label = document.createElement("label");
    const name = document.createElement("span");
    label.className = "code-field";
    name.textContent = t("Code of six digits");
    this.box.type = "text";
    this.box.inputMode = "numeric";
    this.box.autocomplete = "one-time-code";
    this.box.maxLength = 6;
    // Enter in a form of one field would submit it and close the dialog.
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      place.closest("form")?.querySelector<HTMLButtonElement>("[data-check=go]")?.click();
    });
    label.append(name, this.box);
    place.replaceChildren(label);
    return this.box;
  }

  given(): Said | null {
    // Full-width digits of a Chinese keyboard are digits too.
    const code = this.box.value.normalize("NFKC").replace(/\s/g, "");
    return /^[0-9]{6}$/.test(code) ? { code } : null;
  }

  read(): Promise<Said | null> {
    return Promise.resolve(this.given());
  }

  clear(): void {
    this.box.value = "";
    this.box.focus();
  }
}

class Lock implements Way {
  readonly intro = t("No picture and no fingerprint leaves this device.");
  readonly stem = t("Confirm with your fingerprint, your face or the code of your screen lock.");
  readonly go = t("Confirm with this device");
  readonly nothing = t("That was not confirmed. Try again, or choose another way.");
  readonly wrong = t("This device could not confirm it. One more try.");

  constructor(private readonly check: Check) {}

  draw(place: HTMLElement): undefined {
    place.replaceChildren();
    return undefined;
  }

  given(): null {
    return null;
  }

  async read(leftMs: number): Promise<Said | null> {
    const { challenge = "", rp_id = "", credentials = [] } = this.check;
    const assertion = await assertionFor(challenge, rp_id, credentials, leftMs);
    return assertion && { assertion };
  }

  clear(): void {
    // nothing was typed
  }
}

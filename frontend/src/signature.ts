// The page on which a learner signs the hours of a class: a field to draw in, or the lock of the device.
// What is drawn goes as PNG, base64url, in a field of the form; a key signs the digest of what the page shows.

import { assertionFor, hasSecurityKeys } from "./webauthn";

const PEN_PX = 7;
const KEY_WAITS_MS = 120_000;

/** Show and serve the forms that need a script. */
export function attachSignature(): void {
  const hand = document.querySelector<HTMLFormElement>("form[data-sign-hand]");
  const field = hand?.querySelector<HTMLCanvasElement>("[data-field]");
  if (hand && field) attachHand(hand, field);
  const key = document.querySelector<HTMLFormElement>("form[data-sign-key]");
  if (key && hasSecurityKeys()) attachKey(key);
}

function attachHand(form: HTMLFormElement, field: HTMLCanvasElement): void {
  const pen = field.getContext("2d");
  const says = form.querySelector<HTMLElement>("[data-says]");
  if (!pen) return;
  let drawn = false;
  const clear = (): void => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, field.width, field.height);
    drawn = false;
  };
  const at = (event: PointerEvent): [number, number] => {
    const box = field.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * field.width) / box.width,
      ((event.clientY - box.top) * field.height) / box.height,
    ];
  };
  clear();
  form.hidden = false;
  field.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    if (says) says.textContent = "";
    field.setPointerCapture(event.pointerId);
    pen.strokeStyle = "#10222a";
    pen.lineWidth = PEN_PX;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...at(event));
  });
  field.addEventListener("pointermove", (event) => {
    if (!field.hasPointerCapture(event.pointerId)) return;
    pen.lineTo(...at(event));
    pen.stroke();
    drawn = true;
  });
  form.querySelector("[data-clear]")?.addEventListener("click", clear);
  form.addEventListener("submit", (event) => {
    const sent = form.querySelector<HTMLInputElement>("input[name=drawing]");
    if (!drawn || !sent) {
      event.preventDefault();
      if (says) says.textContent = form.dataset["empty"] ?? "";
      return;
    }
    const png = field.toDataURL("image/png").split(",")[1] ?? "";
    sent.value = png.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  });
}

function attachKey(form: HTMLFormElement): void {
  const says = form.querySelector<HTMLElement>("[data-says]");
  const button = form.querySelector("button");
  const say = (text: string): void => {
    if (says) says.textContent = text;
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button) button.disabled = true;
    say(form.dataset["waiting"] ?? "");
    void signed(form)
      .then((refused) => {
        if (refused === null) location.reload();
        else say(refused || (form.dataset["refused"] ?? ""));
      })
      .catch(() => say(form.dataset["refused"] ?? ""))
      .finally(() => {
        if (button) button.disabled = false;
      });
  });
}

/** null: signed; else what the server says about it, "" when the device or the person said no. */
async function signed(form: HTMLFormElement): Promise<string | null> {
  const { challenge = "", rp = "", credentials = "", digest = "" } = form.dataset;
  const assertion = await assertionFor(challenge, rp, credentials.split(" "), KEY_WAITS_MS);
  if (!assertion) return "";
  const response = await fetch(form.action, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": String(new FormData(form).get("csrf_token") ?? ""),
    },
    body: JSON.stringify({ digest, assertion }),
  });
  if (response.ok) return null;
  const told = (await response.json()) as { detail?: string };
  return told.detail ?? "";
}

// What every page needs of script: large text, confirmations, notices that go away, uploads with progress.
// Everything works without it too, save the progress of an upload.

import { attachPictures } from "./pictures";
import { attachUploads } from "./upload";
import { attachKeyForm } from "./webauthn";

const LARGE = "elearn-large-text";

function setLargeText(on: boolean): void {
  document.documentElement.classList.toggle("large-text", on);
  for (const button of document.querySelectorAll<HTMLElement>("[data-large-text]")) {
    button.setAttribute("aria-pressed", String(on));
  }
}

function remembered(): boolean {
  try {
    return localStorage.getItem(LARGE) === "1";
  } catch {
    return false; // storage is off in some private windows: large text then lasts for this page
  }
}

setLargeText(remembered());

// On a phone the list of pages scrolls sideways: where we are must be in sight.
const here = document.querySelector(".nav [aria-current]");
if (here?.parentElement) here.parentElement.scrollLeft = here.getBoundingClientRect().right - innerWidth / 2;

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("[data-large-text]")) {
    const on = !document.documentElement.classList.contains("large-text");
    setLargeText(on);
    try {
      localStorage.setItem(LARGE, on ? "1" : "0");
    } catch {
      // as above
    }
  }
  target?.closest<HTMLElement>("[data-dismiss]")?.closest<HTMLElement>(".toast, .notice")?.remove();
  const opener = target?.closest<HTMLElement>("[data-opens]");
  if (opener?.dataset["opens"]) {
    document.querySelector<HTMLDialogElement>(`#${CSS.escape(opener.dataset["opens"])}`)?.showModal();
  }
  if (target?.closest("[data-closes]")) target.closest("dialog")?.close();
  if (target?.closest("[data-print]")) window.print();
});

document.addEventListener("submit", (event) => {
  const form = event.target instanceof HTMLFormElement ? event.target : null;
  const question = form?.dataset["confirm"];
  if (question && !window.confirm(question)) event.preventDefault();
});

// htmx sends the page's token with each unsafe request.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  const detail = (event as CustomEvent<{ headers: Record<string, string> }>).detail;
  if (token) detail.headers["X-CSRFToken"] = token;
});

// Signing out takes what was downloaded off this device, before the page goes.
document.addEventListener("submit", (event) => {
  const form = event.target instanceof HTMLFormElement ? event.target : null;
  if (!form?.hasAttribute("data-signs-out") || event.defaultPrevented || !("caches" in window)) return;
  event.preventDefault();
  void import("./forgetting")
    .then(({ forgetDownloads }) => forgetDownloads())
    .catch(() => undefined) // no network for the script, no storage: signing out comes first
    .then(() => form.submit());
});

if (document.querySelector("[data-sign-hand]")) {
  void import("./signature").then(({ attachSignature }) => attachSignature());
}
attachUploads();
attachPictures();
attachKeyForm();

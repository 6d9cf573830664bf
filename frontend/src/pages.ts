// What every page needs of script: the app on a phone, confirmations, notices that go away, uploads with progress.
// Everything works without it too, save the progress of an upload.

import { installApp } from "./app";
import { attachAway } from "./away";
import { attachBusy } from "./busy";
import { attachPictures } from "./pictures";
import { attachUploads } from "./upload";
import { attachKeyForm } from "./webauthn";

// On a phone the list of pages scrolls sideways: where we are must be in sight.
const here = document.querySelector(".nav [aria-current]");
if (here?.parentElement) here.parentElement.scrollLeft = here.getBoundingClientRect().right - innerWidth / 2;

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
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

// Few pages need htmx, and it is larger than all else that a page loads: it comes where something asks for it. It looks
// around when it comes, and where it came before the page was complete, it would wait for a moment that is over.
if (document.body.dataset["htmx"] && document.querySelector("[hx-get], [hx-post], [hx-boost]")) {
  const script = document.createElement("script");
  script.src = document.body.dataset["htmx"];
  if (document.readyState === "complete") document.head.append(script);
  else window.addEventListener("load", () => document.head.append(script));
}

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

if (document.querySelector("[data-copy]")) void import("./copying").then(({ attachCopying }) => attachCopying());
if (document.querySelector("[data-sign-hand]")) {
  void import("./signature").then(({ attachSignature }) => attachSignature());
}
void installApp();
attachUploads();
attachPictures();
attachKeyForm();
attachBusy(attachAway());

// Where the server could not mark the first wrong field, its summary leads there.
const wrong = document.querySelector<HTMLAnchorElement>(".summary a");
if (wrong && !document.querySelector("[autofocus]")) document.getElementById(wrong.hash.slice(1))?.focus();

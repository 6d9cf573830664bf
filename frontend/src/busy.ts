// What takes its time says so. A form that was sent: its button says it and takes no second press; without a script the
// form's own number does that (pages/forms.py). A link to a file: the page stays, so a line says that the file comes.

const LONGEST_MS = 60_000;
/** So long a button waits for a page that does not come: what the answer was is unknown, and pressing again does once. */
const FILE_MS = 5_000;
/** An answer that is a file leaves the page as it is, and no event says that it has come. */

interface Kept {
  button: HTMLButtonElement;
  words: Node[];
}
const kept = new Map<HTMLFormElement, Kept>();

/** Call it last: who stops a form for a reason of their own comes before. */
export function attachBusy(notSent: () => boolean): void {
  document.addEventListener("submit", (event) => {
    const form = event.target instanceof HTMLFormElement ? event.target : null;
    if (!form || form.method !== "post" || event.defaultPrevented) return;
    if (kept.has(form) || notSent()) return event.preventDefault();
    const button = event.submitter ?? form.querySelector("button:not([type=button])");
    // The form is read before this runs, with the button that was pressed.
    setTimeout(() => {
      if (!event.defaultPrevented && button instanceof HTMLButtonElement) start(form, button);
    });
  });
  // Back from the next page, the browser shows this one as it was left.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of kept.keys()) stop(form);
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[download]") : null;
    if (link && !event.defaultPrevented) told(document.body.dataset["making"]);
  });
}

function start(form: HTMLFormElement, button: HTMLButtonElement): void {
  const file = form.querySelector<HTMLInputElement>("input[type=file]")?.files?.length;
  const words = document.body.dataset[file ? "sending" : "working"] ?? "";
  kept.set(form, { button, words: [...button.childNodes] });
  button.replaceChildren(words);
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
  setTimeout(() => stop(form), "file" in form.dataset ? FILE_MS : LONGEST_MS);
}

function stop(form: HTMLFormElement): void {
  const found = kept.get(form);
  if (!found) return;
  found.button.replaceChildren(...found.words);
  found.button.disabled = false;
  form.removeAttribute("aria-busy");
  kept.delete(form);
}

function told(words: string | undefined): void {
  const place = document.querySelector("[data-toasts]");
  if (!words || !place) return;
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.textContent = words;
  place.append(toast);
  setTimeout(() => toast.remove(), FILE_MS);
}

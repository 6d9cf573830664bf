// Leaving the lesson by one of the page's own links: what waits for a check would lapse unnoticed, so it is said first.

import { ask } from "./dialogs";
import { duration, t } from "./messages";
import type { View } from "./view";

export interface Leaving {
  readonly isOpen: boolean;
  readonly pendingMs: number;
  /** Stop and send what waits; resolves when that is done or takes too long. */
  settle(): Promise<void>;
  check(wanted: boolean): Promise<void>;
  close(): void;
}

export function watchLinks(lesson: Leaving, view: View): void {
  let sure = false;
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
    if (!link || event.defaultPrevented || link.target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!lesson.isOpen || link.getAttribute("href")?.startsWith("#")) return;
    event.preventDefault();
    void mayLeave(lesson, view).then((go) => {
      sure = go;
      if (go) location.assign(link.href);
    });
  });
  window.addEventListener("beforeunload", (event) => {
    if (!sure && lesson.isOpen && lesson.pendingMs > 0) event.preventDefault();
  });
}

async function mayLeave(lesson: Leaving, view: View): Promise<boolean> {
  await lesson.settle();
  if (lesson.pendingMs > 0) {
    const dialog = view.find<HTMLDialogElement>("#leave-dialog");
    const title = dialog.querySelector("[data-leave-title]");
    if (title) title.textContent = t("{time} still waits for a check", { time: duration(lesson.pendingMs) });
    const choice = await ask(dialog);
    if (choice === "confirm") await lesson.check(true);
    if (choice !== "leave") return false;
  }
  lesson.close();
  return true;
}

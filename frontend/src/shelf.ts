// What is kept on this device: lessons with their size, to open or remove; the room they take; what waits to be sent.
// The page without network shows the same.

import { canDownload, dropDownload } from "./keeping";
import { duration, size, t, useTexts } from "./messages";
import type { Stretch } from "./protocol";
import { join } from "./spans";
import { type Download, type Store, isExpired, openStore } from "./store";

const find = (name: string): HTMLElement | null => document.querySelector<HTMLElement>(`[data-shelf${name}]`);

async function show(store: Store): Promise<void> {
  const kept = await store.downloads();
  find("")?.replaceChildren(...kept.map((download) => line(download, store)));
  const empty = find("-empty");
  if (empty) {
    empty.hidden = kept.length > 0;
    if (!canDownload(store)) empty.textContent = t("This browser keeps no lessons: that needs a secure connection (https) and a newer browser.");
  }
  tell("-queue", await waiting(store));
  tell("-room", await room(kept));
}

function tell(name: string, text: string): void {
  const place = find(name);
  if (place) place.textContent = text;
}

function line(download: Download, store: Store): HTMLElement {
  const item = document.createElement("li");
  const row = document.createElement("div");
  const link = document.createElement("a");
  const note = document.createElement("span");
  const away = document.createElement("button");
  row.className = "step";
  link.className = "grow";
  link.href = download.page;
  link.textContent = download.title;
  note.className = "quiet num";
  note.textContent = isExpired(download)
    ? t("Too old to play: connect once to renew it.")
    : download.whole
      ? size(download.bytes)
      : t("Go on downloading");
  away.type = "button";
  away.className = "button second small";
  away.textContent = t("Remove");
  away.addEventListener("click", () => {
    if (!window.confirm(t("Remove from this device?"))) return;
    void dropDownload(store, download).then(() => show(store));
  });
  row.append(link, note, away);
  item.append(row);
  return item;
}

/** Study time that this device has not been able to send. */
async function waiting(store: Store): Promise<string> {
  let ms = 0;
  for (const { sid } of await store.sittings()) {
    const spans = (await store.reports(sid)).reduce<Stretch[]>((all, { a, b }) => join(all, a, b), []);
    ms += spans.reduce((sum, [a, b]) => sum + b - a, 0);
  }
  if (ms === 0) return t("Nothing waits to be sent.");
  return t("{time} of study wait to be sent. They go when you open a lesson with a network.", { time: duration(ms) });
}

async function room(kept: readonly Download[]): Promise<string> {
  const own = t("{size} on this device", { size: size(kept.reduce((sum, { bytes }) => sum + bytes, 0)) });
  const { storage } = navigator as { storage?: StorageManager };
  const { usage, quota } = (await storage?.estimate?.().catch(() => undefined)) ?? {};
  if (usage === undefined || quota === undefined) return own;
  return `${own} · ${t("{used} of {quota} of this browser's room are used", { used: size(usage), quota: size(quota) })}`;
}

// A browser that says "online" may be behind a portal, or about to say "offline" again: the server's answer counts.
if (find("")?.dataset["alone"] !== undefined) {
  window.addEventListener("online", () => {
    void fetch(location.href, { cache: "no-store" }).then(
      (answer) => answer.ok && location.reload(),
      () => undefined,
    );
  });
}
useTexts(JSON.parse(document.getElementById("shelf-texts")?.textContent ?? "{}") as Record<string, string>);
void openStore().then(show);

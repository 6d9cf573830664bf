// The page without network: the lessons that are on this device, with links.

import { t, useTexts } from "./messages";
import { isExpired, openStore } from "./store";

async function show(): Promise<void> {
  const list = document.querySelector<HTMLElement>("[data-shelf]");
  const texts = document.getElementById("shelf-texts")?.textContent;
  if (!list) return;
  useTexts(JSON.parse(texts ?? "{}") as Record<string, string>);
  const store = await openStore();
  const whole = (await store.downloads()).filter((download) => download.whole);
  list.replaceChildren(
    ...whole.map((download) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const note = document.createElement("span");
      link.href = download.page;
      link.textContent = download.title;
      note.className = "quiet";
      note.textContent = isExpired(download) ? t("Too old to play: connect once to renew it.") : "";
      item.append(link, note);
      return item;
    }),
  );
  const empty = document.querySelector<HTMLElement>("[data-shelf-empty]");
  if (empty) empty.hidden = whole.length > 0;
}

// A browser that says "online" may be behind a portal, or about to say "offline" again: the server's answer counts.
window.addEventListener("online", () => {
  void fetch(location.href, { cache: "no-store" }).then(
    (answer) => answer.ok && location.reload(),
    () => undefined,
  );
});
void show();

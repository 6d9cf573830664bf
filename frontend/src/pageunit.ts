// The page of a lesson that is read: reads its config, wires buttons and keys.

import { readConfig } from "./config";
import { watchLinks } from "./leaving";
import { Reading } from "./reading";
import { openStore } from "./store";
import { View } from "./view";

async function start(): Promise<void> {
  const config = readConfig();
  if (!config) return;
  const view = new View();
  const reading = new Reading(config, view, await openStore());
  if (config.progress) {
    view.lasts(config.progress.duration_ms);
    view.progress(config.progress);
  }
  view.on("back", () => reading.back());
  view.on("next", () => reading.next());
  view.on("confirm", () => void reading.check(true));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest("select, textarea, input")) return;
    if (event.key === "ArrowLeft") reading.back();
    else if (event.key === "ArrowRight") reading.next();
  });
  watchLinks(reading, view);
  await reading.prepare();
  view.root.dataset["ready"] = "true";
}

void start();

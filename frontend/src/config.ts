// What the page says of its lesson: the JSON in `player-config`, and the texts of its language.

import { useTexts } from "./messages";
import type { Config } from "./protocol";

/** Null on a page without a lesson. From now on texts are in the page's language. */
export function readConfig(): Config | null {
  const raw = document.getElementById("player-config")?.textContent;
  if (!raw) return null;
  const config = JSON.parse(raw) as Config;
  useTexts(config.texts);
  return config;
}

// Whether a browser can keep lessons, and taking one off this device.

import { canSign } from "./device";
import { MEDIA, PAGES } from "./kept";
import type { Download, Store } from "./store";

/** Can this browser keep lessons at all? Not in private windows, over http, or where workers are switched off. */
export function canDownload(store: Store): boolean {
  return canSign() && store.lasting && "serviceWorker" in navigator && "caches" in window;
}

/** The licence goes first, so that half of a lesson never counts as here. */
export async function dropDownload(store: Store, { unit, page, files }: Download): Promise<void> {
  await store.dropDownload(unit);
  await (await caches.open(PAGES)).delete(new URL(page, location.href).href);
  const media = await caches.open(MEDIA);
  for (const file of files) await media.delete(file);
}

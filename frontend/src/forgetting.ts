// Taking off this device what was downloaded.

import { MEDIA, OURS } from "./kept";
import { openStore } from "./store";

/** On signing out: pages, media and licences go, and the worker. What was watched and not yet sent stays. */
export async function forgetDownloads(): Promise<void> {
  if (await caches.has(MEDIA)) {
    const store = await openStore();
    for (const { unit } of await store.downloads()) await store.dropDownload(unit);
  }
  for (const name of await caches.keys()) if (name.startsWith(OURS)) await caches.delete(name);
  for (const registration of await navigator.serviceWorker.getRegistrations()) {
    const { scriptURL } = registration.active ?? registration.waiting ?? registration.installing ?? {};
    if (scriptURL && new URL(scriptURL).pathname.endsWith("/sw.js")) await registration.unregister();
  }
}

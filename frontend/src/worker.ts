// The service worker: keeps the pages of downloaded lessons and what they are built of, and serves them when the
// network is away. Nothing else is kept, and with a network every page comes from the server. It is registered by the
// first download and goes with the sign-out. pages/offline.py puts `settings` before it.

import { ASSETS, MEDIA, PAGES } from "./kept";

interface Settings {
  version: string;
  /** The page that is shown for any other page. */
  offline: string;
  assets: string[];
}
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Worker {
  readonly settings: Settings;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(name: "install" | "activate", heard: (event: Lasting) => void): void;
  addEventListener(name: "fetch", heard: (event: Fetching) => void): void;
}

const worker = self as unknown as Worker;
const { version, offline, assets } = worker.settings;
const CURRENT = ASSETS + version;
/** So long a page that is kept waits for a slow network. */
const PATIENCE_MS = 6000;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CURRENT)
      .then((cache) => cache.addAll([...assets, offline]))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(renew().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (isAsset(request.url)) event.respondWith(asset(request));
  else if (request.destination === "image") event.respondWith(picture(request));
});

/** A new build: its files are here; the pages that are kept must ask for them, not for those of the last build. */
async function renew(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(ASSETS) && name !== CURRENT) await caches.delete(name);
  }
  const pages = await caches.open(PAGES);
  for (const { url } of await pages.keys()) {
    try {
      await keep(pages, url, await fetch(url, { headers: { Accept: "text/html" } }));
    } catch {
      return; // no network: asset() answers the old page with the new files
    }
  }
}

async function keep(pages: Cache, url: string, answer: Response): Promise<void> {
  if (answer.ok && !answer.redirected) await pages.put(url, answer);
}

async function page(request: Request): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const pages = await caches.open(PAGES);
  const kept = await pages.match(origin + pathname);
  try {
    const answer = await (kept ? soon(fetch(request)) : fetch(request));
    if (kept) await keep(pages, origin + pathname, answer.clone());
    return answer;
  } catch {
    return kept ?? (await caches.match(offline)) ?? Response.error();
  }
}

function soon(answer: Promise<Response>): Promise<Response> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("slow")), PATIENCE_MS));
  return Promise.race([answer, late]);
}

function isAsset(url: string): boolean {
  const { origin, pathname } = new URL(url);
  return origin === location.origin && assets.some((address) => address.split("?")[0] === pathname);
}

async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(CURRENT);
  const exact = await cache.match(request);
  if (exact) return exact;
  try {
    return await fetch(request);
  } catch (problem) {
    const other = await cache.match(request, { ignoreSearch: true });
    if (other) return other;
    throw problem;
  }
}

async function picture(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (problem) {
    const kept = await (await caches.open(MEDIA)).match(request.url);
    if (kept) return kept;
    throw problem;
  }
}

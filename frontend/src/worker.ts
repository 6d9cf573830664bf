// The service worker: keeps the shell of the app, the pages of downloaded lessons and what they are built of, and serves
// them when the network is away. With a network every page comes from the server. It is registered by the first page of
// whoever is signed in and goes with the sign-out. What waits to be sent is not here but in the database (store.ts), so another
// worker takes the place of this one at any moment and nothing is lost. pages/offline.py puts `settings` before it.

import { ASSETS, KEEP_LESSONS, MEDIA, PAGES } from "./kept";

interface Settings {
  version: string;
  /** The page that is shown for any other page. */
  offline: string;
  /** What that page is built of: little, as everybody loads it. */
  shell: string[];
  /** What lessons play with: kept as soon as one is downloaded. */
  lessons: string[];
}
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Asked extends Lasting {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
}
interface Worker {
  readonly settings: Settings;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(name: "install" | "activate", heard: (event: Lasting) => void): void;
  addEventListener(name: "fetch", heard: (event: Fetching) => void): void;
  addEventListener(name: "message", heard: (event: Asked) => void): void;
}

const worker = self as unknown as Worker;
const { version, offline, shell, lessons } = worker.settings;
const CURRENT = ASSETS + version;
/** So long a page that is kept waits for a slow network. */
const PATIENCE_MS = 6000;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CURRENT)
      // The page without network names nobody: it is asked for as a stranger would.
      .then((cache) => cache.addAll([...shell, new Request(offline, { credentials: "omit" })]))
      // Whoever has lessons here must be able to play them with this build, too.
      .then(async () => (await caches.has(MEDIA)) && keepLessons())
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(renew().then(() => worker.clients.claim()));
});

worker.addEventListener("message", (event) => {
  if (event.data !== KEEP_LESSONS) return;
  const [port] = event.ports;
  event.waitUntil(
    keepLessons().then(
      () => port?.postMessage("kept"),
      () => port?.postMessage("failed"),
    ),
  );
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (isAsset(request.url)) event.respondWith(asset(request));
  else if (request.destination === "image") event.respondWith(picture(request));
});

async function keepLessons(): Promise<void> {
  const cache = await caches.open(CURRENT);
  const here = new Set((await cache.keys()).map(({ url }) => url));
  await cache.addAll(lessons.filter((address) => !here.has(new URL(address, location.href).href)));
}

/** A new build: its files are here; the pages that are kept must ask for them, not for those of the last build. */
async function renew(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(ASSETS) && name !== CURRENT) await caches.delete(name);
  }
  // A lesson may have come onto this device while this worker was being installed.
  if (await caches.has(MEDIA)) await keepLessons().catch(() => undefined);
  if (!(await caches.has(PAGES))) return;
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
  // Not by opening the cache: that would make an empty one where nothing is downloaded.
  const kept = await caches.match(origin + pathname, { cacheName: PAGES });
  try {
    const answer = await (kept ? soon(fetch(request)) : fetch(request));
    if (kept) await keep(await caches.open(PAGES), origin + pathname, answer.clone());
    return answer;
  } catch {
    return kept ?? (await caches.match(offline, { cacheName: CURRENT })) ?? Response.error();
  }
}

function soon(answer: Promise<Response>): Promise<Response> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("slow")), PATIENCE_MS));
  return Promise.race([answer, late]);
}

function isAsset(url: string): boolean {
  const { origin, pathname } = new URL(url);
  return origin === location.origin && [...shell, ...lessons].some((address) => address.split("?")[0] === pathname);
}

async function asset(request: Request): Promise<Response> {
  const kept = { cacheName: CURRENT };
  const exact = await caches.match(request, kept);
  if (exact) return exact;
  try {
    return await fetch(request);
  } catch (problem) {
    const other = await caches.match(request, { ...kept, ignoreSearch: true });
    if (other) return other;
    throw problem;
  }
}

async function picture(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (problem) {
    const kept = await caches.match(request.url, { cacheName: MEDIA });
    if (kept) return kept;
    throw problem;
  }
}

// A lesson on this device: fetched file by file so that it can be broken off and gone on with, renewed, removed.

import type { Door } from "./door";
import { KEEP_LESSONS, MEDIA, PAGES } from "./kept";
import { askLicence, openLicence } from "./licence";
import type { Stored } from "./stored";
import type { Config } from "./protocol";
import { dropDownload } from "./keeping";
import type { Sitting } from "./sitting";
import { type Download, type Store, isExpired, serverNowMs } from "./store";

const AT_ONCE = 3;
const READY_MS = 30_000;
const NOTED_EVERY_MS = 30_000;

export class NoRoom extends Error {}
export class BrokenOff extends Error {}

export class Downloads {
  /** What is here of this page's lesson, whole or in parts. */
  current: Download | null = null;
  private stopped = false;

  constructor(
    private readonly config: Config,
    private readonly offer: NonNullable<Config["offline"]>,
    private readonly door: Door,
    private readonly store: Store,
  ) {}

  /** Read what is here. Lessons of somebody else who used this device before go. */
  async load(): Promise<void> {
    for (const download of await this.store.downloads()) {
      if (download.learner !== (this.config.learner ?? "")) await this.drop(download);
      else if (download.unit === this.config.unit) this.current = download;
    }
  }

  get serverNowMs(): number {
    return this.current ? serverNowMs(this.current) : Date.now();
  }

  get isExpired(): boolean {
    return this.current !== null && isExpired(this.current);
  }

  /** It can be played from here, now. */
  get isPlayable(): boolean {
    return this.current !== null && this.current.whole && !this.isExpired;
  }

  /** The time that an answer of the server told; a clock set back afterwards wins nothing. */
  note(serverMs: number): void {
    const { current } = this;
    if (!current || serverMs - current.server_ms < NOTED_EVERY_MS) return;
    current.server_ms = serverMs;
    current.wall_ms = Date.now();
    void this.store.keepDownload(current).catch(() => undefined);
  }

  /** What plays it. Throws when the licence cannot be opened here. */
  async source(): Promise<Stored> {
    const { current } = this;
    if (!current) throw new Error("nothing is downloaded");
    return { text: current.playlist, keys: await openLicence(current, this.store), cache: MEDIA };
  }

  /** Fetch the lesson, or the rest of it. `told` gets the share, 0 to 1. Throws Refused, NoRoom, BrokenOff. */
  async fetch(sitting: Sitting, title: string, poster: string | null, told: (share: number) => void): Promise<void> {
    this.stopped = false;
    await this.need(this.offer.bytes);
    await this.licence(sitting, title);
    const current = this.current as Download;
    if (current.files.length === 0) {
      const address = `${sitting.url}/${this.offer.rendition}.m3u8`;
      current.playlist = new TextDecoder().decode(await this.door.bytes(address));
      current.files = [...filesOf(current.playlist), ...(poster ? [poster] : [])].map(absolute);
      await this.store.keepDownload(current);
    }
    const { worker, scope } = this.offer;
    await navigator.serviceWorker.register(worker, { scope, updateViaCache: "none" });
    await this.files(current.files, told);
    await this.page(current.page);
    await within(navigator.serviceWorker.ready.then(keepLessons), READY_MS);
    current.whole = true;
    await this.store.keepDownload(current);
  }

  /** Break off; what is here stays. */
  stop(): void {
    this.stopped = true;
  }

  /** A licence that runs out soon, or has, is replaced while there is a network. */
  async renew(sitting: Sitting): Promise<void> {
    const { current } = this;
    if (!current) return;
    this.note(sitting.state.server_time_ms);
    const { licence, issued_ms } = current;
    if (this.serverNowMs < (issued_ms + licence.expires_ms) / 2) return;
    await this.licence(sitting, current.title);
  }

  async remove(): Promise<void> {
    const { current } = this;
    this.stopped = true;
    this.current = null;
    if (current) await this.drop(current);
  }

  private async licence(sitting: Sitting, title: string): Promise<void> {
    const { urls, unit, learner } = this.config;
    const { opening, url } = sitting;
    const granted = await askLicence(this.door, this.store, urls.devices, url, opening.token);
    const { id, jwe, expires_ms, issued_ms } = granted.licence;
    sitting.outbox.heard(granted);
    const fresh = { playlist: "", files: [], bytes: this.offer.bytes, whole: false };
    this.current = {
      ...(this.current ?? fresh),
      unit,
      learner: learner ?? "",
      title,
      page: location.pathname,
      licence: { id, jwe, expires_ms },
      issued_ms,
      server_ms: granted.server_time_ms,
      wall_ms: Date.now(),
    };
    await this.store.keepDownload(this.current);
  }

  /** Throws NoRoom when the browser says that so much cannot be kept. */
  private async need(bytes: number): Promise<void> {
    const { storage } = navigator as { storage?: StorageManager };
    if (!storage) return;
    // Asked for, not insisted on: some browsers grant it only to pages that are used often.
    await storage.persist?.().catch(() => false);
    const { quota, usage } = (await storage.estimate?.()) ?? {};
    if (quota !== undefined && quota - (usage ?? 0) < bytes * 1.1) throw new NoRoom();
  }

  private async files(addresses: readonly string[], told: (share: number) => void): Promise<void> {
    const cache = await caches.open(MEDIA);
    const waiting = [...addresses];
    let done = 0;
    const fetchSome = async (): Promise<void> => {
      for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
        if (this.stopped) throw new BrokenOff();
        if (!(await cache.match(address))) await fetchInto(cache, address);
        done += 1;
        told(done / addresses.length);
      }
    };
    const all = await Promise.allSettled(Array.from({ length: AT_ONCE }, fetchSome));
    for (const one of all) if (one.status === "rejected") throw one.reason;
  }

  private async page(path: string): Promise<void> {
    const answer = await fetch(path, { headers: { Accept: "text/html" }, credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || answer.redirected) throw new BrokenOff();
    await (await caches.open(PAGES)).put(absolute(path), answer);
  }

  private drop(download: Download): Promise<void> {
    return dropDownload(this.store, download);
  }
}

/** The worker keeps the scripts and styles that lessons play with. Throws BrokenOff when it could not. */
function keepLessons({ active }: ServiceWorkerRegistration): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise<void>((resolve, reject) => {
    port1.onmessage = ({ data }) => (data === "kept" ? resolve() : reject(new BrokenOff()));
  });
  active?.postMessage(KEEP_LESSONS, [port2]);
  return answered;
}

async function fetchInto(cache: Cache, address: string): Promise<void> {
  try {
    const answer = await fetch(address, { credentials: "omit" });
    if (!answer.ok) throw new BrokenOff();
    await cache.put(address, answer);
  } catch (problem) {
    throw problem instanceof DOMException && problem.name === "QuotaExceededError" ? new NoRoom() : new BrokenOff();
  }
}

/** Init segment and segments of a playlist, in order. */
function filesOf(playlist: string): string[] {
  const init = [...playlist.matchAll(/^#EXT-X-MAP:URI="([^"]+)"/gm)].map(([, address]) => address as string);
  return [...init, ...playlist.split("\n").filter((line) => line !== "" && !line.startsWith("#"))];
}

function absolute(address: string): string {
  return new URL(address, location.href).href;
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return Promise.race([work, new Promise<never>((_, reject) => setTimeout(() => reject(new BrokenOff()), ms))]);
}

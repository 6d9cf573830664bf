// Playing encrypted HLS: hls.js wherever it is supported, the browser's own player second. Keys come at the pace of
// watching, so the key loader waits on 425 as long as the server says, after letting the newest report go out.

import type Hls from "hls.js";
import type { HlsConfig, KeyLoaderContext, LoaderCallbacks, LoaderConfiguration, LoaderStats } from "hls.js";
import { type Door, Refused } from "./door";
import { NoPlayer, freshStats } from "./loading";
import { type Stored, storedLoader } from "./stored";

type Library = typeof import("hls.js/light");
type Player = "hls.js" | "native";

/** What every lesson is packaged as. */
const PACKAGED = 'video/mp4; codecs="avc1.42E01E,mp4a.40.2"';

export interface Source {
  playlist: string;
  startSeconds: number;
  /** Downloaded: played from here, without asking anybody. */
  stored?: Stored;
}

export interface MediaListener {
  /** A key is not due yet: `code` says why. Reports go out before the next try. */
  early(code: string): Promise<void>;
  /** The sitting may have no more keys, or the media is broken for good. */
  failed(code: string): void;
  qualities(labels: string[]): void;
}

/** About one block: further ahead the server gives no keys anyway. */
const BUFFER_S = 30;
const KEY_TRIES = 8;
/** Where data is to be saved. */
const LOW_LINES = 360;

export class Media {
  private hls: Hls | null = null;
  private library: Library | null = null;
  private fetching: Promise<Library> | null = null;
  private mended = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly video: HTMLVideoElement,
    private readonly door: Door,
    readonly kind: Player,
    private readonly savesData: boolean,
  ) {}

  /** Null when this browser can play neither way. `savesData`: small pictures only, and nothing ahead of time. */
  static prepare(video: HTMLVideoElement, door: Door, savesData: boolean): Media | null {
    if (hasMediaSource()) return new Media(video, door, "hls.js", savesData);
    if (video.canPlayType("application/vnd.apple.mpegurl") !== "") return new Media(video, door, "native", savesData);
    return null;
  }

  /** Fetch the library that plays, three times as much as the rest of the page: when somebody is about to press play.
   * Throws NoPlayer when it cannot be had; a browser remembers that until the page is loaded again. */
  async load(): Promise<void> {
    if (this.kind === "native" || this.library) return;
    this.fetching ??= import("hls.js/light");
    try {
      this.library = await this.fetching;
    } catch {
      this.fetching = null;
      throw new NoPlayer();
    }
  }

  open({ playlist, startSeconds, stored }: Source, listener: MediaListener): void {
    this.close();
    if (!this.library) return this.openNative(playlist, startSeconds, listener); // `load` came before
    const { default: Player, Events, ErrorTypes } = this.library;
    const { loader } = Player.DefaultConfig;
    const door = this.door;
    class PacedKeyLoader extends KeyLoader {
      constructor() {
        super(door, listener);
      }
    }
    const address = new URL(stored ? "stored.m3u8" : playlist, location.href).href;
    const own = stored && storedLoader(stored, address);
    const hls = new Player({
      enableWorker: false,
      startPosition: startSeconds,
      maxBufferLength: BUFFER_S,
      maxMaxBufferLength: BUFFER_S,
      backBufferLength: 60,
      capLevelToPlayerSize: true,
      loader: own ?? (PacedKeyLoader as unknown as HlsConfig["loader"]),
      pLoader: (own ?? loader) as unknown as NonNullable<HlsConfig["pLoader"]>,
      fLoader: (own ?? loader) as unknown as NonNullable<HlsConfig["fLoader"]>,
    });
    this.hls = hls;
    this.video.disableRemotePlayback = true; // iOS offers its managed media source only then
    hls.on(Events.MANIFEST_PARSED, () => {
      if (this.savesData) hls.autoLevelCapping = smallest(hls.levels);
      listener.qualities(hls.levels.map((level) => `${Math.min(level.width, level.height)}p`));
    });
    hls.on(Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      const status = data.response?.code ?? 0;
      if (data.type === ErrorTypes.NETWORK_ERROR && (status === 0 || status >= 500 || status === 429)) {
        this.again(() => hls.startLoad());
      } else if (data.type === ErrorTypes.MEDIA_ERROR && performance.now() - this.mended > 10_000) {
        this.mended = performance.now();
        hls.recoverMediaError();
      } else {
        listener.failed(data.details);
      }
    });
    hls.loadSource(address);
    hls.attachMedia(this.video);
  }

  /** `index` into the labels given to `qualities`; -1 lets the player choose. */
  choose(index: number): void {
    if (this.hls) this.hls.nextLevel = index;
  }

  close(): void {
    clearTimeout(this.retry);
    this.hls?.destroy();
    this.hls = null;
  }

  private openNative(playlist: string, startSeconds: number, listener: MediaListener): void {
    const video = this.video;
    video.src = playlist;
    video.addEventListener("loadedmetadata", () => (video.currentTime = startSeconds), { once: true });
    // A native player gives up on the first key that comes too early: load again where it stopped.
    video.onerror = () => {
      const at = video.currentTime;
      const going = !video.paused;
      this.again(() => {
        void listener.early("too_early").then(() => {
          video.src = playlist;
          video.addEventListener(
            "loadedmetadata",
            () => {
              video.currentTime = at || startSeconds;
              if (going) void video.play().catch(() => undefined);
            },
            { once: true },
          );
        });
      });
    };
  }

  private again(action: () => void): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(action, 3000);
  }
}

/** As hls.js asks it; said here because the library comes later. */
function hasMediaSource(): boolean {
  const { ManagedMediaSource, MediaSource } = window as Window & {
    ManagedMediaSource?: typeof window.MediaSource;
    MediaSource?: typeof window.MediaSource;
  };
  const source = ManagedMediaSource ?? MediaSource;
  return typeof source?.isTypeSupported === "function" && source.isTypeSupported(PACKAGED);
}

/** The index of the largest picture of LOW_LINES at most; the smallest there is where all are larger. */
export function smallest(levels: readonly { width: number; height: number }[]): number {
  const lines = levels.map(({ width, height }) => Math.min(width, height));
  const fitting = lines.filter((one) => one <= LOW_LINES);
  return lines.indexOf(fitting.length > 0 ? Math.max(...fitting) : Math.min(...lines));
}

/** hls.js's loader for keys: one request, patient on 425. */
class KeyLoader {
  context: KeyLoaderContext | null = null;
  readonly stats: LoaderStats = freshStats();
  private readonly leaving = new AbortController();

  constructor(
    private readonly door: Door,
    private readonly listener: MediaListener,
  ) {}

  load(context: KeyLoaderContext, _: LoaderConfiguration, callbacks: LoaderCallbacks<KeyLoaderContext>): void {
    this.context = context;
    this.stats.loading.start = performance.now();
    void this.fetch(context, callbacks);
  }

  abort(): void {
    this.stats.aborted = true;
    this.leaving.abort();
  }

  destroy(): void {
    this.abort();
    this.context = null;
  }

  getCacheAge(): number | null {
    return null;
  }

  getResponseHeader(): string | null {
    return null;
  }

  private async fetch(context: KeyLoaderContext, callbacks: LoaderCallbacks<KeyLoaderContext>): Promise<void> {
    const { stats } = this;
    for (let broken = 0; !stats.aborted; ) {
      try {
        const data = await this.door.bytes(context.url, { signal: this.leaving.signal });
        stats.loading.first = stats.loading.end = performance.now();
        stats.loaded = stats.total = data.byteLength;
        if (!stats.aborted) callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
        return;
      } catch (problem) {
        if (stats.aborted) return;
        if (!(problem instanceof Refused)) throw problem;
        if (problem.status === 425) {
          await this.listener.early(problem.code);
          await this.pause(problem.retryAfterMs ?? 1000);
        } else if (problem.passing && broken < KEY_TRIES) {
          broken += 1;
          await this.pause(problem.retryAfterMs ?? Math.min(8000, 500 * 2 ** broken));
        } else {
          if (problem.status === 403) this.listener.failed(problem.code);
          callbacks.onError({ code: problem.status, text: problem.code }, context, null, stats);
          return;
        }
      }
      stats.retry += 1;
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, ms);
      this.leaving.signal.addEventListener("abort", () => resolve());
    });
  }
}

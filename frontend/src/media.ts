// Playing encrypted HLS: hls.js wherever it is supported, the browser's own player second. Keys come at the pace of
// watching, so the key loader waits on 425 as long as the server says, after letting the newest report go out.

import type Hls from "hls.js";
import type { HlsConfig, KeyLoaderContext, LoaderCallbacks, LoaderConfiguration, LoaderStats } from "hls.js";
import { type Door, Refused } from "./door";
import { freshStats } from "./loading";
import { type Stored, storedLoader } from "./stored";

type Library = typeof import("hls.js/light");

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

export class Media {
  private hls: Hls | null = null;
  private mended = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly video: HTMLVideoElement,
    private readonly door: Door,
    private readonly library: Library | null,
  ) {}

  /** Loads the library. Null when this browser can play neither way. */
  static async prepare(video: HTMLVideoElement, door: Door): Promise<Media | null> {
    const library = await import("hls.js/light");
    if (library.default.isSupported()) return new Media(video, door, library);
    if (video.canPlayType("application/vnd.apple.mpegurl") !== "") return new Media(video, door, null);
    return null;
  }

  get kind(): "hls.js" | "native" {
    return this.library ? "hls.js" : "native";
  }

  open({ playlist, startSeconds, stored }: Source, listener: MediaListener): void {
    this.close();
    if (!this.library) return this.openNative(playlist, startSeconds, listener);
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

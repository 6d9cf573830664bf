// hls.js's loader for a downloaded lesson: playlist and keys from memory, files from the cache.

import type { FragmentLoaderContext, HlsConfig, LoaderCallbacks, LoaderConfiguration, LoaderContext, LoaderStats } from "hls.js";
import { freshStats } from "./loading";

/** A downloaded lesson, opened. */
export interface Stored {
  /** The media playlist. */
  text: string;
  /** By block. */
  keys: readonly ArrayBuffer[];
  /** Name of the cache that holds its files. */
  cache: string;
}

type Callbacks = LoaderCallbacks<LoaderContext>;

/** `playlist` is the address that stands for `stored.text`. */
export function storedLoader(stored: Stored, playlist: string): HlsConfig["loader"] {
  class StoredLoader {
    context: LoaderContext | null = null;
    readonly stats: LoaderStats = freshStats();

    load(context: LoaderContext | FragmentLoaderContext, _: LoaderConfiguration, callbacks: Callbacks): void {
      this.context = context;
      const { stats } = this;
      stats.loading.start = performance.now();
      void find(context.url).then((data) => {
        if (stats.aborted) return;
        stats.loading.first = stats.loading.end = performance.now();
        if (data === null) return callbacks.onError({ code: 404, text: "not kept" }, context, null, stats);
        stats.loaded = stats.total = typeof data === "string" ? data.length : data.byteLength;
        callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
      });
    }

    abort(): void {
      this.stats.aborted = true;
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
  }

  async function find(url: string): Promise<string | ArrayBuffer | null> {
    if (url === playlist) return stored.text;
    // Playlists name keys by the sitting they were fetched with; only the block matters.
    const key = /\/keys\/(\d+)$/.exec(url);
    if (key) return stored.keys[Number(key[1])]?.slice(0) ?? null;
    try {
      // Not by opening the cache: that would make an empty one anew while signing out removes it.
      const kept = await caches.match(url, { cacheName: stored.cache });
      // A browser short of room may have dropped a file: then the network has it, if there is one.
      return await (kept ?? (await fetch(url))).arrayBuffer();
    } catch {
      return null;
    }
  }

  return StoredLoader as unknown as HlsConfig["loader"];
}

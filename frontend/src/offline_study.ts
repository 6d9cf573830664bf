// What a lesson may do without network: play what was downloaded, and go on for as long as it can still count.

import type { Covers } from "./covers";
import type { Door } from "./door";
import { Downloads } from "./downloads";
import { canDownload } from "./keeping";
import type { Media, Source } from "./media";
import { OfflineCard } from "./offline_card";
import type { Config, State } from "./protocol";
import type { Sitting } from "./sitting";
import type { Store } from "./store";
import type { View } from "./view";

export interface Student {
  readonly sitting: Sitting | null;
  /** There is no network, and nothing more would count without one. */
  readonly isSpent: boolean;
  /** A live sitting, opened when there is none; null when it cannot be. */
  opened(): Promise<Sitting | null>;
  play(): Promise<void>;
  /** Play on from what was downloaded. */
  playFromDevice(): Promise<void>;
}

export class OfflineStudy {
  downloads: Downloads | null = null;
  private card: OfflineCard | null = null;

  constructor(
    private readonly config: Config,
    private readonly view: View,
    private readonly covers: Covers,
    private readonly door: Door,
    private readonly store: Store,
    private readonly student: Student,
  ) {}

  /** Offer the download where this browser can keep and play one. */
  async prepare(media: Media): Promise<void> {
    const { offline } = this.config;
    // The browser's own player cannot be handed files from a cache.
    if (!offline || media.kind !== "hls.js" || !canDownload(this.store)) return;
    const downloads = new Downloads(this.config, offline, this.door, this.store);
    await downloads.load();
    this.downloads = downloads;
    const { student } = this;
    this.card = new OfflineCard(this.view, downloads, offline, {
      open: () => student.opened(),
      whole: () => void student.playFromDevice(),
    });
  }

  /** The whole lesson is on this device; it may be too old to play. */
  get isHere(): boolean {
    return this.downloads?.current?.whole ?? false;
  }

  /** The download where there is one that may be played, else the stream. */
  async source(sitting: Sitting, startSeconds: number): Promise<Source> {
    const stream = { playlist: sitting.opening.playlist, startSeconds };
    const { downloads } = this;
    if (!downloads || !this.isHere) return stream;
    await downloads.renew(sitting).catch(() => undefined); // no network, or no longer: what is here holds or not
    this.card?.show();
    if (!downloads.isPlayable) return stream;
    return downloads.source().then(
      (stored) => ({ ...stream, stored }),
      () => stream,
    );
  }

  heard(state: State): void {
    this.downloads?.note(state.server_time_ms);
  }

  /** The lesson plays: may it? `isNew` when it was not watched before. */
  obeyLimits(isNew: boolean): void {
    const { sitting } = this.student;
    if (!sitting?.outbox.isAway) return;
    const again = (): void => void this.student.play();
    if (this.isHere && this.downloads?.isExpired) {
      this.view.video.pause();
      this.covers.tooOld(again);
    } else if (isNew && this.student.isSpent) {
      this.view.video.pause();
      this.covers.connectToConfirm(again);
    }
  }
}

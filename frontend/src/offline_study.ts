// What a lesson may do without network: play what was downloaded, and go on for as long as it can still count.

import type { Covers } from "./covers";
import type { Door } from "./door";
import { Downloads, canDownload } from "./downloads";
import type { Media, Source } from "./media";
import { OfflineCard } from "./offline_card";
import type { Config, Receipt, State } from "./protocol";
import type { Sitting } from "./sitting";
import type { Store } from "./store";
import type { View } from "./view";

const LEAST_HEARTBEAT_MS = 1000;
/** A report must fit into what may wait for a check, also when it comes late; without network several must. */
const FITTING = 2 / 3;
const PARTS = 6;

export interface Student {
  readonly sitting: Sitting | null;
  /** A live sitting, opened when there is none; null when it cannot be. */
  opened(): Promise<Sitting | null>;
  play(): Promise<void>;
  /** Play on from what was downloaded. */
  playFromDevice(): Promise<void>;
}

export class OfflineStudy {
  downloads: Downloads | null = null;
  private card: OfflineCard | null = null;
  /** What counted late on this page: a day has a limit for it. */
  private lateMs = 0;

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

  received({ results }: Receipt): void {
    for (const { late, credited_ms } of results) if (late) this.lateMs += credited_ms;
  }

  /** How much playing makes a report: small ones where little may wait for a check, which is sent in whole ones. */
  get heartbeatMs(): number {
    const { sitting } = this.student;
    if (!sitting) return Infinity;
    const { heartbeat_ms, pend_max_ms } = sitting.opening;
    const most = sitting.outbox.isAway ? pend_max_ms / PARTS : pend_max_ms * FITTING;
    return Math.min(heartbeat_ms, Math.max(LEAST_HEARTBEAT_MS, most));
  }

  /** New media that may still be watched before the server hears of it: what comes in later than that is refused. */
  get allowanceMs(): number {
    const { sitting } = this.student;
    if (!sitting) return Infinity;
    const { gap_max_ms, late_day_ms } = sitting.opening;
    return Math.min(gap_max_ms, late_day_ms - this.lateMs) - sitting.outbox.unheardMs;
  }

  /** The lesson plays: may it? `isNew` when it was not watched before. */
  obeyLimits(isNew: boolean): void {
    const { sitting } = this.student;
    if (!sitting?.outbox.isAway) return;
    const again = (): void => void this.student.play();
    if (this.isHere && this.downloads?.isExpired) {
      this.view.video.pause();
      this.covers.tooOld(again);
    } else if (isNew && this.allowanceMs <= this.heartbeatMs) {
      this.view.video.pause();
      this.covers.connectToConfirm(again);
    }
  }
}

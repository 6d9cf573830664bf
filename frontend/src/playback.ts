// The video element of an open sitting: measured, kept in order, reported. What the server believes is told to it.

import type { View } from "./view";
import { ENDING_MS } from "./limits";
import { t } from "./messages";
import { Meter } from "./meter";
import type { EventKind, Opening, Stretch } from "./protocol";
import { keepAwake } from "./screen";
import type { Draft } from "./statement";

const STALL_MS = 2000;
const SMALL_SEEK_MS = 300;

/** What a report claims, but for what the sitting and the page add. */
export type Claim = Omit<Draft, "cm" | "touches">;

export interface Follower {
  report(claim: Claim): void;
  /** Where the server says that watching has got to. */
  frontierMs(): number;
  /** How much playing makes a report. */
  heartbeatMs(): number;
  /** The video moves: a look at what else is due. */
  moving(): void;
}

export class Playback {
  private opening: Opening | null = null;
  private meter = new Meter(0, () => performance.now(), 0);
  /** The furthest position reached by playing in order; the server's frontier follows it. */
  private reached = 0;
  private going = false;
  private aim: number | null = null;
  private stall: ReturnType<typeof setTimeout> | undefined;
  private readonly video: HTMLVideoElement;

  constructor(
    private readonly view: View,
    private readonly follower: Follower,
  ) {
    this.video = view.video;
  }

  watch(): void {
    const { video, view } = this;
    setInterval(() => this.look(), 250);
    video.addEventListener("timeupdate", () => this.look());
    video.addEventListener("playing", () => this.look());
    video.addEventListener("waiting", () => this.stalled());
    video.addEventListener("seeking", () => this.jumped());
    video.addEventListener("pause", () => this.paused());
    video.addEventListener("ended", () => this.ended());
    video.addEventListener("play", () => view.playing(true));
    video.addEventListener("ratechange", () => this.ratechange());
    video.addEventListener("volumechange", () => view.muted(video.muted || video.volume === 0));
  }

  /** A sitting was opened and its media is about to load at `startMs`. */
  begin(opening: Opening, startMs: number, reachedMs: number): void {
    this.opening = opening;
    this.reached = reachedMs;
    this.meter = new Meter(opening.duration_ms, () => performance.now(), startMs);
    this.going = false;
    this.aim = startMs;
    this.view.seekBar(opening.duration_ms, (ms) => this.seek(ms));
    this.rates(opening.rate_max_permille);
  }

  /** The media is about to come from elsewhere: what was played is reported, and it is told where to go on. */
  handOver(): { positionMs: number; reachedMs: number; goes: boolean } {
    const goes = !this.video.paused && !this.video.ended;
    const positionMs = Math.max(0, this.aim ?? this.positionMs);
    this.meter.stand(this.video.seeking ? null : this.positionMs);
    if (this.going) this.report("pause");
    this.going = false;
    return { positionMs, reachedMs: this.reached, goes };
  }

  /** The sitting is over: what was measured stays, nothing more is. */
  halt(): void {
    this.going = false;
    this.meter.stand(this.positionMs);
    this.aim = this.meter.position; // the element falls to 0 when its source goes
    this.video.pause();
    this.view.playing(false);
  }

  /** False when the browser wants another touch: the one that opened the sitting was too long ago. */
  async start(): Promise<boolean> {
    try {
      await this.video.play();
    } catch (problem) {
      return !(problem instanceof DOMException && problem.name === "NotAllowedError");
    }
    return true;
  }

  get positionMs(): number {
    return this.video.currentTime * 1000 - (this.opening?.start_ms ?? 0);
  }
  get isGoing(): boolean {
    return this.going;
  }
  /** What plays now was not watched before. */
  get isNew(): boolean {
    return this.meter.position >= this.reached;
  }
  get playedMs(): number {
    return this.meter.playedMs;
  }
  /** It should play and has nothing to play. */
  get isStarving(): boolean {
    return !this.video.paused && !this.meter.isRunning;
  }
  get atEnd(): boolean {
    return this.video.ended || this.positionMs >= (this.opening?.duration_ms ?? 0) - 250;
  }

  /** What is not reported yet, up to the end, while the last moments play; else null. */
  get ending(): Stretch | null {
    const end = this.opening?.duration_ms ?? 0;
    const ends = this.going && !this.video.paused && !this.video.ended && end - this.positionMs <= ENDING_MS;
    return ends ? [this.meter.from, end] : null;
  }

  /** A regular look at the video: is it moving, where is it, is a report due? */
  private look(): void {
    const { video, meter, opening, follower } = this;
    if (!opening) return;
    const moving = !video.paused && !video.ended && !video.seeking && video.readyState >= 3;
    if (moving) {
      this.aim = null;
      clearTimeout(this.stall);
      this.stall = undefined;
      this.view.busy(null);
      meter.run(this.positionMs);
      if (!this.going) {
        this.going = true;
        this.report("play");
        void keepAwake(true);
      }
      if (meter.from <= Math.max(follower.frontierMs(), this.reached) + opening.delta_ms) {
        this.reached = Math.max(this.reached, meter.position);
      }
      if (meter.playedMs >= follower.heartbeatMs()) this.report("heartbeat");
      follower.moving();
    } else if (meter.isRunning) {
      meter.stand(video.seeking ? null : this.positionMs);
    }
    this.view.position(Math.max(0, this.aim ?? this.positionMs), opening.duration_ms);
  }

  report(event: EventKind, extra: { to?: number; rate?: number } = {}): void {
    const measured = this.meter.cut();
    this.follower.report({ ...measured, event, rate: this.video.playbackRate, ...extra });
  }

  private stalled(): void {
    if (!this.opening || this.video.seeking) return;
    this.meter.stand(this.positionMs);
    this.view.busy(t("Loading …"));
    this.stall ??= setTimeout(() => {
      this.stall = undefined;
      if (this.video.paused || this.meter.isRunning || !this.going) return;
      this.going = false;
      this.report("pause");
    }, STALL_MS);
  }

  private paused(): void {
    this.view.playing(false);
    this.view.busy(null);
    void keepAwake(false);
    if (!this.opening || this.video.ended) return;
    this.meter.stand(this.video.seeking ? null : this.positionMs);
    if (!this.going) return;
    this.going = false;
    this.report("pause");
  }

  private ended(): void {
    this.view.playing(false);
    void keepAwake(false);
    if (!this.opening) return;
    this.meter.stand(this.positionMs);
    this.going = false;
    this.report("end");
  }

  // -- seeking

  /** Go to `ms`, but never beyond what has been watched in order. */
  seek(ms: number): void {
    if (!this.opening) return;
    const target = this.bounded(ms);
    this.meter.stand(this.positionMs);
    this.moveTo(target);
    if (target < ms) this.view.explain("jumped_ahead");
  }

  step(ms: number): void {
    this.seek(Math.max(0, (this.aim ?? this.positionMs) + ms));
  }

  /** Everything played is judged: are we where the server says watching has got to? If beyond, back there: false. */
  obey(frontierMs: number): boolean {
    if (!this.opening) return true;
    if (this.meter.from <= frontierMs + this.opening.delta_ms) {
      this.reached = Math.max(frontierMs, this.meter.position);
      return true;
    }
    this.reached = frontierMs;
    this.meter.stand(this.positionMs);
    this.moveTo(frontierMs);
    return false;
  }

  private bounded(ms: number): number {
    const limit = Math.max(this.follower.frontierMs(), this.reached);
    return ms > limit + (this.opening?.delta_ms ?? 0) ? limit : Math.max(0, ms);
  }

  private moveTo(target: number): void {
    this.report("seek", { to: Math.floor(target) });
    this.aim = target;
    this.meter.jump(target);
    this.video.currentTime = (target + (this.opening?.start_ms ?? 0)) / 1000;
    this.view.position(target, this.opening?.duration_ms ?? 0, true);
  }

  /** The element jumps: by our own hand, by a small hop over a gap, or by somebody else's. */
  private jumped(): void {
    if (!this.opening) return;
    this.meter.stand(null);
    const to = this.positionMs;
    const expected = this.aim ?? this.meter.position;
    if (Math.abs(to - expected) < SMALL_SEEK_MS) return;
    const target = this.bounded(to);
    this.report("seek", { to: Math.max(0, Math.floor(target)) });
    this.aim = target;
    this.meter.jump(target);
    if (target < to) {
      this.video.currentTime = (target + (this.opening.start_ms ?? 0)) / 1000;
      this.view.explain("jumped_ahead");
    }
  }

  // -- rate

  private rates(maxPermille: number): void {
    const rates = [0.5, 0.75, 1, 1.25, 1.5, 2].filter((rate) => rate * 1000 <= maxPermille);
    this.view.choices("rate", rates.map((rate) => [String(rate), `${rate}×`] as const), "1", (value) => {
      if (this.going) this.report("rate", { rate: Number(value) });
      this.video.playbackRate = Number(value);
    });
  }

  private ratechange(): void {
    const most = (this.opening?.rate_max_permille ?? 1000) / 1000;
    if (this.video.playbackRate <= most) return;
    this.video.playbackRate = most;
    this.view.explain("too_fast");
  }

  // -- hiding and coming back

  /** The page is out of sight: the lesson pauses. */
  hide(): void {
    this.meter.hide(true);
    if (!this.going) return;
    this.meter.stand(this.positionMs);
    this.going = false;
    this.report("hide");
    this.video.pause();
    this.view.notice(t("Paused"), t("The lesson pauses when the page is hidden. Press play to go on."));
  }

  show(): void {
    this.meter.hide(false);
    if (this.opening) this.report("show");
  }
}

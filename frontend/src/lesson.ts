// The lesson of one video: plays it in order, with network and without, and does what the server answers.

import { Media, type Source } from "./media";
import { t } from "./messages";
import { OfflineStudy } from "./offline_study";
import type { NoWay } from "./opener";
import type { Listener } from "./outbox";
import { Playback } from "./playback";
import { type Ended, type Opening, type State, type Stretch, isEnd } from "./protocol";
import type { Sitting } from "./sitting";
import { Study } from "./study";

export class Lesson extends Study {
  readonly playback = new Playback(this.view, {
    report: (claim) => this.report(claim),
    frontierMs: () => this.sitting?.state.frontier_ms ?? 0,
    heartbeatMs: () => this.heartbeatMs,
    moving: () => this.offline.obeyLimits(this.playback.isNew),
  });
  private readonly offline = new OfflineStudy(this.config, this.view, this.covers, this.door, this.store, this);
  private media: Media | null = null;
  /** When a check is asked for: it plays, or play is pressed while the question is on its way. */
  private wantsToPlay = false;

  // -- start

  protected async setUp(): Promise<boolean> {
    this.playback.watch();
    this.media = Media.prepare(this.view.video, this.door, this.config.saves_data ?? false);
    const { media } = this;
    if (!media) {
      this.covers.cannotPlayMedia();
      return false;
    }
    // A finger comes down a moment before it presses: the library is on its way then.
    this.view.root.addEventListener("pointerdown", () => void media.load().catch(() => undefined), { once: true });
    await this.offline.prepare(media).catch(() => undefined); // without it, the lesson plays all the same
    return true;
  }

  async toggle(): Promise<void> {
    if (!this.view.video.paused) return this.view.video.pause();
    await this.play();
  }

  async play(): Promise<void> {
    this.wantsToPlay = true;
    if (!this.media || this.asking.isOpen) return;
    void this.media.load().catch(() => undefined); // while the sitting is opened
    if (!this.isOpen && !(await this.open())) return;
    const state = this.sitting?.state;
    // Where there is no network nothing can be asked: the lesson goes on, and the check comes with the network.
    if (state && (state.held || (state.check_due && !this.outbox?.isAway))) {
      await this.put(false);
      return;
    }
    this.view.cover(null);
    if (this.playback.atEnd) this.playback.seek(0);
    await this.start();
  }

  private async start(): Promise<void> {
    if (!(await this.playback.start())) this.covers.tapToPlay(() => void this.play());
  }

  // -- a sitting

  async opened(): Promise<Sitting | null> {
    return this.isOpen || (await this.open()) ? this.sitting : null;
  }

  protected ask(listener: Listener): Promise<Sitting | NoWay> | null {
    return this.media && this.opener.open(this.media.kind, this.offline, listener);
  }

  protected async begin(sitting: Sitting): Promise<void> {
    const { opening, reachedMs } = sitting;
    const startMs = reachedMs >= opening.duration_ms - 1000 ? 0 : reachedMs;
    const source = await this.offline.source(sitting, (startMs + (opening.start_ms ?? 0)) / 1000);
    await this.media?.load();
    this.goOverTo(sitting);
    this.view.cover(null);
    this.load(source, opening, startMs, reachedMs);
    this.heard(sitting.state);
    if (this.opener.owesCheck) void this.check(true);
  }

  private load(source: Source, opening: Opening, startMs: number, reachedMs: number): void {
    this.playback.begin(opening, startMs, reachedMs);
    this.media?.open(source, {
      early: (code) => this.early(code),
      failed: (code) => this.mediaFailed(code),
      qualities: (labels) => this.view.qualities(labels, (index) => this.media?.choose(index)),
    });
  }

  /** The lesson has come onto this device: it plays on from here, so that nothing is missed when the network goes. */
  async playFromDevice(): Promise<void> {
    const { sitting, playback } = this;
    if (!sitting?.isLive) return;
    const source = await this.offline.source(sitting, 0);
    if (!source.stored || this.sitting !== sitting || !sitting.isLive) return;
    const { opening } = sitting;
    const { positionMs, reachedMs, goes } = playback.handOver();
    const startSeconds = (positionMs + (opening.start_ms ?? 0)) / 1000;
    this.load({ ...source, startSeconds }, opening, positionMs, reachedMs);
    if (goes) await this.start();
  }

  protected override reopen(): Promise<void> {
    this.view.cover(null);
    this.media?.close();
    return super.reopen();
  }

  protected show(): void {
    this.playback.show();
    void this.outbox?.flush();
  }

  protected hide(): void {
    if (!this.isOpen) return;
    this.playback.hide();
    void this.outbox?.flushOnLeave();
  }

  // -- what the server says

  protected override heard(state: State): void {
    this.offline.heard(state);
    super.heard(state);
  }

  protected obey(state: State): void {
    if (!this.playback.obey(state.frontier_ms)) this.view.explain(state.held ? "check_missed" : "jumped_ahead");
  }

  protected get ending(): Stretch | null {
    return this.playback.ending;
  }

  protected get atEnd(): boolean {
    return this.view.video.ended;
  }

  /** The next key is not due. Tell the server where we are, and the learner why it stands still. */
  private async early(code: string): Promise<void> {
    const { playback } = this;
    const starving = playback.isStarving;
    if (playback.isGoing && playback.playedMs > 1000) playback.report("heartbeat");
    await this.outbox?.flush();
    if (!starving) return;
    if (code === "check_missed") await this.refresh();
    else if (code === "limit_reached") this.view.explain("limit_reached");
    else this.view.busy(t("Waiting: the next part opens as your watching gets there."));
  }

  private mediaFailed(code: string): void {
    if (isEnd(code)) return this.over(code);
    if (this.sitting && !this.sitting.isLive) return;
    this.covers.mediaFailed(() => void this.reopen());
  }

  protected override over(why: Ended): void {
    this.playback.halt();
    this.media?.close();
    super.over(why);
  }

  async check(wanted: boolean): Promise<void> {
    if (this.asking.isOpen) return;
    this.wantsToPlay = !this.view.video.paused;
    await this.put(wanted);
  }

  private async put(wanted: boolean): Promise<void> {
    const sitting = await this.opened();
    if (!sitting) return;
    const asked = await this.asking.run(sitting, wanted);
    if (this.sitting !== sitting || this.completed(sitting.state) || this.atEnd) return;
    // What could not be put comes with the network; only who missed a check has to wait for it.
    const goesOn = asked === "away" ? this.wantsToPlay && !sitting.state.held : asked === "passed" && !wanted;
    if (goesOn) await this.start();
  }

  /** A downloaded lesson stays open: it may be gone on with where there is no network. */
  override close(): void {
    if (!this.offline.isHere) super.close();
  }
}

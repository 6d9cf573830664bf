// The lesson: one video, one sitting at a time. It opens sittings, passes reports on, and does what the server answers.

import { Asking } from "./asking";
import { CheckDialog } from "./checks";
import { Covers } from "./covers";
import { canSign } from "./device";
import { Door, Refused } from "./door";
import { Media, type Source } from "./media";
import { t } from "./messages";
import { OfflineStudy } from "./offline_study";
import { Opener } from "./opener";
import type { Listener, Outbox } from "./outbox";
import { watchPage } from "./page_life";
import { Playback } from "./playback";
import type { Config, Ended, Opening, Receipt, State } from "./protocol";
import { Sitting } from "./sitting";
import type { Store } from "./store";
import { Touches } from "./touches";
import type { View } from "./view";

const LEAVING_MS = 3000;

export class Lesson {
  readonly playback: Playback;
  private media: Media | null = null;
  sitting: Sitting | null = null;
  private openingNow: Promise<boolean> | null = null;
  private completionShown: boolean;
  private readonly door: Door;
  private readonly opener: Opener;
  private readonly covers: Covers;
  private readonly asking: Asking;
  private readonly offline: OfflineStudy;
  private readonly touches = new Touches();

  constructor(
    private readonly config: Config,
    private readonly view: View,
    private readonly store: Store,
  ) {
    this.door = new Door(config.csrf);
    this.opener = new Opener(config, this.door, store, view);
    this.covers = new Covers(view, config);
    this.offline = new OfflineStudy(config, view, this.covers, this.door, store, this);
    this.completionShown = config.progress?.complete ?? false;
    this.playback = new Playback(view, {
      report: (claim) => this.sitting?.report(claim, this.touches.take()),
      frontierMs: () => this.sitting?.state.frontier_ms ?? 0,
      heartbeatMs: () => this.offline.heartbeatMs,
      moving: () => this.offline.obeyLimits(this.playback.isNew),
    });
    this.asking = new Asking(view, this.door, new CheckDialog(view.find<HTMLDialogElement>("#check-dialog")), {
      heard: (state) => this.heard(state),
      over: (why) => this.over(why),
      stuck: (problem) => this.stuck(problem),
      locked: (detail) => this.covers.checksLocked(detail),
      refresh: () => this.refresh(),
      sendOld: (sitting) => this.opener.sendMore(sitting),
    });
  }

  get pendingMs(): number {
    return this.sitting?.state.pending_ms ?? this.config.progress?.pending_ms ?? 0;
  }

  get isOpen(): boolean {
    return this.sitting?.isLive ?? false;
  }

  private get outbox(): Outbox | undefined {
    return this.sitting?.outbox;
  }

  // -- start

  /** What can be done before the learner asks to play: the library, the key, what an earlier page left unsent. */
  async prepare(): Promise<void> {
    const { view } = this;
    if (!canSign()) {
      if (!this.config.unsigned_allowed) return this.covers.cannotSign();
      this.covers.signsNothing();
    }
    watchPage({
      hidden: () => this.hide(),
      shown: () => this.show(),
      restored: () => void this.refresh(),
      network: (on) => (on ? void this.backOnline() : this.network(this.outbox?.settled === false ? 1 : 0, true)),
    });
    this.playback.watch();
    this.media = await Media.prepare(view.video, this.door).catch(() => null);
    if (!this.media) return this.covers.cannotPlayMedia();
    if (!this.store.lasting) this.covers.storageOff();
    await this.offline.prepare(this.media).catch(() => undefined); // without it, the lesson plays all the same
    await this.opener.sendOld(null).catch(() => undefined); // the first play tries again
  }

  async toggle(): Promise<void> {
    if (!this.view.video.paused) return this.view.video.pause();
    await this.play();
  }

  async play(): Promise<void> {
    if (!this.media || this.asking.isOpen) return;
    if (!this.isOpen && !(await this.open())) return;
    const state = this.sitting?.state;
    // Where there is no network nothing can be asked: the lesson goes on, and the check comes with the network.
    if (state && (state.held || (state.check_due && !this.outbox?.isAway))) {
      await this.check(false);
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

  /** Open a sitting here; an older one, on this or another device, ends. */
  private open(): Promise<boolean> {
    this.openingNow ??= this.openOnce().finally(() => (this.openingNow = null));
    return this.openingNow;
  }

  private async openOnce(): Promise<boolean> {
    const { view, media } = this;
    if (!media) return false;
    view.busy(t("Opening the lesson …"));
    try {
      const sitting = await this.opener.open(media.kind, this.offline, this.listener());
      if (typeof sitting === "string") this.covers.cannotGoOn(sitting, () => void this.play());
      else await this.begin(sitting);
      return typeof sitting !== "string";
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.covers.cannotOpen(problem, () => void this.play());
      return false;
    } finally {
      view.busy(null);
    }
  }

  private async begin(sitting: Sitting): Promise<void> {
    const { opening, reachedMs } = sitting;
    const startMs = reachedMs >= opening.duration_ms - 1000 ? 0 : reachedMs;
    const source = await this.offline.source(sitting, (startMs + (opening.start_ms ?? 0)) / 1000);
    this.outbox?.stop();
    this.sitting = sitting;
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

  private listener(): Listener {
    return {
      receipt: (receipt) => this.received(receipt),
      waiting: (count, failed) => this.network(count, failed),
      full: () => void this.check(false),
      stuck: (refused) => this.stuck(refused),
    };
  }

  private network(count: number, failed: boolean): void {
    this.covers.network(count, failed, this.offline.allowanceMs);
  }

  private async backOnline(): Promise<void> {
    await this.outbox?.flush();
    if (this.outbox?.settled === false) return; // it goes on trying, and tells
    this.network(0, false);
    await this.refresh(); // a check may have come due that could not be asked
  }

  private async reopen(): Promise<void> {
    this.view.cover(null);
    this.media?.close();
    this.outbox?.stop();
    this.sitting = null;
    await this.play();
  }

  private show(): void {
    this.playback.show();
    void this.outbox?.flush();
  }

  private hide(): void {
    if (!this.isOpen) return;
    this.playback.hide();
    void this.outbox?.flushOnLeave();
  }

  // -- what the server says

  private received(receipt: Receipt): void {
    this.offline.received(receipt);
    this.view.results(receipt);
    this.heard(receipt);
  }

  private heard(state: State): void {
    this.sitting?.hear(state);
    this.view.progress(state);
    this.offline.heard(state);
    if (state.ended) return this.over(state.ended);
    // Everything played is judged: whoever is ahead of the frontier goes back to it.
    if (this.outbox?.settled && !this.playback.obey(state.frontier_ms)) {
      this.view.explain(state.held ? "check_missed" : "jumped_ahead");
    }
    if (state.complete) this.completed(state);
    else if (this.outbox?.isAway) return; // what is due can be asked when the network is back
    else if (state.held || (state.check_due && !this.playback.isEnding)) void this.check(false);
  }

  private async refresh(): Promise<void> {
    const { sitting } = this;
    if (!sitting?.isLive) return;
    try {
      this.heard(await this.door.json<State>(sitting.url, { token: sitting.opening.token }));
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (!problem.passing) this.stuck(problem);
    }
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
    if (code === "playing_elsewhere" || code === "closed" || code === "expired") return this.over(code);
    if (this.sitting && !this.sitting.isLive) return;
    this.covers.mediaFailed(() => void this.reopen());
  }

  private over(why: Ended): void {
    this.sitting?.over(why);
    this.playback.halt();
    this.media?.close();
    this.asking.dismiss();
    // After any other end the next play opens a new sitting by itself.
    if (why === "playing_elsewhere") this.covers.elsewhere(() => void this.reopen());
  }

  private stuck(problem: Refused): void {
    this.view.video.pause();
    if (problem.status === 401) return this.covers.signedOut();
    if (problem.code === "bad_signature") return this.view.explain("device_problem");
    this.covers.outOfDate();
  }

  /** Put the check; `wanted` when the learner asked. Resolves when the dialog is over. */
  async check(wanted: boolean): Promise<void> {
    const sitting = this.asking.isOpen ? null : await this.opened();
    if (!sitting) return;
    const passed = await this.asking.run(sitting, wanted);
    if (sitting.state.complete) this.completed(sitting.state);
    else if (passed && !wanted && !this.view.video.ended) await this.start();
  }

  private completed(state: State): void {
    if (this.completionShown || this.asking.isOpen) return;
    this.completionShown = true;
    this.view.video.pause();
    this.covers.completed(state, () => void this.play());
  }

  // -- leaving

  async settle(): Promise<void> {
    this.view.video.pause();
    await Promise.race([this.outbox?.flush(), new Promise((resolve) => setTimeout(resolve, LEAVING_MS))]);
  }

  /** The learner leaves. A downloaded lesson stays open: it may be gone on with where there is no network. */
  close(): void {
    if (this.sitting?.outbox.settled && !this.offline.isHere) this.opener.close(this.sitting);
  }
}

// A lesson that is studied, of whatever kind: one sitting at a time is opened, heard, and left. What the server says
// of it, and what the network does, is dealt with alike; how it is played or read, each kind knows for itself.

import { Asking } from "./asking";
import { CheckDialog } from "./checks";
import { Covers } from "./covers";
import { canSign } from "./device";
import { Door, Refused } from "./door";
import { allowanceMs, heartbeatMs, isOver } from "./limits";
import { NoPlayer } from "./loading";
import { t } from "./messages";
import { type NoWay, Opener } from "./opener";
import type { Listener, Outbox } from "./outbox";
import { watchPage } from "./page_life";
import type { Claim } from "./playback";
import type { Config, Ended, Receipt, State, Stretch } from "./protocol";
import type { Sitting } from "./sitting";
import type { Store } from "./store";
import { Touches } from "./touches";
import type { View } from "./view";

const LEAVING_MS = 3000;
const UNANSWERED_MS = 5000;

export abstract class Study {
  sitting: Sitting | null = null;
  protected readonly door: Door;
  protected readonly opener: Opener;
  protected readonly covers: Covers;
  protected readonly asking: Asking;
  private readonly touches = new Touches();
  private openingNow: Promise<boolean> | null = null;
  /** Nobody answered about a check of this sitting: for a while none is asked for, but by the learner. */
  private unanswered: Sitting | null = null;
  private completionShown: boolean;
  /** What counted late on this page: a day has a limit for it. */
  private lateMs = 0;

  constructor(
    protected readonly config: Config,
    protected readonly view: View,
    protected readonly store: Store,
  ) {
    this.door = new Door(config.csrf);
    this.opener = new Opener(config, this.door, store, view);
    this.covers = new Covers(view, config);
    this.completionShown = config.progress?.complete ?? false;
    this.asking = new Asking(view, this.door, new CheckDialog(view.find<HTMLDialogElement>("#check-dialog")), {
      studies: (sitting) => this.sitting === sitting,
      heard: (state) => this.heard(state),
      over: (why) => this.over(why),
      stuck: (problem) => this.stuck(problem),
      locked: (detail) => this.covers.checksLocked(detail),
      refresh: () => this.refresh(),
      unanswered: (sitting) => this.askLater(sitting),
      sendOld: (sitting) => this.opener.sendMore(sitting),
    });
  }

  /** Play or read on; a sitting is opened where there is none. */
  abstract play(): Promise<void>;
  /** Put the check; `wanted` when the learner asked. Resolves when the dialog is over. */
  abstract check(wanted: boolean): Promise<void>;
  /** What the page needs before anything can begin. False when it cannot be had, and the learner is told. */
  protected abstract setUp(): Promise<boolean>;
  /** Ask the opener for a sitting; null while nothing could play it. */
  protected abstract ask(listener: Listener): Promise<Sitting | NoWay> | null;
  /** A sitting is open: go over to it. */
  protected abstract begin(sitting: Sitting): Promise<void> | void;
  /** Whoever is ahead of what is believed goes back to it. */
  protected abstract obey(state: State): void;
  /** What is not reported yet, up to the end, while the last moments are played or read; else null. */
  protected abstract get ending(): Stretch | null;
  /** The end was played, or read, and nothing comes after it. */
  protected abstract get atEnd(): boolean;
  protected abstract hide(): void;
  protected abstract show(): void;

  get pendingMs(): number {
    return this.sitting?.state.pending_ms ?? this.config.progress?.pending_ms ?? 0;
  }

  get isOpen(): boolean {
    return this.sitting?.isLive ?? false;
  }

  protected get outbox(): Outbox | undefined {
    return this.sitting?.outbox;
  }

  protected get heartbeatMs(): number {
    const { sitting } = this;
    return sitting ? heartbeatMs(sitting.opening, sitting.outbox.isAway) : Infinity;
  }

  private get allowanceMs(): number {
    const { sitting } = this;
    return sitting ? allowanceMs(sitting.opening, this.lateMs, sitting.outbox.unheardMs) : Infinity;
  }

  /** There is no network, and nothing more would count without one. */
  get isSpent(): boolean {
    return (this.outbox?.isAway ?? false) && this.allowanceMs <= this.heartbeatMs;
  }

  // -- start

  /** What can be done before the learner begins: what plays it, the key, what an earlier page left unsent. */
  async prepare(): Promise<void> {
    if (!canSign()) {
      if (!this.config.unsigned_allowed) return this.covers.cannotSign();
      this.covers.signsNothing();
    }
    watchPage({
      hidden: () => this.hide(),
      shown: () => this.show(),
      restored: () => void this.refresh(),
      network: (on) => void (on ? this.backOnline() : this.network(0, true)),
    });
    if (!(await this.setUp())) return;
    if (!this.store.lasting) this.covers.storageOff();
    await this.opener.sendOld(null).catch(() => undefined); // opening tries again
  }

  /**
   * Open a sitting here; an older one, on this or another device, ends. Where another one has just ended ours, that is
   * for the learner to decide who is told of it, not for a press of play that was meant for what no longer plays.
   */
  protected open(): Promise<boolean> {
    if (this.sitting?.state.ended === "playing_elsewhere") {
      this.elsewhere();
      return Promise.resolve(false);
    }
    this.openingNow ??= this.openOnce().finally(() => (this.openingNow = null));
    return this.openingNow;
  }

  private async openOnce(): Promise<boolean> {
    const asked = this.ask({
      receipt: (receipt) => this.received(receipt),
      waiting: (count, failed) => this.network(count, failed),
      full: () => void this.check(false),
      stuck: (refused) => this.stuck(refused),
    });
    if (!asked) return false;
    this.view.busy(t("Opening the lesson …"));
    try {
      const sitting = await asked;
      if (typeof sitting === "string") this.covers.cannotGoOn(sitting, () => void this.play());
      else await this.begin(sitting);
      return typeof sitting !== "string";
    } catch (problem) {
      if (problem instanceof NoPlayer) this.covers.playerMissing();
      else if (problem instanceof Refused) this.covers.cannotOpen(problem, () => void this.play());
      else throw problem;
      return false;
    } finally {
      this.view.busy(null);
    }
  }

  /** From now on `sitting` is studied; what the last one still owes is sent at the next start. */
  protected goOverTo(sitting: Sitting): void {
    this.outbox?.stop();
    this.sitting = sitting;
  }

  protected report(claim: Claim): void {
    this.sitting?.report(claim, this.touches.take());
  }

  // -- what the server says

  private received(receipt: Receipt): void {
    for (const { late, credited_ms } of receipt.results) if (late) this.lateMs += credited_ms;
    this.view.results(receipt);
    this.heard(receipt);
  }

  protected heard(state: State): void {
    this.sitting?.hear(state);
    this.view.progress(state);
    if (state.ended) return this.over(state.ended);
    // Everything played and sent is judged.
    if (this.outbox?.settled) this.obey(state);
    const due = state.held || (state.check_due && !this.isEnding);
    // Without network nothing can be asked: what is due is asked when it is back.
    if (due && !this.outbox?.isAway && this.unanswered !== this.sitting) void this.check(false);
    else this.completed(state);
  }

  private askLater(sitting: Sitting): void {
    if (this.unanswered === sitting) return;
    this.unanswered = sitting;
    setTimeout(() => {
      if (this.unanswered !== sitting) return;
      this.unanswered = null;
      if (this.sitting !== sitting || !sitting.isLive) return;
      void this.refresh().then((answered) => answered || this.askLater(sitting));
    }, UNANSWERED_MS);
  }

  /**
   * The last moments come before the check that the end brings: they are then behind it too. Where they are more than
   * may wait they would not count, and the check comes first.
   */
  private get isEnding(): boolean {
    const left = this.ending;
    return left !== null && (this.outbox?.admits(...left) ?? false);
  }

  /** False where nobody answers. */
  protected async refresh(): Promise<boolean> {
    const { sitting } = this;
    if (!sitting?.isLive) return true;
    try {
      const state = await this.door.json<State>(sitting.url, { token: sitting.opening.token });
      sitting.outbox.heard(state); // what other sittings sent takes room from this one
      if (this.sitting === sitting) this.heard(state);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (problem.passing) return false;
      if (this.sitting === sitting) this.stuck(problem);
    }
    return true;
  }

  protected over(why: Ended): void {
    this.sitting?.over(why);
    this.asking.dismiss();
    // After any other end the next play opens a new sitting by itself.
    if (why === "playing_elsewhere") this.elsewhere();
  }

  private elsewhere(): void {
    this.covers.elsewhere(() => void this.reopen());
  }

  /** Another sitting, whatever became of this one. */
  protected reopen(): Promise<void> {
    this.outbox?.stop();
    this.sitting = null;
    return this.play();
  }

  protected stuck(problem: Refused): void {
    this.view.pause();
    if (problem.status === 401) return this.covers.signedOut();
    if (problem.code === "bad_signature") return this.view.explain("device_problem");
    this.covers.outOfDate();
  }

  /** False while it is not over; when it is, that is told, once. */
  protected completed(state: State): boolean {
    if (!this.sitting || !isOver(state, this.sitting.opening, this.atEnd)) return false;
    if (!this.completionShown && !this.asking.isOpen) {
      this.completionShown = true;
      this.view.pause();
      this.covers.completed(state, () => void this.play());
    }
    return true;
  }

  // -- the network

  private network(count: number, failed: boolean): void {
    this.covers.network(count, failed, this.allowanceMs);
  }

  /** True when all that waited has been sent. */
  protected async backOnline(): Promise<boolean> {
    await this.outbox?.flush();
    if (this.outbox?.settled === false) return false; // it goes on trying, and tells
    this.network(0, false);
    await this.refresh(); // a check may have come due that could not be asked
    return true;
  }

  // -- leaving

  /** Stop and send what waits; resolves when that is done or takes too long. */
  async settle(): Promise<void> {
    this.view.pause();
    await Promise.race([this.outbox?.flush(), new Promise((resolve) => setTimeout(resolve, LEAVING_MS))]);
  }

  /** The learner leaves. */
  close(): void {
    if (this.sitting?.outbox.settled) this.opener.close(this.sitting);
  }
}

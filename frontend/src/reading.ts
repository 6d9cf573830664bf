// A lesson of pages: one page at a time, one sitting at a time. Turning a page is asked of the server, after everything
// read before has been sent: only time since a page was shown counts on it (docs/player-protocol.md, units of pages).

import { Asking } from "./asking";
import { CheckDialog } from "./checks";
import { Covers } from "./covers";
import { canSign } from "./device";
import { Door, Refused } from "./door";
import { t } from "./messages";
import { Opener } from "./opener";
import { watchPage } from "./page_life";
import { PageView } from "./page_view";
import type { Config, Ended, EventKind, Page, Receipt, State, Stretch } from "./protocol";
import { ReadingTime } from "./reading_time";
import { keepAwake } from "./screen";
import type { Sitting } from "./sitting";
import type { Store } from "./store";
import { Touches } from "./touches";
import type { View } from "./view";

const TICK_MS = 250;
const LEAVING_MS = 3000;
const IDLE_MS = 300_000;
const NO_DOWNLOADS = { downloads: null, isHere: false };

export class Reading {
  private sitting: Sitting | null = null;
  private page: Page | null = null;
  private time = new ReadingTime(() => performance.now(), IDLE_MS);
  private turning = false;
  private completionShown: boolean;
  private readonly door: Door;
  private readonly opener: Opener;
  private readonly covers: Covers;
  private readonly asking: Asking;
  private readonly shown: PageView;
  private readonly touches = new Touches();

  constructor(
    private readonly config: Config,
    private readonly view: View,
    private readonly store: Store,
  ) {
    this.door = new Door(config.csrf);
    this.opener = new Opener(config, this.door, store, view);
    this.covers = new Covers(view, config);
    this.shown = new PageView(view);
    this.completionShown = config.progress?.complete ?? false;
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

  private get pages(): readonly Stretch[] {
    return this.sitting?.opening.pages ?? [];
  }

  // -- start

  async prepare(): Promise<void> {
    if (!canSign() && !this.config.unsigned_allowed) return this.covers.cannotSign();
    if (!canSign()) this.covers.signsNothing();
    watchPage({
      hidden: () => this.hide(),
      shown: () => this.show(),
      restored: () => void this.refresh(),
      network: (on) => void (on ? this.backOnline() : this.network(0, true)),
    });
    for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"]) {
      document.addEventListener(kind, (event) => event.isTrusted && this.touched(), { capture: true, passive: true });
    }
    setInterval(() => this.tick(), TICK_MS);
    if (!this.store.lasting) this.covers.storageOff();
    this.invite();
    await this.opener.sendOld(null).catch(() => undefined); // opening tries again
  }

  private invite(): void {
    const begun = (this.config.progress?.frontier_ms ?? 0) > 0;
    const label = begun ? t("Go on reading") : t("Begin reading");
    this.view.cover({ title: document.title.split(" · ")[0] ?? "", text: "", action: { label, run: () => void this.begin() } });
  }

  async begin(): Promise<void> {
    if (!this.isOpen && !(await this.open())) return;
    this.view.cover(null);
    const { state, opening } = this.sitting as Sitting;
    const at = state.frontier_ms >= opening.duration_ms - opening.delta_ms ? 0 : state.frontier_ms;
    const index = this.pages.findIndex(([start, end]) => start <= at && at < end);
    await this.turn(index < 0 ? this.pages.length - 1 : index);
    this.heard((this.sitting as Sitting).state);
    if (this.opener.owesCheck) void this.check(true);
  }

  private async open(): Promise<boolean> {
    const { view } = this;
    view.busy(t("Opening the lesson …"));
    try {
      const sitting = await this.opener.open("pages", NO_DOWNLOADS, {
        receipt: (receipt) => this.received(receipt),
        waiting: (count, failed) => this.network(count, failed),
        full: () => void this.check(false),
        stuck: (refused) => this.stuck(refused),
      });
      if (typeof sitting === "string") return false; // only a downloaded lesson has no way without network
      this.sitting?.outbox.stop();
      this.sitting = sitting;
      view.lasts(sitting.opening.duration_ms);
      this.time = new ReadingTime(() => performance.now(), sitting.opening.page_idle_ms ?? IDLE_MS);
      return true;
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.covers.cannotOpen(problem, () => void this.begin());
      return false;
    } finally {
      view.busy(null);
    }
  }

  // -- pages

  back(): void {
    if (this.page && this.page.index > 0) void this.turn(this.page.index - 1);
  }

  next(): void {
    if (!this.page || this.page.index + 1 >= this.pages.length) return;
    if (this.isCounted) void this.turn(this.page.index + 1);
    else this.view.notice(t("Next page"), t("The next page opens when this one is counted."));
  }

  private async turn(index: number): Promise<void> {
    const { sitting } = this;
    if (!sitting || this.turning) return;
    this.turning = true;
    try {
      this.halt("pause");
      await sitting.outbox.flush();
      // What waits is about the page before: it would count for nothing once another one is shown.
      if (!sitting.outbox.settled) throw new Refused(0, "no_answer", "");
      this.page = await this.door.json<Page>(`${sitting.url}/pages/${index}`, { token: sitting.opening.token });
      const { start_ms: start, end_ms: end } = this.page;
      this.time.open(Math.min(end, Math.max(start, sitting.state.frontier_ms)), end);
      this.shown.show(this.page, this.pages.length);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.notTurned(problem, index);
    } finally {
      this.turning = false;
    }
    this.goOn();
    this.tick();
  }

  private notTurned(problem: Refused, index: number): void {
    const { view } = this;
    const ended = problem.code === "playing_elsewhere" || problem.code === "closed" || problem.code === "expired";
    if (ended) return this.over(problem.code as Ended);
    if (problem.status === 425 && problem.code === "check_missed") return void this.refresh();
    if (problem.status === 425 && problem.code === "limit_reached") return view.explain("limit_reached");
    if (problem.status === 425) return view.notice(t("Next page"), t("The next page opens when this one is counted."));
    if (!problem.passing) return this.stuck(problem);
    const text = t("The page can be turned when there is a network. What you read is kept on this device.");
    if (this.page) return view.notice(t("The page cannot be shown"), text, "warn");
    view.cover({ title: t("The page cannot be shown"), text, action: { label: t("Try again"), run: () => void this.again(index) } });
  }

  private async again(index: number): Promise<void> {
    this.view.cover(null);
    await this.turn(index);
  }

  /**
   * The server believes all of this page. It would open the next one within DELTA already, but a second lost on each of
   * many pages leaves a lesson incomplete; so that much may only be missing when all of it was read and reported.
   */
  private get isCounted(): boolean {
    const { page, sitting, time } = this;
    if (!page || !sitting) return false;
    const missing = page.end_ms - sitting.state.frontier_ms;
    const reported = time.unreported === 0 && time.at >= page.end_ms && sitting.outbox.settled;
    return missing <= 0 || (missing <= sitting.opening.delta_ms && reported);
  }

  // -- time

  private get mayCount(): boolean {
    const { sitting, page } = this;
    const covered = this.view.root.dataset["covered"] === "true";
    if (!sitting?.isLive || !page || this.turning || covered || this.asking.isOpen || document.hidden) return false;
    // Where there is no network, only so much in one go would count.
    if (sitting.outbox.unheardMs >= sitting.opening.gap_max_ms - sitting.opening.heartbeat_ms) return false;
    return !sitting.state.held && !this.isCounted;
  }

  private goOn(): void {
    if (this.mayCount && !this.time.isIdle) this.time.start();
    void keepAwake(this.time.isRunning);
  }

  private halt(event: EventKind): void {
    this.time.stop();
    if (this.time.unreported > 0) this.report(event);
    void keepAwake(false);
  }

  private touched(): void {
    this.time.touch();
    this.shown.idle(false);
    this.goOn();
  }

  private tick(): void {
    const { sitting, page, time } = this;
    if (!sitting || !page) return;
    const leftMs = page.end_ms - time.at;
    if (time.isRunning) {
      if (!this.mayCount) this.halt("pause");
      else if (time.isIdle) this.stopIdle();
      else if (time.unreported >= sitting.opening.heartbeat_ms) this.report("heartbeat");
      else if (leftMs <= 0) this.halt(page.end_ms === sitting.opening.duration_ms ? "end" : "heartbeat");
    }
    this.shown.time(Math.max(0, leftMs), page.end_ms - page.start_ms, this.isCounted);
    this.shown.buttons(page.index === 0, page.index + 1 === this.pages.length, this.isCounted);
  }

  private stopIdle(): void {
    this.halt("pause");
    this.shown.idle(true);
    const text = t("You had not touched the page for five minutes, so counting stopped. Touch it to go on.");
    this.view.notice(t("Still reading?"), text, "warn");
  }

  private report(event: EventKind): void {
    this.sitting?.report({ event, ...this.time.take(), hidden: 0, rate: 1 }, this.touches.take());
  }

  private hide(): void {
    if (!this.isOpen) return;
    this.halt("hide");
    void this.sitting?.outbox.flushOnLeave();
  }

  private show(): void {
    const { sitting } = this;
    if (!sitting?.isLive || !this.page) return;
    void sitting.outbox.flush();
    this.touched();
  }

  // -- what the server says

  private received(receipt: Receipt): void {
    this.view.results(receipt);
    this.heard(receipt);
  }

  private heard(state: State): void {
    const { sitting, view, page } = this;
    if (!sitting) return;
    sitting.hear(state);
    view.progress(state);
    if (state.ended) return this.over(state.ended);
    // Everything read is judged: who is ahead of what is believed goes back to it.
    const at = this.time.at - this.time.unreported;
    if (page && sitting.outbox.settled && at > state.frontier_ms + sitting.opening.delta_ms) {
      const running = this.time.isRunning;
      this.time.open(Math.min(page.end_ms, Math.max(page.start_ms, state.frontier_ms)), page.end_ms);
      if (running) this.goOn();
      // A failed check may lie pages back.
      if (state.frontier_ms < page.start_ms - sitting.opening.delta_ms && !state.held) void this.begin();
    }
    if (state.complete) this.completed(state);
    else if (sitting.outbox.isAway) return; // what is due can be asked when the network is back
    else if (state.held || state.check_due) void this.check(false);
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

  private network(count: number, failed: boolean): void {
    const { sitting } = this;
    const room = sitting ? sitting.opening.gap_max_ms - sitting.outbox.unheardMs : 0;
    this.covers.network(count, failed, room);
  }

  private async backOnline(): Promise<void> {
    await this.sitting?.outbox.flush();
    if (this.sitting?.outbox.settled === false) return; // it goes on trying, and tells
    this.network(0, false);
    await this.refresh();
    this.goOn();
  }

  private over(why: Ended): void {
    this.sitting?.over(why);
    this.time.stop();
    this.asking.dismiss();
    if (why === "playing_elsewhere") this.covers.elsewhere(() => void this.begin());
    else this.invite();
  }

  private stuck(problem: Refused): void {
    this.time.stop();
    if (problem.status === 401) return this.covers.signedOut();
    if (problem.code === "bad_signature") return this.view.explain("device_problem");
    this.covers.outOfDate();
  }

  // -- checks, and leaving

  async check(wanted: boolean): Promise<void> {
    const { sitting } = this;
    if (this.asking.isOpen) return;
    if (!sitting?.isLive) return this.begin();
    this.halt("pause");
    await this.asking.run(sitting, wanted);
    if (sitting.state.complete) this.completed(sitting.state);
    else if (this.page && sitting.state.frontier_ms < this.page.start_ms - sitting.opening.delta_ms) await this.begin();
    this.goOn();
  }

  private completed(state: State): void {
    if (this.completionShown || this.asking.isOpen) return;
    this.completionShown = true;
    this.covers.completed(state, () => void this.begin());
  }

  async settle(): Promise<void> {
    this.halt("pause");
    await Promise.race([this.sitting?.outbox.flush(), new Promise((resolve) => setTimeout(resolve, LEAVING_MS))]);
  }

  close(): void {
    if (this.sitting?.outbox.settled) this.opener.close(this.sitting);
  }
}

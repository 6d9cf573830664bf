// A lesson of pages: one page at a time, one sitting at a time. Turning a page is asked of the server, after everything
// read before has been sent: only time since a page was shown counts on it (docs/player-protocol.md, units of pages).

import { Refused } from "./door";
import { ENDING_MS } from "./limits";
import { t } from "./messages";
import type { NoWay } from "./opener";
import type { Listener } from "./outbox";
import { PageView } from "./page_view";
import { type Ended, type EventKind, type Page, type State, type Stretch, isEnd } from "./protocol";
import { ReadingTime } from "./reading_time";
import { keepAwake } from "./screen";
import type { Sitting } from "./sitting";
import { Study } from "./study";

const TICK_MS = 250;
const IDLE_MS = 300_000;
const NO_DOWNLOADS = { downloads: null, isHere: false };

export class Reading extends Study {
  private page: Page | null = null;
  private time = new ReadingTime(() => performance.now(), IDLE_MS);
  private turning = false;
  private readonly shown = new PageView(this.view);

  private get pages(): readonly Stretch[] {
    return this.sitting?.opening.pages ?? [];
  }

  // -- start

  protected async setUp(): Promise<boolean> {
    for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"]) {
      document.addEventListener(kind, (event) => event.isTrusted && this.touched(), { capture: true, passive: true });
    }
    setInterval(() => this.tick(), TICK_MS);
    this.invite();
    return true;
  }

  private invite(): void {
    const begun = (this.config.progress?.frontier_ms ?? 0) > 0;
    const label = begun ? t("Go on reading") : t("Begin reading");
    this.view.cover({ title: document.title.split(" · ")[0] ?? "", text: "", action: { label, run: () => void this.play() } });
  }

  async play(): Promise<void> {
    if (!this.isOpen && !(await this.open())) return;
    this.view.cover(null);
    const { state, opening } = this.sitting as Sitting;
    const at = state.frontier_ms >= opening.duration_ms - opening.delta_ms ? 0 : state.frontier_ms;
    const index = this.pages.findIndex(([start, end]) => start <= at && at < end);
    await this.turn(index < 0 ? this.pages.length - 1 : index);
    this.heard((this.sitting as Sitting).state);
    if (this.opener.owesCheck) void this.check(true);
  }

  protected ask(listener: Listener): Promise<Sitting | NoWay> {
    return this.opener.open("pages", NO_DOWNLOADS, listener);
  }

  protected begin(sitting: Sitting): void {
    this.goOverTo(sitting);
    this.view.lasts(sitting.opening.duration_ms);
    this.time = new ReadingTime(() => performance.now(), sitting.opening.page_idle_ms ?? IDLE_MS);
  }

  // -- pages

  back(): void {
    if (this.page && this.page.index > 0) void this.turn(this.page.index - 1);
  }

  next(): void {
    if (!this.page || this.page.index + 1 >= this.pages.length) return;
    if (this.isCounted) void this.turn(this.page.index + 1);
    else this.notYet();
  }

  private notYet(): void {
    this.view.notice(t("Next page"), t("The next page opens when this one is counted."));
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
      const page = await this.door.json<Page>(`${sitting.url}/pages/${index}`, { token: sitting.opening.token });
      if (this.sitting !== sitting) return;
      this.page = page;
      this.readUpTo(sitting.state.frontier_ms, this.page);
      this.shown.show(this.page, this.pages.length);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (this.sitting === sitting) this.notTurned(problem, index);
    } finally {
      this.turning = false;
    }
    this.goOn();
    this.tick();
  }

  private notTurned(problem: Refused, index: number): void {
    const { view } = this;
    if (isEnd(problem.code)) return this.over(problem.code);
    if (problem.status === 425 && problem.code === "check_missed") return void this.refresh();
    if (problem.status === 425 && problem.code === "limit_reached") return view.explain("limit_reached");
    if (problem.status === 425) return this.notYet();
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
    return !this.isSpent && !sitting.state.held && !this.isCounted;
  }

  private goOn(): void {
    if (this.mayCount && !this.time.isIdle) this.time.start();
    void keepAwake(this.time.isRunning);
  }

  private halt(event: EventKind): void {
    this.time.stop();
    if (this.time.unreported > 0) this.reportRead(event);
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
      if (this.isSpent) this.stopSpent();
      else if (!this.mayCount) this.halt("pause");
      else if (time.isIdle) this.stopIdle();
      else if (time.unreported >= this.heartbeatMs) this.reportRead("heartbeat");
      else if (leftMs <= 0) this.halt(page.end_ms === sitting.opening.duration_ms ? "end" : "heartbeat");
    }
    this.shown.time(Math.max(0, leftMs), page.end_ms - page.start_ms, this.isCounted);
    this.shown.buttons(page.index === 0, page.index + 1 === this.pages.length, this.isCounted);
  }

  /** It goes on by itself when the network is back. */
  private stopSpent(): void {
    this.halt("pause");
    this.covers.spent();
  }

  private stopIdle(): void {
    this.halt("pause");
    this.shown.idle(true);
    const text = t("You had not touched the page for five minutes, so counting stopped. Touch it to go on.");
    this.view.notice(t("Still reading?"), text, "warn");
  }

  private reportRead(event: EventKind): void {
    this.report({ event, ...this.time.take(), hidden: 0, rate: 1 });
  }

  protected hide(): void {
    if (!this.isOpen) return;
    this.halt("hide");
    void this.sitting?.outbox.flushOnLeave();
  }

  protected show(): void {
    const { sitting } = this;
    if (!sitting?.isLive || !this.page) return;
    void sitting.outbox.flush();
    this.touched();
  }

  // -- what the server says

  protected obey(state: State): void {
    const { sitting, page } = this;
    if (!sitting || !page || this.time.at - this.time.unreported <= state.frontier_ms + sitting.opening.delta_ms) return;
    const running = this.time.isRunning;
    this.readUpTo(state.frontier_ms, page);
    if (running) this.goOn();
    // A failed check may lie pages back.
    if (state.frontier_ms < page.start_ms - sitting.opening.delta_ms && !state.held) void this.play();
  }

  protected get ending(): Stretch | null {
    const { sitting, time } = this;
    const end = sitting?.opening.duration_ms ?? 0;
    return time.isRunning && end - time.at <= ENDING_MS ? [time.at - time.unreported, end] : null;
  }

  protected get atEnd(): boolean {
    return this.page?.index === this.pages.length - 1 && this.isCounted;
  }

  /** What is shown is `page`; of it, what lies before the frontier is read. */
  private readUpTo(frontierMs: number, { start_ms: start, end_ms: end }: Page): void {
    this.time.open(Math.min(end, Math.max(start, frontierMs)), end);
  }

  protected override async backOnline(): Promise<boolean> {
    const sent = await super.backOnline();
    if (sent) this.goOn();
    return sent;
  }

  protected override over(why: Ended): void {
    this.time.stop();
    super.over(why);
    if (why !== "playing_elsewhere") this.invite();
  }

  protected override stuck(problem: Refused): void {
    this.time.stop();
    super.stuck(problem);
  }

  // -- checks, and leaving

  async check(wanted: boolean): Promise<void> {
    const { sitting } = this;
    if (this.asking.isOpen) return;
    if (!sitting?.isLive) return this.play();
    this.halt("pause");
    await this.asking.run(sitting, wanted);
    if (this.sitting !== sitting || !sitting.isLive) return; // what goes on elsewhere is not taken back
    const over = this.completed(sitting.state);
    if (!over && this.page && sitting.state.frontier_ms < this.page.start_ms - sitting.opening.delta_ms) await this.play();
    this.goOn();
  }

  override settle(): Promise<void> {
    this.halt("pause");
    return super.settle();
  }
}

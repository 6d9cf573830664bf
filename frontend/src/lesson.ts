// The lesson: one video, one sitting at a time. It opens sittings, passes reports on, and does what the server answers.

import { Asking } from "./asking";
import { CheckDialog } from "./checks";
import { Covers } from "./covers";
import { canSign } from "./device";
import { Door, Refused } from "./door";
import { Downloads, canDownload } from "./downloads";
import { holdSitting } from "./lock";
import { Media, type Source } from "./media";
import { t } from "./messages";
import { OfflineCard } from "./offline_card";
import { type Begun, Opener } from "./opener";
import { type Listener, Outbox } from "./outbox";
import { type Claim, Playback } from "./playback";
import type { Config, Ended, Receipt, State } from "./protocol";
import { Sitting } from "./sitting";
import type { Store } from "./store";
import type { View } from "./view";

const LEAVING_MS = 3000;

export class Lesson {
  readonly playback: Playback;
  private media: Media | null = null;
  private sitting: Sitting | null = null;
  private downloads: Downloads | null = null;
  private card: OfflineCard | null = null;
  /** What counted late on this page: a day has a limit for it. */
  private lateMs = 0;
  private openingNow: Promise<boolean> | null = null;
  private completionShown: boolean;
  private readonly door: Door;
  private readonly opener: Opener;
  private readonly covers: Covers;
  private readonly asking: Asking;

  constructor(
    private readonly config: Config,
    private readonly view: View,
    private readonly store: Store,
  ) {
    this.door = new Door(config.csrf);
    this.opener = new Opener(config, this.door, store, view);
    this.covers = new Covers(view, config);
    this.completionShown = config.progress?.complete ?? false;
    this.playback = new Playback(view, {
      report: (claim) => this.report(claim),
      frontierMs: () => this.sitting?.state.frontier_ms ?? 0,
      heartbeatMs: () => this.heartbeatMs,
      moving: () => this.obeyLimits(),
    });
    this.asking = new Asking(view, this.door, new CheckDialog(view.find<HTMLDialogElement>("#check-dialog")), {
      heard: (state) => this.heard(state),
      over: (why) => this.over(why),
      stuck: (problem) => this.stuck(problem),
      locked: (detail) => this.covers.checksLocked(detail),
      refresh: () => this.refresh(),
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
    if (!canSign()) return this.covers.cannotSign();
    this.watchPage();
    this.playback.watch();
    this.media = await Media.prepare(view.video, this.door).catch(() => null);
    if (!this.media) return this.covers.cannotPlayMedia();
    if (!this.store.lasting) {
      view.notice(t("Storage is off"), t("Watching cannot be kept when this page closes: the browser's storage is off. Stay online."), "warn");
    }
    await this.prepareDownloads(this.media).catch(() => undefined); // without it, the lesson plays all the same
    await this.opener.sendOld(null).catch(() => undefined); // the first play tries again
  }

  private async prepareDownloads(media: Media): Promise<void> {
    const { offline } = this.config;
    // The browser's own player cannot be handed files from a cache.
    if (!offline || media.kind !== "hls.js" || !canDownload(this.store)) return;
    const downloads = new Downloads(this.config, offline, this.door, this.store);
    await downloads.load();
    this.downloads = downloads;
    this.card = new OfflineCard(this.view, downloads, offline, async () => {
      if (!this.isOpen) await this.open();
      return this.isOpen ? this.sitting : null;
    });
  }

  private watchPage(): void {
    document.addEventListener("visibilitychange", () => this.visibility());
    window.addEventListener("pagehide", () => this.hide());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) void this.refresh();
    });
    window.addEventListener("online", () => void this.outbox?.flush());
    window.addEventListener("offline", () => this.network(this.outbox?.settled === false ? 1 : 0, true));
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
    try {
      await this.view.video.play();
    } catch (problem) {
      // The tap that opened the sitting may be too long ago for the browser: a second tap plays at once.
      if (problem instanceof DOMException && problem.name === "NotAllowedError") {
        this.covers.tapToPlay(() => void this.play());
      }
    }
  }

  // -- a sitting

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
      await this.begin(await this.opener.online(media.kind));
      return true;
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (problem.passing && this.downloads?.current?.whole) return await this.goOnOffline(this.downloads);
      this.covers.cannotOpen(problem, () => void this.play());
      return false;
    } finally {
      view.busy(null);
    }
  }

  /** Without network: a downloaded lesson goes on with the sitting that an earlier page kept. */
  private async goOnOffline(downloads: Downloads): Promise<boolean> {
    const again = (): void => void this.play();
    if (downloads.isExpired) this.covers.tooOld(again);
    else {
      const begun = await this.opener.offline(downloads.serverNowMs);
      if (begun === "none") this.covers.connectOnce(again);
      else if (begun === "taken") this.covers.openTwice(again);
      else {
        await this.begin(begun);
        return true;
      }
    }
    return false;
  }

  private async begin({ kept, clock, device, queue, reachedMs }: Begun): Promise<void> {
    const { config, view, door, store } = this;
    this.outbox?.stop();
    const { opening, state } = kept;
    void holdSitting(kept.sid);
    const url = `${config.urls.sittings}/${kept.sid}`;
    const post = { url, device, door, store, clock, reenrol: () => this.opener.enrol() };
    const outbox = new Outbox(kept, post, this.listener(), queue);
    const sitting = new Sitting(opening, outbox, clock, url, state);
    const startMs = reachedMs >= opening.duration_ms - 1000 ? 0 : reachedMs;
    const source = await this.source(sitting, (startMs + (opening.start_ms ?? 0)) / 1000);
    this.sitting = sitting;
    view.cover(null);
    this.playback.begin(opening, startMs, reachedMs);
    this.media?.open(source, {
      early: (code) => this.early(code),
      failed: (code) => this.mediaFailed(code),
      qualities: (labels) => this.qualities(labels),
    });
    this.heard(state);
    if (this.opener.owesCheck) void this.check(true);
  }

  /** The download where there is one that may be played, else the stream. */
  private async source(sitting: Sitting, startSeconds: number): Promise<Source> {
    const { downloads } = this;
    const stream = { playlist: sitting.opening.playlist, startSeconds };
    if (!downloads?.current?.whole) return stream;
    await downloads.renew(sitting).catch(() => undefined); // no network, or no longer: what is here holds or not
    this.card?.show();
    if (!downloads.isPlayable) return stream;
    return downloads.source().then(
      (stored) => ({ ...stream, stored }),
      () => stream,
    );
  }

  private listener(): Listener {
    return {
      receipt: (receipt) => this.received(receipt),
      waiting: (count, failed) => this.network(count, failed),
      full: () => void this.check(false),
      stuck: (refused) => this.stuck(refused),
    };
  }

  // -- without network

  private network(count: number, failed: boolean): void {
    this.covers.network(count, failed, this.allowanceMs);
  }

  /** New media that may still be watched before the server hears of it: what comes in later than that is refused. */
  private get allowanceMs(): number {
    const { sitting } = this;
    if (!sitting) return Infinity;
    const { gap_max_ms, late_day_ms } = sitting.opening;
    return Math.min(gap_max_ms, late_day_ms - this.lateMs) - sitting.outbox.unheardMs;
  }

  /** Without network small reports: what may wait for a check is measured in whole ones. */
  private get heartbeatMs(): number {
    const { sitting } = this;
    if (!sitting) return Infinity;
    const { heartbeat_ms, pend_max_ms } = sitting.opening;
    return sitting.outbox.isAway ? Math.min(heartbeat_ms, Math.max(1000, pend_max_ms / 6)) : heartbeat_ms;
  }

  private obeyLimits(): void {
    const { sitting, downloads } = this;
    if (!sitting?.outbox.isAway) return;
    const again = (): void => void this.play();
    if (downloads?.current?.whole && downloads.isExpired) {
      this.view.video.pause();
      this.covers.tooOld(again);
    } else if (this.allowanceMs <= this.heartbeatMs && this.playback.isNew) {
      this.view.video.pause();
      this.covers.connectToConfirm(again);
    }
  }

  private report(claim: Claim): void {
    const { sitting } = this;
    if (!sitting) return;
    void sitting.outbox.add({ ...claim, cm: sitting.clock.cm() });
    void sitting.outbox.flush();
  }

  private async reopen(): Promise<void> {
    this.view.cover(null);
    this.media?.close();
    this.sitting = null;
    await this.play();
  }

  private qualities(labels: string[]): void {
    const options = [["-1", t("Auto")] as const, ...labels.map((label, index) => [String(index), label] as const)];
    this.view.choices("quality", labels.length > 1 ? options : [], "-1", (value) => this.media?.choose(Number(value)));
  }

  private visibility(): void {
    if (document.visibilityState === "hidden") return this.hide();
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
    for (const { outcome, class: why, late, credited_ms } of receipt.results) {
      if (late) this.lateMs += credited_ms;
      // "Continued elsewhere" lies over the video already.
      if (why === "playing_elsewhere" && receipt.ended) continue;
      if (why && (outcome === "refused" || outcome === "partly")) this.view.explain(why);
    }
    this.heard(receipt);
  }

  private heard(state: State): void {
    this.sitting?.hear(state);
    this.view.progress(state);
    this.downloads?.note(state.server_time_ms);
    if (state.ended) return this.over(state.ended);
    // Everything played is judged: whoever is ahead of the frontier goes back to it.
    if (this.outbox?.settled && !this.playback.obey(state.frontier_ms)) {
      this.view.explain(state.held ? "check_missed" : "jumped_ahead");
    }
    if (state.complete) this.completed(state);
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
    if (this.asking.isOpen) return;
    if (!this.isOpen && !(await this.open())) return;
    const { sitting, view } = this;
    if (!sitting) return;
    let passed = await this.asking.run(sitting, wanted);
    // A passed check makes room for what still waited to be sent, and that may want the next one.
    while (passed && (await this.sendMore(sitting))) passed = await this.asking.run(sitting, wanted);
    if (sitting.state.complete) this.completed(sitting.state);
    else if (passed && !wanted && !view.video.ended) await this.start();
  }

  /** True when what was sent, or could not be, asks for a check. */
  private async sendMore(sitting: Sitting): Promise<boolean> {
    await sitting.outbox.flush();
    if (this.opener.owesCheck) {
      await this.opener.sendOld(sitting.opening.sid).catch(() => undefined);
      await this.refresh();
    }
    const { ended, held, check_due } = sitting.state;
    return ended === null && (held || check_due || sitting.outbox.isFull || this.opener.owesCheck);
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
    const { sitting } = this;
    if (!sitting?.outbox.settled || this.downloads?.current?.whole) return;
    const call = { method: "POST", token: sitting.opening.token, keepalive: true } as const;
    void this.door.json(`${sitting.url}/close`, call).catch(() => undefined);
    void this.store.dropSitting(sitting.opening.sid).catch(() => undefined);
  }
}

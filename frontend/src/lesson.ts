// The lesson: one video, one sitting at a time. It measures and reports, and does what the server answers.

import { CheckDialog } from "./checks";
import { type Device, canSign, enrol } from "./device";
import { ask } from "./dialogs";
import { Door, Refused } from "./door";
import { Media } from "./media";
import { duration, t } from "./messages";
import { Meter } from "./meter";
import { Outbox, sendLeftovers } from "./outbox";
import type { Check, CheckOutcome, Config, EventKind, Opening, Receipt, State } from "./protocol";
import { keepAwake, leaveFull } from "./screen";
import type { Store } from "./store";
import type { View } from "./view";

const STALL_MS = 2000;
const AGAIN_MS = 2000;
const SMALL_SEEK_MS = 300;
const ENDING_MS = 5000;
const LEFTOVERS_MS = 8000;

export class Lesson {
  private media: Media | null = null;
  private device: Device | null = null;
  private opening: Opening | null = null;
  private state: State | null = null;
  private heardAt = 0;
  private meter = new Meter(0, () => performance.now(), 0);
  private outbox: Outbox | null = null;
  /** The furthest position reached by playing in order; the server's frontier follows it. */
  private reached = 0;
  private going = false;
  private asking = false;
  private openingNow: Promise<boolean> | null = null;
  private aim: number | null = null;
  private stall: ReturnType<typeof setTimeout> | undefined;
  private completionShown = false;
  private readonly door: Door;
  private readonly checks: CheckDialog;

  constructor(
    private readonly config: Config,
    private readonly view: View,
    private readonly store: Store,
  ) {
    this.door = new Door(config.csrf);
    this.checks = new CheckDialog(view.find<HTMLDialogElement>("#check-dialog"));
    this.completionShown = config.progress?.complete ?? false;
  }

  get pendingMs(): number {
    return this.state?.pending_ms ?? this.config.progress?.pending_ms ?? 0;
  }

  get isOpen(): boolean {
    return this.opening !== null && this.state?.ended === null;
  }

  private get video(): HTMLVideoElement {
    return this.view.video;
  }

  private get positionMs(): number {
    return this.video.currentTime * 1000 - (this.opening?.start_ms ?? 0);
  }

  // -- start

  /** What can be done before the learner asks to play: the library, the key, what an earlier page left unsent. */
  async prepare(): Promise<void> {
    const { view, video } = this;
    if (!canSign()) {
      const secure = window.isSecureContext;
      view.cover({
        title: t("This browser cannot play the lesson"),
        text: secure
          ? t("The player needs a newer browser. Update it, or open this page in another one.")
          : t("The page must be opened over a secure connection (https). Ask whoever gave you the address."),
        tone: "bad",
      });
      return;
    }
    this.watchVideo();
    this.media = await Media.prepare(video, this.door).catch(() => null);
    if (!this.media) {
      view.cover({
        title: t("This browser cannot play the lesson"),
        text: t("The player needs a newer browser. Update it, or open this page in another one."),
        action: { label: t("Reload"), run: () => location.reload() },
        tone: "bad",
      });
      return;
    }
    if (!this.store.lasting) {
      view.notice(t("Storage is off"), t("Watching cannot be kept when this page closes: the browser's storage is off. Stay online."), "warn");
    }
    await this.sendOld().catch(() => undefined); // the first play tries again
  }

  private async sendOld(): Promise<void> {
    this.device ??= await enrol(this.door, this.store, this.config.urls.devices);
    const { sittings } = this.config.urls;
    const owing = (await this.store.sittings()).length > 0;
    if (owing) this.view.network(t("Sending what was watched earlier on this device …"));
    const sent = sendLeftovers(this.config.learner ?? "", sittings, this.device, this.door, this.store);
    // A slow network must not keep the learner from starting; the rest goes at the next start.
    await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, LEFTOVERS_MS))]);
    if (owing) this.view.network(null);
  }

  async toggle(): Promise<void> {
    if (!this.video.paused) return this.pause();
    await this.play();
  }

  async play(): Promise<void> {
    if (!this.media || this.asking) return;
    if (!this.isOpen && !(await this.open())) return;
    if (this.state && (this.state.held || this.state.check_due)) {
      await this.check(false);
      return;
    }
    this.view.cover(null);
    if (this.video.ended || this.positionMs >= (this.opening?.duration_ms ?? 0) - 250) this.seek(0);
    await this.start();
  }

  private async start(): Promise<void> {
    try {
      await this.video.play();
    } catch (problem) {
      // The tap that opened the sitting may be too long ago for the browser: a second tap plays at once.
      if (problem instanceof DOMException && problem.name === "NotAllowedError") {
        this.view.cover({ title: t("Tap to play"), text: "", action: { label: t("Play"), run: () => void this.play() } });
      }
    }
  }

  private pause(): void {
    this.video.pause();
  }

  /** Open a sitting here; an older one, on this or another device, ends. */
  private open(): Promise<boolean> {
    this.openingNow ??= this.openOnce().finally(() => (this.openingNow = null));
    return this.openingNow;
  }

  private async openOnce(): Promise<boolean> {
    const { config, view, door, media } = this;
    if (!media) return false;
    view.busy(t("Opening the lesson …"));
    try {
      await this.sendOld();
      const device = this.device as Device;
      const body = {
        unit: config.unit,
        device: device.thumbprint,
        cm: Math.floor(performance.now()),
        player: media.kind,
      };
      const opening = await door.json<Opening>(config.urls.sittings, { method: "POST", body });
      await this.begin(opening, device);
      return true;
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.cannotOpen(problem);
      return false;
    } finally {
      view.busy(null);
    }
  }

  private async begin(opening: Opening, device: Device): Promise<void> {
    const { config, view, door, store } = this;
    this.outbox?.stop();
    const { sid, token, nonce } = opening;
    const kept = { sid, token, nonce, learner: config.learner ?? "" };
    await store.keepSitting(kept).catch(() => undefined);
    this.opening = opening;
    this.reached = opening.frontier_ms;
    const startMs = opening.frontier_ms >= opening.duration_ms - 1000 ? 0 : opening.frontier_ms;
    this.meter = new Meter(opening.duration_ms, () => performance.now(), startMs);
    this.going = false;
    const url = `${config.urls.sittings}/${sid}/reports`;
    const listener = {
      receipt: (receipt: Receipt) => this.received(receipt),
      waiting: (count: number, failed: boolean) => this.showNetwork(count, failed),
      stuck: (refused: Refused) => this.stuck(refused),
    };
    this.outbox = new Outbox(opening, kept, url, device, door, store, listener, async () => {
      this.device = await enrol(door, store, config.urls.devices);
      return this.device;
    });
    view.cover(null);
    view.seekBar(opening.duration_ms, (ms) => this.seek(ms));
    this.rates(opening.rate_max_permille);
    this.aim = startMs;
    this.media?.open(
      { playlist: opening.playlist, startSeconds: (startMs + (opening.start_ms ?? 0)) / 1000 },
      {
        early: (code) => this.early(code),
        failed: (code) => this.mediaFailed(code),
        qualities: (labels) => this.qualities(labels),
      },
    );
    this.heard(opening);
  }

  private cannotOpen(problem: Refused): void {
    const { view, config } = this;
    const again = { label: t("Try again"), run: () => void this.play() };
    if (problem.status === 401) return this.signedOut();
    if (problem.passing) {
      view.cover({ title: t("The lesson cannot be opened"), text: t("No network. What you watch is kept on this device and sent later."), action: again });
      return;
    }
    const back = config.urls.course ? { other: { label: t("Back to the course"), href: config.urls.course } } : {};
    view.cover({ title: t("The lesson cannot be opened"), text: problem.detail, tone: "bad", action: again, ...back });
  }

  // -- what the video does

  private watchVideo(): void {
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
    document.addEventListener("visibilitychange", () => this.visibility());
    window.addEventListener("pagehide", () => this.hide());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) void this.refresh();
    });
    window.addEventListener("online", () => void this.outbox?.flush());
    window.addEventListener("offline", () => this.showNetwork(this.outbox?.settled === false ? 1 : 0, true));
  }

  /** A regular look at the video: is it moving, where is it, is a report due? */
  private look(): void {
    const { video, meter, opening } = this;
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
      if (meter.from <= Math.max(this.state?.frontier_ms ?? 0, this.reached) + opening.delta_ms) {
        this.reached = Math.max(this.reached, meter.position);
      }
      if (meter.playedMs >= opening.heartbeat_ms) this.report("heartbeat");
    } else if (meter.isRunning) {
      meter.stand(video.seeking ? null : this.positionMs);
    }
    this.view.position(Math.max(0, this.aim ?? this.positionMs), opening.duration_ms);
  }

  private report(event: EventKind, extra: { to?: number; rate?: number } = {}): void {
    if (!this.outbox) return;
    const measured = this.meter.cut();
    const cm = Math.floor(performance.now());
    void this.outbox.add({ ...measured, event, cm, rate: this.video.playbackRate, ...extra });
    void this.outbox.flush();
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
    if (!this.opening) {
      if (this.config.progress) this.view.position(0, this.config.progress.duration_ms);
      return;
    }
    const target = this.bounded(ms);
    this.meter.stand(this.positionMs);
    this.moveTo(target);
    if (target < ms) this.view.explain("jumped_ahead");
  }

  step(ms: number): void {
    this.seek(Math.max(0, (this.aim ?? this.positionMs) + ms));
  }

  private bounded(ms: number): number {
    const limit = Math.max(this.state?.frontier_ms ?? 0, this.reached);
    return ms > limit + (this.opening?.delta_ms ?? 0) ? limit : Math.max(0, ms);
  }

  private moveTo(target: number): void {
    this.report("seek", { to: Math.floor(target) });
    this.aim = target;
    this.meter.jump(target);
    this.video.currentTime = (target + (this.opening?.start_ms ?? 0)) / 1000;
    this.view.position(target, this.opening?.duration_ms ?? 0);
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

  // -- rate, quality

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

  private qualities(labels: string[]): void {
    const options = [["-1", t("Auto")] as const, ...labels.map((label, index) => [String(index), label] as const)];
    this.view.choices("quality", labels.length > 1 ? options : [], "-1", (value) => this.media?.choose(Number(value)));
  }

  // -- hiding and coming back

  private visibility(): void {
    if (document.visibilityState === "hidden") return this.hide();
    this.meter.hide(false);
    if (!this.opening) return;
    this.report("show");
    void this.outbox?.flush();
  }

  private hide(): void {
    if (!this.opening || this.state?.ended) return;
    this.meter.hide(true);
    if (this.going) {
      this.meter.stand(this.positionMs);
      this.going = false;
      this.report("hide");
      this.video.pause();
      this.view.notice(t("Paused"), t("The lesson pauses when the page is hidden. Press play to go on."));
    }
    void this.outbox?.flushOnLeave();
  }

  // -- what the server says

  private received(receipt: Receipt): void {
    for (const { outcome, class: why } of receipt.results) {
      // "Continued elsewhere" lies over the video already.
      if (why === "playing_elsewhere" && receipt.ended) continue;
      if (why && (outcome === "refused" || outcome === "partly")) this.view.explain(why);
    }
    this.heard(receipt);
  }

  private heard(state: State): void {
    this.state = state;
    this.heardAt = performance.now();
    this.view.progress(state);
    if (state.ended) return this.over(state.ended);
    if (this.outbox?.settled) this.obey(state);
    if (state.complete) this.completed(state);
    else if (state.held || (state.check_due && !this.isEnding)) void this.check(false);
  }

  /** The last moments are played out before the check that the end brings: they are then behind it too. */
  private get isEnding(): boolean {
    const left = (this.opening?.duration_ms ?? 0) - this.positionMs;
    return this.going && !this.video.paused && !this.video.ended && left <= ENDING_MS;
  }

  /** Everything played is judged: are we where the server says watching has got to, or behind? */
  private obey(state: State): void {
    if (!this.opening) return;
    if (this.meter.from <= state.frontier_ms + this.opening.delta_ms) {
      this.reached = Math.max(state.frontier_ms, this.meter.position);
      return;
    }
    this.reached = state.frontier_ms;
    this.meter.stand(this.positionMs);
    this.moveTo(state.frontier_ms);
    this.view.explain(state.held ? "check_missed" : "jumped_ahead");
  }

  private async refresh(): Promise<void> {
    if (!this.opening || this.state?.ended) return;
    try {
      const { sid, token } = this.opening;
      this.heard(await this.door.json<State>(`${this.config.urls.sittings}/${sid}`, { token }));
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      if (!problem.passing) this.stuck(problem);
    }
  }

  /** The next key is not due. Tell the server where we are, and the learner why it stands still. */
  private async early(code: string): Promise<void> {
    const starving = !this.video.paused && !this.meter.isRunning;
    if (this.going && this.meter.playedMs > 1000) this.report("heartbeat");
    await this.outbox?.flush();
    if (!starving) return;
    if (code === "check_missed") await this.refresh();
    else if (code === "limit_reached") this.view.explain("limit_reached");
    else this.view.busy(t("Waiting: the next part opens as your watching gets there."));
  }

  private mediaFailed(code: string): void {
    if (code === "playing_elsewhere" || code === "closed" || code === "expired") return this.over(code);
    if (this.state?.ended) return;
    this.view.cover({
      title: t("The video cannot be played at the moment."),
      text: "",
      tone: "bad",
      action: { label: t("Try again"), run: () => void this.reopen() },
    });
  }

  private over(why: "playing_elsewhere" | "closed" | "expired"): void {
    if (this.state) this.state = { ...this.state, ended: why };
    this.going = false;
    this.meter.stand(this.positionMs);
    this.aim = this.meter.position; // the element falls to 0 when its source goes
    this.video.pause();
    this.view.playing(false);
    this.media?.close();
    this.checks.dismiss();
    if (why !== "playing_elsewhere") return; // the next play opens a new sitting by itself
    this.view.cover({
      title: t("Continued on another device"),
      text: t("The lesson is now playing elsewhere. What you watched here before that counts."),
      action: { label: t("Continue here"), run: () => void this.reopen() },
    });
  }

  private async reopen(): Promise<void> {
    this.view.cover(null);
    this.media?.close();
    this.opening = null;
    await this.play();
  }

  private stuck(problem: Refused): void {
    this.pause();
    if (problem.status === 401) return this.signedOut();
    if (problem.code === "bad_signature") return this.view.explain("device_problem");
    this.view.cover({
      title: t("This page is out of date"),
      text: t("Reload the page to go on. Your watching is kept on this device."),
      action: { label: t("Reload"), run: () => location.reload() },
      tone: "bad",
    });
  }

  private signedOut(): void {
    const { signin } = this.config.urls;
    this.view.cover({
      title: t("Please sign in again"),
      text: t("Your watching is kept on this device. Sign in to go on."),
      ...(signin
        ? { other: { label: t("Sign in"), href: signin } }
        : { action: { label: t("Sign in"), run: () => location.reload() } }),
    });
  }

  private showNetwork(count: number, failed: boolean): void {
    const away = !navigator.onLine || failed;
    if (!away) return this.view.network(null);
    const kept = t("No network. What you watch is kept on this device and sent later.");
    this.view.network(count > 1 ? `${kept} ${t("{count} reports waiting to be sent", { count })}` : kept);
  }

  // -- presence checks

  /** Put the check; `wanted` when the learner asked. Resolves when the dialog is over. */
  async check(wanted: boolean): Promise<void> {
    if (this.asking) return;
    if (!this.isOpen && !(await this.open())) return;
    this.asking = true;
    try {
      this.pause();
      leaveFull(this.video);
      while (await this.checkOnce(wanted));
    } finally {
      this.asking = false;
    }
    if (this.state?.complete) this.completed(this.state);
  }

  /** One question. True when another one is wanted at once. */
  private async checkOnce(wanted: boolean): Promise<boolean> {
    await this.outbox?.flush();
    const { sid, token } = this.opening as Opening;
    const url = `${this.config.urls.sittings}/${sid}/checks`;
    try {
      const { check } = await this.door.json<{ check: Check }>(url, { method: "POST", token });
      const serverNow = (this.state?.server_time_ms ?? 0) + (performance.now() - this.heardAt);
      const leftMs = Math.max(0, Math.min(check.answer_ms, check.deadline_ms - serverNow));
      if (leftMs === 0) {
        // It ran out a moment ago; the server still waits for an answer that may be on its way. Then a new one comes.
        this.view.busy(t("Loading …"));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        this.view.busy(null);
        return true;
      }
      const after = await this.checks.run(check, leftMs, async (answer) => {
        const call = { method: "POST", token, body: { answer } } as const;
        const outcome = await this.door.json<CheckOutcome>(`${url}/${check.id}`, call);
        this.outbox?.heard(outcome);
        this.heard(outcome);
        return outcome;
      });
      if (after === "passed" && !wanted && !this.state?.complete && !this.video.ended) await this.start();
      return after === "again";
    } catch (problem) {
      this.checks.dismiss();
      if (!(problem instanceof Refused)) throw problem;
      if (problem.code === "nothing_pending") {
        if (wanted) this.view.notice(t("Confirm now"), t("There is nothing to confirm at the moment."));
        await this.refresh();
      } else if (problem.code === "checks_locked") {
        this.view.cover({ title: t("A check was missed"), text: problem.detail, tone: "bad" });
      } else if (problem.passing) {
        this.view.notice(t("A check was missed"), t("No network. What you watch is kept on this device and sent later."), "warn");
      } else if (problem.code === "playing_elsewhere" || problem.code === "closed" || problem.code === "expired") {
        this.over(problem.code);
      } else {
        this.stuck(problem);
      }
      return false;
    }
  }

  private completed(state: State): void {
    if (this.completionShown || this.asking) return;
    this.completionShown = true;
    this.pause();
    const { next, course } = this.config.urls;
    const onward = next
      ? { label: t("Next lesson"), href: next }
      : course
        ? { label: t("Back to the course"), href: course }
        : undefined;
    this.view.cover({
      title: t("Lesson complete"),
      text: t("All {time} of this lesson is final and goes into your record.", { time: duration(state.final_ms) }),
      tone: "good",
      action: { label: t("Watch again"), run: () => void this.play() },
      ...(onward ? { other: onward } : {}),
    });
  }

  // -- leaving

  /** Asked before the page is left by one of its own links. True: go. */
  async mayLeave(): Promise<boolean> {
    this.pause();
    await Promise.race([this.outbox?.flush(), new Promise((resolve) => setTimeout(resolve, 3000))]);
    if (this.pendingMs > 0) {
      const dialog = this.view.find<HTMLDialogElement>("#leave-dialog");
      const title = dialog.querySelector("[data-leave-title]");
      if (title) title.textContent = t("{time} still waits for a check", { time: duration(this.pendingMs) });
      const choice = await ask(dialog);
      if (choice === "confirm") await this.check(true);
      if (choice !== "leave") return false;
    }
    this.closeSitting();
    return true;
  }

  private closeSitting(): void {
    if (!this.opening || !this.outbox?.settled) return;
    const { sid, token } = this.opening;
    const call = { method: "POST", token, keepalive: true } as const;
    void this.door.json(`${this.config.urls.sittings}/${sid}/close`, call).catch(() => undefined);
    void this.store.dropSitting(sid).catch(() => undefined);
  }
}

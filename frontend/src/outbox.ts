// The reports of one sitting: numbered, chained, kept until acknowledged, signed when sent, sent again until they arrive.

import type { Clock } from "./clock";
import { type Device, sha256Hex } from "./device";
import { type Door, Refused } from "./door";
import { BATCH_BYTES, BATCH_REPORTS, KEEPALIVE_BYTES, envelope, fitting } from "./envelope";
import type { Opening, Receipt, State } from "./protocol";
import { freshMs, roomFor } from "./room";
import { join } from "./spans";
import { type Draft, statement } from "./statement";
import type { KeptReport, KeptSitting, Store } from "./store";

const BACKOFF_MAX_MS = 30_000;

export interface Listener {
  receipt(receipt: Receipt): void;
  /** How many reports wait; `failed` when the last try got no answer. */
  waiting(count: number, failed: boolean): void;
  /** No more may wait for a check: the rest of the queue goes when one is passed. */
  full(): void;
  /** This sitting's reports cannot be sent: signed out, not ours, a bad device. */
  stuck(refused: Refused): void;
}

/** What sending needs. */
export interface Post {
  /** Address of the sitting. */
  url: string;
  device: Device;
  door: Door;
  store: Store;
  clock: Clock;
  reenrol(): Promise<Device>;
}

/** A sitting that reports can be made for: see KeptSitting. */
export type Ongoing = Required<KeptSitting>;

/** Of a stopped outbox: what its sitting is answered concerns nobody here any more. */
const NOBODY: Listener = { receipt() {}, waiting() {}, full() {}, stuck() {} };

export class Outbox {
  private writing = 0;
  private chain: Promise<void> = Promise.resolve();
  private sending: Promise<void> | null = null;
  private again = false;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private batch = BATCH_REPORTS;
  private reenrolled = false;
  private closed = false;
  /** Other sittings may have changed what may still wait for a check since this one was last answered. */
  private isStale: boolean;
  private device: Device;
  private readonly opening: Opening;

  /** `queue`: what an earlier page made for this sitting and could not send. */
  constructor(
    private readonly kept: Ongoing,
    private readonly post: Post,
    private listener: Listener,
    private queue: KeptReport[] = [],
  ) {
    this.device = post.device;
    this.opening = kept.opening;
    this.isStale = queue.length > 0;
  }

  /** True when the server has acknowledged everything that was played. */
  get settled(): boolean {
    return this.queue.length === 0 && this.writing === 0;
  }

  /** The server did not answer the last try. */
  get isAway(): boolean {
    return this.failures > 0 || !navigator.onLine;
  }

  /** Something waits that may be sent only after a check. */
  get isFull(): boolean {
    return this.queue.length > 0 && roomFor(this.queue, this.kept.state, this.opening.pend_max_ms) === 0;
  }

  /** May media [a, b) be sent behind all that waits, before another check? */
  admits(a: number, b: number): boolean {
    const queue = [...this.queue, { a, b }];
    return roomFor(queue, this.kept.state, this.opening.pend_max_ms) === queue.length;
  }

  /** New media that the server has not heard of yet. */
  get unheardMs(): number {
    return freshMs(this.queue, this.kept.state);
  }

  /** Write a report into the chain and keep it. Order is the order of the calls. */
  add(draft: Draft): Promise<void> {
    const now = new Date();
    const { kept } = this;
    this.writing += 1;
    this.chain = this.chain.then(async () => {
      kept.seq += 1;
      kept.played = join(kept.played, draft.a, draft.b);
      kept.anchor = { cm: draft.cm, wall_ms: now.getTime() };
      const text = statement(this.opening, draft, kept.seq, kept.prev, kept.played, now);
      kept.prev = await sha256Hex(text);
      const { a, b, cm } = draft;
      const report = { sid: kept.sid, seq: kept.seq, statement: text, a, b, cm, made_ms: now.getTime() };
      this.queue.push(report);
      this.writing -= 1;
      await this.post.store.keepReport(report, kept).catch(() => undefined); // the memory queue still holds it
      this.listener.waiting(this.queue.length, this.failures > 0);
    });
    return this.chain;
  }

  /** Take over the newest nonce, and where things stand, from any answer of this sitting. */
  heard(state: State): void {
    this.kept.nonce = state.nonce;
    this.kept.state = state;
    this.isStale = false;
    this.kept.anchor = { cm: this.post.clock.cm(), wall_ms: Date.now() };
    void this.post.store.keepSitting(this.kept).catch(() => undefined);
  }

  /** Send all that waits and may be sent; resolves when this try is over, sent or not. */
  async flush(): Promise<void> {
    await this.chain;
    if (this.closed) return;
    if (this.sending) {
      this.again = true;
      return this.sending;
    }
    clearTimeout(this.timer);
    this.sending = this.send().finally(() => {
      this.sending = null;
    });
    await this.sending;
    if (this.again) {
      this.again = false;
      if (this.failures === 0 && this.queue.length > 0) await this.flush();
    }
  }

  /** On leaving: one message that outlives the page, beside whatever is under way. Doubles do no harm. */
  async flushOnLeave(): Promise<void> {
    await this.chain;
    const batch = this.batchOf(KEEPALIVE_BYTES);
    if (batch.length === 0 || this.closed) return;
    const { url, door, clock } = this.post;
    const body = await envelope(batch, this.kept, this.device, clock.cm());
    try {
      const call = { method: "POST", body, token: this.kept.token, keepalive: true } as const;
      await this.took(await door.json<Receipt>(`${url}/reports`, call));
    } catch {
      // still kept: the next try or the next start sends it
    }
  }

  /** No more tries from this page (the sitting is over for us), and no more word; what waits stays in the store. */
  stop(): void {
    this.closed = true;
    this.listener = NOBODY;
    clearTimeout(this.timer);
  }

  /** What goes next: as much as one message holds and may wait for a check. */
  private batchOf(bytes: number): KeptReport[] {
    const allowed = roomFor(this.queue, this.kept.state, this.opening.pend_max_ms);
    return fitting(this.queue.slice(0, allowed), this.batch, bytes);
  }

  private async send(): Promise<void> {
    const { url, door, clock } = this.post;
    while (this.queue.length > 0 && !this.closed) {
      try {
        if (this.isStale) this.heard(await this.askedState());
        const batch = this.batchOf(BATCH_BYTES);
        const [first] = batch;
        if (!first) return this.listener.full();
        const body = await envelope(batch, this.kept, this.device, clock.cm());
        const call = { method: "POST", body, token: this.kept.token } as const;
        const receipt = await door.json<Receipt>(`${url}/reports`, call);
        await this.took(receipt);
        // An earlier report got lost (a full disk): the server waits for it. Not again at once.
        if (receipt.acknowledged < first.seq) return this.later(null);
      } catch (problem) {
        if (!(problem instanceof Refused)) throw problem;
        if (!(await this.recover(problem))) return;
      }
    }
  }

  private async took(receipt: Receipt): Promise<void> {
    this.failures = 0;
    this.batch = BATCH_REPORTS;
    this.reenrolled = false;
    this.queue = this.queue.filter((report) => report.seq > receipt.acknowledged);
    this.heard(receipt);
    this.listener.waiting(this.queue.length, false);
    this.listener.receipt(receipt);
    await this.post.store.dropReports(this.kept.sid, receipt.acknowledged).catch(() => undefined);
  }

  private askedState(): Promise<State> {
    return this.post.door.json<State>(this.post.url, { token: this.kept.token });
  }

  /** True to try again at once. Otherwise a timer is set, or the listener knows that nothing helps. */
  private async recover(problem: Refused): Promise<boolean> {
    try {
      if (problem.code === "stale_nonce") {
        this.heard(await this.askedState());
        return true;
      }
      if (problem.code === "bad_signature" && !this.reenrolled) {
        this.reenrolled = true;
        this.device = await this.post.reenrol();
        return true;
      }
    } catch (next) {
      if (!(next instanceof Refused)) throw next;
      problem = next;
    }
    if (problem.status === 413 && this.batch > 1) {
      this.batch = Math.ceil(this.batch / 2);
      return true;
    }
    if (problem.passing) {
      this.later(problem.retryAfterMs);
      this.listener.waiting(this.queue.length, true);
      return false;
    }
    if (problem.status === 404) await this.post.store.dropSitting(this.kept.sid);
    const { listener } = this;
    this.stop();
    listener.stuck(problem);
    return false;
  }

  private later(retryAfterMs: number | null): void {
    const step = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** Math.min(this.failures, 10));
    this.failures += 1;
    this.isStale = true;
    this.timer = setTimeout(() => void this.flush(), retryAfterMs ?? step * (0.8 + 0.4 * Math.random()));
  }
}

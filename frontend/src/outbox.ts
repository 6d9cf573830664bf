// The reports of one sitting: numbered, chained, kept until acknowledged, signed when sent, sent again until they arrive.

import { type Device, sha256Hex } from "./device";
import { type Door, Refused } from "./door";
import type { Opening, Receipt, State, Stretch } from "./protocol";
import { type Draft, join, statement } from "./statement";
import type { KeptReport, KeptSitting, Store } from "./store";

const BATCH_REPORTS = 64;
const BATCH_BYTES = 200_000; // the door takes 256 KB; JSON escapes and signatures need room
const KEEPALIVE_BYTES = 60_000;
const BACKOFF_MAX_MS = 30_000;
const AGE_MAX_MS = 96 * 3_600_000;

export interface Listener {
  receipt(receipt: Receipt): void;
  /** How many reports wait; `failed` when the last try got no answer. */
  waiting(count: number, failed: boolean): void;
  /** This sitting's reports cannot be sent: signed out, not ours, a bad device. */
  stuck(refused: Refused): void;
}

export class Outbox {
  private queue: KeptReport[] = [];
  private seq = 0;
  private prev: string | null = null;
  private played: Stretch[] = [];
  private writing = 0;
  private chain: Promise<void> = Promise.resolve();
  private sending: Promise<void> | null = null;
  private again = false;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private batch = BATCH_REPORTS;
  private reenrolled = false;
  private closed = false;

  constructor(
    private readonly opening: Opening,
    private readonly kept: KeptSitting,
    private readonly url: string,
    private device: Device,
    private readonly door: Door,
    private readonly store: Store,
    private readonly listener: Listener,
    private readonly reenrol: () => Promise<Device>,
  ) {}

  /** True when the server has acknowledged everything that was played. */
  get settled(): boolean {
    return this.queue.length === 0 && this.writing === 0;
  }

  /** Write a report into the chain and keep it. Order is the order of the calls. */
  add(draft: Draft): Promise<void> {
    const now = new Date();
    this.writing += 1;
    this.chain = this.chain.then(async () => {
      this.seq += 1;
      this.played = join(this.played, draft.a, draft.b);
      const text = statement(this.opening, draft, this.seq, this.prev, this.played, now);
      const report = { sid: this.kept.sid, seq: this.seq, statement: text, cm: draft.cm, made_ms: now.getTime() };
      this.queue.push(report);
      this.writing -= 1;
      const keeping = this.store.keepReport(report).catch(() => undefined); // the memory queue still holds it
      this.prev = await sha256Hex(text);
      await keeping;
      this.listener.waiting(this.queue.length, this.failures > 0);
    });
    return this.chain;
  }

  /** Take over the newest nonce from any answer of this sitting. */
  heard(state: State): void {
    this.kept.nonce = state.nonce;
    void this.store.keepSitting(this.kept).catch(() => undefined);
  }

  /** Send all that waits; resolves when this try is over, sent or not. */
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
    if (this.queue.length === 0 || this.closed) return;
    const body = await envelope(this.batchOf(KEEPALIVE_BYTES), this.kept, this.device, Math.floor(performance.now()));
    try {
      const call = { method: "POST", body, token: this.kept.token, keepalive: true } as const;
      await this.took(await this.door.json<Receipt>(this.url, call));
    } catch {
      // still kept: the next try or the next start sends it
    }
  }

  /** No more tries from this page (the sitting is over for us); what waits stays in the store. */
  stop(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private batchOf(bytes: number): KeptReport[] {
    return fitting(this.queue, this.batch, bytes);
  }

  private async send(): Promise<void> {
    while (this.queue.length > 0) {
      try {
        const body = await envelope(this.batchOf(BATCH_BYTES), this.kept, this.device, Math.floor(performance.now()));
        await this.took(
          await this.door.json<Receipt>(this.url, { method: "POST", body, token: this.kept.token }),
        );
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
    await this.store.dropReports(this.kept.sid, receipt.acknowledged).catch(() => undefined);
  }

  /** True to try again at once. Otherwise a timer is set, or the listener knows that nothing helps. */
  private async recover(problem: Refused): Promise<boolean> {
    try {
      if (problem.code === "stale_nonce") {
        const address = this.url.replace(/\/reports$/, "");
        this.heard(await this.door.json<State>(address, { token: this.kept.token }));
        return true;
      }
      if (problem.code === "bad_signature" && !this.reenrolled) {
        this.reenrolled = true;
        this.device = await this.reenrol();
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
    if (problem.status === 404) await this.store.dropSitting(this.kept.sid);
    this.stop();
    this.listener.stuck(problem);
    return false;
  }

  private later(retryAfterMs: number | null): void {
    const step = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** Math.min(this.failures, 10));
    this.failures += 1;
    this.timer = setTimeout(() => void this.flush(), retryAfterMs ?? step * (0.8 + 0.4 * Math.random()));
  }
}

/** Send what earlier pages of this learner left behind. True when all of it has arrived or has been dropped. */
export async function sendLeftovers(
  learner: string,
  sittingsUrl: string,
  device: Device,
  door: Door,
  store: Store,
): Promise<boolean> {
  let all = true;
  for (const kept of await store.sittings()) {
    if (kept.learner !== learner) continue;
    try {
      await sendOld(kept, `${sittingsUrl}/${kept.sid}`, device, door, store);
      await store.dropSitting(kept.sid);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      const reports = await store.reports(kept.sid);
      const newest = Math.max(...reports.map((report) => report.made_ms));
      if (problem.status === 404 || Date.now() - newest > AGE_MAX_MS) await store.dropSitting(kept.sid);
      else all = false;
      if (problem.passing) return all;
    }
  }
  return all;
}

async function sendOld(kept: KeptSitting, url: string, device: Device, door: Door, store: Store): Promise<void> {
  let reports = await store.reports(kept.sid);
  let renewed = false;
  while (reports.length > 0) {
    const last = reports[reports.length - 1] as KeptReport;
    const sentCm = last.cm + Math.max(0, Date.now() - last.made_ms);
    try {
      const body = await envelope(fitting(reports, BATCH_REPORTS, BATCH_BYTES), kept, device, sentCm);
      const receipt = await door.json<Receipt>(`${url}/reports`, { method: "POST", body, token: kept.token });
      kept.nonce = receipt.nonce;
      await store.dropReports(kept.sid, receipt.acknowledged);
      const left = reports.filter((report) => report.seq > receipt.acknowledged);
      if (left.length === reports.length) return; // a gap in front of them: they can never be judged
      reports = left;
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.code !== "stale_nonce" || renewed) throw problem;
      renewed = true;
      kept.nonce = (await door.json<State>(url, { token: kept.token })).nonce;
    }
  }
}

function fitting(queue: readonly KeptReport[], most: number, bytes: number): KeptReport[] {
  const taken: KeptReport[] = [];
  let size = 300;
  for (const report of queue) {
    // Non-ASCII text grows to three bytes a sign, quotes are escaped, and a signature comes along.
    size += new TextEncoder().encode(JSON.stringify(report.statement)).length + 120;
    if (taken.length > 0 && (taken.length >= most || size > bytes)) break;
    taken.push(report);
  }
  return taken;
}

async function envelope(
  reports: readonly KeptReport[],
  kept: KeptSitting,
  device: Device,
  sentCm: number,
): Promise<string> {
  const { sid, nonce } = kept;
  const signed = reports.map(async ({ statement }) => ({
    statement,
    sig: await device.sign(`${sid}\n${nonce}\n${statement}`),
  }));
  return JSON.stringify({ sid, sent_cm: sentCm, nonce, reports: await Promise.all(signed) });
}

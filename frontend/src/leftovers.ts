// What earlier pages of this learner left behind on this device: sent to its own sittings, in order.

import type { Device } from "./device";
import { type Door, Refused } from "./door";
import { BATCH_BYTES, BATCH_REPORTS, envelope, fitting } from "./envelope";
import { ifFree } from "./lock";
import type { Receipt, State } from "./protocol";
import { roomFor } from "./room";
import type { KeptReport, KeptSitting, Store } from "./store";

const AGE_MAX_MS = 96 * 3_600_000;

/** all: it has arrived or was too old. kept: the network or the server is away. full: a check comes first. */
export type Sent = "all" | "kept" | "full";

/**
 * `except`: the sitting that this page plays itself. One that is still open and owes nothing is kept: without network
 * it can be gone on with.
 */
export async function sendLeftovers(
  learner: string,
  sittingsUrl: string,
  device: Device,
  door: Door,
  store: Store,
  except: string | null,
): Promise<Sent> {
  let sent: Sent = "all";
  for (const kept of await store.sittings()) {
    if (kept.learner !== learner || kept.sid === except) continue;
    try {
      const url = `${sittingsUrl}/${kept.sid}`;
      const whole = await ifFree(kept.sid, () => sendOld(kept, url, device, door, store));
      if (whole === null) continue; // another page of this browser plays it, and sends it
      if (!whole) return "full"; // later sittings go on where this one stops
      if (mayGoOn(kept)) await store.keepSitting(kept);
      else await store.dropSitting(kept.sid);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      const reports = await store.reports(kept.sid);
      const newest = Math.max(...reports.map((report) => report.made_ms));
      if (problem.status === 404 || Date.now() - newest > AGE_MAX_MS) await store.dropSitting(kept.sid);
      else sent = "kept";
      if (problem.passing) return sent;
    }
  }
  return sent;
}

function mayGoOn({ opening, state }: KeptSitting): boolean {
  return opening !== undefined && state?.ended === null && opening.expires_ms > Date.now();
}

/** Another sitting is open now: those that owe nothing are of no more use. */
export async function forgetSettled(learner: string, store: Store, except: string): Promise<void> {
  for (const { sid, learner: whose } of await store.sittings()) {
    if (sid === except || whose !== learner) continue;
    if ((await store.reports(sid)).length === 0) await store.dropSitting(sid);
  }
}

/** False when the rest must wait for a check. Throws Refused. */
async function sendOld(kept: KeptSitting, url: string, device: Device, door: Door, store: Store): Promise<boolean> {
  let reports = await store.reports(kept.sid);
  if (reports.length === 0) return true;
  // What may still wait for a check was changed by other sittings since: ask. It brings a fresh nonce as well.
  let state = await door.json<State>(url, { token: kept.token });
  kept.nonce = state.nonce;
  kept.state = state;
  let renewed = false;
  while (reports.length > 0) {
    const last = reports[reports.length - 1] as KeptReport;
    const sentCm = last.cm + Math.max(0, Date.now() - last.made_ms);
    const batch = reports.slice(0, roomFor(reports, state, kept.opening?.pend_max_ms ?? Infinity));
    if (batch.length === 0) return false;
    try {
      const body = await envelope(fitting(batch, BATCH_REPORTS, BATCH_BYTES), kept, device, sentCm);
      const receipt = await door.json<Receipt>(`${url}/reports`, { method: "POST", body, token: kept.token });
      kept.nonce = receipt.nonce;
      kept.state = state = receipt;
      await store.dropReports(kept.sid, receipt.acknowledged);
      const left = reports.filter((report) => report.seq > receipt.acknowledged);
      if (left.length === reports.length) return true; // a gap in front of them: they can never be judged
      reports = left;
      renewed = false;
    } catch (problem) {
      if (!(problem instanceof Refused) || problem.code !== "stale_nonce" || renewed) throw problem;
      renewed = true;
      kept.nonce = (await door.json<State>(url, { token: kept.token })).nonce;
    }
  }
  return true;
}

// What earlier pages of this learner left behind on this device: sent to its own sittings, in order.

import type { Device } from "./device";
import { type Door, Refused } from "./door";
import { BATCH_BYTES, BATCH_REPORTS, envelope, fitting } from "./envelope";
import type { Receipt, State } from "./protocol";
import { roomFor } from "./room";
import type { KeptReport, KeptSitting, Store } from "./store";

const AGE_MAX_MS = 96 * 3_600_000;

/** all: it has arrived or was too old. kept: the network or the server is away. full: a check comes first. */
export type Sent = "all" | "kept" | "full";

/** `except`: the sitting that this page plays itself. */
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
      if (await sendOld(kept, `${sittingsUrl}/${kept.sid}`, device, door, store)) await store.dropSitting(kept.sid);
      else return "full"; // later sittings go on where this one stops
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

/** False when the rest must wait for a check. Throws Refused. */
async function sendOld(kept: KeptSitting, url: string, device: Device, door: Door, store: Store): Promise<boolean> {
  let reports = await store.reports(kept.sid);
  if (reports.length === 0) return true;
  // What may still wait for a check was changed by other sittings since: ask. It brings a fresh nonce as well.
  let state = await door.json<State>(url, { token: kept.token });
  kept.nonce = state.nonce;
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
      state = receipt;
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

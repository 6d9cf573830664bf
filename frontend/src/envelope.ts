// Reports as one message to their sitting's door: as many as fit, signed over the newest nonce when they are sent.

import type { Device } from "./device";
import type { KeptReport, KeptSitting } from "./store";

export const BATCH_REPORTS = 64;
export const BATCH_BYTES = 200_000; // the door takes 256 KB; JSON escapes and signatures need room
export const KEEPALIVE_BYTES = 60_000;

/** The first of `queue` that go into one message; at least one when there is one. */
export function fitting(queue: readonly KeptReport[], most: number, bytes: number): KeptReport[] {
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

export async function envelope(
  reports: readonly KeptReport[],
  { sid, nonce }: KeptSitting,
  device: Device,
  sentCm: number,
): Promise<string> {
  const signed = reports.map(async ({ statement }) => ({
    statement,
    sig: await device.sign(`${sid}\n${nonce}\n${statement}`),
  }));
  return JSON.stringify({ sid, sent_cm: sentCm, nonce, reports: await Promise.all(signed) });
}

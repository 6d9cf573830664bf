// How far a lesson may run ahead of what the server has heard, in how long pieces it tells, and when it is over. The
// same for what is watched and what is read (docs/player-protocol.md, sections 5, 7 and 9b).

import type { Opening, State } from "./protocol";

/** So much before the end, the check that the end brings waits for it. */
export const ENDING_MS = 5000;
/** What a lesson's end may fall short of its duration. */
const LAST_MS = 500;
const LEAST_HEARTBEAT_MS = 1000;
/** A report must fit into what may wait for a check, also when it comes late; without network several must. */
const FITTING = 2 / 3;
const PARTS = 6;

/** How much playing or reading makes a report: small ones where little may wait for a check, sent in whole ones. */
export function heartbeatMs({ heartbeat_ms, pend_max_ms }: Opening, isAway: boolean): number {
  const most = isAway ? pend_max_ms / PARTS : pend_max_ms * FITTING;
  return Math.min(heartbeat_ms, Math.max(LEAST_HEARTBEAT_MS, most));
}

/**
 * New media that may still be studied before the server hears of it; what comes in later than that is refused.
 * `lateMs` counted late before, `unheardMs` wait to be sent.
 */
export function allowanceMs({ gap_max_ms, late_day_ms }: Opening, lateMs: number, unheardMs: number): number {
  return Math.min(gap_max_ms, late_day_ms - lateMs) - unheardMs;
}

/**
 * Complete, and nothing is still to come or to be confirmed: a lesson is complete without its last moments, but they
 * count too. `atEnd`: its end was played or read, so nothing comes after what the server knows.
 */
export function isOver(state: State, { duration_ms }: Opening, atEnd: boolean): boolean {
  const reached = atEnd || duration_ms - state.frontier_ms <= LAST_MS;
  return Boolean(state.complete) && state.pending_ms === 0 && reached;
}

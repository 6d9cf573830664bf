// How much of a queue of reports may be sent now. The server takes only so much new media before a check; what one
// message claims beyond that would be refused, and all that follows with it. So it waits for the check.

import type { State, Stretch } from "./protocol";
import { join, missingMs } from "./spans";

/** The media of one report. */
export interface Played {
  a: number;
  b: number;
}

/** How many of `queue`, from its front, claim no more new media than may still wait for a check. */
export function roomFor(queue: readonly Played[], state: State, pendMaxMs: number): number {
  if (state.held) return queue.length; // nothing becomes pending: it is sent as evidence
  const pending = state.pending_all_ms ?? state.pending_ms;
  let room = pendMaxMs - pending;
  let known: Stretch[] = believed(state);
  for (const [index, { a, b }] of queue.entries()) {
    const fresh = missingMs(known, a, b);
    // One report may be longer than all that may wait (short lessons under a scaled policy): it goes alone.
    if (fresh > room && (index > 0 || pending > 0)) return index;
    room -= fresh;
    known = join(known, a, b);
  }
  return queue.length;
}

/** New media that `queue` claims in all. */
export function freshMs(queue: readonly Played[], state: State): number {
  let known: Stretch[] = believed(state);
  let sum = 0;
  for (const { a, b } of queue) {
    sum += missingMs(known, a, b);
    known = join(known, a, b);
  }
  return sum;
}

/** All that the server believes, waiting or final. */
export function believed(state: State): Stretch[] {
  return state.spans.pending.reduce((all, [a, b]) => join(all, a, b), [...state.spans.final]);
}

// What is told of the time that counts, to who listens. The page shows it every few seconds; said that often it would
// drown the lesson. So it is said when the lesson is silent and something changed, and while it speaks every few minutes.

import { duration, t } from "./messages";
import type { State } from "./protocol";

const EVERY_MS = 300_000;
const CHANGED_MS = 1000;

type Counted = Pick<State, "final_ms" | "pending_ms">;

export class Telling {
  private told: Counted | null = null;

  /** The sentence to say now; null while there is nothing new. What stands on the page when it comes is read there. */
  of(now: Counted, leftMs: number, speaking: boolean): string | null {
    const { told } = this;
    if (told && !(speaking ? nextMark(told, now) : changed(told, now))) return null;
    this.told = { final_ms: now.final_ms, pending_ms: now.pending_ms };
    if (!told) return null;
    return t("{final}, {waiting}, {left}", {
      final: t("{time} final", { time: duration(now.final_ms) }),
      waiting: t("{time} waiting for a check", { time: duration(now.pending_ms) }),
      left: t("{left} left to study", { left: duration(leftMs) }),
    });
  }
}

function studied({ final_ms, pending_ms }: Counted): number {
  return final_ms + pending_ms;
}

function nextMark(before: Counted, now: Counted): boolean {
  return Math.floor(studied(now) / EVERY_MS) > Math.floor(studied(before) / EVERY_MS);
}

function changed(before: Counted, now: Counted): boolean {
  const far = (one: number, other: number): boolean => Math.abs(one - other) >= CHANGED_MS;
  return far(studied(before), studied(now)) || far(before.final_ms, now.final_ms);
}

// Stretches of media [from, to) in whole milliseconds: in order, joined, without overlaps.

import type { Stretch } from "./protocol";

/** `spans` with [a, b) put in. */
export function join(spans: readonly Stretch[], a: number, b: number): Stretch[] {
  if (b <= a) return [...spans];
  const joined: Stretch[] = [];
  let [from, to] = [a, b];
  for (const [start, end] of spans) {
    if (end < from || start > to) joined.push([start, end]);
    else [from, to] = [Math.min(from, start), Math.max(to, end)];
  }
  joined.push([from, to]);
  return joined.sort((one, other) => one[0] - other[0]);
}

/** How much of [a, b) none of `spans` holds. They may touch, but not overlap. */
export function missingMs(spans: readonly Stretch[], a: number, b: number): number {
  let missing = Math.max(0, b - a);
  for (const [start, end] of spans) missing -= Math.max(0, Math.min(b, end) - Math.max(a, start));
  return missing;
}

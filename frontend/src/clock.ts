// The monotonic clock of one sitting. It runs with the page's own; a page that goes on with the sitting of an earlier
// page sets it forward by what the wall clock says has passed since (docs/player-protocol.md, section 9b).

export class Clock {
  /** `aheadMs` is added to the page's own clock. */
  constructor(private readonly aheadMs = 0) {}

  /** Whole milliseconds; never falls within a page. */
  cm(): number {
    return Math.floor(this.aheadMs + performance.now());
  }
}

// One sitting as this page knows it: how it was opened, what the server said last, and its reports.

import type { Clock } from "./clock";
import type { Outbox } from "./outbox";
import type { Claim } from "./playback";
import type { Ended, Opening, State } from "./protocol";

export class Sitting {
  private heardAt = performance.now();

  constructor(
    readonly opening: Opening,
    readonly outbox: Outbox,
    readonly clock: Clock,
    /** Address of this sitting; its doors hang below. */
    readonly url: string,
    private latest: State,
    /** How far the lesson was watched in order when this page began. */
    readonly reachedMs: number,
  ) {}

  get state(): State {
    return this.latest;
  }

  get isLive(): boolean {
    return this.latest.ended === null;
  }

  /** The server's clock, as far as its last answer tells. */
  get serverNowMs(): number {
    return this.latest.server_time_ms + (performance.now() - this.heardAt);
  }

  hear(state: State): void {
    this.latest = state;
    this.heardAt = performance.now();
  }

  /** Something was played: kept, and sent when that is possible. */
  report(claim: Claim, touches: number): void {
    void this.outbox.add({ ...claim, cm: this.clock.cm(), touches });
    void this.outbox.flush();
  }

  over(why: Ended): void {
    this.latest = { ...this.latest, ended: why };
  }
}

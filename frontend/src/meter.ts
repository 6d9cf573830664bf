// Measures what was played: media [a, b) at one stretch, in how much of the monotonic clock, hidden for how much.
// It knows no player; the clock and the position are handed in, so it can be run on its own.

export interface Measured {
  a: number;
  b: number;
  play: number;
  hidden: number;
}

export class Meter {
  private a: number;
  private last: number;
  private running = false;
  private hiddenNow = false;
  private since = 0;
  private play = 0;
  private hidden = 0;

  /** `durationMs` bounds every position; `now` is the monotonic clock. */
  constructor(
    private readonly durationMs: number,
    private readonly now: () => number,
    startMs: number,
  ) {
    this.a = this.last = this.whole(startMs);
  }

  /** Where this stretch began, and the last position seen. */
  get from(): number {
    return this.a;
  }
  get position(): number {
    return this.last;
  }
  get playedMs(): number {
    return this.play + (this.running ? this.now() - this.since : 0);
  }
  get isRunning(): boolean {
    return this.running;
  }

  /** The media runs from now on. */
  run(positionMs: number): void {
    this.see(positionMs);
    if (this.running) return;
    this.running = true;
    this.since = this.now();
  }

  /** It stands: paused, waiting for data, seeking. `positionMs` null when the element has already jumped. */
  stand(positionMs: number | null): void {
    if (positionMs !== null) this.see(positionMs);
    this.settle();
    this.running = false;
  }

  /** A look at the running position. It never goes back within a stretch: that would be a seek. */
  see(positionMs: number): void {
    this.last = Math.max(this.last, this.whole(positionMs));
  }

  hide(hidden: boolean): void {
    this.settle();
    this.hiddenNow = hidden;
  }

  /** What was played since the last cut; the next stretch begins where this one ends. */
  cut(): Measured {
    this.settle();
    const measured = { a: this.a, b: this.last, play: Math.floor(this.play), hidden: Math.floor(this.hidden) };
    this.a = this.last;
    this.play = this.hidden = 0;
    return measured;
  }

  /** After a jump: the next stretch begins at `positionMs`. */
  jump(positionMs: number): void {
    this.a = this.last = this.whole(positionMs);
    this.play = this.hidden = 0;
    this.since = this.now();
  }

  private settle(): void {
    const now = this.now();
    if (this.running) {
      this.play += now - this.since;
      if (this.hiddenNow) this.hidden += now - this.since;
    }
    this.since = now;
  }

  private whole(ms: number): number {
    return Math.min(this.durationMs, Math.max(0, Math.floor(ms)));
  }
}

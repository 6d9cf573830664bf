// Measures reading: how much of the page that is shown was in front of somebody who still touches it.
// It knows no page and no server; the clock is handed in, so it can be run on its own.

export interface Read {
  a: number;
  b: number;
  play: number;
  idle: number;
}

export class ReadingTime {
  /** Position in the unit up to which reading was reported, and the page's end. */
  private a = 0;
  private end = 0;
  /** Since when what runs now runs; null: it stands. */
  private since: number | null = null;
  private play = 0;
  private touched: number;

  constructor(
    private readonly now: () => number,
    private readonly idleMs: number,
  ) {
    this.touched = now();
  }

  /** Another page, read up to `at` before. */
  open(at: number, end: number): void {
    this.a = at;
    this.end = end;
    this.play = 0;
    this.since = null;
    this.touch();
  }

  touch(): void {
    this.count();
    this.touched = this.now();
    if (this.since !== null) this.since = this.touched;
  }

  start(): void {
    if (this.since === null) this.since = this.now();
  }

  stop(): void {
    this.count();
    this.since = null;
  }

  get isRunning(): boolean {
    return this.since !== null;
  }

  /** Nobody touched it for so long that it no longer counts. */
  get isIdle(): boolean {
    return this.now() - this.touched >= this.idleMs;
  }

  /** Where reading has got to in the unit. */
  get at(): number {
    this.count();
    return Math.min(this.end, this.a + Math.floor(this.play));
  }

  get unreported(): number {
    return this.at - this.a;
  }

  /** What is to be reported, from now on begun anew. */
  take(): Read {
    const { a } = this;
    const b = this.at;
    const idle = Math.max(0, Math.floor(this.now() - this.touched));
    this.a = b;
    this.play = Math.max(0, this.play - (b - a));
    return { a, b, play: b - a, idle };
  }

  /** Time passes up to now, or up to where nobody was there any more. */
  private count(): void {
    if (this.since === null) return;
    const until = Math.min(this.now(), this.touched + this.idleMs);
    this.play = Math.min(this.end - this.a, this.play + Math.max(0, until - this.since));
    this.since = Math.max(this.since, until);
  }
}

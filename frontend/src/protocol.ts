// The words of docs/player-protocol.md as types. All times are whole milliseconds.

export type RefusalClass =
  | "jumped_ahead"
  | "too_fast"
  | "playing_elsewhere"
  | "hidden"
  | "check_missed"
  | "limit_reached"
  | "device_problem";

export type Ended = "playing_elsewhere" | "closed" | "expired";

/** Is this refusal's code that the sitting is over? */
export function isEnd(code: string): code is Ended {
  return code === "playing_elsewhere" || code === "closed" || code === "expired";
}

export type Stretch = readonly [number, number];

export interface State {
  frontier_ms: number;
  spans: { pending: Stretch[]; final: Stretch[] };
  pending_ms: number;
  /** Waiting for a check in all lessons together; the limit is about this sum. */
  pending_all_ms?: number;
  final_ms: number;
  complete?: boolean;
  held: boolean;
  check_due: boolean;
  nonce: string;
  server_time_ms: number;
  ended: Ended | null;
}

export interface Opening extends State {
  sid: string;
  token: string;
  actor: unknown;
  activity: { id: string };
  unit: string;
  title: string;
  duration_ms: number;
  start_ms?: number;
  heartbeat_ms: number;
  rate_max_permille: number;
  delta_ms: number;
  hidden_grace_ms: number;
  /** How much one stretch without network may bring in late, all of a day's, and how much may wait for a check. */
  gap_max_ms: number;
  late_day_ms: number;
  pend_max_ms: number;
  playlist: string;
  poster: string | null;
  expires_ms: number;
  /** Of a unit of pages: where each begins and ends, and how long one counts without a touch. */
  pages?: Stretch[];
  page_idle_ms?: number;
}

/** A page, as it is handed out. */
export interface Page {
  index: number;
  start_ms: number;
  end_ms: number;
  title: string;
  /** Made by the server of a fixed set of elements, without attributes. */
  html: string;
  image: string | null;
}

export interface Result {
  seq: number;
  id: string;
  outcome: "believed" | "partly" | "refused" | "ignored" | "waiting";
  class: RefusalClass | null;
  credited_ms: number;
  late: boolean;
}

export interface Receipt extends State {
  acknowledged: number;
  results: Result[];
}

export interface Check {
  id: string;
  kind: string;
  /** Of a question. */
  stem?: string;
  options?: { id: number; text: string }[];
  /** Of a one-time code: the end of the phone's number. */
  phone?: string;
  /** Of a security key: what to sign, for whom, with which keys; base64url. */
  challenge?: string;
  rp_id?: string;
  credentials?: string[];
  answer_ms: number;
  deadline_ms: number;
  tries_left: number;
  /** What else the learner may choose; absent when there is no choice. */
  methods?: string[];
}

/** What a security key answers, in base64url. */
export interface Assertion {
  id: string;
  client_data: string;
  authenticator_data: string;
  signature: string;
}

/** An answer, by the check's kind. */
export type Said = { answer: number[] } | { code: string } | { assertion: Assertion };

export interface CheckOutcome extends State {
  outcome: "passed" | "try_again" | "failed" | "expired" | "withdrawn";
  tries_left?: number;
}

export type EventKind = "play" | "heartbeat" | "rate" | "hide" | "show" | "pause" | "seek" | "end";

/** What the page's `player-config` holds. */
export interface Config {
  unit: string;
  /** Opaque name of who is signed in; queues of another learner on a shared phone are left alone. */
  learner?: string;
  language: string;
  csrf: string;
  texts: Record<string, string>;
  /** May a browser without WebCrypto report? */
  unsigned_allowed?: boolean;
  /** How this lesson is downloaded; null where the policy has no downloads. */
  /** Little data: small pictures only, nothing ahead of time. */
  saves_data?: boolean;
  offline?: { worker: string; scope: string; rendition: string; bytes: number } | null;
  urls: { devices: string; sittings: string; course?: string | null; next?: string | null; signin?: string | null };
  /** What was known when the page was made; shown until the sitting opens. */
  progress?: Pick<State, "frontier_ms" | "spans" | "pending_ms" | "final_ms" | "complete"> & { duration_ms: number };
}

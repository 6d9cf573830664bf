// A report in the dress of the xAPI video profile: docs/player-protocol.md, section 5.

import { uuid4 } from "./device";
import type { EventKind, Opening, Stretch } from "./protocol";

const VIDEO = "https://w3id.org/xapi/video/extensions/";
const CATEGORY = "https://w3id.org/xapi/video";
const REPORT = "urn:elearn:xapi:report";
const SEGMENTS_MAX = 40;

const VERBS: Record<EventKind, { id: string; name: string }> = {
  play: { id: "https://w3id.org/xapi/video/verbs/played", name: "played" },
  pause: { id: "https://w3id.org/xapi/video/verbs/paused", name: "paused" },
  seek: { id: "https://w3id.org/xapi/video/verbs/seeked", name: "seeked" },
  end: { id: "http://adlnet.gov/expapi/verbs/completed", name: "completed" },
  heartbeat: { id: "http://adlnet.gov/expapi/verbs/interacted", name: "interacted" },
  rate: { id: "http://adlnet.gov/expapi/verbs/interacted", name: "interacted" },
  hide: { id: "http://adlnet.gov/expapi/verbs/interacted", name: "interacted" },
  show: { id: "http://adlnet.gov/expapi/verbs/interacted", name: "interacted" },
};

/** What one report claims; `to` is where a seek lands. */
export interface Draft {
  event: EventKind;
  a: number;
  b: number;
  cm: number;
  play: number;
  hidden: number;
  rate: number;
  touches: number;
  to?: number;
  /** Of pages: since the last touch. */
  idle?: number;
}

export function statement(
  opening: Opening,
  draft: Draft,
  seq: number,
  prev: string | null,
  played: readonly Stretch[],
  now: Date,
): string {
  const { event, a, b, cm, play, hidden, touches } = draft;
  const extensions: Record<string, unknown> = {};
  if (event === "seek") {
    extensions[`${VIDEO}time-from`] = b / 1000;
    extensions[`${VIDEO}time-to`] = (draft.to ?? b) / 1000;
  } else {
    extensions[`${VIDEO}time`] = b / 1000;
  }
  if (event === "heartbeat" || event === "pause" || event === "end") {
    extensions[`${VIDEO}progress`] = Math.floor((b * 1000) / opening.duration_ms) / 1000;
  }
  if (event === "pause" || event === "end") {
    const latest = played.slice(-SEGMENTS_MAX).map(([from, to]) => `${from / 1000}[.]${to / 1000}`);
    extensions[`${VIDEO}played-segments`] = latest.join("[,]");
  }
  extensions[REPORT] = { seq, event, a, b, cm, play, hidden, prev, touches };
  if (draft.idle !== undefined) Object.assign(extensions[REPORT] as object, { idle: draft.idle });
  const result: Record<string, unknown> = { extensions };
  if (event === "end") {
    result["completion"] = true;
    result["duration"] = `PT${opening.duration_ms / 1000}S`;
  }
  const verb = VERBS[event];
  return JSON.stringify({
    id: uuid4(),
    version: "1.0.3",
    actor: opening.actor,
    verb: { id: verb.id, display: { en: verb.name } },
    object: opening.activity,
    result,
    context: {
      contextActivities: { category: [{ id: CATEGORY }] },
      extensions: {
        [`${VIDEO}session-id`]: opening.sid,
        [`${VIDEO}length`]: opening.duration_ms / 1000,
        [`${VIDEO}speed`]: `${draft.rate}x`,
      },
    },
    timestamp: now.toISOString(),
  });
}

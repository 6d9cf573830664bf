// How a sitting begins: what earlier pages owe is sent, then the server opens a new one. Without network, a downloaded
// lesson goes on with the sitting that an earlier page kept.

import { Clock } from "./clock";
import { type Device, enrol, ownDevice } from "./device";
import type { Door } from "./door";
import { forgetSettled, sendLeftovers } from "./leftovers";
import { holdSitting } from "./lock";
import { t } from "./messages";
import type { Ongoing } from "./outbox";
import type { Config, Opening } from "./protocol";
import { join } from "./spans";
import type { KeptReport, KeptSitting, Store } from "./store";
import type { View } from "./view";

const LEFTOVERS_MS = 8000;

/** A sitting that can be played. */
export interface Begun {
  kept: Ongoing;
  clock: Clock;
  device: Device;
  /** Reports that an earlier page made for it and could not send. */
  queue: KeptReport[];
  /** How far it was watched in order, as this device knows. */
  reachedMs: number;
}

export class Opener {
  private device: Device | null = null;
  /** Reports of earlier sittings wait until a check is passed. */
  owesCheck = false;

  constructor(
    private readonly config: Config,
    private readonly door: Door,
    private readonly store: Store,
    private readonly view: View,
  ) {}

  async enrol(): Promise<Device> {
    this.device = await enrol(this.door, this.store, this.config.urls.devices);
    return this.device;
  }

  /** Send what earlier pages left, but for the sitting played here. Throws Refused. */
  async sendOld(playing: string | null): Promise<void> {
    const device = this.device ?? (await this.enrol());
    const { learner, urls } = this.config;
    const owing = (await this.store.sittings()).some((kept) => kept.sid !== playing);
    if (owing) this.view.network(t("Sending what was watched earlier on this device …"));
    const sent = sendLeftovers(learner ?? "", urls.sittings, device, this.door, this.store, playing);
    sent.then(
      (how) => (this.owesCheck = how === "full"),
      () => undefined, // told to whoever waits below
    );
    // A slow network must not keep the learner from starting; the rest goes at the next start.
    await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, LEFTOVERS_MS))]);
    if (owing) this.view.network(null);
  }

  /** A new sitting; an older one, on this or another device, ends. Throws Refused. */
  async online(player: string): Promise<Begun> {
    await this.sendOld(null);
    const device = this.device as Device;
    const clock = new Clock();
    const body = { unit: this.config.unit, device: device.thumbprint, cm: clock.cm(), player };
    const opening = await this.door.json<Opening>(this.config.urls.sittings, { method: "POST", body });
    const { sid, token, nonce } = opening;
    const kept: Ongoing = {
      sid,
      token,
      nonce,
      learner: this.config.learner ?? "",
      opening,
      state: opening,
      seq: 0,
      prev: null,
      played: [],
      anchor: { cm: clock.cm(), wall_ms: Date.now() },
    };
    await this.store.keepSitting(kept).catch(() => undefined);
    await forgetSettled(kept.learner, this.store, sid).catch(() => undefined);
    return { kept, clock, device, queue: [], reachedMs: opening.frontier_ms };
  }

  /** The sitting of this lesson that an earlier page left open. `none` may still count, or `taken` by another page. */
  async offline(serverNowMs: number): Promise<Begun | "none" | "taken"> {
    const all = await this.store.sittings();
    const ours = all.filter(isOngoing).filter(
      ({ learner, opening, state }) =>
        learner === (this.config.learner ?? "") &&
        opening.unit === this.config.unit &&
        opening.expires_ms > serverNowMs &&
        state.ended === null &&
        !state.held,
    );
    ours.sort((one, other) => other.opening.server_time_ms - one.opening.server_time_ms);
    const [kept] = ours;
    if (!kept) return "none";
    if (!(await holdSitting(kept.sid))) return "taken";
    // The page's clock died with the page: it goes on by the wall clock. Back it never goes.
    const passed = Math.max(0, Date.now() - kept.anchor.wall_ms);
    const clock = new Clock(kept.anchor.cm + passed - performance.now());
    const { pending, final } = kept.state.spans;
    const known = [...pending, ...kept.played].reduce((spans, [a, b]) => join(spans, a, b), [...final]);
    const [first] = known;
    const reachedMs = Math.max(kept.state.frontier_ms, first && first[0] === 0 ? first[1] : 0);
    return { kept, clock, device: await ownDevice(this.store), queue: await this.store.reports(kept.sid), reachedMs };
  }
}

function isOngoing(kept: KeptSitting): kept is Ongoing {
  return Boolean(kept.opening && kept.state && kept.anchor && kept.played) && kept.seq !== undefined;
}

// How a sitting begins: what earlier pages owe is sent, then the server opens a new one. Without network, a downloaded
// lesson goes on with the sitting that an earlier page kept.

import { Clock } from "./clock";
import { type Device, enrol, ownDevice } from "./device";
import { type Door, Refused } from "./door";
import { forgetSettled, sendLeftovers } from "./leftovers";
import { holdSitting, letGoOfSittings } from "./lock";
import { t } from "./messages";
import type { OfflineStudy } from "./offline_study";
import { type Listener, type Ongoing, Outbox } from "./outbox";
import type { Config, Opening } from "./protocol";
import { believed } from "./room";
import { Sitting } from "./sitting";
import { join } from "./spans";
import type { KeptReport, KeptSitting, Store } from "./store";
import { clientFacts } from "./touches";
import type { View } from "./view";

const LEFTOVERS_MS = 8000;

/** Why a lesson cannot go on without network: no sitting that may still count; another page has it; an old licence. */
export type NoWay = "none" | "taken" | "expired";

interface Begun {
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

  private async enrol(): Promise<Device> {
    this.device = await enrol(this.door, this.store, this.config.urls.devices);
    return this.device;
  }

  /** Send what earlier pages left, but for the sitting played here. Throws Refused. */
  async sendOld(playing: string | null): Promise<void> {
    const device = this.device ?? (await this.enrol());
    const { learner, urls } = this.config;
    const owing = await this.owes(playing);
    if (owing) this.view.network(t("Sending what was studied earlier on this device …"));
    const sent = sendLeftovers(learner ?? "", urls.sittings, device, this.door, this.store, playing);
    sent.then(
      (how) => (this.owesCheck = how === "full"),
      () => undefined, // told to whoever waits below
    );
    // A slow network must not keep the learner from starting; the rest goes at the next start.
    await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, LEFTOVERS_MS))]);
    if (owing) this.view.network(null);
  }

  private async owes(playing: string | null): Promise<boolean> {
    for (const { sid } of await this.store.sittings()) {
      if (sid !== playing && (await this.store.reports(sid)).length > 0) return true;
    }
    return false;
  }

  /** After a passed check: the reports of earlier sittings that had to wait for it. */
  async sendMore({ opening }: Sitting): Promise<"nothing" | "sent" | "full"> {
    if (!this.owesCheck) return "nothing";
    await this.sendOld(opening.sid).catch(() => undefined); // the next start sends them
    return this.owesCheck ? "full" : "sent";
  }

  /** The sitting is over for good, and owes nothing. */
  close({ opening, url }: Sitting): void {
    const call = { method: "POST", token: opening.token, keepalive: true } as const;
    void this.door.json(`${url}/close`, call).catch(() => undefined);
    void this.store.dropSitting(opening.sid).catch(() => undefined);
  }

  /**
   * A new sitting; an older one, on this or another device, ends. Without network a downloaded lesson goes on with the
   * one that an earlier page kept, or it is said why not. Throws Refused.
   */
  async open(player: string, study: Pick<OfflineStudy, "downloads" | "isHere">, listener: Listener): Promise<Sitting | NoWay> {
    let begun: Begun | NoWay;
    try {
      begun = await this.online(player);
    } catch (problem) {
      if (!(problem instanceof Refused) || !problem.passing || !study.downloads || !study.isHere) throw problem;
      begun = study.downloads.isExpired ? "expired" : await this.offline(study.downloads.serverNowMs);
    }
    return typeof begun === "string" ? begun : this.sitting(begun, listener);
  }

  private sitting({ kept, clock, device, queue, reachedMs }: Begun, listener: Listener): Sitting {
    const { config, door, store } = this;
    void holdSitting(kept.sid);
    const url = `${config.urls.sittings}/${kept.sid}`;
    const post = { url, device, door, store, clock, reenrol: () => this.enrol() };
    const outbox = new Outbox(kept, post, listener, queue);
    return new Sitting(kept.opening, outbox, clock, url, kept.state, reachedMs);
  }

  private async online(player: string): Promise<Begun> {
    letGoOfSittings(); // an earlier one of this page is over: what it still owes is sent with the rest
    await this.sendOld(null);
    const device = this.device as Device;
    const clock = new Clock();
    const { unit } = this.config;
    const body = { unit, device: device.thumbprint, cm: clock.cm(), player, client: clientFacts() };
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

  /** The sitting of this lesson that an earlier page left open. */
  private async offline(serverNowMs: number): Promise<Begun | NoWay> {
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
    const [first] = kept.played.reduce((spans, [a, b]) => join(spans, a, b), believed(kept.state));
    const reachedMs = Math.max(kept.state.frontier_ms, first && first[0] === 0 ? first[1] : 0);
    return { kept, clock, device: await ownDevice(this.store), queue: await this.store.reports(kept.sid), reachedMs };
  }
}

function isOngoing(kept: KeptSitting): kept is Ongoing {
  return Boolean(kept.opening && kept.state && kept.anchor && kept.played) && kept.seq !== undefined;
}

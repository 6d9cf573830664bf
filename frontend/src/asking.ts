// Presence checks of a sitting: fetched, put by the dialog, their outcome passed on.

import type { CheckDialog } from "./checks";
import { type Door, Refused } from "./door";
import { t } from "./messages";
import type { Check, CheckOutcome, Ended, State } from "./protocol";
import { leaveFull } from "./screen";
import type { Sitting } from "./sitting";
import type { View } from "./view";

const AGAIN_MS = 2000;

/** The lesson, as far as a check moves it. */
export interface Asker {
  heard(state: State): void;
  over(why: Ended): void;
  stuck(problem: Refused): void;
  locked(detail: string): void;
  refresh(): Promise<void>;
  /** Send what earlier sittings owe and a passed check made room for; `full`: some of it waits for the next one. */
  sendOld(sitting: Sitting): Promise<"nothing" | "sent" | "full">;
}

export class Asking {
  private busy = false;

  constructor(
    private readonly view: View,
    private readonly door: Door,
    private readonly checks: CheckDialog,
    private readonly asker: Asker,
  ) {}

  get isOpen(): boolean {
    return this.busy;
  }

  dismiss(): void {
    this.checks.dismiss();
  }

  /** Put the check; `wanted` when the learner asked. Resolves when the dialog is over: true when one was passed. */
  async run(sitting: Sitting, wanted: boolean): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      this.view.video.pause();
      leaveFull(this.view.video);
      let after = await this.once(sitting, wanted);
      while (after === "again" || (after === "passed" && (await this.more(sitting)))) {
        after = await this.once(sitting, wanted);
      }
      return after === "passed";
    } finally {
      this.busy = false;
    }
  }

  /** A passed check makes room for what still waited to be sent, and that may want the next one. */
  private async more(sitting: Sitting): Promise<boolean> {
    await sitting.outbox.flush();
    const old = await this.asker.sendOld(sitting);
    if (old !== "nothing") await this.asker.refresh();
    const { ended, held, check_due } = sitting.state;
    return ended === null && (held || check_due || sitting.outbox.isFull || old === "full");
  }

  /** One question. */
  private async once(sitting: Sitting, wanted: boolean): Promise<"passed" | "again" | "closed"> {
    await sitting.outbox.flush();
    const { token } = sitting.opening;
    const url = `${sitting.url}/checks`;
    try {
      const { check } = await this.door.json<{ check: Check }>(url, { method: "POST", token });
      const leftMs = Math.max(0, Math.min(check.answer_ms, check.deadline_ms - sitting.serverNowMs));
      if (leftMs === 0) {
        // It ran out a moment ago; the server still waits for an answer that may be on its way. Then a new one comes.
        this.view.busy(t("Loading …"));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        this.view.busy(null);
        return "again";
      }
      const after = await this.checks.run(check, leftMs, async (answer) => {
        const call = { method: "POST", token, body: { answer } } as const;
        const outcome = await this.door.json<CheckOutcome>(`${url}/${check.id}`, call);
        sitting.outbox.heard(outcome);
        this.asker.heard(outcome);
        return outcome;
      });
      return after;
    } catch (problem) {
      this.checks.dismiss();
      if (!(problem instanceof Refused)) throw problem;
      await this.failed(problem, wanted);
      return "closed";
    }
  }

  private async failed(problem: Refused, wanted: boolean): Promise<void> {
    const { view, asker } = this;
    if (problem.code === "nothing_pending") {
      if (wanted) view.notice(t("Confirm now"), t("There is nothing to confirm at the moment."));
      await asker.refresh();
    } else if (problem.code === "checks_locked") {
      asker.locked(problem.detail);
    } else if (problem.passing) {
      view.notice(t("Confirm now"), t("No network. What you watch is kept on this device and sent later."), "warn");
    } else if (problem.code === "playing_elsewhere" || problem.code === "closed" || problem.code === "expired") {
      asker.over(problem.code);
    } else {
      asker.stuck(problem);
    }
  }
}

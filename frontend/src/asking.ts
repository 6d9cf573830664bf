// Presence checks of a sitting: fetched, put by the dialog, their outcome passed on.

import type { After, CheckDialog } from "./checks";
import { type Door, Refused } from "./door";
import { t } from "./messages";
import { type Check, type CheckOutcome, type Ended, type State, isEnd } from "./protocol";
import type { Sitting } from "./sitting";
import type { View } from "./view";
import { canPut } from "./ways";

const AGAIN_MS = 2000;
/** How it ended; `away`: nobody answered, so there was nothing to put. */
export type Asked = "passed" | "closed" | "away";

/** Nothing is lost by these: the learner is told, and asks again. */
const WAYS_CLOSED = new Set(["no_such_way", "no_way", "no_question", "check_begun", "too_many_codes", "service_down"]);

/** The lesson, as far as a check moves it. */
export interface Asker {
  /** Is `sitting` still the one that is studied? What is said of another one changes nothing here. */
  studies(sitting: Sitting): boolean;
  heard(state: State): void;
  over(why: Ended): void;
  stuck(problem: Refused): void;
  locked(detail: string): void;
  refresh(): Promise<unknown>;
  /** Nobody answered about a check: it is asked for once somebody does. */
  unanswered(sitting: Sitting): void;
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

  /** Put the check; `wanted` when the learner asked. Resolves when the dialog is over. */
  async run(sitting: Sitting, wanted: boolean): Promise<Asked> {
    if (this.busy) return "closed";
    this.busy = true;
    try {
      this.view.rest();
      let after = await this.once(sitting, wanted);
      for (;;) {
        if (typeof after === "object") after = await this.once(sitting, wanted, after.method);
        else if (after === "again" || (after === "passed" && (await this.more(sitting)))) {
          after = await this.once(sitting, wanted);
        } else return after;
      }
    } finally {
      this.busy = false;
      this.view.keepFocus();
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

  /** One check; `method` when the learner chose another way to confirm. */
  private async once(sitting: Sitting, wanted: boolean, method?: string): Promise<After | "away"> {
    let put = false;
    await sitting.outbox.flush();
    const { token } = sitting.opening;
    const url = `${sitting.url}/checks`;
    try {
      const body = method === undefined ? {} : { method };
      const { check } = await this.door.json<{ check: Check }>(url, { method: "POST", token, body });
      if (!this.asker.studies(sitting) || !sitting.isLive) return "closed";
      if (!canPut(check.kind)) {
        // This browser cannot put it that way; the server says what else there is.
        const other = check.methods?.find(canPut);
        if (other) return { method: other };
        throw new Refused(409, "no_such_way", t("This browser cannot confirm in the way that is asked for. Use another one."));
      }
      const leftMs = Math.max(0, Math.min(check.answer_ms, check.deadline_ms - sitting.serverNowMs));
      if (leftMs === 0) {
        // It ran out a moment ago; the server still waits for an answer that may be on its way. Then a new one comes.
        this.view.busy(t("Loading …"));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        this.view.busy(null);
        return "again";
      }
      put = true;
      return await this.checks.run(check, leftMs, async (said) => {
        const call = { method: "POST", token, body: said } as const;
        const outcome = await this.door.json<CheckOutcome>(`${url}/${check.id}`, call);
        sitting.outbox.heard(outcome);
        if (this.asker.studies(sitting)) this.asker.heard(outcome);
        return outcome;
      });
    } catch (problem) {
      this.checks.dismiss();
      if (!(problem instanceof Refused)) throw problem;
      if (!this.asker.studies(sitting)) return "closed";
      if (problem.code === "service_down" && method !== "question") {
        this.view.notice(t("Confirm now"), problem.detail, "warn");
        return { method: "question" };
      }
      await this.failed(problem, wanted);
      if (!problem.passing) return "closed";
      this.asker.unanswered(sitting);
      return put ? "closed" : "away";
    }
  }

  private async failed(problem: Refused, wanted: boolean): Promise<void> {
    const { view, asker } = this;
    if (problem.code === "nothing_pending") {
      if (wanted) view.notice(t("Confirm now"), t("There is nothing to confirm at the moment."));
      await asker.refresh();
    } else if (problem.code === "checks_locked") {
      asker.locked(problem.detail);
    } else if (WAYS_CLOSED.has(problem.code)) {
      view.notice(t("Confirm now"), problem.detail, "warn");
    } else if (problem.passing) {
      view.notice(t("Confirm now"), t("No network. What you study is kept on this device and sent later."), "warn");
    } else if (isEnd(problem.code)) {
      asker.over(problem.code);
    } else {
      asker.stuck(problem);
    }
  }
}

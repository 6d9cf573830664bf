// A downloaded lesson's licence: asked for, and opened with the key that only this device has. What is in it is never
// kept, only the sealed text.

import { enrolAgreement, fromBase64url } from "./device";
import { type Door, Refused } from "./door";
import type { State } from "./protocol";
import type { Download, Store } from "./store";

interface Licence {
  id: string;
  unit: string;
  issued_ms: number;
  expires_ms: number;
  jwe: string;
}

export type Granted = State & { licence: Licence };

/** Ask for the licence of the sitting at `url`. Throws Refused. */
export async function askLicence(door: Door, store: Store, devices: string, url: string, token: string): Promise<Granted> {
  if (!(await store.key("agreement"))) await enrolAgreement(door, store, devices);
  const ask = (): Promise<Granted> => door.json<Granted>(`${url}/licence`, { method: "POST", token });
  try {
    return await ask();
  } catch (problem) {
    if (!(problem instanceof Refused) || problem.code !== "no_agreement_key") throw problem;
  }
  await enrolAgreement(door, store, devices);
  return ask();
}

/** The keys of all blocks, by index. Throws when the licence is not sealed to this device's key. */
export async function openLicence(download: Download, store: Store): Promise<ArrayBuffer[]> {
  const pair = await store.key("agreement");
  if (!pair) throw new Error("no agreement key");
  const { compactDecrypt } = await import("jose/jwe/compact/decrypt");
  const { plaintext } = await compactDecrypt(download.licence.jwe, pair.privateKey, {
    keyManagementAlgorithms: ["ECDH-ES+A256KW"],
    contentEncryptionAlgorithms: ["A256GCM"],
  });
  const said = JSON.parse(new TextDecoder().decode(plaintext)) as { licence: string; unit: string; keys: string[] };
  if (said.unit !== download.unit || said.licence !== download.licence.id) throw new Error("another lesson's licence");
  return said.keys.map((key) => fromBase64url(key).buffer);
}

// Security keys (Web Authentication): the phone's own lock answers for the person. Only a public key and signatures
// leave the device. Bytes go to and from the server as base64url.

import { base64url, fromBase64url } from "./device";
import type { Assertion } from "./protocol";

/** Can this browser ask for the phone's lock at all? In-app browsers often cannot. */
export function hasSecurityKeys(): boolean {
  return window.isSecureContext && typeof PublicKeyCredential === "function" && !!navigator.credentials;
}

/** The lock's answer to a check; null when the person broke off, or the device has none of these keys. */
export async function assertionFor(
  challenge: string,
  rpId: string,
  credentials: readonly string[],
  leftMs: number,
): Promise<Assertion | null> {
  const found = await quietly(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: fromBase64url(challenge),
        rpId,
        allowCredentials: credentials.map((id) => ({ type: "public-key", id: fromBase64url(id) })),
        userVerification: "required",
        timeout: leftMs,
      },
    }),
  );
  if (!(found instanceof PublicKeyCredential)) return null;
  const response = found.response as AuthenticatorAssertionResponse;
  return {
    id: text(found.rawId),
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
  };
}

interface CreationOptions {
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  challenge: string;
  pubKeyCredParams: { type: "public-key"; alg: number }[];
  excludeCredentials: { type: "public-key"; id: string }[];
  authenticatorSelection: { userVerification: "required"; residentKey: "discouraged" };
  attestation: "none";
  timeout: number;
}

/** The page of a person's own keys: its form makes a new one and sends the public half. */
export function attachKeyForm(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-add-key]");
  if (!form) return;
  const says = form.querySelector<HTMLElement>("[data-says]");
  const say = (name: "unsupported" | "refused" | "waiting"): void => {
    if (says) says.textContent = form.dataset[name] ?? "";
  };
  const button = form.querySelector("button");
  if (!button) return;
  if (!hasSecurityKeys()) {
    button.disabled = true;
    say("unsupported");
    return;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    say("waiting");
    void register(form)
      .then((refused) => {
        if (refused === null) location.reload();
        else if (refused && says) says.textContent = refused;
        else say("refused");
      })
      .catch(() => say("refused"))
      .finally(() => (button.disabled = false));
  });
}

/** null: done; else what the server says about it, "" when the device or the person said no. */
async function register(form: HTMLFormElement): Promise<string | null> {
  const options = (await post(form, form.dataset["options"] ?? "", {})) as CreationOptions | string;
  if (typeof options === "string") return options;
  const made = await quietly(() =>
    navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: fromBase64url(options.challenge),
        user: { ...options.user, id: fromBase64url(options.user.id) },
        excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: fromBase64url(one.id) })),
      },
    }),
  );
  if (!(made instanceof PublicKeyCredential)) return "";
  const response = made.response as AuthenticatorAttestationResponse;
  const added = await post(form, form.action, {
    name: new FormData(form).get("name") ?? "",
    client_data: text(response.clientDataJSON),
    attestation: text(response.attestationObject),
  });
  return typeof added === "string" ? added : null;
}

/** The answer, or the server's sentence about why not. */
async function post(form: HTMLFormElement, url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": String(new FormData(form).get("csrf_token") ?? ""),
    },
    body: JSON.stringify(body),
  });
  const told = (await response.json()) as { detail?: string };
  return response.ok ? told : (told.detail ?? "");
}

/** Browsers throw when the person breaks off, the time is over, or the key is known already: all of that is a no. */
async function quietly(ask: () => Promise<Credential | null>): Promise<Credential | null> {
  try {
    return await ask();
  } catch (problem) {
    if (problem instanceof DOMException) return null;
    throw problem;
  }
}

function text(buffer: ArrayBuffer): string {
  return base64url(new Uint8Array(buffer));
}

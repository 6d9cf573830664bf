// This browser's key: made here, never leaves, signs every report.

import type { Door } from "./door";
import type { Store } from "./store";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

export interface Device {
  thumbprint: string;
  /** ES256 over `text`: raw r and s, base64url. */
  sign(text: string): Promise<string>;
}

/** False in an insecure context and in browsers without WebCrypto. */
export function canSign(): boolean {
  return typeof crypto !== "undefined" && typeof crypto.subtle !== "undefined" && window.isSecureContext;
}

/** The device, enrolled. Throws Refused when the server cannot be asked. */
export async function enrol(door: Door, store: Store, url: string): Promise<Device> {
  let pair = await store.device();
  if (!pair) {
    pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    await store.keepDevice(pair);
  }
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const { thumbprint } = await door.json<{ thumbprint: string }>(url, {
    method: "POST",
    body: { jwk: { kty, crv, x, y } },
  });
  const key = pair.privateKey;
  return {
    thumbprint,
    async sign(text: string): Promise<string> {
      const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, new TextEncoder().encode(text));
      return base64url(new Uint8Array(signed));
    },
  };
}

export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** A version 4 UUID; randomUUID is missing in iOS before 15.4. */
export function uuid4(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

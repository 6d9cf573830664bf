// This browser's keys: made here, never leave. One signs every report; to the other, downloads are sealed.

import { type Door, Refused } from "./door";
import type { Store } from "./store";

const SIGNING = { name: "ECDSA", namedCurve: "P-256" };
/** What the server says of keys that it will never take. */
const SPOILT = new Set(["device_key", "private_key", "agreement_signature", "device_revoked", "device_agreement"]);
const AGREEMENT = { name: "ECDH", namedCurve: "P-256" };

export interface Device {
  /** Null in a browser that has no keys. */
  thumbprint: string | null;
  /** ES256 over `text`: raw r and s, base64url; null without a key. */
  sign(text: string): Promise<string | null>;
}

/** A browser without WebCrypto, where the rules let it report all the same. */
const UNSIGNED: Device = { thumbprint: null, sign: () => Promise.resolve(null) };

interface PublicJwk {
  kty: string;
  crv: string;
  x: string;
  y: string;
}

/** False in an insecure context and in browsers without WebCrypto. */
export function canSign(): boolean {
  return typeof crypto !== "undefined" && typeof crypto.subtle !== "undefined" && window.isSecureContext;
}

/** The device as it is kept here, enrolled or not; made when there is none. */
export async function ownDevice(store: Store): Promise<Device & { jwk: PublicJwk }> {
  let pair = await store.key("pair");
  if (!pair) {
    pair = await crypto.subtle.generateKey(SIGNING, false, ["sign", "verify"]);
    await store.keepKey("pair", pair);
  }
  const jwk = await publicJwk(pair);
  const key = pair.privateKey;
  return {
    jwk,
    thumbprint: await thumbprint(jwk),
    async sign(text: string): Promise<string> {
      const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, new TextEncoder().encode(text));
      return base64url(new Uint8Array(signed));
    },
  };
}

/** The device, enrolled. Throws Refused when the server cannot be asked. */
export async function enrol(door: Door, store: Store, url: string): Promise<Device> {
  if (!canSign()) return UNSIGNED;
  const device = await ownDevice(store);
  try {
    await door.json(url, { method: "POST", body: { jwk: device.jwk } });
    return device;
  } catch (problem) {
    if (!(problem instanceof Refused) || !SPOILT.has(problem.code)) throw problem;
  }
  await store.dropKeys();
  const anew = await ownDevice(store);
  await door.json(url, { method: "POST", body: { jwk: anew.jwk } });
  return anew;
}

/** Tell the server, once, which key downloads are sealed to; the signing key vouches for it. Throws Refused. */
export async function enrolAgreement(door: Door, store: Store, url: string): Promise<void> {
  const device = await ownDevice(store);
  let pair = await store.key("agreement");
  if (!pair) {
    pair = await crypto.subtle.generateKey(AGREEMENT, false, ["deriveBits"]);
    await store.keepKey("agreement", pair);
  }
  const jwk = await publicJwk(pair);
  const sig = await device.sign(`elearn agreement\n${await thumbprint(jwk)}`);
  try {
    await door.json(url, { method: "POST", body: { jwk: device.jwk, agreement: { jwk, sig } } });
  } catch (problem) {
    // Another agreement key was set for this one: both are made anew. The open sitting is the old key's, so it is
    // the next page that downloads.
    if (problem instanceof Refused && SPOILT.has(problem.code)) await store.dropKeys();
    throw problem;
  }
}

async function publicJwk(pair: CryptoKeyPair): Promise<PublicJwk> {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kty, crv, x, y } as PublicJwk;
}

/** RFC 7638 with SHA-256. */
async function thumbprint({ crv, kty, x, y }: PublicJwk): Promise<string> {
  const exact = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }));
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", exact)));
}

/** Null without WebCrypto: the chain of reports is then told by their numbers alone. */
export async function sha256Hex(text: string): Promise<string | null> {
  if (!canSign()) return null;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
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

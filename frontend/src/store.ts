// What must survive a killed page: the device's keys, the sittings that still owe reports or can be gone on with, the
// reports, and the lessons downloaded. IndexedDB; where a browser denies it (some private windows) a memory of this
// page stands in, and says so.

import type { Opening, State, Stretch } from "./protocol";

/** A sitting with all that a later page needs to send what it owes, or to go on with it. */
export interface KeptSitting {
  sid: string;
  learner: string;
  token: string;
  nonce: string;
  /** These are missing in what a player before version 2 kept. */
  opening?: Opening;
  state?: State;
  /** Number, hash and media of the last report made. */
  seq?: number;
  prev?: string | null;
  played?: Stretch[];
  /** The sitting's clock and the wall clock at one moment, the latest known. */
  anchor?: { cm: number; wall_ms: number };
}

export interface KeptReport {
  sid: string;
  seq: number;
  statement: string;
  a: number;
  b: number;
  /** The sitting's clock when it was made, and the wall clock: see "Reports that outlive their page". */
  cm: number;
  made_ms: number;
}

/** A lesson on this device: its licence, still sealed, and what plays it without network. */
export interface Download {
  unit: string;
  learner: string;
  title: string;
  /** The lesson page, as a path. */
  page: string;
  licence: { id: string; jwe: string; expires_ms: number };
  issued_ms: number;
  playlist: string;
  /** Addresses of init segment, segments and pictures, in the cache of media. */
  files: string[];
  bytes: number;
  /** Everything is here. */
  whole: boolean;
  /** The newest time of the server that was known, and this device's clock at that moment. */
  server_ms: number;
  wall_ms: number;
}

/** The server's clock as this device may guess it: never before what it was told last. */
export function serverNowMs({ server_ms, wall_ms }: Download): number {
  return server_ms + Math.max(0, Date.now() - wall_ms);
}

export function isExpired(download: Download): boolean {
  return serverNowMs(download) >= download.licence.expires_ms;
}

export type KeyName = "pair" | "agreement";

export interface Store {
  readonly lasting: boolean;
  key(name: KeyName): Promise<CryptoKeyPair | undefined>;
  keepKey(name: KeyName, pair: CryptoKeyPair): Promise<void>;
  /** The server takes these keys no longer: the next use makes new ones. */
  dropKeys(): Promise<void>;
  sittings(): Promise<KeptSitting[]>;
  keepSitting(sitting: KeptSitting): Promise<void>;
  dropSitting(sid: string): Promise<void>;
  reports(sid: string): Promise<KeptReport[]>;
  /** A report and its sitting, which it is the newest of: both or neither. */
  keepReport(report: KeptReport, sitting: KeptSitting): Promise<void>;
  dropReports(sid: string, upToSeq: number): Promise<void>;
  downloads(): Promise<Download[]>;
  keepDownload(download: Download): Promise<void>;
  dropDownload(unit: string): Promise<void>;
}

export async function openStore(): Promise<Store> {
  try {
    return new Database(await openDatabase());
  } catch {
    return new Memory();
  }
}

const NAME = "elearn-player";
const VERSION = 2;

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, VERSION);
    opening.onupgradeneeded = () => {
      const db = opening.result;
      const make = (name: string, keyPath?: string | string[]): void => {
        if (!db.objectStoreNames.contains(name)) db.createObjectStore(name, keyPath ? { keyPath } : {});
      };
      make("device");
      make("sitting", "sid");
      make("report", ["sid", "seq"]);
      make("licence", "unit"); // since version 2
    };
    opening.onsuccess = () => {
      // A newer version in another tab must not wait for this one.
      opening.result.onversionchange = () => opening.result.close();
      resolve(opening.result);
    };
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error("blocked"));
  });
}

class Database implements Store {
  readonly lasting = true;

  constructor(private readonly db: IDBDatabase) {}

  key(name: KeyName): Promise<CryptoKeyPair | undefined> {
    return this.run("device", "readonly", (store) => store.get(name) as IDBRequest<CryptoKeyPair | undefined>);
  }

  async keepKey(name: KeyName, pair: CryptoKeyPair): Promise<void> {
    await this.run("device", "readwrite", (store) => store.put(pair, name));
  }

  async dropKeys(): Promise<void> {
    await this.run("device", "readwrite", (store) => store.clear());
  }

  sittings(): Promise<KeptSitting[]> {
    return this.run("sitting", "readonly", (store) => store.getAll() as IDBRequest<KeptSitting[]>);
  }

  async keepSitting(sitting: KeptSitting): Promise<void> {
    await this.run("sitting", "readwrite", (store) => store.put(sitting));
  }

  async dropSitting(sid: string): Promise<void> {
    await this.dropReports(sid, Infinity);
    await this.run("sitting", "readwrite", (store) => store.delete(sid));
  }

  reports(sid: string): Promise<KeptReport[]> {
    return this.run("report", "readonly", (store) => store.getAll(upTo(sid, Infinity)) as IDBRequest<KeptReport[]>);
  }

  async keepReport(report: KeptReport, sitting: KeptSitting): Promise<void> {
    await this.transact(["report", "sitting"], "readwrite", (transaction) => {
      transaction.objectStore("sitting").put(sitting);
      return transaction.objectStore("report").put(report);
    });
  }

  async dropReports(sid: string, upToSeq: number): Promise<void> {
    await this.run("report", "readwrite", (store) => store.delete(upTo(sid, upToSeq)));
  }

  downloads(): Promise<Download[]> {
    return this.run("licence", "readonly", (store) => store.getAll() as IDBRequest<Download[]>);
  }

  async keepDownload(download: Download): Promise<void> {
    await this.run("licence", "readwrite", (store) => store.put(download));
  }

  async dropDownload(unit: string): Promise<void> {
    await this.run("licence", "readwrite", (store) => store.delete(unit));
  }

  private run<T>(name: string, mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return this.transact([name], mode, (transaction) => ask(transaction.objectStore(name)));
  }

  /** Resolves when the transaction is done, not when the request is: only then is the report kept. */
  private transact<T>(
    names: string[],
    mode: IDBTransactionMode,
    ask: (transaction: IDBTransaction) => IDBRequest<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = this.db.transaction(names, mode);
      const request = ask(transaction);
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

function upTo(sid: string, seq: number): IDBKeyRange {
  return IDBKeyRange.bound([sid, 0], [sid, seq]);
}

class Memory implements Store {
  readonly lasting = false;
  private readonly keys = new Map<KeyName, CryptoKeyPair>();
  private readonly kept = new Map<string, KeptSitting>();
  private list: KeptReport[] = [];

  async key(name: KeyName): Promise<CryptoKeyPair | undefined> {
    return this.keys.get(name);
  }
  async keepKey(name: KeyName, pair: CryptoKeyPair): Promise<void> {
    this.keys.set(name, pair);
  }
  async dropKeys(): Promise<void> {
    this.keys.clear();
  }
  async sittings(): Promise<KeptSitting[]> {
    return [...this.kept.values()];
  }
  async keepSitting(sitting: KeptSitting): Promise<void> {
    this.kept.set(sitting.sid, sitting);
  }
  async dropSitting(sid: string): Promise<void> {
    this.kept.delete(sid);
    await this.dropReports(sid, Infinity);
  }
  async reports(sid: string): Promise<KeptReport[]> {
    return this.list.filter((report) => report.sid === sid).sort((one, other) => one.seq - other.seq);
  }
  async keepReport(report: KeptReport, sitting: KeptSitting): Promise<void> {
    this.list.push(report);
    await this.keepSitting(sitting);
  }
  async dropReports(sid: string, upToSeq: number): Promise<void> {
    this.list = this.list.filter((report) => report.sid !== sid || report.seq > upToSeq);
  }
  async downloads(): Promise<Download[]> {
    return [];
  }
  async keepDownload(): Promise<void> {
    throw new Error("a memory keeps no lessons");
  }
  async dropDownload(): Promise<void> {}
}

// What must survive a killed page: the device key, the sittings that still owe reports, and the reports.
// IndexedDB; where a browser denies it (some private windows) a memory of this page stands in, and says so.

export interface KeptSitting {
  sid: string;
  learner: string;
  token: string;
  nonce: string;
}

export interface KeptReport {
  sid: string;
  seq: number;
  statement: string;
  /** Monotonic clock of the page that made it, and its wall clock: see "Reports that outlive their page". */
  cm: number;
  made_ms: number;
}

export interface Store {
  readonly lasting: boolean;
  device(): Promise<CryptoKeyPair | undefined>;
  keepDevice(pair: CryptoKeyPair): Promise<void>;
  sittings(): Promise<KeptSitting[]>;
  keepSitting(sitting: KeptSitting): Promise<void>;
  dropSitting(sid: string): Promise<void>;
  reports(sid: string): Promise<KeptReport[]>;
  keepReport(report: KeptReport): Promise<void>;
  dropReports(sid: string, upToSeq: number): Promise<void>;
}

export async function openStore(): Promise<Store> {
  try {
    return new Database(await openDatabase());
  } catch {
    return new Memory();
  }
}

const NAME = "elearn-player";

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => {
      const db = opening.result;
      db.createObjectStore("device");
      db.createObjectStore("sitting", { keyPath: "sid" });
      db.createObjectStore("report", { keyPath: ["sid", "seq"] });
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
    opening.onblocked = () => reject(new Error("blocked"));
  });
}

class Database implements Store {
  readonly lasting = true;

  constructor(private readonly db: IDBDatabase) {}

  device(): Promise<CryptoKeyPair | undefined> {
    return this.run("device", "readonly", (store) => store.get("pair") as IDBRequest<CryptoKeyPair | undefined>);
  }

  async keepDevice(pair: CryptoKeyPair): Promise<void> {
    await this.run("device", "readwrite", (store) => store.put(pair, "pair"));
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

  async keepReport(report: KeptReport): Promise<void> {
    await this.run("report", "readwrite", (store) => store.put(report));
  }

  async dropReports(sid: string, upToSeq: number): Promise<void> {
    await this.run("report", "readwrite", (store) => store.delete(upTo(sid, upToSeq)));
  }

  /** Resolves when the transaction is done, not when the request is: only then is the report kept. */
  private run<T>(name: string, mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = this.db.transaction(name, mode);
      const request = ask(transaction.objectStore(name));
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
  private pair: CryptoKeyPair | undefined;
  private readonly kept = new Map<string, KeptSitting>();
  private list: KeptReport[] = [];

  async device(): Promise<CryptoKeyPair | undefined> {
    return this.pair;
  }
  async keepDevice(pair: CryptoKeyPair): Promise<void> {
    this.pair = pair;
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
  async keepReport(report: KeptReport): Promise<void> {
    this.list.push(report);
  }
  async dropReports(sid: string, upToSeq: number): Promise<void> {
    this.list = this.list.filter((report) => report.sid !== sid || report.seq > upToSeq);
  }
}

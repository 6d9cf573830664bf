// One way to call the server: JSON in and out, the page's token, errors as values of one class.

export class Refused extends Error {
  /** `status` 0: no answer at all (offline, broken connection). */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfterMs: number | null = null,
  ) {
    super(`${status} ${code}`);
  }

  /** Trying again later may help. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface Call {
  method?: "GET" | "POST";
  body?: unknown;
  token?: string;
  keepalive?: boolean;
  signal?: AbortSignal;
}

const PATIENCE_MS = 20_000;

export class Door {
  constructor(private readonly csrf: string) {}

  /** The answer's JSON. Throws Refused. */
  async json<T>(url: string, call: Call = {}): Promise<T> {
    const response = await this.ask(url, call);
    try {
      return (await response.json()) as T;
    } catch {
      throw new Refused(0, "no_answer", "");
    }
  }

  /** The answer's bytes. Throws Refused. */
  async bytes(url: string, call: Call = {}): Promise<ArrayBuffer> {
    const response = await this.ask(url, call);
    try {
      return await response.arrayBuffer();
    } catch {
      throw new Refused(0, "no_answer", "");
    }
  }

  private async ask(url: string, { method, body, token, keepalive, signal }: Call): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (method === "POST") {
      headers["Content-Type"] = "application/json";
      headers["X-CSRFToken"] = this.csrf;
    }
    if (token) headers["X-Sitting"] = token;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    signal?.addEventListener("abort", () => patience.abort());
    const request: RequestInit = { method: method ?? "GET", headers, credentials: "same-origin", cache: "no-store" };
    if (method === "POST") request.body = typeof body === "string" ? body : JSON.stringify(body ?? {});
    if (keepalive) request.keepalive = true;
    else request.signal = patience.signal;
    let response: Response;
    try {
      response = await fetch(url, request);
    } catch {
      throw new Refused(0, "no_answer", "");
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return response;
    const seconds = Number(response.headers.get("Retry-After") ?? NaN);
    let said: { error?: string; detail?: string } = {};
    try {
      said = (await response.json()) as typeof said;
    } catch {
      // a proxy's page of HTML: the status says enough
    }
    throw new Refused(
      response.status,
      said.error ?? "error",
      said.detail ?? "",
      Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : null,
    );
  }
}

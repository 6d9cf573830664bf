// A manager's video upload: progress while it travels, then the stages of packaging until it is ready.
//
// <form data-upload action="…/video" data-whole="…/video" data-pieces="…/arriving" data-status="…/uploads/{id}"
//       data-done="…page…" data-sending="Sending" data-waiting="No network…" data-resume="{name} was not sent whole…"
//       data-packaging="Preparing" data-failed="The upload broke off. Try again.">
//   <input type="file"> <progress hidden max="1000"></progress> <p data-says role="status"></p> <button>…</button>
// </form>
//
// It travels in pieces (tus 1.0.0): a lost network is waited out, and after a reload the same file, chosen again, goes
// on where it stopped. Where that library cannot be loaded, the body of one request is the file itself, `?name=` its
// name. The state of an upload is {id, state, stage, progress_permille, detail}; "done" ends it well, "failed" badly.

interface Status {
  id?: string;
  state?: string;
  progress_permille?: number;
  detail?: string | null;
}

type Show = (text: string, permille?: number) => void;
type Fail = (detail?: string | null) => void;

const POLL_MS = 1500;
const PIECE_BYTES = 8 * 1024 * 1024;
/** Between tries; from the first again once a piece has arrived. */
const RETRY_MS = [0, 1000, 2000, 4000, 8000, 16000];
/** What another try may put right: no answer, a fault of the server, a file that ends elsewhere, a damaged piece. */
const PASSING = (status: number): boolean => status === 0 || status >= 500 || [409, 423, 429, 460].includes(status);

export function attachUploads(root: ParentNode = document): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-upload]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = form.querySelector<HTMLInputElement>("input[type=file]")?.files?.[0];
      if (file) void send(form, file);
    });
    remind(form);
    // The page was loaded again while a video was being prepared.
    const running = form.dataset["running"];
    if (running) void follow(form, running, shower(form), failer(form));
  }
}

function shower(form: HTMLFormElement): Show {
  const bar = form.querySelector("progress");
  return (text, permille) => {
    const line = form.querySelector<HTMLElement>("[data-says]");
    if (line) line.textContent = text;
    if (!bar) return;
    bar.hidden = permille === undefined;
    if (permille !== undefined) bar.value = permille;
  };
}

function failer(form: HTMLFormElement): Fail {
  return (detail) => {
    shower(form)(detail || form.dataset["failed"] || "");
    form.dataset["state"] = "failed";
    lock(form, false);
  };
}

function lock(form: HTMLFormElement, on: boolean): void {
  for (const button of form.querySelectorAll<HTMLButtonElement>("button:not([type=button])")) button.disabled = on;
}

function token(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

/** Says after a reload which file was on its way: a browser gives no page a file that was not chosen on it. */
function remind(form: HTMLFormElement): void {
  const pieces = form.dataset["pieces"];
  const says = form.querySelector<HTMLElement>("[data-says]");
  if (!pieces || !says || says.textContent?.trim()) return;
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith("tus::") || !key.includes(pieces)) continue;
      const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as { metadata?: { filename?: string } };
      const name = kept.metadata?.filename;
      if (name) says.textContent = (form.dataset["resume"] ?? "").replace("{name}", name);
    }
  } catch {
    // Without storage there is nothing to go on with.
  }
}

async function send(form: HTMLFormElement, file: File): Promise<void> {
  const pieces = form.dataset["pieces"];
  delete form.dataset["state"];
  lock(form, true);
  let library: typeof import("tus-js-client") | null = null;
  try {
    if (pieces) library = await import("tus-js-client");
  } catch {
    // An old browser, or a network that lets the library not through: in one request, then.
  }
  if (library && pieces && library.isSupported) await sendPieces(library, form, file, pieces);
  else sendWhole(form, file);
}

async function sendPieces(
  library: typeof import("tus-js-client"),
  form: HTMLFormElement,
  file: File,
  pieces: string,
): Promise<void> {
  const show = shower(form);
  const fail = failer(form);
  let shown = 0;
  const upload = new library.Upload(file, {
    endpoint: pieces,
    chunkSize: PIECE_BYTES,
    retryDelays: RETRY_MS,
    headers: { "X-CSRFToken": token(), Accept: "application/json" },
    metadata: { filename: file.name },
    removeFingerprintOnSuccess: true,
    onShouldRetry: (error) => PASSING(error.originalResponse?.getStatus() ?? 0),
    onProgress: (sent, total) => {
      shown = Math.floor((sent / total) * 1000);
      show(`${form.dataset["sending"] ?? ""} ${Math.floor(shown / 10)} %`, shown);
    },
    onError: (error) => {
      const answer = "originalResponse" in error ? error.originalResponse : null;
      const status = answer?.getStatus() ?? 0;
      if (status > 0) return fail(detailOf(answer?.getBody()));
      // Nobody answers: what has arrived stays, and it goes on by itself when the network is back.
      show(form.dataset["waiting"] ?? "", shown);
      form.dataset["state"] = "waiting";
      const goOn = (): void => {
        window.removeEventListener("online", goOn);
        clearTimeout(timer);
        delete form.dataset["state"];
        upload.start();
      };
      const timer = setTimeout(goOn, 30_000);
      window.addEventListener("online", goOn);
    },
    onSuccess: () => {
      const id = upload.url?.split("/").pop();
      if (form.dataset["status"] && id) void follow(form, id, show, fail);
      else finish(form);
    },
  });
  const [before] = await upload.findPreviousUploads().catch(() => []);
  if (before) upload.resumeFromPreviousUpload(before);
  upload.start();
}

function detailOf(body: string | undefined): string | null {
  try {
    return (JSON.parse(body ?? "") as Status).detail ?? null;
  } catch {
    return null;
  }
}

function sendWhole(form: HTMLFormElement, file: File): void {
  const show = shower(form);
  const fail = failer(form);
  const request = new XMLHttpRequest();
  request.open("POST", `${form.dataset["whole"] ?? form.action}?name=${encodeURIComponent(file.name)}`);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-CSRFToken", token());
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    const permille = Math.floor((event.loaded / event.total) * 1000);
    show(`${form.dataset["sending"] ?? ""} ${Math.floor(permille / 10)} %`, permille);
  });
  request.addEventListener("error", () => fail());
  request.addEventListener("abort", () => fail());
  request.addEventListener("load", () => {
    const answer = request.response as Status | null;
    if (request.status >= 300) return fail(answer?.detail);
    if (form.dataset["status"] && answer?.id) void follow(form, answer.id, show, fail);
    else finish(form);
  });
  request.send(file);
}

async function follow(form: HTMLFormElement, id: string, show: Show, fail: Fail): Promise<void> {
  const address = (form.dataset["status"] ?? "").replace("{id}", encodeURIComponent(id));
  lock(form, true);
  for (;;) {
    let status: Status | null = null;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (response.ok) status = (await response.json()) as Status;
      else if (response.status < 500) return fail();
    } catch {
      // offline for a moment: the preparation goes on without us, so ask again
    }
    if (status?.state === "failed") return fail(status.detail);
    if (status?.state === "done") return finish(form);
    if (status) {
      const permille = status.progress_permille ?? 0;
      show(`${form.dataset["packaging"] ?? ""} ${Math.floor(permille / 10)} %`, permille);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function finish(form: HTMLFormElement): void {
  form.dataset["state"] = "done";
  if (form.dataset["done"]) location.assign(form.dataset["done"]);
  else location.reload();
}

// A manager's video upload: progress while it travels, then the stages of packaging until it is ready.
//
// <form data-upload action="…/video" data-status="…/uploads/{id}" data-done="…page…" data-sending="Sending"
//       data-packaging="Preparing" data-failed="The upload broke off. Try again.">
//   <input type="file"> <progress hidden max="1000"></progress> <p data-says role="status"></p> <button>…</button>
// </form>
//
// The body of the request is the file itself, `?name=` its name. Both answers are the upload's state:
// {id, state, stage, progress_permille, detail}; "done" ends it well, "failed" badly.

interface Status {
  id?: string;
  state?: string;
  progress_permille?: number;
  detail?: string | null;
}

type Show = (text: string, permille?: number) => void;
type Fail = (detail?: string | null) => void;

const POLL_MS = 1500;

export function attachUploads(root: ParentNode = document): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-upload]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = form.querySelector<HTMLInputElement>("input[type=file]")?.files?.[0];
      if (file) send(form, file);
    });
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

function send(form: HTMLFormElement, file: File): void {
  const show = shower(form);
  const fail = failer(form);
  const request = new XMLHttpRequest();
  request.open("POST", `${form.action}?name=${encodeURIComponent(file.name)}`);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  if (token) request.setRequestHeader("X-CSRFToken", token);
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
  delete form.dataset["state"];
  lock(form, true);
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

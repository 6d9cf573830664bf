// A manager's video upload: progress while it travels, then the stages of packaging until it is ready.
//
// <form data-upload data-status="…/uploads/{id}" data-done="…page…" data-sending="Sending" data-packaging="Packaging"
//       data-failed="The upload broke off. Try again." action="…" method="post" enctype="multipart/form-data">
//   <input type="file" name="video"> <progress hidden max="1000"></progress> <p data-says role="status"></p> <button>
//
// The answer to the upload is JSON with `id` (or `status_url`). The status is JSON {state, stage, progress_permille,
// error, unit}; a state of "ready", "done" or "published" ends it well, "failed" badly with `detail`.

interface Status {
  id?: string;
  status_url?: string;
  state?: string;
  stage?: string | null;
  progress_permille?: number;
  detail?: string;
}

const POLL_MS = 1500;
const READY = new Set(["ready", "done", "published"]);

export function attachUploads(root: ParentNode = document): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-upload]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
}

function send(form: HTMLFormElement): void {
  const bar = form.querySelector("progress");
  const button = form.querySelector<HTMLButtonElement>("button:not([type=button])");
  const show = (text: string, permille?: number): void => {
    const line = form.querySelector<HTMLElement>("[data-says]");
    if (line) line.textContent = text;
    if (bar) {
      bar.hidden = permille === undefined;
      if (permille !== undefined) bar.value = permille;
    }
  };
  const fail = (detail?: string): void => {
    show(detail ?? form.dataset["failed"] ?? "");
    form.dataset["state"] = "failed";
    if (button) button.disabled = false;
  };
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "json";
  request.setRequestHeader("Accept", "application/json");
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
    const address = answer?.status_url ?? form.dataset["status"]?.replace("{id}", answer?.id ?? "");
    if (address) void follow(form, address, show, fail);
    else finish(form);
  });
  delete form.dataset["state"];
  if (button) button.disabled = true;
  request.send(new FormData(form));
}

async function follow(
  form: HTMLFormElement,
  address: string,
  show: (text: string, permille?: number) => void,
  fail: (detail?: string) => void,
): Promise<void> {
  for (;;) {
    let status: Status | null = null;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (response.ok) status = (await response.json()) as Status;
      else if (response.status < 500) return fail();
    } catch {
      // offline for a moment: packaging goes on without us, so ask again
    }
    if (status?.state === "failed") return fail(status.detail);
    if (status?.state && READY.has(status.state)) return finish(form);
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

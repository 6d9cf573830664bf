// A manager's picture for a page: sent as the body of a request; then the page is loaded again and shows it.
//
// <form data-picture action="…/image" data-failed="Sending broke off."> <input type="file"> <p data-says></p> … </form>

export function attachPictures(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-picture]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = form.querySelector<HTMLInputElement>("input[type=file]")?.files?.[0];
      if (file) void send(form, file);
    });
  }
}

async function send(form: HTMLFormElement, file: File): Promise<void> {
  const button = form.querySelector("button");
  const says = form.querySelector<HTMLElement>("[data-says]");
  const token = form.querySelector<HTMLInputElement>("input[name=csrf_token]")?.value ?? "";
  if (button) button.disabled = true;
  if (says) says.textContent = "…";
  let detail: string | undefined;
  try {
    const headers = { "X-CSRFToken": token, "Content-Type": "application/octet-stream", Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body: file, headers, credentials: "same-origin" });
    if (response.ok) return location.reload();
    detail = ((await response.json()) as { detail?: string }).detail;
  } catch {
    // no answer, or a proxy's page: the form's own sentence says enough
  }
  if (says) says.textContent = detail || (form.dataset["failed"] ?? "");
  if (button) button.disabled = false;
}

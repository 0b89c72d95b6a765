// Toasts, dialogs, and forms that send themselves.
(() => {
  const LASTS_MS = 6000;
  const WITH_UNDO_MS = 10000;

  function toast({ text, undo = "", tone = "" }) {
    const box = document.createElement("div");
    box.className = "toast";
    box.dataset.tone = tone;
    box.append(Object.assign(document.createElement("span"), { textContent: text }));
    if (undo) box.append(undoButton(undo, box));
    box.append(button("Dismiss", () => box.remove()));
    document.getElementById("toasts").append(box);
    if (undo) htmx.process(box);
    setTimeout(() => box.remove(), undo ? WITH_UNDO_MS : LASTS_MS);
  }

  function button(label, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    made.addEventListener("click", act);
    return made;
  }

  function undoButton(url, box) {
    const made = button("Undo", () => {});
    made.setAttribute("hx-post", url);
    made.setAttribute("hx-swap", "none"); // live.js puts the card back from the answer
    made.dataset.placesCard = "";
    made.addEventListener("htmx:afterRequest", () => box.remove());
    return made;
  }

  // By the request itself, not by htmx's events: a live frame may have replaced the button before its answer is here,
  // and events on an element that left the page reach nobody.
  document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => xhr.addEventListener("loadend", () => tell(xhr)));

  function tell(xhr) {
    const said = xhr.status && xhr.getResponseHeader("X-Toast");
    if (said) toast(JSON.parse(said));
    else if (xhr.status === 0) toast({ text: "The control room cannot be reached", tone: "refused" });
    else if (xhr.status === 403) toast({ text: "You may not do this", tone: "refused" });
    else if (xhr.status >= 400) toast({ text: `That did not work (${xhr.status})`, tone: "refused" });
  }

  document.addEventListener("htmx:beforeOnLoad", (event) => { // signed out meanwhile: the answer is the sign-in page
    if (new URL(event.detail.xhr.responseURL).pathname === "/login") location.reload();
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    else if (event.target.closest("[data-closes]") || event.target.matches("dialog")) event.target.closest("dialog")?.close();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => { // an empty choice does not clutter the URL
    if (event.target.method !== "get") return;
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
  });
  document.addEventListener("keydown", (event) => { // Enter in the comment of a decision decides nothing
    if (event.key === "Enter" && event.target.matches(".decide input")) event.preventDefault();
  });
})();

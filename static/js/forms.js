// Forms for params. What changes their shape is asked of the server, which draws them anew; what differs from the old
// values is marked while one types. Without this file the same buttons send the form, and the page comes back.
(() => {
  const CONTROLS = "input:not([type=hidden]), select, textarea, button";

  function edit(form, command) {
    const params = form.querySelector("[data-params]");
    htmx.ajax("POST", form.getAttribute("action"), { source: form, target: params, swap: "outerHTML", values: { do: command } });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[name=do]");
    if (!button?.closest("[data-params]")) return;
    event.preventDefault();
    edit(button.form, button.value);
  });
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-edits]")) edit(target.form, target.dataset.edits);
    else if (target.closest("[data-was]")) mark(target.closest("[data-was]"));
  });
  document.addEventListener("input", ({ target }) => {
    const field = target.closest?.("[data-was]");
    if (field) mark(field);
  });

  // By what the form would send: a box that is not ticked sends nothing, like a value that is not set.
  function mark(field) {
    const own = [...field.querySelectorAll(CONTROLS)].find((one) => one.name === field.dataset.field);
    if (!own) return;
    const now = new FormData(own.form).getAll(own.name).filter((text) => text !== "");
    const was = JSON.parse(field.dataset.was).filter((text) => text !== "");
    field.classList.toggle("is-changed", JSON.stringify(now) !== JSON.stringify(was));
  }

  // The cursor goes to what was added or moved, else to the first thing that is wrong.
  function point(root) {
    const params = root.querySelector?.("[data-params]");
    const wanted = params?.dataset.focus;
    const field = wanted && (document.getElementById(wanted) ?? params.querySelector(`[data-field="${CSS.escape(wanted)}"]`));
    (field?.matches(CONTROLS) ? field : field?.querySelector(CONTROLS))?.focus();
  }

  function pointAtError(root) {
    const wrong = root.querySelector("[data-params] [aria-invalid=true]");
    (wrong?.matches(CONTROLS) ? wrong : wrong?.querySelector(CONTROLS))?.focus();
  }

  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (target.id === "dialog") pointAtError(target);
    else if (target.closest?.("form")) point(target.closest("form"));
  });
  pointAtError(document);
})();

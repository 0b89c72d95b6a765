// Steps of a run: an address like #step-KEY, and each link to one, opens that step.
(() => {
  function open(hash) {
    const step = hash.startsWith("#step-") && document.getElementById(hash.slice(1));
    if (!step) return;
    for (const one of document.querySelectorAll(".step.is-named")) one.classList.remove("is-named");
    step.classList.add("is-named"); // seen even where a filter hides it
    step.querySelector("details").open = true;
    step.scrollIntoView({ block: "nearest" });
    step.querySelector("summary").focus({ preventScroll: true });
  }
  // What was chosen to be shown stays chosen when the list is drawn anew, as of another moment.
  const chosen = new Map();
  const CHOICES = ".only input, #show-followed";
  document.addEventListener("change", ({ target }) => {
    if (target.matches(CHOICES)) for (const one of document.querySelectorAll(CHOICES)) chosen.set(one.id, one.checked);
  });
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const one of document.querySelectorAll(CHOICES)) one.checked = chosen.get(one.id) ?? one.checked;
  });

  // A button was pressed and another head came as its answer: the keyboard goes on there, or in the step that was decided.
  const BACK = { archive: "unarchive", unarchive: "archive" };
  let pressed = null;
  function focusHead(verb) {
    const head = document.getElementById("run-head");
    const found = [`[data-verb="${BACK[verb] ?? verb}"]`, '.actions [data-verb]:not([data-verb="cancel"])', "h1"];
    found.map((selector) => head?.querySelector(selector)).find(Boolean)?.focus({ preventScroll: true });
  }
  const isNowhere = () => (document.activeElement === document.body || document.activeElement.closest("dialog")) && !document.querySelector("dialog[open]");
  document.addEventListener("htmx:beforeRequest", ({ detail: { elt, target } }) => {
    if (target?.id === "run-head") pressed = { verb: elt.dataset.verb, step: elt.closest(".step")?.id };
  });
  document.addEventListener("htmx:afterSwap", ({ target }) => { // not later: a live frame may bring the next head at any time
    if (target.id !== "run-head" || !pressed) return;
    const summary = pressed.step && document.getElementById(pressed.step)?.querySelector("summary");
    if (isNowhere()) summary ? summary.focus({ preventScroll: true }) : focusHead(pressed.verb);
    pressed = null;
  });
  document.addEventListener("close", ({ target }) => { if (target.id === "dialog" && isNowhere()) focusHead("retry"); }, true); // its opener has gone

  addEventListener("hashchange", () => open(location.hash));
  addEventListener("load", () => open(location.hash));
  document.addEventListener("click", ({ target }) => { // the same link again changes no address
    const link = target.closest?.('a[href^="#step-"]');
    const hash = link?.getAttribute("href");
    if (hash && hash === location.hash) open(hash);
  });
})();

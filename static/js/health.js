// The health page asks anew by itself, and keeps what was opened and focused. When no answer comes, it says so and takes its colours back.
(() => {
  const LATE_MS = 20000; // without an answer
  const SLEPT_MS = 5000; // without a tick of our own: the browser held us, and nobody was asked
  const main = document.getElementById("main");
  const note = document.getElementById("stale");
  const light = document.getElementById("light");
  let heardAt = Date.now();

  function show(state, word) {
    if (light.dataset.state === state) return;
    light.dataset.state = state;
    light.textContent = word;
  }

  function fresh() {
    heardAt = Date.now();
    note.hidden = true;
    show("live", "live");
  }

  // What was well is not known to be so now. The next answer brings all of it anew.
  function stale(reason) {
    const health = document.getElementById("health");
    show("offline", "offline");
    if (!note.hidden && note.firstElementChild.textContent === reason) return;
    note.firstElementChild.textContent = reason;
    note.querySelector("time").replaceWith(health.querySelector(".as-of time").cloneNode(true));
    note.hidden = false;
    health.dataset.stale = "";
    for (const one of health.querySelectorAll(".checks li, tbody tr[data-status]")) {
      one.dataset.status = "pending";
      one.querySelector(".glyph use").setAttribute("href", "#glyph-pending");
    }
    for (const detail of health.querySelectorAll(".checks .soft")) detail.textContent = "unknown";
  }

  function reasonOf(status) {
    if (!status) return "The control room cannot be reached.";
    return status === 403 ? "You no longer have access." : `The control room answered with status ${status}.`;
  }

  document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr, successful } }) => {
    if (elt !== main) return;
    if (successful) fresh();
    else stale(reasonOf(xhr.status));
  });
  const look = () => { if (!document.hidden) htmx.trigger(main, "look"); };
  let tickedAt = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - tickedAt > SLEPT_MS) { heardAt = now; look(); }
    else if (now - heardAt > LATE_MS) stale(reasonOf(0));
    tickedAt = now;
  }, 1000);
  for (const name of ["online", "visibilitychange"]) addEventListener(name, look);

  // Of two drawings of the page: the same opened, scrolled and focused.
  const nameOf = (one) => one.getAttribute("href") ?? one.getAttribute("aria-label") ?? one.getAttribute("aria-labelledby") ?? one.closest("[data-keep]")?.dataset.keep;
  const named = (selector) => [...document.querySelectorAll(selector)];
  let kept = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    if (target.id !== "health") return;
    const focused = target.contains(document.activeElement) ? document.activeElement : null;
    kept = {
      open: named("#health details[open]").map(nameOf),
      scrolled: named("#health [tabindex]").map((one) => [nameOf(one), one.scrollLeft, one.scrollTop]),
      focus: focused && [focused.tagName, nameOf(focused)],
    };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!kept) return;
    const { open, scrolled, focus } = kept;
    kept = null;
    for (const one of named("#health details")) one.open = open.includes(nameOf(one));
    for (const [name, left, top] of scrolled) named("#health [tabindex]").find((one) => nameOf(one) === name)?.scrollTo(left, top);
    if (focus) named(`#health ${focus[0]}`).find((one) => nameOf(one) === focus[1])?.focus({ preventScroll: true });
  });

  fresh();
})();

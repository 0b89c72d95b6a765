// The runs that a board shows, as cards or rows: which list each belongs to, which leave, and what came from the server
// in the meantime. `window.board` is for live.js.
(() => {
  const REDRAW_APART = 5000; // milliseconds
  const LISTS = "[data-lane-cards], #rows";
  const ENDED = ["success", "error", "cancelled"].map((status) => `:scope > [data-status="${status}"]`).join();
  const { byId, focusIn } = window.keys;
  const { parse, replace, refocus } = window.fragments;
  const runsIn = (element) => [...element.querySelectorAll("[data-run]")];
  const isOlder = (one, other) => other && Number(one.dataset.seq) < Number(other.dataset.seq);

  let board = null, asked = new URLSearchParams(), redrawnAt = 0; // the element, and its filters

  function watch(element, filters) {
    board = element;
    asked = filters;
    for (const list of board.querySelectorAll(LISTS)) list.dataset.fetched = runsIn(list).length;
  }

  const isTimeline = () => asked.get("view") === "timeline"; // which the server draws
  const seqs = (most) => Object.fromEntries(runsIn(board).slice(0, most).map(({ dataset }) => [dataset.run, Number(dataset.seq)]));

  // --- frames ---------------------------------------------------------------------------------------------------
  function apply({ target, swap, html }, seq) {
    const run = swap === "delete" ? null : parse(html)[0];
    const old = byId(target.slice(1));
    if (run) place(run);
    else if (swap === "delete" && old && !(Number(old.dataset.seq) > seq)) leave(old);
  }

  const listOf = (run) => (run.matches(".row") ? byId("rows") : board.querySelector(`[data-lane-cards="${CSS.escape(run.dataset.lane)}"]`));

  function place(run) {
    const old = byId(run.id);
    if (isOlder(run, old)) return;
    const list = listOf(run);
    if (!list) return missing();
    if (old?.parentElement === list) return replace(old, run);
    old?.remove();
    run.classList.add("is-new");
    list.insertBefore(run, [...list.children].find((other) => other.id < run.id) ?? null); // ids grow with time
    htmx.process(run);
    trim(list);
  }

  // A lane that was made after this page, or a table that had no rows: the board is fetched anew, now and then.
  function missing() {
    if (isTimeline() || Date.now() - redrawnAt < REDRAW_APART) return;
    redrawnAt = Date.now();
    redraw();
  }
  const redraw = () => htmx.ajax("GET", location.href, { target: "#board", select: "#board", swap: "outerHTML" });

  // Whoever was on it goes on with its neighbour.
  function leave(run) {
    const neighbour = run.nextElementSibling?.closest("[data-run]") ?? run.previousElementSibling?.closest("[data-run]");
    const held = focusIn(run);
    if (run.hasAttribute("data-cursor")) neighbour?.setAttribute("data-cursor", "");
    run.remove();
    if (held) (neighbour?.querySelector("a[href]") ?? byId("main") ?? document.body).focus({ preventScroll: true });
  }

  // A board that stays open for days keeps what is unfinished, and of the rest twice as many as were fetched.
  function trim(list) {
    const surplus = runsIn(list).length - 2 * Math.max(Number(list.dataset.fetched), Number(board.dataset.laneLimit));
    if (surplus <= 0) return;
    [...list.querySelectorAll(ENDED)].slice(-surplus).forEach((run) => run.remove());
    list.dataset.trimmed = "";
  }
  document.addEventListener("htmx:beforeRequest", (event) => { // "Show more" goes on behind what was trimmed
    if (!event.target.closest(".more") || !("trimmed" in event.detail.target.dataset)) return;
    event.preventDefault();
    redraw();
  });

  // --- what htmx brings: more runs, a card as the answer to a button ----------------------------------------------
  // "more" when runs were fetched, "changed" when the answer to a button came, "" when it was nothing of this board.
  function afterSwap(target, { requestConfig }) {
    const list = target.closest(LISTS);
    if (!list || !board?.contains(list)) return "";
    if (requestConfig?.verb === "get") return fetched(list) ? "more" : "";
    const run = target.closest("[data-run]");
    if (run && was?.id === run.id) resume(run);
    if (run?.hasAttribute("data-archived") && !asked.has("archived")) leave(run);
    return "changed";
  }

  // Some of them may have come live before.
  function fetched(list) {
    if (list.dataset.fetched === String(runsIn(list).length)) return false; // each of what is swapped says so
    const known = new Map();
    for (const run of runsIn(list)) {
      const twin = known.get(run.id);
      if (twin) (isOlder(run, twin) ? run : twin).remove();
      if (!twin || twin.isConnected === false) known.set(run.id, run);
    }
    list.dataset.fetched = runsIn(list).length;
    return true;
  }

  // htmx puts another card in the place of the one whose button was pressed: cursor and focus stay.
  let was = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    const isRun = target.matches?.(".card, .row");
    was = isRun ? { id: target.id, hasCursor: target.hasAttribute("data-cursor"), focused: focusIn(target) } : null;
  });
  function resume(run) {
    run.toggleAttribute("data-cursor", was.hasCursor);
    if (was.focused) refocus(was.focused, run);
    was = null;
  }

  document.addEventListener("htmx:afterRequest", ({ detail }) => { // a run that was brought back, by its toast
    if (!("placesCard" in detail.elt.dataset) || !detail.successful || !board) return;
    const [run] = parse(detail.xhr.responseText);
    if (run && listOf(run)) place(run);
  });

  window.board = { watch, apply, afterSwap, isTimeline, seqs };
})();

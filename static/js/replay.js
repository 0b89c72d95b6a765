// Time travel: the slider goes to an event, and the page shows the run as of it. Events and log stay where they are.
(() => {
  const main = document.querySelector("main[data-live-run]");
  const slider = document.getElementById("slider");
  if (!main || !slider) return;
  const byId = (id) => document.getElementById(id);
  const range = byId("moment"), events = byId("events"), shown = slider.querySelector("[data-shown]"), playButton = slider.querySelector("[data-play]");
  const PIECES = "#run-head,#first-cause,#map,#steps-pane,#artifacts-pane";
  const WAIT_MS = 120, PLAY_MS = 700, PLAY_STEPS = 60;
  let last = Number(slider.dataset.last); // of the run's events
  let timer = null, playing = null, open = new Set();

  // --- going there ----------------------------------------------------------------------------------------------
  const isPast = () => "replaying" in main.dataset;
  const at = () => Number(range.value);

  function go(seq, wait = WAIT_MS) {
    range.value = Math.min(Math.max(seq, 1), last);
    say();
    clearTimeout(timer);
    timer = setTimeout(at() < last ? show : back, wait);
  }

  async function show() {
    const seq = at();
    main.dataset.replaying = seq; // from here on, live frames are held
    if (!(await fetched(seq)) || seq !== at()) return;
    address(seq);
    tell(seq);
  }

  async function back() {
    stop();
    if (!isPast()) return;
    if (slider.dataset.openedAt) return location.assign(slider.dataset.runUrl); // this page never had all that came since
    if (!(await fetched("now")) || at() < last) return;
    address(null);
    tell(null);
    delete main.dataset.replaying; // live.js reads on from where it was
    grow(last);
  }

  // Newest wins: a request that is under way is given up. What is past stays in the browser's cache.
  async function fetched(name) {
    open = new Set([...main.querySelectorAll("details[data-keep][open]")].map(nameOf));
    const url = new URL(slider.dataset.pieces.replace(/now$/, name), location);
    for (const [key, value] of new URLSearchParams(location.search)) if (key !== "at") url.searchParams.set(key, value);
    try {
      await htmx.ajax("GET", url.pathname + url.search, { source: range, target: "#then", swap: "outerHTML", selectOOB: PIECES });
    } catch { return false; } // ui.js has said why
    return byId("then").dataset.seq === String(name);
  }

  const nameOf = (details) => `${details.closest("[id]").id} ${details.dataset.keep}`;
  main.addEventListener("htmx:afterSettle", ({ target }) => {
    if (target.id !== "then") return;
    for (const one of main.querySelectorAll("details[data-keep]:not([open])")) if (open.has(nameOf(one))) one.open = true;
  });

  // The list of events marks where we are, and the log shows what was written by then.
  function tell(seq) {
    const log = byId("log-pane"), until = byId("then").dataset.until ?? "";
    events.dispatchEvent(new CustomEvent("replay:moved", { detail: { seq } }));
    if (log && log.dataset.until !== until) { log.dataset.until = until; log.reload?.(); }
    say();
  }

  function address(seq) {
    const url = new URL(location);
    url.searchParams.delete("at");
    if (seq) url.searchParams.set("at", seq);
    history.replaceState(history.state, "", url);
  }

  // --- what the slider says -------------------------------------------------------------------------------------
  function say() {
    const line = byId(`event-${at()}`);
    const words = line ? `, ${line.querySelector("time").textContent}, ${line.querySelector(".said").textContent.trim()}` : "";
    shown.textContent = at();
    shown.style.minWidth = `${String(last).length}ch`; // or the track would change its length under the pointer
    range.setAttribute("aria-valuetext", at() < last ? `event ${at()} of ${last}${words}` : `now, event ${last}`);
    const missed = isPast() ? last - Number(slider.dataset.last) : 0;
    for (const one of slider.querySelectorAll(".then-news")) one.textContent = missed ? `${missed} new event${missed > 1 ? "s" : ""}` : "";
    for (const one of slider.querySelectorAll("[data-count]")) one.textContent = last;
  }

  function grow(seq) {
    last = Math.max(last, seq);
    range.max = last;
    if (!isPast()) range.value = slider.dataset.last = last;
    say();
  }

  // --- play -----------------------------------------------------------------------------------------------------
  function play() {
    const by = Math.max(1, Math.round(last / PLAY_STEPS));
    if (at() >= last) range.value = 1 - by;
    playButton.setAttribute("aria-pressed", "true");
    playing = setInterval(() => go(at() + by, 0), PLAY_MS);
  }
  function stop() {
    clearInterval(playing);
    playing = null;
    playButton.setAttribute("aria-pressed", "false");
  }

  // --- what people do -------------------------------------------------------------------------------------------
  range.addEventListener("input", () => { stop(); go(at()); });
  main.addEventListener("click", (event) => {
    const [link, slide] = [event.target.closest("a[data-at], a[data-back]"), event.target.closest("[data-slide]")];
    if (event.target.closest("[data-play]")) return playing ? stop() : play();
    if (!link && !slide) return;
    stop();
    if (slide) return go(at() + Number(slide.dataset.slide));
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
    event.preventDefault();
    go(Number(link.dataset.at ?? last), 0);
  });
  events.addEventListener("live:appended", () => grow(Number([...events.querySelectorAll("[data-at]")].at(-1).dataset.at)));
  document.body.addEventListener("live:held", ({ detail }) => grow(detail.seq));

  tell(isPast() ? at() : null);
})();

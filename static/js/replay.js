// Time travel: the slider goes to an event, and the page shows the run as of it. Events and log stay where they are.
(() => {
  const main = document.querySelector("main[data-live-run]");
  const slider = document.getElementById("slider");
  if (!main || !slider) return;
  const byId = (id) => document.getElementById(id);
  const range = byId("moment"), events = byId("events"), shown = slider.querySelector("[data-shown]"), playButton = slider.querySelector("[data-play]");
  const PIECES = "#run-head,#first-cause,#map,#map-bar,#steps-pane,#steps-tally,#artifacts-pane";
  const WAIT_MS = 120, PLAY_MS = 700, PLAY_STEPS = 60;
  let last = Number(slider.dataset.last); // of the run's events
  let timer = null, playing = null, open = new Set(), wishes = 0;

  // --- going there ----------------------------------------------------------------------------------------------
  const isPast = () => "replaying" in main.dataset;
  const at = () => Number(range.value);
  const shownNow = () => byId("then").dataset.seq; // what the page shows, whatever the slider is being drawn to

  function go(seq, wait = WAIT_MS) {
    range.value = Math.min(Math.max(seq, 1), last);
    say();
    clearTimeout(timer);
    timer = setTimeout(at() < last ? show : back, wait);
  }

  async function show({ whole = false } = {}) {
    const wish = ++wishes, seq = at(), view = viewAsked();
    main.dataset.replaying = seq; // from here on, live frames are held
    const came = await fetched(seq, { whole });
    if (wish !== wishes || seq !== at()) return; // a newer one is on its way
    if (!came) return stay();
    if (view !== viewAsked()) return show({ whole: true }); // another map was chosen meanwhile
    address(seq);
    tell(seq);
  }

  async function back() {
    stop();
    if (!isPast()) return;
    if (slider.dataset.openedAt) return location.assign(slider.dataset.runUrl); // this page never had all that came since
    const wish = ++wishes, came = await fetched("now");
    if (wish !== wishes || at() < last) return;
    if (!came) return stay();
    address(null);
    tell(null);
    delete main.dataset.replaying; // live.js reads on from where it was
    grow(last);
  }

  // What was wished for did not come: the slider goes back to what the page shows.
  function stay() {
    stop();
    const seq = shownNow();
    if (seq === "now") delete main.dataset.replaying;
    else main.dataset.replaying = seq;
    range.value = seq === "now" ? last : seq;
    say();
  }

  function viewAsked() {
    const asked = new URLSearchParams(location.search);
    asked.delete("at");
    return asked.toString();
  }

  // Newest wins: a request that is under way is given up. What is past stays in the browser's cache.
  async function fetched(name, { whole = false } = {}) {
    open = new Set([...main.querySelectorAll("details[data-keep][open]")].map(nameOf));
    const url = new URL(slider.dataset.pieces.replace(/now$/, name), location);
    url.search = viewAsked();
    if (name !== "now" && shownNow() !== "now" && !whole) url.searchParams.set("shown", shownNow());
    try {
      await htmx.ajax("GET", url.pathname + url.search, { source: range, target: "#then", swap: "outerHTML", selectOOB: PIECES });
    } catch { return false; } // ui.js has said why
    return shownNow() === String(name);
  }

  // Of steps and nodes those came that look otherwise now. What is open in the others is asked for anew.
  main.addEventListener("htmx:afterSwap", () => {
    const changed = byId("changed");
    if (!changed) return;
    changed.remove();
    const came = new Set();
    for (const fresh of [...changed.content.children]) {
      came.add(fresh.id);
      byId(fresh.id)?.dispatchEvent(new CustomEvent("replay:changed", { bubbles: true, detail: fresh }));
    }
    for (const body of main.querySelectorAll("details[open] > [data-holds]")) {
      if (!came.has(body.closest(".step").id)) body.dispatchEvent(new CustomEvent("live:replaced"));
    }
  });

  // A step that looked the same in several moments was drawn as of the first; what it shows is as of this one.
  const AT = /([?&]at=)(\d+)/;
  main.addEventListener("htmx:configRequest", ({ detail }) => { detail.path = detail.path.replace(AT, `$1${shownNow()}`); });
  main.addEventListener("htmx:beforeSwap", ({ detail }) => { // asked for as of a moment that is shown no longer
    const asked = AT.exec(detail.requestConfig.path)?.[2];
    if (asked && asked !== shownNow()) detail.shouldSwap = false;
  });

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
    playing = setInterval(() => go(at() + by, 0), PLAY_MS);
    offer("pause", "Pause");
  }
  function stop() {
    clearInterval(playing);
    playing = null;
    offer("play", "Play");
  }
  function offer(icon, word) { // what a press of the button does now
    if (playButton.textContent.trim() === word) return;
    playButton.querySelector("use").setAttribute("href", `#icon-${icon}`);
    playButton.querySelector("span").textContent = playButton.title = word;
    playButton.toggleAttribute("data-playing", icon === "pause");
  }

  // --- what people do -------------------------------------------------------------------------------------------
  range.addEventListener("input", () => { stop(); go(at()); });
  main.addEventListener("click", (event) => {
    const unfetched = event.target.closest("a[data-unfetched]");
    if (unfetched && isPast()) unfetched.search = `?at=${shownNow()}`;
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

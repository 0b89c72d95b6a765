// The live feed: opens the socket that [data-live] names, applies its frames, and comes back after a cut with what it has.
// A board that is swapped for one with other filters names another socket.
(() => {
  const WORDS = { live: "live", "catching-up": "catching up", offline: "offline" };
  const FINAL = { 4403: "no access", 4404: "no such run", 4400: "reload this page" };
  const RETRY_MIN = 500, RETRY_MAX = 30000, TELL_AFTER = 400, TELL_APART = 2000, REDRAW_APART = 5000, STEADY = 5000; // milliseconds
  const HAVE_MAX = 2000; // runs that the server lets us name
  const { byId, focusIn } = window.keys;
  const LISTS = "[data-lane-cards], #rows";
  const runsIn = (element) => [...element.querySelectorAll("[data-run]")];

  let feed = null, page = {}, asked = new URLSearchParams(); // the element with [data-live], its dataset, its filters
  let seq = 0, log = 0; // of a run's page: its last event and log chunk; cards carry their own
  let failures = 0, openedAt = 0, redrawnAt = 0, socket = null, timer = null;

  // --- the connection -------------------------------------------------------------------------------------------
  function attend() {
    const found = document.querySelector("[data-live]");
    const goesOn = socket && found && found.dataset.live === page.live;
    if (found === feed && goesOn) return;
    feed = found;
    page = found ? { ...found.dataset } : {};
    asked = found ? address().searchParams : asked;
    for (const list of found?.querySelectorAll(LISTS) ?? []) list.dataset.fetched = runsIn(list).length;
    if (goesOn) return compare(); // drawn anew: are we still of one mind?
    hangUp();
    if (!found) return;
    seq = Number(page.liveAfter || 0);
    log = Number(page.liveLog || 0);
    connect();
  }

  function address() {
    const url = new URL(page.live, location.href.replace(/^http/, "ws"));
    if (page.liveRun) { url.searchParams.set("after", seq); url.searchParams.set("log", log); }
    return url;
  }

  function connect() {
    clearTimeout(timer);
    timer = null;
    const ours = socket = new WebSocket(address());
    ours.onopen = () => { openedAt = Date.now(); show(page.liveRun ? "live" : "catching-up"); };
    ours.onmessage = (message) => take(JSON.parse(message.data));
    ours.onclose = ({ code }) => {
      socket = null;
      if (Date.now() - openedAt > STEADY) failures = 0; // it is accepted before it is refused: opening proves nothing
      if (code === 4401) return location.reload(); // signed out: the server leads to the sign-in page
      show("offline", FINAL[code]);
      if (!FINAL[code]) timer = setTimeout(connect, pause());
    };
  }

  function hangUp() {
    clearTimeout(timer);
    timer = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  // Full jitter: many browsers that lost one server do not come back at one moment.
  const pause = () => RETRY_MIN + Math.random() * Math.min(RETRY_MAX - RETRY_MIN, RETRY_MIN * 2 ** failures++);

  function show(state, word = WORDS[state]) {
    const light = byId("light");
    if (!light || (light.dataset.state === state && light.textContent === word)) return;
    light.dataset.state = state;
    light.textContent = word;
  }

  const hurry = () => { if (!socket && timer) connect(); };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });

  // --- frames ---------------------------------------------------------------------------------------------------
  function take(frame) {
    if (frame.type === "snapshot") return compare();
    if (page.liveRun) {
      if (frame.seq < seq) return;
      if ("replaying" in feed.dataset) return hold(frame);
      seq = frame.seq;
    }
    for (const fragment of frame.fragments) place(fragment, frame);
    tellLater();
  }

  // The page shows a moment of the past. What comes now is not lost: afterwards the log is read on from where we were.
  function hold(frame) {
    document.body.dispatchEvent(new CustomEvent("live:held", { detail: { seq: frame.seq, count: frame.seq - seq } }));
  }
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => target === feed) && !("replaying" in feed.dataset)) { hangUp(); connect(); }
  }).observe(document.body, { attributes: true, subtree: true, attributeFilter: ["data-replaying"] });

  // The server compares this with the log and sends what is missing or older here, and what does not belong here.
  function compare() {
    if (page.liveRun || socket?.readyState !== WebSocket.OPEN) return;
    const runs = runsIn(feed).slice(0, HAVE_MAX).map(({ dataset }) => [dataset.run, Number(dataset.seq)]);
    if (asked.get("view") === "timeline") tellLater(); // it is drawn by the server, and fetched anew
    else socket.send(JSON.stringify({ type: "have", runs: Object.fromEntries(runs) }));
    show("live");
  }

  function parse(html, old) {
    const template = document.createElement("template");
    const isSvg = old instanceof SVGElement && !/^\s*<svg/.test(html);
    template.innerHTML = isSvg ? `<svg>${html}</svg>` : html;
    return [...(isSvg ? template.content.firstChild : template.content).children];
  }

  function place({ target, swap, html }, frame) {
    const old = byId(target.slice(1));
    const fresh = parse(html, old);
    if (swap === "delete") { if (old && !(Number(old.dataset.seq) > frame.seq)) leave(old); }
    else if (swap === "beforeend") append(old, fresh);
    else if (!page.liveRun) { if (fresh[0]) placeRun(fresh[0]); }
    else if (old && fresh[0]) replace(old, fresh[0]);
  }

  function append(list, fresh) {
    if (!list) return;
    for (const element of fresh) {
      const piece = element.matches("[id]") ? element : element.querySelector("[id]");
      if (piece && byId(piece.id)) continue;
      list.append(element);
      if (piece?.id.startsWith("log-")) log = Math.max(log, Number(piece.id.slice(4)));
      if (element.dataset.kind) document.body.dispatchEvent(new CustomEvent(element.dataset.kind.replace(".", "-")));
    }
    list.dispatchEvent(new CustomEvent("live:appended", { bubbles: true }));
  }

  // What people have done to the old one holds for the new one: opened, typed, ticked, focused, stepped to.
  function replace(old, fresh) {
    const pairs = (selector, key) => {
      const gone = new Map([...old.querySelectorAll(selector)].map((one) => [key(one), one]));
      return [...fresh.querySelectorAll(selector)].map((one) => [one, gone.get(key(one))]).filter(([, before]) => before);
    };
    for (const [one, before] of pairs("details[data-keep]", (detail) => detail.dataset.keep)) one.open = before.open;
    for (const [one, before] of pairs("input[name], textarea[name]", (input) => input.name + input.type)) {
      if (/checkbox|radio/.test(one.type)) one.checked = before.checked;
      else one.value = before.value;
    }
    if (old.hasAttribute("data-cursor")) fresh.setAttribute("data-cursor", "");
    const held = pairs("[data-holds]", (body) => body.dataset.holds).filter(([, before]) => before.closest("details[open]") && !before.querySelector("[data-unfetched]"));
    const focused = focusIn(old);
    old.replaceWith(fresh);
    for (const [one, before] of held) one.replaceWith(before); // what was fetched into an open step stays, and is fetched anew
    if (focused) refocus(focused, fresh);
    htmx.process(fresh);
    for (const [, before] of held) before.dispatchEvent(new CustomEvent("live:replaced"));
  }

  document.addEventListener("replay:changed", ({ target, detail }) => replace(target, detail));

  const BACK = { archive: "unarchive", unarchive: "archive" }; // the one takes the place of the other
  function refocus(gone, fresh) {
    const name = gone.name ? `[name="${gone.name}"]` : gone.dataset.verb ? `[data-verb="${gone.dataset.verb}"]` : gone.tagName;
    const next = fresh.querySelector(name) ?? fresh.querySelector(`[data-verb="${BACK[gone.dataset.verb]}"]`) ?? fresh.querySelector("a, button, summary");
    next?.focus({ preventScroll: true });
    if (gone.selectionStart != null) next?.setSelectionRange?.(gone.selectionStart, gone.selectionEnd);
  }

  // --- cards and rows -------------------------------------------------------------------------------------------
  const isOlder = (one, other) => other && Number(one.dataset.seq) < Number(other.dataset.seq);
  const listOf = (run) => (run.matches(".row") ? byId("rows") : feed.querySelector(`[data-lane-cards="${CSS.escape(run.dataset.lane)}"]`));

  function placeRun(run) {
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
    if (asked.get("view") === "timeline" || Date.now() - redrawnAt < REDRAW_APART) return;
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
    const surplus = runsIn(list).length - 2 * Math.max(Number(list.dataset.fetched), Number(page.laneLimit));
    if (surplus <= 0) return;
    const ended = list.querySelectorAll(':scope > :is([data-status="success"], [data-status="error"], [data-status="cancelled"])');
    [...ended].slice(-surplus).forEach((run) => run.remove());
    list.dataset.trimmed = "";
  }
  document.addEventListener("htmx:beforeRequest", (event) => { // "Show more" goes on behind what was trimmed
    if (!event.target.closest(".more") || !("trimmed" in event.detail.target.dataset)) return;
    event.preventDefault();
    redraw();
  });

  // Lane heads and counts are fetched, joined: one request however many frames came, and none while nobody looks.
  let telling = null, toldAt = 0;
  function tellLater() {
    telling ??= setTimeout(tell, Math.max(TELL_AFTER, toldAt + TELL_APART - Date.now()));
  }
  function tell() {
    if (document.hidden) return document.addEventListener("visibilitychange", tell, { once: true });
    telling = null;
    toldAt = Date.now();
    document.body.dispatchEvent(new CustomEvent("board-changed"));
  }

  // --- what htmx brings: another board, more runs, a card as the answer to a button ---------------------------------
  document.addEventListener("htmx:afterSwap", ({ target, detail }) => {
    attend();
    const list = target.closest(LISTS);
    if (!list || !feed?.contains(list)) return;
    if (detail.requestConfig?.verb === "get") return fetched(list);
    const run = target.closest("[data-run]");
    if (run && was?.id === run.id) resume(run);
    if (run?.hasAttribute("data-archived") && !asked.has("archived")) leave(run);
    tellLater();
  });

  // htmx puts another card in the place of the one whose button was pressed: cursor and focus stay.
  let was = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    was = target.matches?.(".card, .row") ? { id: target.id, hasCursor: target.hasAttribute("data-cursor"), focused: focusIn(target) } : null;
  });
  function resume(run) {
    run.toggleAttribute("data-cursor", was.hasCursor);
    if (was.focused) refocus(was.focused, run);
    was = null;
  }
  document.addEventListener("htmx:historyRestore", attend);
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!("placesCard" in detail.elt.dataset) || !detail.successful || !feed || page.liveRun) return;
    const [run] = parse(detail.xhr.responseText);
    if (run && listOf(run)) placeRun(run);
  });

  // More runs, some of which had come live before. The server is told of them, so that they leave when they must.
  function fetched(list) {
    if (list.dataset.fetched === String(runsIn(list).length)) return; // each of what is swapped says so
    const known = new Map();
    for (const run of runsIn(list)) {
      const twin = known.get(run.id);
      if (twin) (isOlder(run, twin) ? run : twin).remove();
      if (!twin || twin.isConnected === false) known.set(run.id, run);
    }
    list.dataset.fetched = runsIn(list).length;
    compare();
  }

  attend();
})();

// The live feed: opens the page's socket, applies its frames, and comes back after a cut with what it has seen.
(() => {
  const main = document.querySelector("[data-live]");
  if (!main) return;
  const page = main.dataset;
  const light = document.getElementById("light");
  const WORDS = { live: "live", "catching-up": "catching up", offline: "offline" };
  const RETRY_MIN = 500, RETRY_MAX = 30000, TELL_AFTER = 400, STEADY = 5000; // milliseconds
  const HAVE_MAX = 2000; // runs that the server lets us name
  const FINAL = { 4403: "no access", 4404: "no such run", 4400: "reload this page" };
  const byId = (id) => document.getElementById(id);

  let seq = Number(page.liveAfter || 0); // of the run's page; cards carry their own
  let log = Number(page.liveLog || 0);
  let failures = 0, openedAt = 0, socket = null, timer = null;

  // --- the connection -------------------------------------------------------------------------------------------
  function address() {
    const url = new URL(page.live, location.href.replace(/^http/, "ws"));
    if (page.liveRun) { url.searchParams.set("after", seq); url.searchParams.set("log", log); }
    return url;
  }

  function connect() {
    clearTimeout(timer);
    socket = new WebSocket(address());
    socket.onopen = () => { openedAt = Date.now(); show(page.liveRun ? "live" : "catching-up"); };
    socket.onmessage = (message) => take(JSON.parse(message.data));
    socket.onclose = ({ code }) => {
      socket = null;
      if (Date.now() - openedAt > STEADY) failures = 0; // it is accepted before it is refused: opening proves nothing
      if (code === 4401) return location.reload(); // signed out: the server leads to the sign-in page
      show("offline", FINAL[code]);
      if (!FINAL[code]) timer = setTimeout(connect, pause());
    };
  }

  // Full jitter: many browsers that lost one server do not come back at one moment.
  const pause = () => RETRY_MIN + Math.random() * Math.min(RETRY_MAX - RETRY_MIN, RETRY_MIN * 2 ** failures++);

  function show(state, word = WORDS[state]) {
    if (light.dataset.state === state && light.textContent === word) return;
    light.dataset.state = state;
    light.textContent = word;
  }

  const hurry = () => { if (!socket && timer) connect(); };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });

  // --- frames ---------------------------------------------------------------------------------------------------
  function take(frame) {
    if (frame.type === "snapshot") return compare();
    if (page.liveRun) { if (frame.seq < seq) return; seq = frame.seq; }
    for (const fragment of frame.fragments) place(fragment);
    tellLater();
  }

  // The server compares this with the log and sends what is missing or older here.
  function compare() {
    const cards = [...main.querySelectorAll("[data-run]")].slice(0, HAVE_MAX);
    const runs = Object.fromEntries(cards.map((card) => [card.dataset.run, Number(card.dataset.seq)]));
    socket.send(JSON.stringify({ type: "have", runs }));
    show("live");
  }

  function parse(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return [...template.content.children];
  }

  function place({ target, swap, html }) {
    const fresh = parse(html);
    const old = byId(target.slice(1));
    if (swap === "beforeend") append(old, fresh);
    else if (fresh[0]?.matches(".card")) placeCard(fresh[0]);
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
    list.dispatchEvent(new CustomEvent("live:appended"));
  }

  function replace(old, fresh) {
    const isOpen = new Map([...old.querySelectorAll("details[data-keep]")].map((one) => [one.dataset.keep, one.open]));
    const typed = new Map([...old.querySelectorAll("input[name]")].map((one) => [one.name, one.value]));
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceWith(fresh);
    for (const one of fresh.querySelectorAll("details[data-keep]")) one.open = isOpen.get(one.dataset.keep) ?? one.open;
    for (const one of fresh.querySelectorAll("input[name]")) one.value = typed.get(one.name) ?? one.value;
    if (focused) refocus(focused, fresh);
    htmx.process(fresh);
  }

  function refocus(gone, fresh) {
    const name = gone.name ? `[name="${gone.name}"]` : gone.dataset.verb ? `[data-verb="${gone.dataset.verb}"]` : gone.tagName;
    const next = fresh.querySelector(name) ?? fresh.querySelector("a, button, summary");
    next?.focus({ preventScroll: true });
    if (gone.selectionStart != null) next?.setSelectionRange?.(gone.selectionStart, gone.selectionEnd);
  }

  // --- cards ----------------------------------------------------------------------------------------------------
  const fits = (card) => (!page.session || page.session === card.dataset.session) && ("archived" in page || !("archived" in card.dataset));
  const isOlder = (one, other) => one && other && Number(one.dataset.seq) < Number(other.dataset.seq);

  function placeCard(card) {
    const old = byId(card.id);
    if (isOlder(card, old)) return;
    if (!fits(card)) return old?.remove();
    const lane = main.querySelector(`[data-lane-cards="${CSS.escape(card.dataset.lane)}"]`);
    if (!lane) return location.reload(); // a lane that was made after this page
    if (old?.parentElement === lane) return replace(old, card);
    old?.remove();
    card.classList.add("is-new");
    lane.insertBefore(card, [...lane.children].find((other) => other.id < card.id) ?? null); // ids grow with time
    htmx.process(card);
    trim(lane);
  }

  // A board that stays open for days keeps what is unfinished and the newest of the rest.
  function trim(lane) {
    const ended = lane.querySelectorAll('[data-status="success"], [data-status="error"], [data-status="cancelled"]');
    const surplus = lane.children.length - 2 * Number(page.laneLimit);
    if (surplus > 0) [...ended].slice(-surplus).forEach((card) => card.remove());
  }

  // Lane heads and the tally are fetched, joined: one request however many frames came.
  let telling = null;
  function tellLater() {
    telling ??= setTimeout(() => { telling = null; document.body.dispatchEvent(new CustomEvent("board-changed")); }, TELL_AFTER);
  }

  // An answer to a button is a card too: an archived one leaves, an undone one returns.
  document.addEventListener("htmx:afterSwap", (event) => {
    const card = event.target.closest?.(".card");
    if (!card) return;
    if (!fits(card)) card.remove();
    tellLater();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!("placesCard" in event.detail.elt.dataset) || !event.detail.successful || page.liveRun) return;
    placeCard(parse(event.detail.xhr.responseText)[0]);
  });

  connect();
})();

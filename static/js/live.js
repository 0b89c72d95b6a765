// The live feed: opens the socket that [data-live] names, hands on its frames, and comes back after a cut with what the
// page has. A board that is swapped for one with other filters names another socket.
(() => {
  const WORDS = { live: "live", "catching-up": "catching up", offline: "offline" };
  const FINAL = { 4403: "no access", 4404: "run not found", 4400: "reload this page" };
  const RETRY_MIN = 500, RETRY_MAX = 30000, STEADY = 5000, TELL_AFTER = 400, TELL_APART = 2000; // milliseconds
  const HAVE_MAX = 2000; // runs that the server lets us name
  const { board, fragments, keys: { byId } } = window;

  let feed = null, page = {}; // the element with [data-live], and its dataset
  let seq = 0, log = 0; // of a run's page: its last event and log chunk; cards carry their own
  let failures = 0, openedAt = 0, socket = null, timer = null;

  // --- the connection -------------------------------------------------------------------------------------------
  function attend() {
    const found = document.querySelector("[data-live]");
    const goesOn = socket && found && found.dataset.live === page.live;
    if (found === feed && goesOn) return;
    feed = found;
    page = found ? { ...found.dataset } : {};
    if (found && !page.liveRun) board.watch(found, address().searchParams);
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
    if (!page.liveRun) {
      for (const fragment of frame.fragments) board.apply(fragment, frame.seq);
      return tellLater();
    }
    if (frame.seq < seq) return;
    if ("replaying" in feed.dataset) return hold(frame);
    seq = frame.seq;
    const added = frame.fragments.flatMap(fragments.apply);
    log = Math.max(log, ...added.filter((id) => id.startsWith("log-")).map((id) => Number(id.slice(4))));
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
    if (board.isTimeline()) tellLater(); // it is fetched anew
    else socket.send(JSON.stringify({ type: "have", runs: board.seqs(HAVE_MAX) }));
    show("live");
  }

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

  document.addEventListener("htmx:afterSwap", ({ target, detail }) => {
    attend();
    const brought = board.afterSwap(target, detail);
    if (brought === "more") compare(); // the server is told of them, so that they leave when they must
    if (brought === "changed") tellLater();
  });
  document.addEventListener("htmx:historyRestore", attend);

  attend();
})();

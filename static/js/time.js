// Keeps <time data-tick>, and in pictures <tspan data-tick data-at>, true: `age` is past, `since` lasts on, `until` counts down. One timer, on the server's clock.
(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const loaded = document.querySelector("[data-now]")?.dataset.now;
  const offset = loaded ? Date.parse(loaded) - Date.now() : 0; // milliseconds that the server is ahead
  const two = (number) => String(number).padStart(2, "0");

  // In the same words as runs/templatetags/times.py: tests/fixtures/durations.json is the table that holds both.
  function length(seconds) {
    const s = Math.floor(seconds);
    if (s < MINUTE) return `${s} s`;
    if (s < HOUR) return `${Math.floor(s / MINUTE)} m ${two(s % MINUTE)} s`;
    if (s < DAY) return `${Math.floor(s / HOUR)} h ${two(Math.floor((s % HOUR) / MINUTE))} m`;
    return `${Math.floor(s / DAY)} d ${Math.floor((s % DAY) / HOUR)} h`;
  }

  function age(seconds) {
    for (const [size, word] of [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"]]) {
      if (seconds >= size) return `${Math.floor(seconds / size)} ${word} ago`;
    }
    return seconds < 10 ? "just now" : `${Math.floor(seconds)} s ago`;
  }

  function coarse(seconds) { // where there is little room
    for (const [size, word] of [[DAY, "d"], [HOUR, "h"], [MINUTE, "m"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${word}`;
    return `${Math.floor(seconds)} s`;
  }

  const due = (seconds) => (seconds > 0 ? `in ${length(seconds)}` : "due");
  const SHOWN = { coarse, age, since: length, until: (past) => due(-past) };

  function tick() {
    if (document.hidden) return;
    const now = Date.now() + offset;
    tickIn(document, now);
    for (const bar of document.querySelectorAll("progress[data-progress-start]")) pace(bar, now);
  }

  function tickIn(root, now = Date.now() + offset) {
    const today = areDates() && dayOf(now);
    for (const element of root.querySelectorAll?.("[data-tick]") ?? []) {
      const kind = element.dataset.tick, at = element.dateTime ?? element.dataset.at;
      const past = (now - Date.parse(at)) / 1000;
      const text = today && kind === "age" ? dated(at, today) : SHOWN[kind](kind === "until" ? past : Math.max(0, past));
      if (element.textContent !== text) element.textContent = text;
    }
  }

  // A bar from a start to when its end is expected: `data-progress-s` seconds later.
  function pace(bar, now) {
    const past = Math.max(0, (now - Date.parse(bar.dataset.progressStart)) / 1000);
    const usual = Number(bar.dataset.progressS);
    const [said, short] = paceWords(past, usual);
    bar.value = Math.min(past, usual);
    if (bar.getAttribute("aria-label") === said) return;
    bar.setAttribute("aria-label", said);
    if (!bar.parentElement.matches(".pace")) return;
    bar.parentElement.title = said;
    bar.parentElement.toggleAttribute("data-over", past > usual);
    bar.nextElementSibling.textContent = short;
  }

  function paceWords(past, usual) {
    const left = past > usual ? "longer than usual" : `${length(usual - past)} left`;
    return [`${past > usual ? "running" : "about"} ${left}: usually takes ${length(usual)}`, left];
  }

  // Why a run that is queued stands still changes without news of that run: the counts of the board bring it.
  document.addEventListener("htmx:oobAfterSwap", ({ detail: { target } }) => {
    if (target.id !== "reasons") return;
    for (const told of document.querySelectorAll("#reasons [data-about]")) {
      const note = document.getElementById(told.dataset.about);
      if (note && note.textContent !== told.textContent) note.title = note.textContent = told.textContent;
    }
  });

  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);

  // Moments in the viewer's zone, which is named; pages and frames bring them in UTC, and so they stay where that was chosen.
  const isUtc = () => /(?:^|; )zone=utc/.test(document.cookie);
  const formats = new Map(); // of a zone: to make one takes longer than to use it a hundred times
  function parts(date, timeZone) {
    if (!formats.has(timeZone)) formats.set(timeZone, new Intl.DateTimeFormat("en-GB", { timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" }));
    return Object.fromEntries(formats.get(timeZone).formatToParts(date).map((one) => [one.type, one.value]));
  }
  function written(date, timeZone) {
    const p = parts(date, timeZone);
    return { day: `${p.year}-${p.month}-${p.day}`, clock: `${p.hour}:${p.minute}:${p.second}`, zone: p.timeZoneName };
  }

  // Where dates were chosen in place of ages: the time of today, else the day as well, else the date. Each is worked out once a day.
  const areDates = () => /(?:^|; )times=date/.test(document.cookie);
  const shownZone = () => (isUtc() ? "UTC" : undefined);
  const dayOf = (now) => `${written(now, shownZone()).day} ${shownZone()}`;
  let dates = new Map(), datesOf = "";
  function dated(at, today) {
    if (datesOf !== today || dates.size > 5000) [dates, datesOf] = [new Map(), today];
    if (!dates.has(at)) {
      const { day, clock } = written(new Date(at), shownZone());
      dates.set(at, today.startsWith(day) ? clock : today.slice(0, 4) === day.slice(0, 4) ? `${day.slice(5)} ${clock.slice(0, 5)}` : day);
    }
    return dates.get(at);
  }

  function localize(element) {
    const date = new Date(element.dateTime);
    if (isNaN(date)) return;
    const [own, utc] = [written(date), written(date, "UTC")];
    const shown = isUtc() ? utc : own;
    const exact = (one) => `${one.day} ${one.clock} ${one.zone}`;
    element.title = exact(own) === exact(utc) ? exact(utc) : `${exact(shown)}\n${exact(isUtc() ? own : utc)}`;
    if (element.dataset.zone === "clock") element.textContent = shown.clock;
    if (element.dataset.zone === "minute") element.textContent = shown.clock.slice(0, 5);
    if (element.dataset.zone === "moment") element.textContent = exact(shown);
  }
  const localizeAll = (root) => root.querySelectorAll?.("time[data-zone]").forEach(localize);
  localizeAll(document);
  document.addEventListener("zone-changed", () => { localizeAll(document); tick(); });
  if (areDates()) tick();
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      if (node.matches?.("time[data-zone]")) localize(node);
      localizeAll(node);
      if (areDates()) tickIn(node);
    }
  }).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("pointerover", (event) => { // of what ticks, exact on hover
    const element = event.target.closest?.("time[data-tick]");
    if (element) localize(element);
  });

  window.times = { length, age, coarse, due, paceWords };
})();

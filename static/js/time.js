// Keeps <time data-tick> true: `age` is past, `since` lasts on, `until` counts down. One timer, on the server's clock.
(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const loaded = document.querySelector("[data-now]")?.dataset.now;
  const offset = loaded ? Date.parse(loaded) - Date.now() : 0; // milliseconds that the server is ahead
  const two = (number) => String(number).padStart(2, "0");

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

  const SHOWN = {
    age: (past) => age(past),
    since: (past) => length(past),
    until: (past) => (past < 0 ? `in ${length(-past)}` : "due"),
  };

  function tick() {
    if (document.hidden) return;
    const now = Date.now() + offset;
    for (const element of document.querySelectorAll("time[data-tick]")) {
      const past = (now - Date.parse(element.dateTime)) / 1000;
      const text = SHOWN[element.dataset.tick](element.dataset.tick === "until" ? past : Math.max(0, past));
      if (element.textContent !== text) element.textContent = text;
    }
  }

  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("pointerover", (event) => { // the viewer's own time beside the server's
    const element = event.target.closest?.("time[datetime]");
    if (!element || element.dataset.local) return;
    element.dataset.local = "1";
    const local = new Date(element.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
    element.title = element.title ? `${element.title}\n${local}` : local;
  });
})();

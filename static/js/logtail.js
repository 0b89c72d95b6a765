// New output of a log. The feed only says that there is more, and whose; what is shown of it is fetched.
(() => {
  const APART = 300, APART_UNSEEN = 1500; // milliseconds from one look to the next
  const PAGE = 400; // lines
  const due = new WeakSet(); // panes that are about to look

  function later(pane) {
    if (due.has(pane)) return;
    due.add(pane);
    setTimeout(() => {
      due.delete(pane);
      if (!pane.isConnected) return;
      if (pane.job || document.hidden) later(pane);
      else look(pane);
    }, pane.follow.checked ? APART : APART_UNSEEN);
  }

  const look = (pane) => pane.work((signal) => {
    if (!pane.follow.checked) return count(pane, signal);
    return pane.end > pane.total ? goOn(pane, signal) : jump(pane, signal);
  });

  // Somebody reads further up: only the number changes.
  async function count(pane, signal) {
    const fresh = await pane.fetchLines({ count: 0 }, signal);
    pane.total = Number(fresh.dataset.total);
    pane.space();
    pane.say(fresh);
  }

  // From the last line on, which may have gone on.
  async function goOn(pane, signal) {
    pane.take(await pane.fetchLines({ from: Math.max(1, pane.end - 1), count: PAGE }, signal), "below");
    if (pane.end <= pane.total) await jump(pane, signal); // it is faster than we are
    else if (pane.follow.checked) pane.toEnd();
  }

  async function jump(pane, signal) {
    pane.take(await pane.fetchLines({}, signal), "anew");
    pane.toEnd();
  }

  document.addEventListener("live:appended", ({ target }) => {
    const pane = target.closest("log-pane");
    if (!pane || target.id !== "log-news") return;
    for (const { dataset, value } of target.children) {
      pane.dispatchEvent(new CustomEvent("log:spoke", { bubbles: true, detail: { step: dataset.step, attempt: Number(value) } }));
    }
    target.replaceChildren();
    if (!pane.dataset.until) later(pane);
  }, true);
  document.addEventListener("log:shown", ({ target, detail }) => { if (!detail.isWhole) later(target); }); // an old log is being counted
  for (const ended of ["run-succeeded", "run-failed", "run-cancelled"]) { // then silence is explained in other words
    document.body.addEventListener(ended, () => document.querySelectorAll("log-pane").forEach(later));
  }
})();

// What stands around a log: which one, wrap, times, full screen, line numbers. The lines are in log.js.
(() => {
  const paneOf = (element) => element.closest?.("log-pane");
  const KEPT = "log."; // in localStorage
  const kept = (name, fallback) => { try { return localStorage.getItem(KEPT + name) ?? fallback; } catch { return fallback; } };
  const keep = (name, value) => { try { localStorage.setItem(KEPT + name, value); } catch { /* not kept, then */ } };

  // --- which log ------------------------------------------------------------------------------------------------
  const pick = (pane, name) => pane.querySelector(`[data-log-pick="${name}"]`);

  function offerAttempts(pane) {
    const count = Number(pick(pane, "step").selectedOptions[0]?.dataset.attempts ?? 1), attempts = pick(pane, "attempt");
    attempts.hidden = !pane.dataset.step || count < 2;
    attempts.replaceChildren(new Option("All attempts", ""), ...Array.from({ length: count }, (_, index) => new Option(`Attempt ${index + 1}`, index + 1)));
    attempts.value = pane.dataset.attempt;
  }

  function choose(pane, step, attempt = "") {
    Object.assign(pane.dataset, { step, attempt });
    if (step) delete pane.dataset.named;
    else if (pick(pane, "step").options.length > 2) pane.dataset.named = "";
    pick(pane, "step").value = step;
    offerAttempts(pane);
    pane.querySelector("[data-log-download]").href = pane.address("/download");
    if (pane.closest(".log-page")) history.replaceState(null, "", pane.address(""));
    pane.dispatchEvent(new CustomEvent("log:chosen", { bubbles: true }));
    pane.seen = null;
    return pane.reload();
  }

  function spoke(pane, { step, attempt }) {
    const steps = pick(pane, "step");
    let option = [...steps.options].find((one) => one.value === step);
    if (!option) { option = new Option(step, step); option.dataset.attempts = 0; steps.append(option); }
    if (attempt <= Number(option.dataset.attempts)) return;
    option.dataset.attempts = attempt;
    if (!pane.dataset.step && steps.options.length > 2) pane.dataset.named = "";
    offerAttempts(pane);
  }

  // --- what is seen ---------------------------------------------------------------------------------------------
  let formatter = null;
  function writeTimes(pane) {
    if (!("times" in pane.dataset)) return;
    const timeZone = /(?:^|; )zone=utc/.test(document.cookie) ? "UTC" : undefined;
    formatter ??= new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    for (const row of pane.lines.children) row.firstElementChild.dataset.time ??= formatter.format(row.dataset.at * 1000);
  }
  document.addEventListener("zone-changed", () => {
    formatter = null;
    for (const pane of document.querySelectorAll("log-pane")) {
      for (const number of pane.querySelectorAll(".log-no[data-time]")) delete number.dataset.time;
      writeTimes(pane);
    }
  });

  function toggle(pane, name, isOn) {
    pane.keep(() => { pane.toggleAttribute(`data-${name}`, isOn); writeTimes(pane); });
    if (pane.follow.checked) pane.toEnd();
  }

  function full(pane, isOn = !("full" in pane.dataset)) {
    pane.toggleAttribute("data-full", isOn);
    pane.querySelector('[data-log-do="full"]').setAttribute("aria-pressed", isOn);
    if (pane.follow.checked) pane.toEnd();
  }

  // --- who asks -------------------------------------------------------------------------------------------------
  const DO = { full: (pane) => full(pane), end: (pane) => pane.toEnd(), again: (pane) => pane.again?.() };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-log-do]"), number = event.target.closest?.(".log-no"), link = event.target.closest?.("[data-log-step]");
    if (button) return DO[button.dataset.logDo]?.(paneOf(button));
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (number) toNumber(event, paneOf(number), number);
    if (link) toStep(event, document.querySelector("log-pane"), link.dataset);
  });

  function toNumber(event, pane, number) {
    if (!pane.closest(".log-page") && pane.dataset.step) return; // these numbers are the step's: the link leads to its own page
    event.preventDefault();
    history.replaceState(null, "", number.hash);
    pane.goTo(Number(number.textContent));
  }

  async function toStep(event, pane, { logStep, logAttempt = "", logError }) {
    if (!pane) return;
    event.preventDefault();
    pane.scrollIntoView({ block: "nearest" });
    await choose(pane, logStep, logAttempt);
    if (logError != null) pane.querySelector('[data-log-do="error"]').click();
    pane.view.focus({ preventScroll: true });
  }

  document.addEventListener("change", ({ target }) => {
    const pane = paneOf(target), { logPick, logKeep } = target.dataset;
    if (!pane) return;
    if (logPick) choose(pane, pick(pane, "step").value, logPick === "attempt" ? target.value : "");
    if (logKeep) { keep(logKeep, target.checked ? "1" : "0"); toggle(pane, logKeep, target.checked); }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll("log-pane[data-full]").forEach((pane) => full(pane, false));
    if (event.key !== "Enter" || !("logLine" in event.target.dataset) || !Number(event.target.value)) return;
    event.preventDefault();
    paneOf(event.target).goTo(Math.max(1, Number(event.target.value)));
  });

  function place(pane) {
    const line = pane.querySelector("[data-log-line]");
    if (line !== document.activeElement) line.value = pane.top;
  }

  function setUp(pane) {
    for (const box of pane.querySelectorAll("[data-log-keep]")) {
      box.checked = kept(box.dataset.logKeep, box.checked ? "1" : "0") === "1";
      toggle(pane, box.dataset.logKeep, box.checked);
    }
    offerAttempts(pane);
    pane.querySelector("[data-log-download]").href = pane.address("/download");
    place(pane);
  }

  document.addEventListener("log:shown", ({ target }) => { place(target); writeTimes(target); });
  document.addEventListener("log:scrolled", ({ target }) => place(target));
  document.addEventListener("log:spoke", ({ target, detail }) => spoke(target, detail));
  document.querySelectorAll("log-pane").forEach(setUp);
  document.addEventListener("log:here", ({ target }) => setUp(target)); // one that was swapped in
})();

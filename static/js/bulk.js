// Several runs at once: tick boxes, ranges with Shift, and the bar that says how many are meant. `window.bulk` is for the keyboard.
(() => {
  let last = null, isByKey = false;
  const byId = (id) => document.getElementById(id);
  const bar = () => byId("bulk");
  const verb = (name) => bar()?.querySelector(`[data-bulk-verb="${name}"]`);
  const ticks = () => [...document.querySelectorAll(".tick")];
  const ticked = () => ticks().filter((tick) => tick.checked);
  const allOfThem = () => Number(byId("bulk-all")?.querySelector('[name="shown"]')?.value ?? 0); // "all that match", else 0
  const onlyTicked = () => byId("bulk-all")?.replaceChildren();
  const isOn = () => Boolean(bar()?.checkVisibility());

  const number = () => allOfThem() || ticked().length;
  function meant() {
    const runs = `${number().toLocaleString("en")} ${allOfThem() ? "" : "selected "}run${number() === 1 ? "" : "s"}`;
    return allOfThem() ? `all ${runs} that match${number() === 1 ? "es" : ""}` : runs;
  }

  function count() {
    const some = ticked().length;
    document.body.toggleAttribute("data-ticking", some > 0);
    if (!bar()) return;
    bar().hidden = !some;
    bar().querySelector("[data-bulk-count]").textContent = `${some} selected`;
    if (!some) onlyTicked();
  }

  function tickRange(from, to) {
    const all = ticks();
    const [start, end] = [all.indexOf(from), all.indexOf(to)].sort((one, other) => one - other);
    if (start >= 0) for (const tick of all.slice(start, end + 1)) tick.checked = to.checked;
  }

  // Whoever stood in the bar stands on the run that they came from.
  function leave() {
    if (bar()?.contains(document.activeElement) || document.activeElement === document.body)
      (document.querySelector("[data-cursor] a[href]") ?? byId("main"))?.focus({ preventScroll: true });
  }

  function clear() {
    leave();
    for (const tick of ticks()) tick.checked = false;
    last = null;
    count();
  }

  const enter = () => verb("retry")?.focus();
  function act(name) {
    isByKey = true;
    verb(name).click();
    isByKey = false;
  }
  window.bulk = { isOn, verb, meant, enter, act, areArchived: () => ticked().every((tick) => tick.closest("[data-archived][data-run]")) };

  // Asked once more: what ends work, what means runs that are out of sight, and what a key did far from the bar.
  document.addEventListener("htmx:confirm", (event) => {
    const { elt, issueRequest } = event.detail;
    const warning = elt.dataset?.warns ?? "";
    const isGrave = Boolean(warning || allOfThem());
    if (!elt.matches?.("[data-bulk-verb]") || !(isGrave || isByKey)) return;
    event.preventDefault();
    const does = elt.textContent.trim();
    window.ask(`${does} ${meant()}? ${warning}`.trim(), `${does} the run${number() === 1 ? "" : "s"}`,
      { isGrave, no: elt.dataset.bulkVerb === "cancel" ? "Keep running" : "Cancel" }).then((yes) => { if (yes) issueRequest(true); });
  });
  document.addEventListener("htmx:configRequest", ({ detail }) => { // what is ticked are some of them only
    if (detail.elt.matches("[data-bulk-verb]") && allOfThem()) detail.formData.delete("run");
  });
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target.id !== "bulk-all" || !allOfThem()) return;
    for (const tick of ticks()) tick.checked = true;
    count();
    enter(); // the button that was pressed is gone
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-bulk-clear]")) return clear();
    if (!event.target.matches(".tick")) return;
    if (event.shiftKey && last?.isConnected) tickRange(last, event.target);
    last = event.target;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".tick")) { onlyTicked(); count(); }
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && event.target.closest("#bulk")) leave(); });
  document.addEventListener("bulk-started", clear);
  for (const name of ["board-changed", "htmx:afterSettle"]) document.addEventListener(name, count, true); // runs leave, boards are swapped
})();

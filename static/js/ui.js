// Toasts, dialogs, theme and zone, and forms that send themselves.
(() => {
  const LASTS_MS = 6000;
  const WITH_UNDO_MS = 10000;

  function toast({ text, undo = "", tone = "", href = "", link = "Open" }) {
    const box = document.createElement("div");
    box.className = "toast";
    box.dataset.tone = tone;
    box.append(Object.assign(document.createElement("span"), { textContent: text }));
    if (href) box.append(Object.assign(document.createElement("a"), { href, textContent: link }));
    if (undo) box.append(undoButton(undo, box));
    box.append(button("Dismiss", () => box.remove()));
    document.getElementById("toasts").append(box);
    htmx.process(box);
    leaveLater(box, undo ? WITH_UNDO_MS : LASTS_MS);
  }

  // Not while somebody reads it with the pointer or the keyboard on it.
  function leaveLater(box, ms) {
    setTimeout(() => (box.matches(":hover, :focus-within") ? leaveLater(box, 2000) : box.remove()), ms);
  }

  function button(label, act) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    made.addEventListener("click", act);
    return made;
  }

  function undoButton(url, box) {
    const made = button("Undo", () => {});
    const key = Object.assign(document.createElement("kbd"), { textContent: "u" }); // keys.js presses the newest
    key.setAttribute("aria-hidden", "true");
    made.append(" ", key);
    made.dataset.undo = "";
    made.setAttribute("hx-post", url);
    made.setAttribute("hx-swap", "none"); // live.js puts the card back from the answer
    made.dataset.placesCard = "";
    made.addEventListener("htmx:afterRequest", () => box.remove());
    return made;
  }

  // By the request itself, not by htmx's events: a live frame may have replaced the button before its answer is here,
  // and events on an element that left the page reach nobody.
  document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => {
    for (const end of ["load", "error", "timeout"]) xhr.addEventListener(end, () => tell(xhr)); // a newer one may abort it
  });

  function tell(xhr) {
    const said = xhr.status && xhr.getResponseHeader("X-Toast");
    if (said) toast(JSON.parse(said));
    else if (xhr.status && xhr.getResponseHeader("X-Said")) return; // the answer itself says what was wrong
    else if (xhr.status === 0) toast({ text: "The control room cannot be reached", tone: "refused" });
    else if (xhr.status === 403) toast({ text: "You may not do this", tone: "refused" });
    else if (xhr.status >= 400) toast({ text: `That did not work (${xhr.status})`, tone: "refused" });
  }

  document.addEventListener("htmx:beforeOnLoad", (event) => { // signed out meanwhile: the answer is the sign-in page
    if (new URL(event.detail.xhr.responseURL).pathname === "/login") location.reload();
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    else if (event.target.closest("[data-closes]") || event.target.matches("dialog")) event.target.closest("dialog")?.close();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
  // A menu of the filter bar closes when one looks elsewhere, and by Escape.
  const openPick = () => document.querySelector("details.pick[open]");
  document.addEventListener("click", ({ target }) => { if (openPick() && !openPick().contains(target) && target.isConnected) openPick().open = false; });
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape" && openPick()) { const pick = openPick(); pick.open = false; pick.firstElementChild.focus(); } });
  document.addEventListener("submit", (event) => { // an empty choice does not clutter the URL
    if (event.target.method !== "get" || event.defaultPrevented) return;
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
  });

  // What htmx puts into #dialog opens it; an empty answer, or `data-closes`, closes it. Errors are shown in it as well.
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target.id !== "dialog") return;
    if (!target.children.length) return target.close();
    if (!target.open) target.showModal();
    target.setAttribute("aria-label", target.querySelector("h2")?.textContent ?? "Dialog");
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target?.id === "dialog" && [409, 422].includes(detail.xhr.status)) detail.shouldSwap = true;
  });

  // One question, answered by a promise; hx-confirm asks it too.
  let leaveAsk = null; // `close` comes a little after closing: it must not answer the question that was asked meanwhile
  window.ask = (text, yes = "Yes") => new Promise((answer) => {
    leaveAsk?.abort();
    leaveAsk = new AbortController();
    const box = document.getElementById("ask");
    box.querySelector("#ask-text").textContent = text;
    box.querySelector('[value="yes"]').textContent = yes;
    box.returnValue = "no";
    box.addEventListener("close", () => { if (!box.open) answer(box.returnValue === "yes"); }, { signal: leaveAsk.signal });
    box.showModal();
  });
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    window.ask(event.detail.question).then((yes) => { if (yes) event.detail.issueRequest(true); });
  });

  // Theme and zone: cookies, so that the server knows the theme before the first paint.
  const root = document.documentElement;
  const cookie = (name) => document.cookie.split("; ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };
  function showChosen() {
    const chosen = { themeSet: cookie("theme") || "system", zoneSet: cookie("zone") || "local" };
    for (const one of document.querySelectorAll("[data-theme-set], [data-zone-set]")) {
      const [[name, value]] = Object.entries(one.dataset);
      one.setAttribute("aria-pressed", chosen[name] === value);
    }
  }
  document.addEventListener("click", ({ target }) => {
    const { themeSet, zoneSet } = target.closest("[data-theme-set], [data-zone-set]")?.dataset ?? {};
    if (themeSet) {
      keep("theme", themeSet);
      if (themeSet === "system") delete root.dataset.theme;
      else root.dataset.theme = themeSet;
    }
    if (zoneSet) { keep("zone", zoneSet); document.dispatchEvent(new CustomEvent("zone-changed")); }
    showChosen();
  });
  showChosen();

  document.addEventListener("click", async ({ target }) => { // data-copies: its own value, else the text of what it names
    const button = target.closest("[data-copies]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies)?.textContent ?? button.dataset.copies);
    toast({ text: "Copied" });
  });

  document.addEventListener("keydown", (event) => { // Enter in the comment of a decision decides nothing
    if (event.key === "Enter" && event.target.matches(".decide input")) event.preventDefault();
  });
})();

// Several runs at once: tick boxes, ranges with Shift, and the bar that says how many are meant.
(() => {
  let last = null;
  const bar = () => document.getElementById("bulk");
  const ticks = () => [...document.querySelectorAll(".tick")];
  const onlyTicked = () => document.getElementById("bulk-all")?.replaceChildren(); // not "all that match" any more

  function count() {
    const number = ticks().filter((tick) => tick.checked).length;
    document.body.toggleAttribute("data-ticking", number > 0);
    if (!bar()) return;
    bar().hidden = !number;
    bar().querySelector("[data-bulk-count]").textContent = `${number} selected`;
    if (!number) onlyTicked();
  }

  function tickRange(from, to) {
    const all = ticks();
    const [start, end] = [all.indexOf(from), all.indexOf(to)].sort((one, other) => one - other);
    if (start >= 0) for (const tick of all.slice(start, end + 1)) tick.checked = to.checked;
  }

  function clear() {
    for (const tick of ticks()) tick.checked = false;
    last = null;
    count();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-bulk-clear]")) return clear();
    if (!event.target.matches(".tick")) return;
    if (event.shiftKey && last?.isConnected) tickRange(last, event.target);
    last = event.target;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".tick")) { onlyTicked(); count(); }
  });
  document.addEventListener("bulk-started", clear);

  // Of more tabs than there is room for, the current one is in sight: at first, and when the badges have widened them.
  const showTab = () => document.querySelector(".views-tab[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  let counted = null;
  document.addEventListener("htmx:afterSettle", ({ target }) => { if (target.id === "board") showTab(); });
  document.addEventListener("htmx:afterRequest", ({ target }) => {
    if (!target.matches("[data-badges]") || counted === target) return;
    counted = target; // once: later counts leave the tabs where somebody has scrolled them
    showTab();
  });
  showTab();
  for (const name of ["board-changed", "htmx:afterSettle"]) document.addEventListener(name, count, true); // runs leave, boards are swapped
})();

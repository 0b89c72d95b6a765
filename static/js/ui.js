// Toasts, dialogs, menus, theme and zone, forms that send themselves, and tabs that keep in sight.
(() => {
  const LASTS_MS = 6000;
  const WITH_UNDO_MS = 10000;
  const AWAY_MS = 20000; // longer than it takes until something asks again

  function toast({ text, undo = "", tone = "", href = "", link = "Open" }, lasts = undo ? WITH_UNDO_MS : LASTS_MS) {
    const list = document.getElementById("toasts");
    const twin = [...list.children].find((one) => tone && one.dataset.tone === tone && one.firstChild.textContent === text);
    if (twin) return leaveLater(twin, lasts);
    for (const one of [...list.children]) if (href && one.dataset.about === href) one.remove(); // "under way", now that it is done
    const box = document.createElement("div");
    box.className = "toast";
    Object.assign(box.dataset, { tone, about: href });
    box.append(Object.assign(document.createElement("span"), { textContent: text }));
    if (href) box.append(Object.assign(document.createElement("a"), { href, textContent: link }));
    if (undo) box.append(undoButton(undo, box));
    if (undo) sessionStorage.setItem("undo", JSON.stringify({ text, undo, href, link }));
    box.append(button("Dismiss", () => box.remove()));
    list.append(box);
    htmx.process(box);
    return leaveLater(box, lasts);
  }

  // Not while somebody reads it with the pointer or the keyboard on it.
  function leaveLater(box, ms) {
    clearTimeout(box.leaves);
    box.leaves = setTimeout(() => (box.matches(":hover, :focus-within") ? leaveLater(box, 2000) : box.remove()), ms);
    return box;
  }

  // The last that could be undone is told once more: one must see what is undone before it is.
  window.recallUndo = () => {
    const kept = sessionStorage.getItem("undo");
    toast(kept ? JSON.parse(kept) : { text: "Nothing to undo" });
  };

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
    made.setAttribute("hx-swap", "none"); // board.js puts the card back from the answer
    made.dataset.placesCard = "";
    made.addEventListener("htmx:afterRequest", ({ detail }) => {
      box.remove();
      if (detail.xhr.status) sessionStorage.removeItem("undo");
    });
    return made;
  }

  // By the request itself, not by htmx's events: a live frame may have replaced the button before its answer is here,
  // and events on an element that left the page reach nobody.
  document.addEventListener("htmx:beforeSend", ({ detail: { elt, xhr } }) => {
    for (const end of ["load", "error", "timeout"]) xhr.addEventListener(end, () => tell(xhr, "quiet" in elt.dataset)); // a newer one may abort it
  });

  let away = null; // the toast that says so
  function tell(xhr, isQuiet) {
    if (xhr.status) away?.remove();
    const said = xhr.status && xhr.getResponseHeader("X-Toast");
    if (said) toast(JSON.parse(said));
    else if (isQuiet) return; // what asks again and again by itself
    else if (xhr.status && xhr.getResponseHeader("X-Said")) return; // the answer itself says what was wrong
    else if (xhr.status === 0) away = toast({ text: "The control room cannot be reached", tone: "refused" }, AWAY_MS);
    else if (xhr.status === 404) toast({ text: "Not found, or no access. Reload the page", tone: "refused" });
    else if (xhr.status === 403) toast({ text: "You do not have permission", tone: "refused" });
    else if (xhr.status >= 400) toast({ text: `Request failed (${xhr.status})`, tone: "refused" });
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
  document.addEventListener("focusin", ({ target }) => { if (target.matches("[data-selects]")) target.select(); }); // to be typed over
  // A menu closes when one looks elsewhere, goes on with Tab, or presses Escape. Popovers do so by themselves, but for Tab.
  const openPick = () => document.querySelector("details.pick[open]");
  const shutPick = (pick) => { pick.open = false; pick.firstElementChild.focus(); };
  const closePick = ({ target }) => { if (openPick() && !openPick().contains(target) && target.isConnected) openPick().open = false; };
  document.addEventListener("click", closePick);
  document.addEventListener("focusin", (event) => {
    closePick(event);
    for (const menu of document.querySelectorAll(":popover-open"))
      if (!menu.contains(event.target) && event.target.getAttribute("popovertarget") !== menu.id) menu.hidePopover();
  });
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape" && openPick()) shutPick(openPick()); });
  document.addEventListener("submit", (event) => { // an empty choice does not clutter the URL
    if (event.target.closest("details.pick [data-shuts]")) shutPick(openPick());
    if (event.target.method !== "get" || event.defaultPrevented) return;
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
  });

  // What htmx puts into #dialog opens it; an empty answer, or `data-closes`, closes it. Errors are shown in it as well.
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target.id !== "dialog") return;
    if (!target.children.length) return target.close();
    for (const one of target.children) htmx.process(one); // before it has the keyboard: an early Enter would send the form as browsers do
    if (!target.open) target.showModal();
    target.setAttribute("aria-label", target.querySelector("h2")?.textContent ?? "Dialog");
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target?.id === "dialog" && [409, 422].includes(detail.xhr.status)) detail.shouldSwap = true;
  });

  // One question, answered by a promise; hx-confirm asks it too. A grave one is not answered by Enter alone.
  let leaveAsk = null; // `close` comes a little after closing: it must not answer the question that was asked meanwhile
  window.ask = (text, yes = "Yes", { isGrave = false, no: keep = "Cancel" } = {}) => new Promise((answer) => {
    leaveAsk?.abort();
    leaveAsk = new AbortController();
    const box = document.getElementById("ask");
    const [no, done] = ["no", "yes"].map((value) => box.querySelector(`[value="${value}"]`));
    box.querySelector("#ask-text").textContent = text;
    done.textContent = yes;
    no.textContent = keep;
    box.returnValue = "no";
    box.addEventListener("close", () => { if (!box.open) answer(box.returnValue === "yes"); }, { signal: leaveAsk.signal });
    box.showModal();
    (isGrave ? no : done).focus();
  });
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    window.ask(event.detail.question, "Yes", { isGrave: true }).then((yes) => { if (yes) event.detail.issueRequest(true); });
  });

  // Theme, zone and how times are told: cookies, so that the server knows the theme before the first paint.
  const root = document.documentElement;
  const cookie = (name) => document.cookie.split("; ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone; // in which the server takes "today"
  const keep = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`; };
  const CHOSEN = { theme: "system", zone: "local", times: "age" }; // where nothing was chosen
  const choiceOf = (button) => button.dataset.choice.split("=");
  function showChosen() {
    for (const one of document.querySelectorAll("[data-choice]")) {
      const [name, value] = choiceOf(one);
      one.setAttribute("aria-pressed", (cookie(name) || CHOSEN[name]) === value);
    }
  }
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-choice]");
    if (!button) return;
    const [name, value] = choiceOf(button);
    keep(name, value);
    if (name === "theme" && value === "system") delete root.dataset.theme;
    else if (name === "theme") root.dataset.theme = value;
    else document.dispatchEvent(new CustomEvent("zone-changed"));
    if (name === "zone" && /day$/.test(new URLSearchParams(location.search).get("within"))) location.reload(); // it is another day there
    showChosen();
  });
  showChosen();
  if (own && cookie("tz") !== own) keep("tz", own);

  document.addEventListener("click", async ({ target }) => { // data-copies: its own value, else the text of what it names
    const button = target.closest("[data-copies]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies)?.textContent ?? button.dataset.copies);
    toast({ text: "Copied" });
  });

  document.addEventListener("keydown", (event) => { // Enter in the comment of a decision decides nothing
    if (event.key === "Enter" && event.target.matches(".decide input")) event.preventDefault();
  });

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
})();

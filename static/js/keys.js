// The keyboard: a cursor over runs and steps, one key for each verb, the sheet of what works here, and the palette.
(() => {
  const byId = (id) => document.getElementById(id);
  const seen = (element) => element && element.checkVisibility({ visibilityProperty: true });
  const all = (selector, root = document) => [...root.querySelectorAll(selector)].filter(seen);
  const ITEMS = ".card[data-run], .row[data-run], [data-item], .step";
  const here = () => document.querySelector("[data-cursor]");
  // Of the run under the cursor, or of the one that the page is about. Without either these keys do nothing: the
  // first run of a board, which changes while one looks at it, is nobody's choice.
  const chosen = () => here()?.closest("[data-run]") ?? byId("run-head");
  const verb = (name) => chosen() && all(`[data-verb="${name}"]:not([disabled])`, chosen())[0];

  // --- the cursor: an attribute on the item, and the focus on its link ----------------------------------------
  function put(item) {
    if (!item) return;
    here()?.removeAttribute("data-cursor");
    item.setAttribute("data-cursor", "");
    item.scrollIntoView({ block: "nearest" });
    (item.querySelector("a[href], summary, button") ?? item).focus({ preventScroll: true });
    return item;
  }

  function step(by) {
    const items = all(ITEMS);
    const now = items.indexOf(document.activeElement?.closest?.(ITEMS) ?? here());
    put(items[now < 0 ? (by > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, now + by))]);
  }

  const lanes = () => all("[data-lane-cards]");
  function lane(index) {
    const cards = lanes()[index];
    if (cards) put(all(ITEMS, cards)[0]) ?? cards.closest(".lane")?.scrollIntoView({ block: "nearest", inline: "start" });
  }

  // To what stands beside it, so that one comes back to where one was.
  function sideways(by) {
    const cards = here()?.closest("[data-lane-cards]");
    if (!cards) return lane(0);
    const top = (item) => item.getBoundingClientRect().top;
    const beside = lanes()[lanes().indexOf(cards) + by];
    const height = top(here());
    put(beside && all(ITEMS, beside).sort((one, other) => Math.abs(top(one) - height) - Math.abs(top(other) - height))[0]);
  }

  function open() {
    const item = here();
    const target = item?.querySelector("a[href], summary");
    if (target) target.click();
  }

  function title() {
    const text = chosen()?.querySelector(".card-title, .row-title, h1 span")?.textContent.trim() ?? "";
    return text.length > 80 ? `${text.slice(0, 79)}…` : text;
  }

  async function cancel() {
    const button = verb("cancel");
    if (await window.ask(`Cancel “${title() || "this run"}”? What it has begun is ended.`, "Cancel the run")) button.click();
  }

  const undo = () => all("#toasts [data-undo]").at(-1);

  // --- what works: a key, what it does, when it is there, how it is done --------------------------------------
  const press = (name) => ({ when: () => verb(name), act: () => verb(name).click() });
  const KEYS = [
    { keys: ["j"], group: "Move", says: "Next", when: () => all(ITEMS).length, act: () => step(1) },
    { keys: ["k"], group: "Move", says: "Previous", when: () => all(ITEMS).length, act: () => step(-1) },
    { keys: ["h", "l"], group: "Move", says: "Lane to the left, to the right", when: () => lanes().length > 1, act: (key) => sideways(key === "h" ? -1 : 1) },
    { keys: ["1", "2", "3", "4"], group: "Move", says: "To the first run of lane 1 to 4", when: () => lanes().length, act: (key) => lane(key - 1) },
    { keys: ["Enter"], group: "Move", says: "Open", when: () => here(), act: open, isNative: true },
    { keys: ["/"], group: "Move", says: "Search", when: () => seen(byId("search")), act: () => byId("search").select() },
    { keys: ["r"], group: "Run", says: "Retry", ...press("retry") },
    { keys: ["c"], group: "Run", says: "Cancel", when: () => verb("cancel"), act: cancel },
    { keys: ["a"], group: "Run", says: () => (verb("archive") ? "Archive" : "Restore"), when: () => verb("archive") ?? verb("unarchive"), act: () => (verb("archive") ?? verb("unarchive")).click() },
    { keys: ["x"], group: "Run", says: "Tick", when: () => here()?.querySelector("input.tick"), act: () => here().querySelector("input.tick").click() },
    { keys: ["u"], group: "Everywhere", says: "Undo", when: () => undo(), act: () => undo().click() },
    { keys: ["?"], group: "Everywhere", says: "This sheet", when: () => true, act: () => sheet() },
    { keys: ["Ctrl K"], group: "Everywhere", says: "Find or do", when: () => byId("palette"), act: () => palette() },
    ...[["b", "Board"], ["i", "Inbox"], ["p", "Plans"], ["s", "Sessions"], ["e", "Health"]].map(([key, name]) => ({
      keys: [`g ${key}`], group: "Go to", says: name, when: () => link(name), act: () => link(name).click() })),
  ];
  const link = (name) => all(".bar-nav a").find((one) => one.firstChild.textContent.trim() === name);

  // A page adds its own by `data-key="e" data-key-says="First error"` on what is to be pressed.
  const pageKeys = () => all("[data-key]:not([disabled])").map((element) => ({
    keys: [element.dataset.key], group: "This page", says: element.dataset.keySays ?? element.textContent.trim(), when: () => true, act: () => element.click() }));
  const working = () => [...KEYS, ...pageKeys()].filter((one) => one.when())
    .map((one) => (typeof one.says === "function" ? { ...one, says: one.says() } : one));

  let leader = ""; // the `g` of `g b`
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return palette();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not(.tick, [type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const pressed = leader ? `${leader} ${event.key}` : event.key;
    leader = event.key === "g" && !leader ? "g" : "";
    const found = working().find((one) => one.keys.includes(pressed));
    if (!found || (found.isNative && event.target.closest("a, button, summary, input"))) return;
    event.preventDefault();
    found.act(event.key);
  });
  document.addEventListener("focusin", (event) => { // Tab moves the cursor too
    const item = event.target.closest?.(ITEMS);
    if (item && !item.hasAttribute("data-cursor")) { here()?.removeAttribute("data-cursor"); item.setAttribute("data-cursor", ""); }
  });

  // A list that is swapped as a whole keeps the cursor: on the same item, or on the one that took its place.
  let lost = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    if (!target.matches?.("[data-keeps-cursor]") || !target.contains(here())) return;
    lost = { id: here().id, index: all(ITEMS).indexOf(here()), list: target.id };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!lost || here()) return;
    const { id, index, list } = lost, items = all(ITEMS);
    lost = null;
    if (document.activeElement !== document.body || !byId(list)) return; // one has gone on, or htmx has put it back
    put(items.find((one) => one.id === id) ?? items[Math.min(index, items.length - 1)]);
  });

  // --- the sheet ----------------------------------------------------------------------------------------------
  const make = (tag, props = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), props);
    made.append(...children);
    return made;
  };

  function sheet() {
    const groups = Map.groupBy?.(working(), (one) => one.group) ?? new Map([["Keys", working()]]);
    const lists = [...groups].map(([name, keys]) => make("section", {}, make("h3", { textContent: name }),
      make("dl", {}, ...keys.flatMap((one) => [make("dt", {}, ...one.keys.map((key) => make("kbd", { textContent: key }))), make("dd", { textContent: one.says })]))));
    document.querySelector("#keys .keys-list").replaceChildren(...lists);
    document.querySelector("#keys .keys-hint").hidden = chosen() || !all(".card[data-run], .row[data-run]").length || document.body.dataset.role === "viewer";
    if (!byId("keys").open) byId("keys").showModal();
  }
  document.addEventListener("click", (event) => { if (event.target.closest('[data-opens="keys"]')) sheet(); });

  // --- the palette --------------------------------------------------------------------------------------------
  const input = document.querySelector("#palette input");
  const options = () => all("#palette [role=option]");
  let choice = 0, before = null;

  function palette() {
    if (!input || byId("palette").open) return;
    before = document.activeElement;
    input.value = "";
    byId("palette").showModal();
    htmx.trigger(input, "palette-open");
    offer();
  }

  // The verbs of the run under the cursor, and what this page's keys do.
  function offer() {
    const text = input.value.trim().toLowerCase();
    const acts = working().filter((one) => ["Run", "This page"].includes(one.group) && one.says.toLowerCase().includes(text));
    byId("palette-here").replaceChildren(...acts.map((one, index) => {
      const option = make("div", { id: `palette-act-${index}`, className: "palette-option" }, make("span", { className: "palette-kind", textContent: one.group === "Run" ? "Do" : "Here" }),
        make("span", { textContent: one.says }), make("span", { className: "faint ellipsis", textContent: one.group === "Run" ? title() : "" }), make("kbd", { textContent: one.keys[0] }));
      option.setAttribute("role", "option");
      option.act = one.act;
      return option;
    }));
    choose(0);
  }

  function choose(index) {
    const list = options();
    choice = Math.max(0, Math.min(list.length - 1, index));
    list.forEach((option, at) => option.setAttribute("aria-selected", at === choice));
    input.setAttribute("aria-activedescendant", list[choice]?.id ?? "");
    list[choice]?.scrollIntoView({ block: "nearest" });
  }

  function take(option) {
    if (!option) return;
    byId("palette").close();
    before?.focus?.({ preventScroll: true });
    if (option.act) option.act();
    else location.assign(option.dataset.href);
  }

  input?.addEventListener("input", offer);
  input?.addEventListener("keydown", (event) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) choose(choice + move);
    else if (event.key === "Enter") take(options()[choice]);
    else return;
    event.preventDefault();
  });
  byId("palette")?.addEventListener("click", (event) => take(event.target.closest("[role=option]")));
  document.addEventListener("htmx:afterSwap", (event) => { if (event.target.id === "palette-found") choose(0); });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-palette]")) palette(); });
})();

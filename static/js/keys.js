// The keyboard: a cursor over runs and steps, one key for each verb, and the sheet of what works here.
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
    if (await window.ask(`Cancel “${title() || "this run"}”? Running steps are stopped.`, "Cancel the run", { isGrave: true, no: "Keep running" })) button.click();
  }

  // The newest toast that can; else bulk work whose page this is; else the toast that has gone comes back.
  const undo = () => (all("#toasts [data-undo]").at(-1) ?? verb("undo") ?? { click: window.recallUndo }).click();

  // --- what works: a key, what it does, when it is there, how it is done --------------------------------------
  // A verb means the runs that are ticked, where any are, and says so before; else the one that is chosen.
  const { bulk } = window;
  const there = (name) => (bulk.isOn() ? bulk.verb(name) : verb(name));
  const press = (name, does, alone = () => verb(name).click()) => ({
    when: () => there(name), says: () => (bulk.isOn() ? `${does} ${bulk.meant()}` : does), act: () => (bulk.isOn() ? bulk.act(name) : alone()) });
  const isBack = () => (bulk.isOn() ? bulk.areArchived() && bulk.verb("unarchive") : !verb("archive")); // `a` restores
  const KEYS = [
    { keys: ["j"], group: "Move", says: "Next", when: () => all(ITEMS).length, act: () => step(1) },
    { keys: ["k"], group: "Move", says: "Previous", when: () => all(ITEMS).length, act: () => step(-1) },
    { keys: ["h", "l"], group: "Move", says: "Previous lane, next lane", when: () => lanes().length > 1, act: (key) => sideways(key === "h" ? -1 : 1) },
    { keys: ["1", "2", "3", "4"], group: "Move", says: "First run of lane 1 to 4", when: () => lanes().length, act: (key) => lane(key - 1) },
    { keys: ["Enter"], group: "Move", says: "Open", when: () => here(), act: open, isNative: true },
    { keys: ["/"], group: "Move", says: "Search", when: () => seen(byId("search")), act: () => byId("search").select() },
    { keys: ["r"], group: "Run", ...press("retry", "Retry") },
    { keys: ["a"], group: "Run", ...press("archive", "Archive"), when: () => !isBack() && there("archive") },
    { keys: ["a"], group: "Run", ...press("unarchive", "Unarchive"), when: () => isBack() && there("unarchive") },
    { keys: ["c"], group: "Run", ...press("cancel", "Cancel", cancel), isGrave: true },
    { keys: ["x"], group: "Run", says: "Select", when: () => here() && all("input.tick", here())[0], act: () => here().querySelector("input.tick").click() },
    { keys: ["b"], group: "Run", says: "Go to the bulk actions", when: bulk.isOn, act: bulk.enter },
    { keys: ["u"], group: "Everywhere", says: "Undo the last action", when: () => true, act: undo },
    { keys: ["?"], group: "Everywhere", says: "Keyboard shortcuts", when: () => true, act: () => sheet() },
    { keys: ["Ctrl K"], group: "Everywhere", says: "Command palette", when: () => byId("palette"), act: () => window.palette() },
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
      return window.palette?.();
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

  // A button that was pressed is disabled until its answer is here, and so loses the focus: what it stands in holds it.
  let last = null; // what had the focus last, unless one has pressed elsewhere since
  document.addEventListener("focusin", ({ target }) => { last = target; });
  document.addEventListener("pointerdown", ({ target }) => { if (!last?.contains(target)) last = null; });
  const focusIn = (element) => [document.activeElement, document.activeElement === document.body && last].find((one) => one && element.contains(one)) ?? null;

  // A list that is swapped as a whole keeps the cursor: on the same item, or on the one that took its place. On a board
  // with other filters that would be a run which nobody chose: `data-keeps-cursor="same"`.
  let lost = null;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    if (!target.matches?.("[data-keeps-cursor]") || !target.contains(here())) return;
    lost = { id: here().id, index: all(ITEMS).indexOf(here()), list: target.id, isSame: target.dataset.keepsCursor === "same", hadFocus: focusIn(target) };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!lost || here()) return;
    const { id, index, list, isSame, hadFocus } = lost, items = all(ITEMS);
    lost = null;
    if (document.activeElement !== document.body || !byId(list)) return; // one has gone on, or htmx has put it back
    const item = items.find((one) => one.id === id) ?? (isSame ? null : items[Math.min(index, items.length - 1)]);
    if (hadFocus) put(item);
    else item?.setAttribute("data-cursor", ""); // and nothing scrolls under somebody's pointer
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
    byId("keys").scrollTop = 0; // the focus is on the button at its end
  }
  document.addEventListener("click", (event) => { if (event.target.closest('[data-opens="keys"]')) sheet(); });
  window.keys = { all, byId, focusIn, make, title, working };
})();

// The palette: what can be done here, by the keys and by whatever on the page says `data-do`, and what the server finds.
(() => {
  const { all, byId, make, title, working } = window.keys;
  const input = document.querySelector("#palette input");
  const options = () => all("#palette [role=option]");
  const ROLES = ".for-operators, .for-deciders";
  let choice = 0, before = null;

  window.palette = () => {
    if (!input || byId("palette").open) return;
    before = document.activeElement;
    input.value = "";
    byId("palette").showModal();
    htmx.trigger(input, "palette-open");
    offer();
  };

  // In menus that are closed, too, and in steps; not what a role has no right to, nor what is meant for another item than the chosen one.
  function isAllowed(element) {
    const item = element.closest("[data-item]");
    const boxes = [];
    for (let box = element.closest(ROLES); box; box = box.parentElement.closest(ROLES)) boxes.push(box);
    return !element.closest("[hidden], :disabled") && !(item && !item.hasAttribute("data-cursor")) && boxes.every((box) => getComputedStyle(box).display !== "none");
  }

  // `data-goes`: one is led to it, and decides there.
  function carryOut(element) {
    if (!("goes" in element.dataset)) return element.click();
    for (let box = element.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
  }

  const [VERB, ASKED, KEY, OTHER, GRAVE] = [0, 1, 2, 3, 4]; // in this order they are offered
  const ofThePage = () => [...document.querySelectorAll("[data-do]")].filter(isAllowed).map((element) => ({
    kind: "Page", says: element.dataset.do, rank: "first" in element.dataset ? ASKED : OTHER, act: () => carryOut(element) }));
  const ofTheKeys = () => working().filter((one) => ["Run", "This page"].includes(one.group)).map((one) => ({
    ...one, kind: one.group === "Run" ? "Action" : "Page", about: one.group === "Run" && !window.bulk.isOn() ? title() : "", key: one.keys[0],
    rank: one.isGrave ? GRAVE : one.group === "Run" ? VERB : KEY }));

  const wordsOf = (text) => text.toLowerCase().split(/[\s:,]+/).filter(Boolean);

  // Where nothing is typed yet, first what one most likely came for; what ends work stands behind all else.
  function offer() {
    const words = wordsOf(input.value);
    const fits = (one) => words.every((word) => wordsOf(one.says).some((said) => said.startsWith(word)));
    const found = [...ofTheKeys(), ...ofThePage()].filter((one) => (words.length ? fits(one) : one.rank !== OTHER)).sort((one, other) => one.rank - other.rank);
    const isLast = (one) => one.rank === GRAVE && !words.length;
    byId("palette-here").replaceChildren(...found.filter((one) => !isLast(one)).map(option));
    byId("palette-last").replaceChildren(...found.filter(isLast).map((one) => option(one, "last")));
    choose(0);
  }

  function option(one, index) {
    const made = make("div", { id: `palette-act-${index}`, className: "palette-option", act: one.act }, make("span", { className: "palette-kind", textContent: one.kind }),
      make("span", { className: "ellipsis", textContent: one.says }), make("span", { className: "faint ellipsis", textContent: one.about ?? "" }));
    if (one.key) made.append(make("kbd", { textContent: one.key }));
    made.setAttribute("role", "option");
    return made;
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
    const { href, asks, posts } = option.dataset;
    if (option.act) option.act();
    else if (asks) htmx.ajax("GET", asks, { target: "#dialog", swap: "innerHTML" });
    else if (posts) htmx.ajax("POST", posts, { swap: "none" });
    else location.assign(href);
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
  document.addEventListener("htmx:afterSwap", (event) => { if (event.target.id === "palette-found") offer(); }); // what the page has may be another by now
  document.addEventListener("click", (event) => { if (event.target.closest("[data-palette]")) window.palette(); });
})();

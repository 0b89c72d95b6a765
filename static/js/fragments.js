// Puts pieces of HTML into the page: new ones behind a list, changed ones in the place of the old ones, which hand on what
// people have done to them. `window.fragments` is for board.js and live.js.
(() => {
  const { byId, focusIn } = window.keys;

  function parse(html, old) {
    const template = document.createElement("template");
    const isSvg = old instanceof SVGElement && !/^\s*<svg/.test(html);
    template.innerHTML = isSvg ? `<svg>${html}</svg>` : html;
    return [...(isSvg ? template.content.firstChild : template.content).children];
  }

  // Returns the ids of what was appended.
  function apply({ target, swap, html }) {
    const old = byId(target.slice(1));
    if (!old) return [];
    const fresh = parse(html, old);
    if (swap === "beforeend") return append(old, fresh);
    if (fresh[0]) replace(old, fresh[0]);
    return [];
  }

  function append(list, fresh) {
    const ids = [];
    for (const element of fresh) {
      const piece = element.matches("[id]") ? element : element.querySelector("[id]");
      if (piece && byId(piece.id)) continue;
      list.append(element);
      if (piece) ids.push(piece.id);
      if (element.dataset.kind) document.body.dispatchEvent(new CustomEvent(element.dataset.kind.replace(".", "-")));
    }
    list.dispatchEvent(new CustomEvent("live:appended", { bubbles: true }));
    return ids;
  }

  // What people have done to the old one holds for the new one: opened, typed, ticked, focused, stepped to.
  function replace(old, fresh) {
    const pairs = (selector, key) => {
      const gone = new Map([...old.querySelectorAll(selector)].map((one) => [key(one), one]));
      return [...fresh.querySelectorAll(selector)].map((one) => [one, gone.get(key(one))]).filter(([, before]) => before);
    };
    for (const [one, before] of pairs("details[data-keep]", (detail) => detail.dataset.keep)) one.open = before.open;
    for (const [one, before] of pairs("input[name], textarea[name]", (input) => input.name + input.type)) {
      if (/checkbox|radio/.test(one.type)) one.checked = before.checked;
      else one.value = before.value;
    }
    if (old.hasAttribute("data-cursor")) fresh.setAttribute("data-cursor", "");
    const isFetched = (body) => body.closest("details[open]") && !body.querySelector("[data-unfetched]");
    const held = pairs("[data-holds]", (body) => body.dataset.holds).filter(([, before]) => isFetched(before));
    const focused = focusIn(old);
    old.replaceWith(fresh);
    for (const [one, before] of held) one.replaceWith(before); // what was fetched into an open step stays, and is fetched anew
    if (focused) refocus(focused, fresh);
    htmx.process(fresh);
    for (const [, before] of held) before.dispatchEvent(new CustomEvent("live:replaced"));
  }

  const BACK = { archive: "unarchive", unarchive: "archive" }; // the one takes the place of the other
  function refocus(gone, fresh) {
    const { verb } = gone.dataset;
    const name = gone.name ? `[name="${gone.name}"]` : verb ? `[data-verb="${verb}"]` : gone.tagName;
    const wanted = [name, `[data-verb="${BACK[verb]}"]`, "a, button, summary"];
    const next = wanted.map((selector) => fresh.querySelector(selector)).find(Boolean);
    next?.focus({ preventScroll: true });
    if (gone.selectionStart != null) next?.setSelectionRange?.(gone.selectionStart, gone.selectionEnd);
  }

  document.addEventListener("replay:changed", ({ target, detail }) => replace(target, detail));
  window.fragments = { parse, apply, replace, refocus };
})();

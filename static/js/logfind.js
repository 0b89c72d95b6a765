// Search in a log, on the server, over all of it; and its first error.
(() => {
  const found = new WeakMap(); // pane -> what was searched for, and what was found
  const paneOf = (element) => element.closest?.("log-pane");
  const field = (pane) => pane.querySelector("[data-log-find]");
  const tell = (pane, words) => { pane.querySelector(".log-found").textContent = words; };

  const upTo = (line) => (line ? ` up to line ${line.toLocaleString("en")} (search timed out)` : "");

  function forget(pane) {
    found.delete(pane);
    tell(pane, "");
    for (const name of ["previous", "next"]) pane.querySelector(`[data-log-do="${name}"]`).disabled = true;
    paint(pane);
  }

  async function search(pane, by) {
    const q = field(pane).value, last = found.get(pane);
    if (!q) return forget(pane);
    if (last?.q === q && last.total === pane.total) return step(pane, by);
    tell(pane, "searching");
    try {
      const answer = await (await pane.fetch("/find", { q })).json();
      const top = pane.top, at = answer.matches.findIndex((match) => match.line >= top);
      found.set(pane, { ...answer, q, total: pane.total, at: (at < 0 ? answer.matches.length : at) - (by > 0 ? 1 : 0) });
    } catch (error) {
      return tell(pane, error instanceof TypeError ? "no connection" : error.message);
    }
    for (const name of ["previous", "next"]) pane.querySelector(`[data-log-do="${name}"]`).disabled = !found.get(pane).matches.length;
    await step(pane, by);
  }

  async function step(pane, by) {
    const { matches, is_capped, stopped_at } = found.get(pane);
    if (!matches.length) { paint(pane); return tell(pane, `no match${upTo(stopped_at)}`); }
    const at = found.get(pane).at = (found.get(pane).at + by + matches.length) % matches.length;
    tell(pane, `${(at + 1).toLocaleString("en")} of ${matches.length.toLocaleString("en")}${is_capped ? "+" : ""}${upTo(stopped_at)}`);
    await pane.goTo(matches[at].line);
    paint(pane);
  }

  // --- what was found is marked -----------------------------------------------------------------------------------
  // Ranges over the text, which may lie in several colours: the page itself does not change.
  function paint(pane) {
    if (!window.Highlight) return;
    const q = found.get(pane)?.q.toLowerCase();
    const ranges = q ? [...pane.lines.children].flatMap((row) => rangesIn(row.querySelector(".log-text"), q)) : [];
    CSS.highlights.set("log-found", new Highlight(...ranges));
  }

  function rangesIn(element, q) {
    const text = element.textContent.toLowerCase(), ranges = [];
    for (let at = text.indexOf(q); at >= 0 && ranges.length < 50; at = text.indexOf(q, at + q.length)) {
      const range = new Range();
      range.setStart(...nodeAt(element, at));
      range.setEnd(...nodeAt(element, at + q.length));
      ranges.push(range);
    }
    return ranges;
  }

  function nodeAt(element, offset) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    let node = walker.nextNode();
    while (node && offset > node.length) { offset -= node.length; node = walker.nextNode(); }
    return node ? [node, offset] : [element, element.childNodes.length];
  }

  async function toFirstError(pane) {
    const button = pane.querySelector('[data-log-do="error"]');
    button.disabled = true;
    try {
      const { matches: [match], stopped_at, of } = await (await pane.fetch("/error")).json();
      const where = of ? `, in ${of}` : "";
      // Said first: what is said may take another row, and move the lines.
      tell(pane, match ? `first error: line ${match.line.toLocaleString("en")}${where}` : `no error found${upTo(stopped_at)}`);
      if (match) await pane.goTo(match.line);
    } catch (error) {
      tell(pane, error instanceof TypeError ? "no connection" : error.message);
    } finally {
      button.disabled = false;
    }
  }

  const DO = { find: (pane) => field(pane).select(), next: (pane) => search(pane, 1), previous: (pane) => search(pane, -1), error: toFirstError };
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-log-do]");
    if (button) DO[button.dataset.logDo]?.(paneOf(button));
  });
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || !("logFind" in event.target.dataset)) return;
    if (event.key === "Escape") { event.target.value = ""; forget(paneOf(event.target)); } // the field loses the focus before it would say so
    if (event.key !== "Enter") return;
    event.preventDefault();
    search(paneOf(event.target), event.shiftKey ? -1 : 1);
  });
  document.addEventListener("input", ({ target }) => { if ("logFind" in target.dataset && !target.value) forget(paneOf(target)); });
  document.addEventListener("log:shown", ({ target }) => { if (found.has(target)) paint(target); });
  document.addEventListener("log:chosen", ({ target }) => forget(target));
})();

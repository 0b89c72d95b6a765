// The graph of a run: the node under the pointer or the focus shows what it needs, and what needs it.
(() => {
  const picture = () => document.querySelector("[data-graph] svg.graph");
  const joined = new WeakMap(); // of each picture: the lines at a node's right and at its left
  function linesOf(svg) {
    if (!joined.has(svg)) {
      const ends = { from: new Map(), to: new Map() };
      for (const line of svg.querySelectorAll(".lines path"))
        for (const end of ["from", "to"]) ends[end].set(line.dataset[end], [...(ends[end].get(line.dataset[end]) ?? []), line]);
      joined.set(svg, ends);
    }
    return joined.get(svg);
  }
  function reach(ends, start, [from, to]) {
    const found = new Set([start]), edge = [start];
    while (edge.length) {
      for (const line of ends[from].get(edge.pop()) ?? []) {
        line.classList.add("is-on");
        if (!found.has(line.dataset[to])) { found.add(line.dataset[to]); edge.push(line.dataset[to]); }
      }
    }
    return found;
  }
  function light(node) {
    const svg = picture();
    if (!svg) return;
    for (const one of svg.querySelectorAll(".is-on")) one.classList.remove("is-on");
    svg.classList.toggle("is-lit", Boolean(node));
    if (!node) return;
    const ends = linesOf(svg);
    const on = new Set([...reach(ends, node.dataset.n, ["from", "to"]), ...reach(ends, node.dataset.n, ["to", "from"])]);
    for (const one of svg.querySelectorAll("[data-n]")) one.classList.toggle("is-on", on.has(one.dataset.n));
  }
  const nodeOf = (event) => event.target.closest?.("[data-graph] [data-n]");
  let lit = null;
  for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, (event) => {
    const node = nodeOf(event);
    if (node !== lit && (node || lit)) light(lit = node);
  });
})();

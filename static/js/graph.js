// The graph of a run or a plan: zoom, pan, fan-outs that open, and where to look first.
(() => {
  const MIN = 0.2, MAX = 2, STEP = 1.25, FITS_FROM = 0.8, READ_FROM = 0.65, DRAG_FROM = 4; // px before a press becomes a drag
  const view = () => document.querySelector("[data-graph]");
  const picture = () => view()?.querySelector("svg.graph");
  const clamp = (scale) => Math.min(MAX, Math.max(MIN, scale));
  const whole = (svg) => svg.viewBox.baseVal;
  const scaleOf = (svg) => svg.width.baseVal.value / whole(svg).width;

  // --- zoom: the size of the picture changes, the browser scrolls ------------------------------------------------
  function zoom(scale, x = view().clientWidth / 2, y = view().clientHeight / 2) {
    const box = view(), svg = picture(), ratio = clamp(scale) / scaleOf(svg);
    const [left, top] = [(box.scrollLeft + x) * ratio - x, (box.scrollTop + y) * ratio - y];
    svg.setAttribute("width", whole(svg).width * clamp(scale));
    svg.setAttribute("height", whole(svg).height * clamp(scale));
    box.scrollTo(left, top);
    const shown = document.querySelector("[data-zoom-shown]");
    if (shown) shown.textContent = `${Math.round(clamp(scale) * 100)} %`;
    keep();
  }
  const fitting = () => Math.min(1, view().clientWidth / whole(picture()).width, innerHeight * 0.7 / whole(picture()).height);
  // A run is looked at where something happens; a plan, `data-graph="width"`, from end to end as long as it can be read.
  const atFirst = () => (view().dataset.graph === "width"
    ? Math.min(1, Math.max(view().clientWidth / whole(picture()).width, READ_FROM))
    : Math.max(fitting(), FITS_FROM));
  const ZOOMS = { in: () => scaleOf(picture()) * STEP, out: () => scaleOf(picture()) / STEP, one: () => 1, fit: fitting };
  const KEYS = { "+": "in", "=": "in", "-": "out", 0: "one", f: "fit" };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-zoom]");
    if (button && view()) zoom(ZOOMS[button.dataset.zoom]());
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.("[data-graph]") || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    zoom(ZOOMS[KEYS[event.key]]());
  }, true);
  document.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest?.("[data-graph]")) return;
    event.preventDefault();
    const box = view().getBoundingClientRect();
    zoom(scaleOf(picture()) * (event.deltaY < 0 ? 1.1 : 1 / 1.1), event.clientX - box.x, event.clientY - box.y);
  }, { passive: false });

  // --- pan -----------------------------------------------------------------------------------------------------
  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const box = event.target.closest?.("[data-graph]");
    if (box && event.button === 0 && event.pointerType === "mouse") drag = { box, x: event.clientX, y: event.clientY, left: box.scrollLeft, top: box.scrollTop, far: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
    drag.far ||= Math.hypot(x, y) > DRAG_FROM;
    if (drag.far) { drag.box.classList.add("is-dragged"); drag.box.scrollTo(drag.left - x, drag.top - y); }
  });
  document.addEventListener("pointerup", () => { drag?.box.classList.remove("is-dragged"); setTimeout(() => { drag = null; }); });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.("[data-graph]")) event.preventDefault(); });
  document.addEventListener("click", (event) => { if (drag?.far) { event.preventDefault(); event.stopPropagation(); } }, true);

  // --- fan-outs, and where to look first ----------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-unfold]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const url = new URL(location);
    const keys = (url.searchParams.get("unfold") ?? "").split(",").filter(Boolean);
    url.searchParams.set("map", "graph");
    url.searchParams.set("unfold", [...new Set([...keys, link.dataset.unfold])].join(","));
    history.replaceState(history.state, "", url);
    htmx.ajax("GET", `${url.pathname}/map${url.search}`, { target: "#map", swap: "outerHTML" }).then(() => look(`#node-${link.dataset.unfold}`));
  });

  function look(wanted = ".node.is-first, .node[data-status=error], .node[data-status=running], .node[data-status=waiting]") {
    if (!view()) return;
    const scale = atFirst();
    if (scale < 1) zoom(scale);
    const node = (picture().querySelector(wanted) ?? picture().querySelector(".node"))?.getBoundingClientRect();
    if (!node) return;
    const box = view().getBoundingClientRect();
    view().scrollBy(node.x + node.width / 2 - box.x - box.width / 2, node.y + node.height / 2 - box.y - box.height / 2);
  }

  // The same picture drawn anew, at another moment of the run, is looked at as the one before.
  let seen = null, kept = null;
  const size = () => picture().getAttribute("viewBox");
  function keep() { kept = { size: size(), scale: scaleOf(picture()), left: view().scrollLeft, top: view().scrollTop }; }
  function attend() {
    if (view() === seen) return;
    seen = view();
    if (!seen) return;
    const { scale, left, top } = kept ?? {};
    if (kept?.size !== size()) return look();
    zoom(scale);
    view().scrollTo(left, top);
  }
  document.addEventListener("scroll", ({ target }) => { if (target === view()) keep(); }, { capture: true, passive: true });
  for (const kind of ["htmx:afterSettle", "htmx:oobAfterSwap"]) document.addEventListener(kind, attend);
  attend();
})();

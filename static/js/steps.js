// Steps of a run: an address like #step-KEY, and each link to one, opens that step.
(() => {
  function open(hash) {
    const step = hash.startsWith("#step-") && document.getElementById(hash.slice(1));
    if (!step) return;
    for (const one of document.querySelectorAll(".step.is-named")) one.classList.remove("is-named");
    step.classList.add("is-named"); // seen even where a filter hides it
    step.querySelector("details").open = true;
    step.scrollIntoView({ block: "nearest" });
    step.querySelector("summary").focus({ preventScroll: true });
  }
  // What was chosen to be shown stays chosen when the list is drawn anew, as of another moment.
  const chosen = new Map();
  const CHOICES = ".only input, #show-followed";
  document.addEventListener("change", ({ target }) => {
    if (target.matches(CHOICES)) for (const one of document.querySelectorAll(CHOICES)) chosen.set(one.id, one.checked);
  });
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const one of document.querySelectorAll(CHOICES)) one.checked = chosen.get(one.id) ?? one.checked;
  });

  addEventListener("hashchange", () => open(location.hash));
  addEventListener("load", () => open(location.hash));
  document.addEventListener("click", ({ target }) => { // the same link again changes no address
    const link = target.closest?.('a[href^="#step-"]');
    const hash = link?.getAttribute("href");
    if (hash && hash === location.hash) open(hash);
  });
})();

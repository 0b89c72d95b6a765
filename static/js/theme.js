// Light or dark before the first paint; "system" when nothing was chosen.
(() => {
  const NAMES = ["system", "light", "dark"];
  const root = document.documentElement;
  const chosen = () => localStorage.getItem("theme") || "system";

  function apply(name) {
    if (name === "system") delete root.dataset.theme;
    else root.dataset.theme = name;
    const label = document.querySelector("[data-theme-name]");
    if (label) label.textContent = name[0].toUpperCase() + name.slice(1);
  }

  apply(chosen());
  document.addEventListener("DOMContentLoaded", () => apply(chosen()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-next]")) return;
    const next = NAMES[(NAMES.indexOf(chosen()) + 1) % NAMES.length];
    localStorage.setItem("theme", next);
    apply(next);
  });
})();

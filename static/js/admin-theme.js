// The admin in the theme that was chosen on the board: one cookie for both. It takes the place of Django's theme.js, which keeps a choice of its own.
(() => {
  const root = document.documentElement;
  const chosen = () => (/(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1] ?? "auto");
  const show = () => { root.dataset.theme = chosen(); };

  // The system's, then the other one, then the system's again by name.
  function next() {
    const [own, other] = matchMedia("(prefers-color-scheme: dark)").matches ? ["dark", "light"] : ["light", "dark"];
    return { auto: other, [other]: own, [own]: "system" }[chosen()];
  }

  show(); // before the first paint
  addEventListener("pageshow", show); // back from the board, where it may have changed
  addEventListener("load", () => {
    for (const button of document.querySelectorAll(".theme-toggle")) button.addEventListener("click", () => {
      document.cookie = `theme=${next()}; path=/; max-age=31536000; samesite=lax`;
      show();
    });
  });
})();

// No click is lost. What is done before the other scripts are here is done again when they are; and a control that moves
// or is replaced while it is pressed, by a live frame or by cards above it that are only now laid out, is clicked all the
// same. Loaded first, and not deferred.
(() => {
  const CONTROLS = "a[href], button, summary, label, input:is([type=checkbox], [type=radio])";
  const NAMES = ["hx-post", "hx-get", "href", "data-verb", "name", "value"]; // by which a control is known again
  const SLIP_MAX = 6; // pixels between down and up; farther means that the press was given up
  const CLICK_MS = 50; // a click follows the release at once, or not at all

  // --- before the other scripts ---------------------------------------------------------------------------------
  // Links, and forms with an action, work without scripts. These do not:
  const NEEDY = "button:is([type=button]:not([popovertarget]), [hx-post], [hx-get])";
  const kept = []; // [element, function that repeats what was done to it], in order
  let isReady = false;

  function keep(element, repeat) {
    if (!kept.some(([one]) => one === element)) kept.push([element, repeat]);
    element.setAttribute("aria-busy", "true");
  }
  function keepClick(event) {
    const button = event.target.closest?.(NEEDY);
    if (isReady || !button) return;
    event.preventDefault();
    keep(button, () => button.click());
  }
  function keepSubmit(event) {
    const form = event.target;
    if (isReady || form.hasAttribute("action") || !form.matches("[hx-post], [hx-get]")) return;
    event.preventDefault();
    keep(form, () => form.requestSubmit(event.submitter));
  }
  function keepChange({ type, target }) {
    if (!isReady) keep(target, () => target.dispatchEvent(new Event(type, { bubbles: type === "change" })));
  }
  addEventListener("click", keepClick, true);
  addEventListener("submit", keepSubmit, true);
  addEventListener("change", keepChange, true);
  addEventListener("toggle", keepChange, true); // of what is fetched when it opens
  addEventListener("DOMContentLoaded", () => { // on the window: htmx listens on the document, and is ready before
    isReady = true;
    for (const [element, repeat] of kept.splice(0)) {
      element.removeAttribute("aria-busy");
      repeat();
    }
  });

  // --- while the button is down ---------------------------------------------------------------------------------
  let press = null;

  addEventListener("pointerdown", ({ target, isPrimary, button, clientX, clientY }) => {
    const control = isPrimary && button === 0 && target.closest?.(CONTROLS);
    press = control ? { control, home: control.parentElement.closest("[id]")?.id, x: clientX, y: clientY, isUp: false } : null;
  }, true);
  addEventListener("pointercancel", () => { press = null; }, true); // a drag or a scroll began
  addEventListener("pointerup", (event) => {
    const ours = press;
    if (!ours) return;
    ours.isUp = true;
    if (Math.hypot(event.clientX - ours.x, event.clientY - ours.y) > SLIP_MAX) press = null;
    // Browsers send no click when the control was removed. On touch none is sent either when the finger stopped a scroll.
    else if (event.pointerType !== "touch") setTimeout(() => { if (press === ours) clickPressed(event); }, CLICK_MS);
  }, true);
  addEventListener("click", (event) => {
    if (!event.isTrusted || !press?.isUp) return;
    if (press.control.contains(event.target)) { press = null; return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    clickPressed(event);
  }, true);

  function clickPressed(event) {
    const { control, home } = press;
    press = null;
    const one = control.isConnected ? control : successor(control, home);
    if (one?.checkVisibility() && !one.matches(":disabled")) one.dispatchEvent(new MouseEvent("click", event));
  }

  function successor(control, home) {
    if (control.id) return document.getElementById(control.id);
    const names = NAMES.filter((name) => control.hasAttribute(name));
    const selector = control.tagName + names.map((name) => `[${name}="${CSS.escape(control.getAttribute(name))}"]`).join("");
    const found = document.getElementById(home)?.querySelectorAll(selector) ?? [];
    return found.length === 1 ? found[0] : null;
  }
})();

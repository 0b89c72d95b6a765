// The list of events: its filter holds for what comes live as well, and the moment that is looked at is marked.
(() => {
  const events = document.getElementById("events");
  const filter = document.getElementById("events-filter");
  if (!events) return;
  const END_PX = 48;
  let moment = null; // the event that the page is as of
  let isAtEnd = true;

  const asked = (name) => filter?.querySelector(`[name=${name}]`)?.value.trim().toLowerCase() ?? "";
  function passes({ dataset, textContent }) {
    const text = asked("text");
    const said = `${dataset.kind} ${dataset.kind.replaceAll("_", " ")} ${textContent}`.toLowerCase();
    return (!asked("group") || dataset.group === asked("group")) && (!asked("step") || dataset.step.toLowerCase() === asked("step")) && said.includes(text);
  }

  const toEnd = () => { events.scrollTop = events.scrollHeight; };
  const lines = () => events.querySelectorAll("li[data-kind]");

  function mark() {
    for (const one of lines()) {
      const seq = Number(one.id.slice("event-".length));
      one.toggleAttribute("data-later", moment !== null && seq > moment);
      if (seq === moment) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
  }

  function show() {
    const current = events.querySelector("[aria-current]");
    if (!current) return;
    const [box, line] = [events.getBoundingClientRect(), current.getBoundingClientRect()];
    if (line.top < box.top || line.bottom > box.bottom) events.scrollTop += line.top - box.top - box.height / 2;
  }

  events.addEventListener("replay:moved", ({ detail }) => {
    moment = detail.seq;
    mark();
    if (moment === null) toEnd();
    else show();
  });
  events.addEventListener("scroll", () => { isAtEnd = events.scrollHeight - events.scrollTop - events.clientHeight < END_PX; }, { passive: true });
  events.addEventListener("live:appended", () => {
    for (const one of events.querySelectorAll("li[data-kind]:not([data-seen])")) {
      one.dataset.seen = "";
      one.hidden = !passes(one);
      htmx.process(one);
    }
    if ([...lines()].some((one) => !one.hidden)) events.querySelector(".events-none")?.remove();
    if (isAtEnd) toEnd();
  });
  events.addEventListener("htmx:afterSwap", ({ target }) => {
    mark();
    if (target === events) toEnd();
  });

  for (const one of lines()) one.dataset.seen = "";
  toEnd();
})();

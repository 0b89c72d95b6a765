// The log: lines of one step join into one block, the end stays in sight while "Follow" is on, old lines go.
(() => {
  const SHOWN_MAX = 4 * 1024 * 1024; // characters
  const END_PX = 24;
  const log = document.getElementById("log");
  const follow = document.getElementById("follow");
  if (!log) return;
  let shown = 0;

  function join(block) {
    const before = block.previousElementSibling;
    const isSame = before?.matches(".log-block") && before.dataset.step === block.dataset.step && before.dataset.attempt === block.dataset.attempt;
    shown += block.textContent.length;
    if (!isSame) return;
    before.querySelector(".log-text").append(...block.querySelector(".log-text").childNodes);
    block.remove();
  }

  function trim() {
    while (shown > SHOWN_MAX) {
      const oldest = log.querySelector(".log-text > *");
      if (!oldest) return;
      shown -= oldest.textContent.length;
      const text = oldest.parentElement;
      oldest.remove();
      if (!text.children.length) text.closest(".log-block").remove();
    }
  }

  const toEnd = () => { if (follow.checked) log.scrollTop = log.scrollHeight; };

  function take() {
    for (const block of log.querySelectorAll(".log-block:not([data-taken])")) {
      block.dataset.taken = "";
      join(block);
    }
    trim();
    toEnd();
  }

  take();
  log.addEventListener("live:appended", take);
  follow.addEventListener("change", toEnd);
  log.addEventListener("scroll", () => {
    follow.checked = log.scrollHeight - log.scrollTop - log.clientHeight < END_PX;
  }, { passive: true });
})();

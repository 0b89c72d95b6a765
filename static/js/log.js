// The log: numbered lines in a viewport that scrolls as if all of them were there. Only a window of them is; what is
// above and below is space, and is fetched when it comes into sight.
(() => {
  const PAGE = 200, WINDOW = 800; // lines that are fetched at once, and that are kept
  const TALLEST = 8e6; // pixels: beyond, browsers do not scroll
  const AHEAD = 800, END = 24; // pixels
  const SETTLED = 80; // milliseconds without scrolling

  class LogPane extends HTMLElement {
    connectedCallback() {
      if (this.view) return;
      const find = (selector) => this.querySelector(selector);
      this.view = find(".log");
      this.lines = find(".log-lines");
      [this.above, this.below] = this.querySelectorAll(".log-space");
      this.follow = find("#follow");
      this.onlooker = new ResizeObserver(() => { this.space(); if (this.follow.checked && this.end > this.total) this.view.scrollTop = this.view.scrollHeight; });
      this.onlooker.observe(this.view);
      this.view.addEventListener("scroll", () => { this.looking ??= requestAnimationFrame(() => this.scrolled()); }, { passive: true });
      this.view.addEventListener("keydown", (event) => this.typed(event));
      this.follow.addEventListener("change", () => this.follow.checked && this.toEnd());
      this.take(this.lines, "anew");
      this.view.scrollTop = this.view.scrollHeight;
      const asked = /^#L(\d+)$/.exec(location.hash);
      if (asked) this.goTo(Number(asked[1]));
      this.dispatchEvent(new CustomEvent("log:here", { bubbles: true }));
    }

    disconnectedCallback() {
      this.job?.abort();
      clearTimeout(this.settling);
      this.onlooker.disconnect();
    }

    // --- what is asked for ----------------------------------------------------------------------------------------
    address(piece, asked = {}) {
      const url = new URL(`${this.dataset.log}${piece}`, location);
      const { step, attempt, until } = this.dataset;
      for (const [name, value] of Object.entries({ step, attempt, until, ...asked })) if (value !== "" && value != null) url.searchParams.set(name, value);
      return url;
    }

    async fetch(piece, asked, signal) {
      const answer = await fetch(this.address(piece, asked), { signal });
      if (answer.redirected) location.reload(); // signed out: the server leads to the sign-in page
      if (!answer.ok) throw new Error(`The log did not load (${answer.status}).`);
      return answer;
    }

    async fetchLines(asked, signal) {
      const template = document.createElement("template");
      template.innerHTML = await (await this.fetch("/lines", asked, signal)).text();
      return template.content.firstElementChild;
    }

    // One at a time: a newer wish ends the one before. What fails is said, and can be tried again.
    async work(doing) {
      this.job?.abort();
      const job = (this.job = new AbortController());
      this.view.setAttribute("aria-busy", "true");
      try {
        await doing(job.signal);
        this.fail("");
      } catch (error) {
        if (job.signal.aborted) return;
        this.again = () => this.work(doing);
        this.fail(error instanceof TypeError ? "The log did not load: no connection." : error.message);
      } finally {
        if (this.job === job) {
          this.job = null;
          this.view.removeAttribute("aria-busy");
        }
      }
      if (!this.again) this.look();
    }

    fail(words) {
      const box = this.querySelector(".log-failed");
      box.hidden = !words;
      box.firstElementChild.textContent = words;
      if (!words) this.again = null;
    }

    // --- the window -----------------------------------------------------------------------------------------------
    get end() { return this.first + this.lines.childElementCount; } // the number after the last line here

    take(fresh, where) {
      const rows = [...fresh.children], first = Number(fresh.dataset.first);
      this.total = Number(fresh.dataset.total);
      this.keep(() => {
        if (where === "anew") this.lines.replaceChildren(...rows);
        if (where === "below") {
          while (this.lines.lastElementChild && this.end > first) this.lines.lastElementChild.remove();
          this.lines.append(...rows);
        }
        if (where === "above") this.lines.prepend(...rows.slice(0, this.first - first));
        if (where === "anew" || where === "above") this.first = first;
        this.trim(where);
      });
      this.say(fresh);
    }

    trim(where) {
      for (let surplus = this.lines.childElementCount - WINDOW; surplus > 0; surplus--) {
        if (where === "above") this.lines.lastElementChild.remove();
        else { this.lines.firstElementChild.remove(); this.first++; }
      }
    }

    // What one reads stays where it is, whatever changes around it.
    keep(change) {
      const edge = this.view.getBoundingClientRect().top;
      const anchor = [...this.lines.children].find((row) => row.getBoundingClientRect().bottom > edge);
      const before = anchor?.getBoundingClientRect().top;
      change();
      this.space();
      if (anchor?.isConnected) this.view.scrollTop += anchor.getBoundingClientRect().top - before;
    }

    space() {
      const count = this.lines.childElementCount;
      this.lines.style.setProperty("--digits", Math.max(3, String(this.total).length));
      this.unit = Math.min(count ? this.lines.offsetHeight / count : 18, TALLEST / Math.max(1, this.total));
      this.above.style.height = `${(this.first - 1) * this.unit}px`;
      this.below.style.height = `${Math.max(0, this.total - this.end + 1) * this.unit}px`;
    }

    say(fresh) {
      this.querySelector("[data-log-total]").textContent = this.total.toLocaleString("en");
      this.querySelector(".log-note").textContent = fresh.dataset.note;
      this.tellNew();
      this.dispatchEvent(new CustomEvent("log:shown", { bubbles: true, detail: { isWhole: !("more" in fresh.dataset) } }));
    }

    get top() { // the number of the first line that is seen
      const edge = this.view.getBoundingClientRect().top + 1;
      const row = [...this.lines.children].find((one) => one.getBoundingClientRect().bottom > edge);
      return row ? Number(row.id.slice(1)) : 1;
    }

    // --- scrolling ------------------------------------------------------------------------------------------------
    get atEnd() { return this.end > this.total && this.view.scrollHeight - this.view.scrollTop - this.view.clientHeight < END; }

    scrolled() {
      this.looking = null;
      const { scrollTop } = this.view;
      if (this.atEnd) this.follow.checked = true;
      else if (scrollTop < this.lastTop - 1) this.follow.checked = false; // up, and by hand
      this.lastTop = scrollTop;
      this.tellNew();
      this.dispatchEvent(new CustomEvent("log:scrolled", { bubbles: true }));
      this.look();
    }

    look() {
      if (this.job || !this.total) return;
      const { scrollTop, clientHeight, scrollHeight } = this.view;
      const from = this.above.offsetHeight, to = from + this.lines.offsetHeight;
      clearTimeout(this.settling);
      if (scrollTop + clientHeight <= from) this.settle(Math.floor(scrollTop / this.unit) + 1);
      else if (scrollTop >= to) this.settle(scrollTop + clientHeight >= scrollHeight - 1 ? this.total : this.end + Math.floor((scrollTop - to) / this.unit));
      else if (scrollTop < from + AHEAD && this.first > 1) this.extend("above", Math.max(1, this.first - PAGE), Math.min(PAGE, this.first - 1));
      else if (scrollTop + clientHeight > to - AHEAD && this.end <= this.total) this.extend("below", this.end, PAGE);
    }

    // Far from the window: where scrolling comes to rest, for to touch its place in mid-way would stop it there.
    settle(number) { this.settling = setTimeout(() => this.show(number), SETTLED); }

    extend(where, from, count) {
      this.work(async (signal) => {
        const fresh = await this.fetchLines({ from, count }, signal);
        const came = fresh.childElementCount; // fewer than were asked for, where lines are long
        this.take(fresh, where === "above" && from + came < this.first ? "anew" : where);
        if (!came) this.total = this.end - 1; // or it would be asked for again and again
      });
    }

    // Brings the line to the top of what is seen, or with `share` further down.
    show(number, share = 0) {
      return this.work(async (signal) => {
        const from = Math.max(1, Math.min(number - PAGE / 4, this.total - PAGE + 1));
        this.take(await this.fetchLines({ from, count: PAGE * 2 }, signal), "anew");
        if (!this.row(number) && number <= this.total) this.take(await this.fetchLines({ from: number, count: PAGE }, signal), "anew");
        this.scrollTo(number, share);
      });
    }

    row(number) { return this.lines.children[number - this.first]; }

    scrollTo(number, share) {
      const row = this.row(Math.min(number, this.total));
      if (row) this.view.scrollTop = row.offsetTop - this.view.clientHeight * share;
    }

    async goTo(number) {
      this.follow.checked = false;
      if (this.row(number)) this.scrollTo(number, 0.3);
      else await this.show(number, 0.3);
      this.lines.querySelector("[aria-current]")?.removeAttribute("aria-current");
      const row = this.row(Math.min(number, this.total));
      row?.setAttribute("aria-current", "true");
      row?.scrollIntoView({ block: "nearest" }); // the page too: a pane that is as high as its lines may end below the fold
    }

    // --- both ends ---------------------------------------------------------------------------------------------------
    typed(event) { // a browser that glides over a million lines would pass them all
      if (!["Home", "End"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      event.preventDefault();
      if (event.key === "End") return this.toEnd();
      this.follow.checked = false;
      if (this.first === 1) this.view.scrollTop = 0;
      else this.show(1);
    }

    toEnd() {
      this.follow.checked = true;
      if (this.end > this.total) { this.view.scrollTop = this.view.scrollHeight; this.tellNew(); }
      else this.reload();
    }

    reload() {
      return this.work(async (signal) => {
        this.take(await this.fetchLines({}, signal), "anew");
        this.view.scrollTop = this.view.scrollHeight;
      });
    }

    tellNew() {
      if (this.atEnd || this.seen == null || this.follow.checked) this.seen = this.total;
      const fresh = this.total - this.seen, button = this.querySelector(".log-new");
      button.hidden = fresh <= 0;
      button.textContent = `${fresh.toLocaleString("en")} new ${fresh === 1 ? "line" : "lines"}`;
    }
  }

  customElements.define("log-pane", LogPane);
})();

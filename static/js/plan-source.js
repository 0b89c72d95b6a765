// The field in which a plan is written: Tab indents, Enter keeps the indentation, a problem's place leads to its line.
// Escape, then Tab, leaves the field: who writes without a mouse must get out.
"use strict";
(() => {
  const INDENT = "  ";

  function start() {
    const field = document.querySelector("textarea[data-source]");
    if (!field) return;
    let leaves = false;
    field.addEventListener("keydown", (event) => {
      if (event.key === "Tab" && !leaves && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        event.shiftKey ? outdent(field) : indent(field);
      } else if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        write("\n" + /^[ ]*/.exec(lineBefore(field))[0]);
      }
      leaves = event.key === "Escape" || (leaves && event.key === "Shift");
    });
    for (const link of document.querySelectorAll("a[data-line]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        goTo(field, Number(link.dataset.line), Number(link.dataset.column));
      });
    }
    const place = document.querySelector("[data-source-place]");
    const show = () => { if (place) place.textContent = placeOf(field); };
    for (const kind of ["keyup", "click", "input", "select", "focus"]) field.addEventListener(kind, show);
  }

  // execCommand is the one way to change a field that the browser's undo knows.
  function write(text) {
    document.execCommand(text ? "insertText" : "delete", false, text);
  }

  function lineBefore(field) {
    return field.value.slice(field.value.lastIndexOf("\n", field.selectionStart - 1) + 1, field.selectionStart);
  }

  function indent(field) {
    if (field.selectionStart === field.selectionEnd) return write(INDENT);
    changeLines(field, (line) => (line ? INDENT + line : line));
  }

  function outdent(field) {
    changeLines(field, (line) => line.replace(/^ {1,2}/, ""));
  }

  function changeLines(field, change) {
    const from = field.value.lastIndexOf("\n", field.selectionStart - 1) + 1;
    const next = field.value.indexOf("\n", Math.max(field.selectionEnd - 1, field.selectionStart));
    const to = next < 0 ? field.value.length : next;
    const text = field.value.slice(from, to).split("\n").map(change).join("\n");
    if (text === field.value.slice(from, to)) return;
    field.setSelectionRange(from, to);
    write(text);
    field.setSelectionRange(from, from + text.length);
  }

  function goTo(field, line, column) {
    const lines = field.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    field.focus({ preventScroll: true });
    field.setSelectionRange(start + column - 1, start + (lines[line - 1] || "").length);
    const height = parseFloat(getComputedStyle(field).lineHeight);
    field.scrollTop = Math.max(0, (line - 6) * height);
    field.scrollIntoView({ block: "center" });
    field.dispatchEvent(new Event("select"));
  }

  function placeOf(field) {
    const before = field.value.slice(0, field.selectionStart).split("\n");
    return `Line ${before.length}, column ${before[before.length - 1].length + 1}`;
  }

  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();
})();

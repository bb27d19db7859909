(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const form = document.querySelector(".filters");
  const tables = [...document.querySelectorAll("table.claims")];
  const rows = [...document.querySelectorAll("table.claims tr[data-v]")];
  const fields = { q: at("q"), s: at("fs"), v: at("fv"), m: at("fm"), a: at("fa") };
  const text = new Map();
  const has = (list, wanted) => wanted === "" || list.split(" ").includes(wanted);
  const found = (row, words) => {
    if (!words.length) return true;
    if (!text.has(row)) text.set(row, row.textContent.toLowerCase());
    return words.every((word) => text.get(row).includes(word));
  };
  const apply = () => {
    const words = fields.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const suite = row.closest("table").dataset.s;
      const keep = (fields.s.value === "" || suite === fields.s.value)
        && (fields.v.value === "" || row.dataset.v === fields.v.value)
        && has(row.dataset.m, fields.m.value) && has(row.dataset.a, fields.a.value) && found(row, words);
      row.hidden = !keep;
      shown += keep;
    }
    const filtered = Object.values(fields).some((f) => f.value !== "");
    for (const table of tables) table.hidden = !table.querySelector("tbody tr:not([hidden])");
    for (const suite of document.querySelectorAll(".suite")) {
      suite.hidden = filtered && !suite.querySelector("table.claims:not([hidden])");
    }
    at("shown").textContent = filtered ? `${shown} of ${rows.length} claims` : "";
    const state = new URLSearchParams();
    for (const [key, field] of Object.entries(fields)) if (field.value) state.set(key, field.value);
    try { history.replaceState(null, "", filtered ? `#${state}` : location.pathname); } catch { /* some viewers forbid it */ }
  };
  if (rows.length > 1) form.hidden = false;
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const [key, field] of Object.entries(fields)) {
    field.value = asked.get(key) ?? field.value;
    field.addEventListener("input", apply);
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); fields.q.focus(); }
  });
  window.addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details.assumed")) d.open = true; });
  if (Object.values(fields).some((f) => f.value !== "")) apply();
})();

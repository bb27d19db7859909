(() => {
  "use strict";
  const at = (id) => document.getElementById(id);
  const form = document.querySelector(".filters");
  const tables = [...document.querySelectorAll("table.claims")];
  const rows = [...document.querySelectorAll("table.claims tr[data-m]")];
  const fields = Object.entries({ q: at("q"), s: at("fs"), v: at("fv"), m: at("fm"), a: at("fa"), p: at("fp") }).filter(([, field]) => field);
  const text = new Map();
  const has = (list, wanted) => (list ?? "").split(" ").includes(wanted);
  const found = (row, words) => {
    if (!text.has(row)) text.set(row, `${row.textContent} ${row.querySelector("a").getAttribute("href")}`.toLowerCase());
    return words.every((word) => text.get(row).includes(word));
  };
  const apply = () => {
    const wanted = fields.filter(([, field]) => field.value !== "");
    const keeps = (row) => wanted.every(([key, field]) => {
      if (key === "q") return found(row, field.value.toLowerCase().split(/\s+/).filter(Boolean));
      return has({ s: row.closest("table").dataset.s, v: row.className }[key] ?? row.dataset[key], field.value);
    });
    let shown = 0;
    for (const row of rows) shown += !(row.hidden = !keeps(row));
    for (const table of tables) table.hidden = !table.querySelector("tbody tr:not([hidden])");
    for (const suite of document.querySelectorAll(".suite")) {
      suite.hidden = wanted.length > 0 && !suite.querySelector("table.claims:not([hidden])");
    }
    at("shown").textContent = wanted.length ? `${shown} of ${rows.length} claims` : "";
    return wanted;
  };
  const remember = (wanted) => {
    const state = new URLSearchParams(wanted.map(([key, field]) => [key, field.value]));
    try { history.replaceState(null, "", wanted.length ? `#${state}` : location.pathname); } catch { /* some viewers forbid it */ }
  };
  const choose = (state) => {
    const asked = new URLSearchParams(state);
    for (const [key, field] of fields) field.value = asked.get(key) ?? "";
    apply();
  };
  if (rows.length > 1) form.hidden = false;
  if (/[=]/.test(location.hash)) choose(location.hash.slice(1)); else apply();
  for (const [, field] of fields) field.addEventListener("input", () => remember(apply()));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-filter]");
    if (!link) return;
    event.preventDefault();
    choose(link.dataset.filter);
    remember(fields.filter(([, field]) => field.value !== ""));
    document.querySelector(".suite:not([hidden])")?.scrollIntoView();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); fields[0][1].focus(); }
  });
  window.addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details.assumed")) d.open = true; });
})();

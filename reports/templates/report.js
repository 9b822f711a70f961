"use strict";
const all = () => document.querySelectorAll("main details");
for (const button of document.querySelectorAll("[data-open]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const part of all()) part.open = button.dataset.open === "yes";
  });
}
const filter = document.getElementById("filter");
if (filter) {
  filter.closest("[hidden]").hidden = false;
  const rows = document.querySelectorAll("[data-filter] tbody tr");
  const told = document.getElementById("filter-told");
  const state = document.getElementById("filter-state");
  const look = () => {
    const wanted = filter.value.trim().toLowerCase();
    const only = state ? state.value : "";
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted) || (only && row.dataset.state !== only);
      if (!row.hidden) shown += 1;
    }
    told.textContent = wanted || only ? shown + " of " + rows.length + " rows" : "";
  };
  filter.addEventListener("input", look);
  if (state) state.addEventListener("change", look);
}
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...all()].filter((part) => !part.open);
  for (const part of closed) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of closed) part.open = false;
});

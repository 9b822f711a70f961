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
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    told.textContent = wanted ? shown + " of " + rows.length + " rows" : "";
  });
}
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...all()].filter((part) => !part.open);
  for (const part of closed) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of closed) part.open = false;
});

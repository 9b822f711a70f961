const made = document.querySelector("[data-age]");
if (made) {
  const days = Math.floor((Date.now() - Date.parse(made.dateTime)) / 86400000);
  if (days >= 2) {
    const told = document.createElement("strong");
    told.textContent = ", " + days + " days ago";
    made.after(told);
  }
}
// On narrow screens rows become cards, and browsers then forget that they are a table.
const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
for (const table of document.querySelectorAll("table.cards, table.fields")) {
  for (const part of [table, ...table.querySelectorAll("thead, tbody, tr, td")]) part.setAttribute("role", roles[part.tagName]);
  for (const head of table.querySelectorAll("th")) head.setAttribute("role", head.scope === "col" ? "columnheader" : "rowheader");
}

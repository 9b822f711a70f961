// The clinic's own page counter: its own host, no cookie, no identifier, nothing about the person.
addEventListener("load", () => {
  const seen = JSON.stringify({ path: location.pathname, width: innerWidth });
  fetch("/api/visits", { method: "POST", headers: { "Content-Type": "application/json" }, body: seen, keepalive: true });
});

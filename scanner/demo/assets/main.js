// Stands in for the tag's library: the requests of the real one (endpoints, parameters), in code of our own.
(function () {
  var ENDPOINT = "https://ct.pinterest.com/";
  var tag = null;
  var person = {};
  var ready = Promise.resolve();

  function browserId() {
    var key = "_pin_unauth";
    var found = document.cookie.match(/(?:^|; )_pin_unauth=([^;]+)/);
    var id = found ? found[1] : btoa("uid=" + crypto.randomUUID()).replace(/=+$/, "");
    document.cookie = key + "=" + id + "; max-age=31536000; path=/; samesite=lax; secure";
    localStorage.setItem(key + "_ls", JSON.stringify({ value: id, expiry: Date.now() + 31536e6 }));
    return id;
  }

  function sha256(text) {
    return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)).then(function (digest) {
      return Array.from(new Uint8Array(digest), function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
    });
  }

  function automatic() {
    return { loc: location.href, ref: document.referrer, if: false, sh: screen.height, sw: screen.width, mh: "7c1e04b2", is_eu: false };
  }

  function address(path, event, more, dep) {
    var query = new URLSearchParams({ tid: tag });
    if (event) query.set("event", event);
    if (more) query.set("ed", JSON.stringify(more));
    query.set("pd", JSON.stringify(person));
    query.set("ad", JSON.stringify(automatic()));
    query.set("dep", dep || "2,PAGE_LOAD");
    query.set("cb", Date.now());
    return ENDPOINT + path + "?" + query;
  }

  // Automatic enhanced match: whatever stands in an e-mail or telephone field goes along, hashed.
  function scrape() {
    var fields = { aem: "input[type=email]", aem_ph: "input[type=tel]" };
    return Promise.all(Object.keys(fields).map(function (key) {
      var field = document.querySelector(fields[key]);
      if (!field || !field.value) return null;
      person.aem_eligible_list = (person.aem_eligible_list || []).concat(key === "aem" ? "email" : "phone");
      return sha256(field.value.trim().toLowerCase()).then(function (hash) { person[key] = hash; });
    }));
  }

  function send(event, more) {
    var url = address("v3/", event, more, person.aem ? "1,LISTENER_SCRAPE" : "2,PAGE_LOAD");
    if (url.length < 2048) { new Image().src = url; return; }
    var parts = new URL(url);
    fetch(parts.origin + parts.pathname, { method: "POST", body: parts.searchParams, keepalive: true, mode: "no-cors" });
  }

  var commands = {
    load: function (id, given) {
      tag = id;
      person = Object.assign({ pin_unauth: browserId() }, given);
      ready = scrape().then(function () {
        return fetch(address("user/"), { credentials: "include" }).catch(function () {});
      });
    },
    page: function () { ready.then(function () { send("pagevisit"); }); },
    track: function (event, more) { ready.then(function () { send(event, more); }); }
  };

  function run(call) { if (commands[call[0]]) commands[call[0]].apply(null, Array.prototype.slice.call(call, 1)); }

  window.pintrk.queue.forEach(run);
  window.pintrk.queue = { push: run };
})();

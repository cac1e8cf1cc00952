// Makes a page that is open follow what happens: whenever a machine changes, the part with the id `live`
// is fetched anew, at once and then at most once a second. Without it the page is the same, once loaded.
"use strict";
(() => {
  const part = document.getElementById("live");
  const state = document.getElementById("live-state");
  if (!part || !window.EventSource) return;
  const only = part.dataset.machine;
  const PAUSE = 1000;
  let busy = false;
  let again = false;

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("live");
        if (fresh) swap(fresh);
      }
    } catch (error) {
      // The stream tells when the server is gone.
    }
    setTimeout(() => {
      busy = false;
      if (again) { again = false; refresh(); }
    }, PAUSE);
  }

  // Keeps what the reader has opened and where the keyboard is.
  function swap(fresh) {
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focus = document.activeElement && document.activeElement.id;
    part.replaceChildren(...fresh.childNodes);
    for (const id of open) {
      const one = document.getElementById(id);
      if (one) one.open = true;
    }
    const focused = focus && document.getElementById(focus);
    if (focused) focused.focus({ preventScroll: true });
  }

  const stream = new EventSource("/api/v1/stream");
  stream.addEventListener("open", () => { state.textContent = "live"; });
  stream.addEventListener("error", () => { state.textContent = "not live: the server does not answer"; });
  stream.addEventListener("machine", (event) => {
    if (!only || JSON.parse(event.data).machine === only) refresh();
  });
  // Times and time left go on without any event.
  setInterval(refresh, 15000);
})();

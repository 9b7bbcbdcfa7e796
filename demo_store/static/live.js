// Keeps a panel true: server-sent events first, polling when a stream is refused or breaks. It decides nothing.
const POLL_MS = 2000;

function show(root, state) {
  const panel = root.querySelector("[data-live-panel]");
  const busy = panel.querySelector("details[open]");
  if (!busy || state.status !== root.dataset.status) panel.innerHTML = state.html;
  const said = panel.querySelector("[data-say]");
  const say = root.querySelector("[data-live-say]");
  if (said && say.textContent !== said.dataset.say) say.textContent = said.dataset.say;
  if ("tone" in state) root.dataset.tone = state.tone;
  root.dataset.status = state.status;
  root.dispatchEvent(new CustomEvent("live-state", { detail: state }));
}

function poll(root) {
  const ask = async () => {
    try {
      const answer = await fetch(root.dataset.poll, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const state = await answer.json();
        show(root, state);
        if (state.final) return;
      }
    } catch { /* the network is away: ask again */ }
    setTimeout(ask, POLL_MS);
  };
  ask();
}

export function follow(root) {
  if (!("EventSource" in window)) return poll(root);
  const source = new EventSource(root.dataset.stream);
  source.addEventListener("state", (message) => {
    const state = JSON.parse(message.data);
    show(root, state);
    if (state.final) source.close();
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) poll(root);
  });
  window.addEventListener("pagehide", () => source.close());
}

for (const root of document.querySelectorAll("[data-live]:not([data-final])")) follow(root);

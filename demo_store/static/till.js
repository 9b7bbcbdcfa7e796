// The till's comforts: keypad, plan table while typing, countdown, print. Every one of them works without this file too.
import "./live.js";

function typed(field, key) {
  if (key === "back") return field.value.slice(0, -1);
  const next = field.value + key;
  return /^\d{0,9}(\.\d{0,2})?$/.test(next) ? next : field.value;
}

function startTill(form) {
  const field = form.querySelector("#amount");
  const plans = form.querySelector("[data-plans]");
  let asked = 0;
  let timer = 0;
  const renew = async () => {
    const mine = ++asked;
    const address = `${form.dataset.offers}?amount=${encodeURIComponent(field.value)}`;
    try {
      const answer = await fetch(address);
      if (answer.ok && mine === asked) plans.innerHTML = await answer.text();
    } catch { /* the form still works; the server prices it again */ }
  };
  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(renew, 250);
  };
  const keys = form.querySelector("[data-keys]");
  keys.hidden = false;
  keys.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]")?.dataset.key;
    if (!key) return;
    field.value = typed(field, key);
    changed();
  });
  field.addEventListener("input", changed);
  for (const item of form.querySelectorAll("[data-amount]")) {
    item.addEventListener("click", (event) => {
      event.preventDefault();
      field.value = item.dataset.amount;
      item.closest("details").open = false;
      changed();
    });
  }
  form.addEventListener("submit", () => {
    form.querySelector("[data-go]").setAttribute("aria-busy", "true");
  });
}

function startCountdown(root) {
  const face = root.querySelector("[data-countdown]");
  if (!face) return;
  let endsAt = null;
  root.addEventListener("live-state", (event) => {
    if ("remaining_seconds" in event.detail) endsAt = performance.now() + event.detail.remaining_seconds * 1000;
  });
  setInterval(() => {
    if (endsAt === null) return;
    const left = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
    const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    face.hidden = false;
    face.querySelector("[role=timer]").textContent = text;
  }, 500);
}

const form = document.querySelector("[data-till]");
if (form) startTill(form);
for (const root of document.querySelectorAll("[data-live]")) startCountdown(root);
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

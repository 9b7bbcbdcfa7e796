// Adds waiting to pages that work without it: busy buttons, the reading time's countdown, looking again; and tells that a text was scrolled to its end. It decides nothing.
const LOOK_AGAIN_MS = 1500;
const SLOW_MS = 6000;

function busy(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
    const button = form.querySelector("button[type=submit]");
    button.setAttribute("aria-disabled", "true");
    button.dataset.label = button.textContent;
    button.textContent = button.dataset.busyText;
    const slow = form.querySelector("[data-slow]");
    if (slow) setTimeout(() => { slow.textContent = slow.dataset.slow; }, SLOW_MS);
  });
}

// The back button can show a page as it was when its form was sent.
function wake(form) {
  const button = form.querySelector("button[type=submit]");
  delete form.dataset.sent;
  button.removeAttribute("aria-disabled");
  if (button.dataset.label) button.textContent = button.dataset.label;
}

function countDown(button) {
  const label = button.textContent;
  const ends = performance.now() + Number(button.dataset.readingSeconds) * 1000;
  const tick = () => {
    const left = Math.ceil((ends - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? button.dataset.readingText.replace("{seconds}", left) : label;
    if (left > 0) setTimeout(tick, 250);
  };
  tick();
}

function lookAgain() {
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.url !== location.href || !page.querySelector("[data-wait]")) return location.replace(answer.url);
    } catch { /* the network is away: look again */ }
    lookAgain();
  }, LOOK_AGAIN_MS);
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  busy(form);
  window.addEventListener("pageshow", (event) => { if (event.persisted) wake(form); });
}
for (const button of document.querySelectorAll("button[data-reading-seconds]")) {
  if (Number(button.dataset.readingSeconds) > 0) countDown(button);
}
// What was scrolled into sight is told with the form: the field says 0 until the end of the text was seen.
for (const field of document.querySelectorAll("input[name=scrolled]")) {
  field.value = "0";
  const seen = new IntersectionObserver((parts) => {
    if (parts.some((part) => part.isIntersecting)) { field.value = "1"; seen.disconnect(); }
  });
  seen.observe(field.form);
}
if (document.querySelector("[data-wait]")) lookAgain();
const problem = document.querySelector(".problem");
if (problem) problem.scrollIntoView({ block: "center" });

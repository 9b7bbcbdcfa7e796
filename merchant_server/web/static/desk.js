// Keeps the desk's panels as the server has them: asks every second while somebody looks, and puts in only what changed.
// Without it the page works by links and forms; it never draws anything itself.

const PAUSE_MS = 1000;
const PATIENCE_MS = 12000;
const NEWS_MS = 5000;
const boards = document.querySelector("[data-panels]");
const state = document.getElementById("state");
let tag = "";
let timer = 0;
let looking = false;
let newsUntil = 0;

function say(which, isNews = false) {
  const now = performance.now();
  if (state.dataset.now === which || (now < newsUntil && !isNews)) return;
  if (isNews) newsUntil = now + NEWS_MS;
  state.dataset.now = which;
  state.textContent = state.dataset[which];
}

function isBeingRead(panel) {
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && panel.contains(selection.anchorNode));
}

function newestMessage(panel) {
  return Number(panel.querySelector("[data-newest]")?.dataset.newest ?? 0);
}

function put(panel, fresh) {
  const focused = panel.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  const message = newestMessage(panel) < newestMessage(fresh);
  panel.replaceChildren(...fresh.childNodes);
  panel.dataset.version = fresh.dataset.version;
  if (focused !== undefined) {
    const same = panel.querySelector(`[data-focus="${CSS.escape(focused)}"]`);
    (same ?? panel).focus({ preventScroll: true });
  }
  panel.classList.remove("fresh");
  void panel.offsetWidth;
  panel.classList.add("fresh");
  if (message) say("message", true);
}

// Returns false when a panel was left as it is because somebody is copying from it.
function show(html) {
  const told = new DOMParser().parseFromString(html, "text/html");
  let all = true;
  for (const fresh of told.querySelectorAll("[data-panel]")) {
    const panel = document.getElementById(fresh.id);
    if (!panel || panel.dataset.version === fresh.dataset.version) continue;
    if (isBeingRead(panel)) all = false;
    else put(panel, fresh);
  }
  return all;
}

async function look() {
  clearTimeout(timer);
  if (looking || document.hidden) return;
  looking = true;
  try {
    const answer = await fetch(boards.dataset.panels, {
      headers: tag ? { "If-None-Match": tag } : {},
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 200) {
      const all = show(await answer.text());
      tag = all ? answer.headers.get("ETag") ?? "" : "";
    } else if (answer.status !== 304) {
      throw new Error(String(answer.status));
    }
    say("live");
  } catch {
    say("lost");
  } finally {
    looking = false;
    timer = setTimeout(look, PAUSE_MS);
  }
}

async function send(event) {
  const form = event.target;
  if (!boards.contains(form)) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  if (event.submitter?.name) body.set(event.submitter.name, event.submitter.value);
  try {
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
    look();
  } catch {
    say("failed", true);
  }
}

document.addEventListener("visibilitychange", look);
document.addEventListener("submit", send);
look();

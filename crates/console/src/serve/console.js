// The console's only script: keys, theme, live figures, lines of logs, actions. Pages work without it.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = (name, value) => {
    try { if (value === undefined) return localStorage.getItem(name); localStorage.setItem(name, value); } catch { /* private window */ }
    return null;
  };
  // Before the first paint, so that no page flashes in the other theme.
  if (kept("theme")) root.dataset.theme = kept("theme");
  const toggleTheme = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    kept("theme", root.dataset.theme);
  };

  const all = (what) => [...document.querySelectorAll(what)];
  const seen = (list) => list.filter((own) => own.checkVisibility());

  addEventListener("DOMContentLoaded", () => {
    document.querySelector("[data-theme-toggle]")?.addEventListener("click", toggleTheme);
    const off = document.querySelector("[data-keys-off]");
    if (off) {
      off.checked = kept("keys") === "off";
      off.addEventListener("change", () => kept("keys", off.checked ? "off" : "on"));
    }
    for (const own of all("[data-copy-json]")) {
      own.hidden = false;
      own.addEventListener("click", copyJson);
    }
    for (const own of all("[data-do]")) own.addEventListener("click", () => act(own));
    for (const own of all("[data-send]")) own.addEventListener("click", () => send(own));
    live();
  });

  async function copyJson() {
    const link = document.querySelector(".foot > a");
    if (!link) return;
    const text = await (await fetch(link.href)).text();
    await navigator.clipboard?.writeText(text);
  }

  // An action asks once, says what it will do, and can be pressed twice: its key makes it one.
  function act(button) {
    const dialog = document.createElement("dialog");
    const says = button.parentElement.querySelector("span")?.textContent ?? button.closest("li")?.querySelector(".what")?.textContent ?? "";
    const text = document.createElement("p");
    const key = crypto.randomUUID();
    text.textContent = button.textContent + ": " + says;
    const row = document.createElement("div");
    const go = document.createElement("button");
    const leave = document.createElement("button");
    for (const [own, label] of [[go, button.textContent], [leave, "Leave it"]]) {
      own.className = "button";
      own.textContent = label;
      row.append(own);
    }
    dialog.append(text, row);
    document.body.append(dialog);
    leave.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    go.addEventListener("click", async () => {
      go.disabled = true;
      const answer = await fetch("/api/v1/actions", {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: JSON.stringify({ do: button.dataset.do, id: button.dataset.id }),
      }).then((own) => own.json(), () => ({ message: "the console does not answer" }));
      text.textContent = answer.said ?? (answer.code ? answer.code + ": " : "") + answer.message;
      go.remove();
      leave.textContent = "Close";
      // What it brought about is on the page that is made next.
      if (answer.said) dialog.addEventListener("close", () => location.reload());
    });
    dialog.showModal();
  }

  // Tries an operation of a service; what came back stands below the button until the next try.
  async function send(button) {
    const box = button.closest("[data-call]");
    const told = box.querySelector("[data-answer]");
    const parameters = {};
    for (const own of box.querySelectorAll("[data-parameter]")) parameters[own.dataset.parameter] = own.value;
    const { service, method, path } = box.dataset;
    const body = box.querySelector("[data-body]")?.value ?? "";
    button.disabled = true;
    const answer = await fetch("/api/v1/calls", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ service, method, path, parameters, body }),
    }).then((own) => own.json(), () => ({ message: "the console does not answer" }));
    button.disabled = false;
    const head = document.createElement("p");
    const text = document.createElement("pre");
    const refused = answer.status === undefined;
    head.textContent = refused ? (answer.code ? answer.code + ": " : "") + answer.message : answer.status + " after " + answer.took_ms + " ms" + (answer.cut ? ", cut" : "");
    head.className = refused || answer.status >= 400 ? "s-bad" : "s-ok";
    text.className = "payload";
    try { text.textContent = JSON.stringify(JSON.parse(answer.body), null, 2); } catch { text.textContent = answer.body ?? ""; }
    told.replaceChildren(head, ...(text.textContent ? [text] : []));
  }

  // Live: news makes the page ask for itself again; figures change in place, nothing moves.
  let last = Date.now();
  let asking = false;
  let paused = false;
  let held = [];
  function live() {
    const logs = document.querySelector("[data-logs]");
    const stream = new EventSource(logs ? "/live?logs=1" : "/live");
    stream.addEventListener("moment", () => { last = Date.now(); freshen(); });
    if (logs) {
      const pause = document.querySelector("[data-pause]");
      pause.hidden = false;
      pause.addEventListener("click", () => setPause(!paused));
      stream.addEventListener("line", (event) => take(JSON.parse(event.data), logs));
    }
    setInterval(stale, 1000);
  }
  function stale() {
    const age = Math.round((Date.now() - last) / 1000);
    const box = document.getElementById("live");
    if (!box) return;
    box.classList.toggle("stale", age > 5);
    box.querySelector(".word").textContent = age > 5 ? age + " s old" : "live";
  }
  async function freshen() {
    if (asking || document.hidden || document.querySelector("dialog")) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const by = new Map([...next.querySelectorAll("[data-live]")].map((own) => [own.dataset.live, own]));
      const rows = (page) => [...page.querySelectorAll("[data-row], [data-attention] > *")].map((own) => own.id || own.querySelector("a")?.getAttribute("href") || "").join(" ");
      // Lists do not move under the pointer: that there is something else to see is said.
      if (!logsOpen() && rows(next) !== rows(document)) news();
      for (const own of all("[data-live]")) {
        const other = by.get(own.dataset.live);
        if (!other || other.innerHTML === own.innerHTML) continue;
        own.replaceChildren(...[...other.childNodes].map((it) => document.importNode(it, true)));
        if (own.dataset.live !== "clock") {
          own.classList.remove("changed");
          requestAnimationFrame(() => own.classList.add("changed"));
        }
      }
    } catch { /* the clock shows how old the news is */ } finally { asking = false; }
  }
  const logsOpen = () => document.querySelector("[data-logs]");
  function news() {
    const box = document.getElementById("live");
    if (!box || document.getElementById("news")) return;
    const link = document.createElement("a");
    link.id = "news";
    link.href = location.href;
    link.textContent = "changed: show";
    link.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
    box.before(link);
  }
  function take(line, logs) {
    const { from, text, level } = logs.dataset;
    if (from && from !== line.from) return;
    if (text && !line.text.toLowerCase().includes(text)) return;
    if (level === "warn" && line.level === "info") return;
    // New lines do not push what is being read: scrolled down, they wait.
    if (paused || scrollY > 80) { held.push(line); note(); return; }
    put([line], logs);
  }
  function put(lines, logs) {
    const list = logs.querySelector("ol");
    for (const line of lines) {
      const made = new DOMParser().parseFromString("<ol>" + line.html + "</ol>", "text/html").querySelector("li");
      list.prepend(document.importNode(made, true));
    }
    while (list.childElementCount > 500) list.lastElementChild.remove();
    logs.querySelector(".empty")?.remove();
  }
  function note() {
    held = held.slice(-500);
    document.querySelector("[data-waiting]").textContent = held.length ? held.length + " new" : "";
  }
  function setPause(on) {
    const logs = document.querySelector("[data-logs]");
    if (!logs) return;
    paused = on;
    document.querySelector("[data-pause]").textContent = on ? "Go on" : "Pause";
    if (!on) { put(held, logs); held = []; note(); }
  }
  addEventListener("scroll", () => { if (scrollY <= 80 && !paused && held.length) setPause(false); }, { passive: true });

  // Keys.
  const go = (path) => { location.href = path; };
  const nouns = { m: "/", s: "/services", e: "/events", a: "/sagas", b: "/boundary", t: "/traces", l: "/logs", p: "/plots" };
  let leader = 0;
  addEventListener("keydown", (event) => {
    const field = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      if (field) field.blur(); else if (!document.querySelector("dialog") && history.length > 1) history.back();
      return;
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog")) return;
    if (event.key.startsWith("Arrow")) { if (walk(event.key)) event.preventDefault(); return; }
    if (kept("keys") === "off") return;
    const done = key(event.key);
    if (done) event.preventDefault();
  });
  function key(pressed) {
    if (Date.now() - leader < 1500) {
      leader = 0;
      if (nouns[pressed]) { go(nouns[pressed]); return true; }
    }
    switch (pressed) {
      case "g": leader = Date.now(); return true;
      case "/": { const find = seen(all(".find input, .find-big input"))[0]; if (find) find.focus(); else go("/find"); return true; }
      case "?": go("/keys"); return true;
      case "d": toggleTheme(); return true;
      case "j": return step("[data-row]", 1);
      case "k": return step("[data-row]", -1);
      case "a": return step("[data-attention] a.button", 1) || (go("/"), true);
      case "c": copyJson(); return true;
      case "p": setPause(!paused); return true;
      case "m": document.body.classList.toggle("longest-only"); return true;
      case "[": return neighbour(-1);
      case "]": return neighbour(1);
      case "Enter": { const link = document.activeElement?.closest("[data-row]")?.querySelector("a"); if (link && document.activeElement !== link) { link.click(); return true; } return false; }
      default: {
        const row = document.activeElement?.closest("[data-row]");
        const button = (row ?? document).querySelector('[data-do][data-key="' + CSS.escape(pressed) + '"]:not(:disabled)');
        if (button) { act(button); return true; }
        return false;
      }
    }
  }
  function step(what, by) {
    const list = seen(all(what));
    if (!list.length) return false;
    const at = list.findIndex((own) => own === document.activeElement || own.contains(document.activeElement));
    const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)];
    const target = next.matches("a, button") ? next : next.querySelector("th a, a") ?? next;
    if (target === next && !next.hasAttribute("tabindex") && next.hasAttribute("data-row")) next.tabIndex = -1;
    target.focus();
    return true;
  }
  // Previous and next of what this page shows, in the order of its list.
  async function neighbour(by) {
    const chosen = document.querySelector("tr[aria-selected]");
    if (chosen) {
      const rows = [...chosen.parentElement.children];
      rows[rows.indexOf(chosen) + by]?.querySelector("a")?.click();
    } else if (location.pathname.startsWith("/services/")) {
      const names = (await (await fetch("/api/v1/services")).json()).map((own) => own.name);
      const next = names[names.indexOf(decodeURIComponent(location.pathname.slice(10))) + by];
      if (next) go("/services/" + encodeURIComponent(next));
    }
  }
  // On the map the arrows go to the nearest house in their direction.
  function walk(arrow) {
    const houses = seen(all("a.house[data-node]"));
    if (!houses.length) return false;
    const at = houses.indexOf(document.activeElement);
    if (at < 0) { if (document.activeElement && document.activeElement !== document.body) return false; houses[0].focus(); return true; }
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[arrow] ?? [0, 0];
    const middle = (own) => { const box = own.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; };
    const [x, y] = middle(houses[at]);
    let best = null;
    for (const own of houses) {
      const [ox, oy] = middle(own);
      const along = (ox - x) * dx + (oy - y) * dy;
      const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (along > 5 && (!best || along + 2 * aside < best[0])) best = [along + 2 * aside, own];
    }
    best?.[1].focus();
    return true;
  }
})();

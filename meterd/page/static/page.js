// Which view is open, what it asks for, and what it is told while it is open.
"use strict";

const main = document.getElementById("main");
let site = { token: "" };
let view = { name: "", stop: () => {} };
let filter = "";

async function ask(path, body) {
  const how = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json", "X-Meterd-Token": site.token }, body: JSON.stringify(body) };
  const answer = await fetch(path, { credentials: "same-origin", ...how });
  const said = await answer.json().catch(() => ({ ok: false, error: `the answer ${answer.status} cannot be read` }));
  if (answer.status === 401 && path !== "/data/login") { await begin(); throw new Error("the password is needed again"); }
  if (!answer.ok) throw new Error(said.error || `error ${answer.status}`);
  return said;
}

let saidTimer = 0;
function say(words) {
  document.getElementById("said").textContent = words;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { document.getElementById("said").textContent = ""; }, 6000);
}

function show(nodes, title) {
  // Whoever types goes on typing: the field that has the focus has it again.
  const held = document.activeElement, id = held && main.contains(held) ? held.id : "";
  const link = held && main.contains(held) && held.tagName === "A" ? held.getAttribute("href") : "";
  main.replaceChildren(...nodes.filter(Boolean));
  for (const bar of main.querySelectorAll("i[data-share]")) bar.style.width = `${Math.round(100 * bar.dataset.share)}%`;
  if (title) document.title = `${title} – meterd`;
  const again = id ? document.getElementById(id) : link ? [...main.querySelectorAll("a")].find((each) => each.getAttribute("href") === link) : null;
  if (again) {
    again.focus({ preventScroll: true });
    if (again.type === "search") again.setSelectionRange(again.value.length, again.value.length);
  }
}

let source = null;
function follow(meter, heard) {
  if (source) source.close();
  const link = document.getElementById("link");
  source = new EventSource(`/live?meter=${encodeURIComponent(meter)}`);
  source.onopen = () => { link.className = "link on"; link.textContent = "live"; };
  source.onerror = () => { link.className = "link off"; link.textContent = "not connected"; };
  for (const name of ["meters", "values", "pulse", "read", "reloaded"]) source.addEventListener(name, (event) => heard(name, JSON.parse(event.data)));
}

// ---- the views

async function openMeters() {
  let data = await ask("/data/meters");
  const draw = () => show(metersView(data, filter, (words) => { filter = words; draw(); }), "Meters");
  draw();
  const started = Date.now();
  let drawn = started;
  const tick = setInterval(() => {
    const seconds = Math.round((Date.now() - drawn) / 1000);
    if (!seconds) return;
    drawn += seconds * 1000;
    for (const row of data.meters) for (const key of ["last_good_age_s", "trouble_age_s"]) if (row[key] !== null) row[key] += seconds;
    draw();
  }, 5000);
  follow("", async (name, told) => {
    if (name === "reloaded") { data = await ask("/data/meters"); draw(); }
    if (name !== "meters") return;
    const fresh = new Map(told.map((row) => [row.device, row]));
    data.meters = data.meters.map((row) => fresh.get(row.device) || row).sort((one, other) => one.rank - other.rank || (one.device < other.device ? -1 : 1));
    draw();
  });
  return () => clearInterval(tick);
}

async function openMeter(alias) {
  const address = `meter=${encodeURIComponent(alias)}`;
  let row = await ask(`/data/meter?${address}`), undo = () => {}, chosen = null;
  async function choose(signal) {
    chosen = signal.signal;
    const place = document.getElementById("plot");
    place.hidden = false;
    const course = await ask(`/data/history?${address}&signal=${encodeURIComponent(signal.signal)}`);
    undo();
    undo = await plot(place, course, signal.says || signal.name, signal.unit, site.chart);
  }
  async function read(event) {
    event.target.disabled = true;
    try { await ask("/data/read", { meter: alias }); say("The meter is asked as soon as its line is free …"); }
    catch (error) { say(error.message); event.target.disabled = false; }
  }
  const acts = { choose, read };
  async function frames() {
    const told = await ask(`/data/frames?${address}`);
    const place = document.getElementById("frames");
    if (!place) return;
    const open = place.querySelector("details[open]") !== null;
    place.replaceChildren(...framesView(told));
    if (open) place.querySelector("details")?.setAttribute("open", "");
  }
  function draw() {
    show(meterView(row, site, acts), row.name);
    frames();
    const first = row.values.find((each) => each.signal === chosen) || row.values.find((each) => each.spark);
    if (first) choose(first);
  }
  draw();
  follow(alias, async (name, told) => {
    if (name === "reloaded") { row = await ask(`/data/meter?${address}`); draw(); return; }
    if (name === "read" && told.device === alias) {
      const button = document.getElementById("read");
      if (button) button.disabled = false;
      say(told.ok ? "The meter was read." : `The meter was not read: ${told.error}`);
    }
    const own = name === "meters" ? told.find((each) => each.device === alias) : null;
    if (own) {
      Object.assign(row, own);
      main.querySelector(".ill")?.replaceWith(illCard(row, false));
      main.querySelector("dl.counts")?.replaceChildren(...counts(row).map(([title, value]) => el("div", {}, el("dt", {}, title), el("dd", {}, String(value)))));
      frames();
    }
    if (name === "values" && told.device === alias) told.values.forEach(take);
  });
  function take(told) {
    const known = row.values.find((each) => each.signal === told.signal);
    if (!known) return;
    const good = told.quality === "good" && told.value !== null && Number.isFinite(Number(told.value));
    const course = known.spark || (good ? [[], []] : null);
    if (course && told.time_ms) {
      course[0].push(Math.floor(told.time_ms / 1000));
      course[1].push(good ? Number(told.value) : null);
      if (course[0].length > 60) { course[0].shift(); course[1].shift(); }
    }
    Object.assign(known, told, { spark: course });
    const before = main.querySelector(`tr[data-signal="${CSS.escape(told.signal)}"]`);
    if (!before) return;
    const held = before.contains(document.activeElement), made = signalRow(known, choose);
    made.classList.add("fresh");
    before.replaceWith(made);
    if (held) made.querySelector("button")?.focus({ preventScroll: true });
    if (told.signal === chosen && good) choose(known);
  }
  return () => undo();
}

async function openPlace(name) {
  const draw = async () => {
    const data = await ask("/data/place");
    if (view.name === name) show(name === "ports" ? portsView(data) : sinksView(data), name === "ports" ? "Ports" : "Sinks");
  };
  await draw();
  follow("", (told) => { if (["pulse", "reloaded"].includes(told)) draw(); });
  return () => {};
}

async function openLog(device) {
  const wanted = { device: device || "", text: "", quality: "" };
  const draw = async () => {
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    const data = await ask(`/data/events?${query}`);
    if (view.name === "log") show(logView(data, wanted, (name, value) => { wanted[name] = value; draw(); }), "Log");
  };
  await draw();
  let known = -1;
  follow("", (name, told) => {
    if (name !== "pulse" || told.events === known) return;
    const field = document.getElementById("text");
    known = told.events;
    if (!field || field.value === wanted.text) draw();
  });
  return () => {};
}

async function openConfiguration(alias) {
  const list = await ask("/data/meters");
  const acts = {
    own: list.own,
    reload: () => ask("/data/reload", {}).then(() => say("The files are being read …")).catch((error) => say(error.message)),
    protocol: (protocol, running) => ask("/data/protocol", { protocol, running }).catch((error) => say(error.message)),
  };
  const draw = async () => {
    const data = await ask(`/data/configuration?meter=${encodeURIComponent(alias || "")}`);
    if (view.name === "configuration") show(configurationView(data, alias || "", list.meters, site, acts), "Configuration");
  };
  await draw();
  follow("", async (name) => {
    if (name !== "reloaded") return;
    Object.assign(list, await ask("/data/meters"));
    acts.own = list.own;
    say("The configuration is in force.");
    draw();
  });
  return () => {};
}

const VIEWS = { "": openMeters, meter: openMeter, ports: () => openPlace("ports"), sinks: () => openPlace("sinks"), log: openLog, configuration: openConfiguration };

let opened = 0;
async function route() {
  const [name, argument] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const mine = ++opened;
  view.stop();
  view = { name, stop: () => {} };
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === (name === "" || name === "meter" ? "meters" : name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (site.needed) { show(enterView(enter), "Password"); document.getElementById("password").focus(); return; }
  try {
    const stop = await (VIEWS[name] || openMeters)(argument);
    if (mine === opened) view.stop = stop;
    else stop();
  } catch (error) {
    show([el("h1", {}, "This cannot be shown"), el("p", {}, error.message), el("p", {}, el("a", { href: "#/" }, "All meters"))], "Error");
  }
  window.scrollTo(0, 0);
}

async function enter(password) {
  try {
    await ask("/data/login", { password });
    await begin();
  } catch (error) { say(error.message); }
}

async function begin() {
  if (source) source.close();
  site = await ask("/data/site");
  document.getElementById("leave").hidden = !site.token;
  await route();
}

document.getElementById("leave").addEventListener("click", () => ask("/data/logout", {}).then(begin).catch((error) => say(error.message)));
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => { main.focus({ preventScroll: true }); route(); });
begin().catch((error) => show([el("h1", {}, "meterd does not answer"), el("p", {}, error.message)]));

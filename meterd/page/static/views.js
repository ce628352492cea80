// What each view looks like. All text goes in as text: nothing that a meter says is ever taken for markup.
"use strict";

function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function ago(seconds) {
  if (seconds === null || seconds === undefined) return "never";
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}

const when = (ms) => (ms ? new Date(ms).toLocaleString([], { dateStyle: "short", timeStyle: "medium" }) : "");
const meterLink = (alias) => `#/meter/${encodeURIComponent(alias)}`;
const counts = (row) => [["Good scans", row.reads_ok], ["Time-outs", row.timeouts], ["Bad frames", row.bad_frames], ["Refused", row.refused],
  ["Asked again", row.retries], ["Bytes sent", row.bytes_sent], ["Bytes received", row.bytes_received]];

// well, some signals fail, ill, or not read yet
function stateOf(row) {
  if (row.reason === "good") return "well";
  if (row.reason === "not_read_yet") return "waits";
  return row.signals_ok > 0 && row.connected ? "some" : "ill";
}

function stateWords(row) {
  if (row.reason === "good") return "is read";
  const some = row.signals_ok > 0 && row.connected ? `${row.signals - row.signals_ok} of ${row.signals} signals fail: ` : "";
  return some + row.headline;
}

function facts(row) {
  return el("p", { class: "facts" },
    el("span", {}, `${row.signals_ok} of ${row.signals} signals good`), el("span", {}, `last good ${row.last_good_age_s === null ? "never" : ago(row.last_good_age_s) + " ago"}`),
    el("span", {}, row.protocol), el("span", { class: "word" }, row.line));
}

function illCard(row, link) {
  const name = row.name === row.device ? row.device : `${row.name} (${row.device})`;
  return el(link ? "li" : "div", { class: `ill ${stateOf(row)}`, "data-device": row.device },
    el("h2", {}, link ? el("a", { href: meterLink(row.device) }, name) : el("span", {}, "State"), el("span", { class: "state" }, stateWords(row))),
    row.trouble ? el("p", { class: "word" }, row.trouble, row.trouble_age_s !== null ? ` (${ago(row.trouble_age_s)} ago)` : "") : "",
    row.try ? el("p", { class: "try" }, el("b", {}, "Try: "), ...coded(row.try)) : "",
    facts(row));
}

// What stands between ` is what somebody types.
function coded(text) {
  return text.split("`").map((piece, at) => (at % 2 ? el("code", {}, piece) : piece));
}

const MOST_SHOWN = 200;

function metersView(data, filter, setFilter) {
  const wanted = filter.toLowerCase();
  const rows = data.meters.filter((row) => !wanted || `${row.device} ${row.name} ${row.line} ${row.protocol} ${row.reason}`.toLowerCase().includes(wanted));
  const ill = rows.filter((row) => ["ill", "some"].includes(stateOf(row))), waits = rows.filter((row) => stateOf(row) === "waits");
  const well = rows.filter((row) => stateOf(row) === "well");
  const whole = data.meters.length;
  const title = ill.length ? `${ill.length} of ${whole} ${whole === 1 ? "meter needs" : "meters need"} attention` : whole ? waits.length && !well.length ? "No meter has been read yet" : "All is read" : "No meter is read";
  const tally = [["not well", ill.length], ["waiting for the first scan", waits.length], ["read", well.length]].filter(([, count]) => count);
  const out = [el("h1", {}, title), tally.length > 1 ? el("p", { class: "tally" }, ...tally.map(([word, count]) => el("span", {}, el("b", {}, String(count)), ` ${word}`))) : el("p", { class: "tally" })];
  if (data.own.not_read.length) {
    out.push(el("div", { class: "ill" }, el("h2", {}, el("span", { class: "state" }, "Configured and not read")),
      ...data.own.not_read.map((words) => el("p", { class: "word" }, words)), el("p", { class: "try" }, el("b", {}, "Try: "), ...coded("mend the configuration (`meterd check` says more), then have it read again."))));
  }
  if (whole > 8) {
    const input = el("input", { id: "filter", type: "search", placeholder: "Name, line, protocol or reason", value: filter, oninput: (event) => setFilter(event.target.value) });
    out.push(el("div", { class: "tools" }, el("label", { for: "filter" }, "Filter"), input));
  }
  out.push(el("ul", { class: "list" }, ...[...ill, ...waits].slice(0, MOST_SHOWN).map((row) => illCard(row, true))));
  if (well.length) {
    out.push(el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": "Meters that are read" }, el("table", { class: "cards" }, el("caption", {}, "Read"),
      el("thead", {}, el("tr", {}, ...["Meter", "Signals", "Last good", "Protocol and line"].map((name, at) => el("th", { scope: "col", class: at === 2 ? "number" : null }, name)))),
      el("tbody", {}, ...well.slice(0, MOST_SHOWN).map((row) => el("tr", { "data-device": row.device },
        el("th", { scope: "row" }, el("a", { href: meterLink(row.device) }, row.name), row.name === row.device ? "" : el("small", {}, row.device)),
        el("td", { class: "rest", "data-name": "signals" }, `${row.signals_ok} of ${row.signals}`),
        el("td", { class: "number" }, `${ago(row.last_good_age_s)} ago`),
        el("td", { class: "rest" }, row.protocol, el("small", {}, row.line))))))));
  }
  const left = Math.max(0, ill.length + waits.length - MOST_SHOWN) + Math.max(0, well.length - MOST_SHOWN);
  if (left) out.push(el("p", { class: "quiet" }, `${left} more: filter to see them.`));
  if (wanted && !rows.length) out.push(el("p", { class: "quiet" }, "No meter is like that."));
  return out;
}

function valueCell(row) {
  const text = row.value === null ? "–" : row.value;
  return [el("span", { class: row.quality }, text, row.unit ? ` ${row.unit}` : ""),
    row.quality !== "good" ? el("small", { class: row.quality }, row.quality === "none" ? "not read yet" : row.quality === "stale" ? "old value" : row.quality) : ""];
}

function signalRow(row, choose) {
  const title = row.says || row.name;
  return el("tr", { "data-signal": row.signal },
    el("th", { scope: "row" }, row.spark ? el("button", { type: "button", class: "plain", onclick: () => choose(row), "aria-label": `Chart of ${title}` }, title) : title,
      el("small", {}, [row.says && row.name !== row.says && row.name !== row.code ? row.name : "", row.signal, row.code].filter((each, at, all) => each && all.indexOf(each) === at).join(" · ")),
      row.why ? el("small", { class: "why" }, row.why) : ""),
    el("td", { class: "number" }, ...valueCell(row)),
    el("td", { class: "spark-cell" }, spark(row.spark)),
    el("td", { class: "rest" }, when(row.time_ms), row.meter_time ? el("small", {}, `meter: ${row.meter_time}`) : ""));
}

function meterView(row, site, act) {
  const chart = el("div", { class: "plot sheet", hidden: true, id: "plot" });
  const canRead = site.token && !row.listens;
  return [el("p", { class: "quiet" }, el("a", { href: "#/" }, "← All meters")),
    el("h1", {}, row.name, row.name === row.device ? "" : el("small", {}, ` ${row.device}`)),
    illCard(row, false),
    el("div", { class: "tools" },
      canRead ? el("button", { type: "button", class: "first", id: "read", onclick: act.read }, "Read now") : "",
      el("a", { class: "button", href: `#/configuration/${encodeURIComponent(row.device)}` }, "Configuration"),
      el("a", { class: "button", href: `#/log/${encodeURIComponent(row.device)}` }, "Its log"),
      site.token ? "" : el("span", { class: "quiet" }, site.has_password ? "" : "For reading only: no password is set.")),
    el("h2", {}, "Signals"), chart,
    el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": "Signals" }, el("table", { class: "cards" },
      el("thead", {}, el("tr", {}, ...["Signal", "Value", "Course", "Read"].map((name, at) => el("th", { scope: "col", class: at === 1 ? "number" : null }, name)))),
      el("tbody", { id: "signals" }, ...row.values.map((each) => signalRow(each, act.choose))))),
    row.history_left_out ? el("p", { class: "quiet" }, "Not every signal has a course: publish.page.history_signals says how many have.") : "",
    el("h2", {}, "Counters since the start"),
    el("dl", { class: "counts" }, ...counts(row).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value))))),
    el("h2", {}, "Last conversation"), el("div", { id: "frames" }, el("p", { class: "quiet" }, "Loading …"))];
}

function framesView(data) {
  const lines = (rows, mark) => el("pre", { tabindex: "0", "aria-label": "Frames" }, ...rows.flatMap((row) => [el("span", { class: mark(row) }, row), "\n"]));
  const out = [];
  if (data.note) out.push(el("p", { class: "quiet" }, data.note));
  if (data.words.length) out.push(lines(data.words, (row) => (row.includes("!!") || row.includes("silence") ? "bad" : row.includes("> ") ? "out" : "")));
  if (data.raw.length) out.push(el("details", {}, el("summary", {}, "The bytes (secrets masked), as a wire log"), lines(data.raw, (row) => (row.startsWith(">") ? "out" : ""))));
  return out;
}

function portsView(data) {
  const load = (row) => row.load === null ? "listens" : [el("span", { class: row.load >= 0.8 ? "meter-bar full" : "meter-bar", "aria-hidden": "true" }, el("i", { "data-share": row.load })), ` ${Math.round(row.load * 100)} %`];
  const faults = (row) => [["time-outs", row.timeouts], ["bad frames", row.bad_frames], ["refused", row.refused]].filter(([, count]) => count).map(([word, count]) => `${count} ${word}`).join(", ") || "none";
  return [el("h1", {}, "Ports"), el("p", { class: "quiet" }, "A line that is busy all the time has no turn left: fewer signals, a longer scan_rate_ms, or another line."),
    el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": "Ports" }, el("table", { class: "cards" },
      el("thead", {}, el("tr", {}, ...["Line", "In use", "Meters", "Faults since the start", "State"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...data.ports.map((row) => el("tr", {},
        el("th", { scope: "row", class: "word" }, row.line, el("small", {}, [row.path !== row.line ? row.path : "", row.settings].filter(Boolean).join(" · "))),
        el("td", { class: "lead" }, ...[load(row)].flat()),
        el("td", { class: "rest" }, ...row.meters.flatMap((alias, at) => [at ? ", " : "", el("a", { href: meterLink(alias) }, alias)]), row.devices > row.meters.length ? ` and ${row.devices - row.meters.length} more` : ""),
        el("td", { class: "rest", "data-name": "faults" }, faults(row), row.trouble ? el("small", { class: "why" }, row.trouble) : ""),
        el("td", { class: "rest" }, row.open ? "open" : "closed")))))),
    el("p", { class: "quiet" }, `For ${data.own.longest_turn_ms} ms at most did nobody else have his turn.`)];
}

function sinksView(data) {
  return [el("h1", {}, "Sinks"), el("p", { class: "quiet" }, "Where readings go, and what waits to leave."),
    el("ul", { class: "list" }, ...data.sinks.map((row) => el("li", { class: `ill ${row.state === "good" ? (row.lost ? "some" : "well") : "bad"}` },
      el("h2", { class: "word" }, row.sink, el("span", { class: "state" }, row.state === "good" ? "works" : row.state)),
      el("p", { class: "facts" }, el("span", {}, `waiting: ${row.waiting}`), el("span", {}, `lost: ${row.lost}`)))))];
}

function logView(data, wanted, change) {
  const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
  return [el("h1", {}, "Event log"), el("p", { class: "quiet" }, "What signals with log > 0 were when it changed, and what there was to say of a meter; newest first."),
    el("div", { class: "tools" },
      el("label", { for: "text" }, "Filter"), el("input", { id: "text", type: "search", value: wanted.text, placeholder: "Any text", onchange: (event) => change("text", event.target.value) }),
      el("label", { for: "quality" }, "Quality"),
      el("select", { id: "quality", onchange: (event) => change("quality", event.target.value) }, ...["", "good", "stale", "invalid", "overflow"].map((each) => el("option", { value: each, selected: each === wanted.quality }, each || "any"))),
      wanted.device ? el("button", { type: "button", onclick: () => change("device", "") }, `Only ${wanted.device} ✕`) : "",
      el("a", { class: "button", href: `/data/events.csv?${query}`, download: "meterd-events.csv" }, "CSV")),
    data.events.length ? el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": "Events" }, el("table", { class: "cards" },
      el("thead", {}, el("tr", {}, ...["Signal", "Value", "Time", "Quality"].map((name, at) => el("th", { scope: "col", class: at === 1 ? "number" : null }, name)))),
      el("tbody", {}, ...data.events.map((row) => el("tr", {},
        el("th", { scope: "row" }, el("a", { href: meterLink(row.device) }, row.device), el("small", {}, row.signal === "_event" ? "said of it" : row.signal)),
        el("td", { class: row.signal === "_event" ? "rest word" : "number" }, row.value === null ? "–" : row.value, row.unit ? ` ${row.unit}` : ""),
        el("td", { class: "rest" }, when(row.time_ms)), el("td", { class: `rest ${row.quality}` }, row.quality, row.reason ? ` (${row.reason})` : "")))))) : el("p", {}, "Nothing that fits was logged."),
    data.more ? el("p", { class: "quiet" }, "There is more: filter, or take it as CSV.") : ""];
}

function parametersTable(title, values) {
  const rows = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  return el("div", { class: "sheet scroll", tabindex: "0", role: "region", "aria-label": title }, el("table", { class: "parameters" }, el("caption", {}, title),
    el("tbody", {}, ...rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row", class: "word" }, name), el("td", { class: "word" }, typeof value === "object" ? JSON.stringify(value) : String(value)))))));
}

function configurationView(data, alias, meters, site, act) {
  const found = data.configuration;
  const choose = el("select", { id: "device", onchange: (event) => { location.hash = event.target.value ? `#/configuration/${encodeURIComponent(event.target.value)}` : "#/configuration"; } },
    el("option", { value: "" }, "Ports and sinks"), ...meters.map((row) => el("option", { value: row.device, selected: row.device === alias }, row.device)));
  const out = [el("h1", {}, "Configuration"), el("p", { class: "quiet" }, "As it takes effect, defaults filled in; secrets are masked."),
    el("div", { class: "tools" }, el("label", { for: "device" }, "Show"), choose, site.token ? el("button", { type: "button", onclick: act.reload }, "Read the files again") : "")];
  if (alias) {
    if (found.device) out.push(parametersTable(`Device ${alias}`, found.device), el("h2", {}, "Signals"), ...found.signals.map((each) => el("details", {}, el("summary", {}, `${each.signal_alias} ${each.signal_name || ""}`), parametersTable("Signal", each))));
    else out.push(el("p", {}, "No device has this name."));
    return out;
  }
  if (Object.keys(found.ports || {}).length) out.push(parametersTable("ports", found.ports));
  const sinks = Object.entries(found.publish || {}).filter(([, value]) => value !== null);
  out.push(parametersTable("publish", Object.fromEntries(sinks.filter(([, value]) => typeof value !== "object"))));
  for (const [name, value] of sinks) if (typeof value === "object") out.push(parametersTable(`publish.${name}`, value));
  if (site.token) {
    out.push(el("h2", {}, "Protocols"), el("ul", { class: "list" }, ...[...act.own.running.map((name) => [name, true]), ...act.own.stopped.map((name) => [name, false])].map(([name, runs]) =>
      el("li", { class: "tools" }, el("span", {}, `${name} ${runs ? "runs" : "is stopped"}`), el("button", { type: "button", onclick: () => act.protocol(name, !runs) }, runs ? "Stop" : "Start")))));
  }
  return out;
}

function enterView(enter) {
  return [el("form", { class: "enter sheet", onsubmit: (event) => { event.preventDefault(); enter(event.target.elements.password.value); } },
    el("h1", {}, "meterd"), el("label", { for: "password" }, "Password"), el("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true }),
    el("button", { class: "first" }, "Open"))];
}

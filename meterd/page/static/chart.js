// Courses as pictures: a small one beside each value, and a large one, by uPlot where the package brings it.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A path in a box of width × height; a gap in the values is a gap in the line.
function path(times, values, width, height) {
  const there = values.filter((value) => value !== null);
  if (there.length < 2) return "";
  const low = Math.min(...there), high = Math.max(...there), begin = times[0], span = times[times.length - 1] - begin || 1;
  let out = "", pen = "M";
  values.forEach((value, at) => {
    if (value === null) { pen = "M"; return; }
    const x = ((times[at] - begin) / span) * width;
    const y = high === low ? height / 2 : height - 2 - ((value - low) / (high - low)) * (height - 4);
    out += pen + x.toFixed(1) + " " + y.toFixed(1);
    pen = "L";
  });
  return out;
}

function spark(course) {
  if (!course) return "";
  const line = path(course[0], course[1], 132, 30);
  if (!line) return "";
  return svg("svg", { class: "spark", viewBox: "0 0 132 30", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { d: line }));
}

let uPlotAsked = null;

// Resolves to uPlot, or to nothing where it is not installed.
function withPlot(installed) {
  if (!installed) return Promise.resolve(null);
  uPlotAsked ??= new Promise((done) => {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/uPlot.css" });
    const script = Object.assign(document.createElement("script"), { src: "/uPlot.js" });
    script.onload = () => done(window.uPlot || null);
    script.onerror = () => done(null);
    document.head.append(style, script);
  });
  return uPlotAsked;
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

// The large picture; returns what takes it away again.
async function plot(place, course, label, unit, installed) {
  const times = course.times, values = course.values;
  place.replaceChildren();
  if (values.filter((value) => value !== null).length < 2) {
    place.append(Object.assign(document.createElement("p"), { className: "quiet", textContent: "Two good values are needed for a picture; they come with the next readings." }));
    return () => {};
  }
  const drawer = await withPlot(installed);
  if (!drawer) {
    const there = values.filter((value) => value !== null);
    place.append(
      Object.assign(document.createElement("div"), { className: "ends", textContent: `highest ${Math.max(...there)} ${unit || ""}` }),
      svg("svg", { viewBox: "0 0 1000 220", preserveAspectRatio: "none", role: "img", "aria-label": `${label} from ${clock(times[0])} to ${clock(times[times.length - 1])}` },
        svg("line", { x1: 0, x2: 1000, y1: 218, y2: 218 }), svg("line", { x1: 0, x2: 1000, y1: 2, y2: 2 }),
        svg("path", { d: path(times, values, 1000, 220) })),
      Object.assign(document.createElement("div"), { className: "ends", textContent: `lowest ${Math.min(...there)} ${unit || ""}` }));
    const ends = document.createElement("div");
    ends.className = "ends";
    for (const time of [times[0], times[times.length - 1]]) ends.append(Object.assign(document.createElement("span"), { textContent: clock(time) }));
    place.append(ends);
    return () => {};
  }
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 } };
  const size = () => ({ width: Math.max(260, place.clientWidth - 24), height: 260 });
  const made = new drawer({
    ...size(), axes: [axis, { ...axis, size: 76, label: unit || undefined }],
    series: [{}, { label, stroke: colour("--line"), width: 2, spanGaps: false, points: { size: 4 } }],
  }, [times, values], place);
  const fit = () => made.setSize(size());
  addEventListener("resize", fit);
  return () => { removeEventListener("resize", fit); made.destroy(); };
}

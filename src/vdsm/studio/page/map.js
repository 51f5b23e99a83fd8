// The map of codes: clips as points, by who and by what; a group of radio buttons each.

import * as api from "./api.js";
import { carries } from "./drag.js";
import { all, make, one } from "./dom.js";
import { forget } from "./player.js";
import { picture } from "./shelf.js";
import { choose, nameOf, on, ROLE, SIDES, state } from "./state.js";

const HUES = 12;
const OWN = "*"; // of each map the first label of its own kind
let factor = OWN;

function point(id, side, [x, y]) {
  const input = make("input", { type: "radio", name: `map-${side}`, value: id, "aria-label": nameOf(id, side) });
  input.addEventListener("change", () => choose({ [side]: id }));
  input.checked = state[side].a === id;
  const element = make("label", { className: "point", title: nameOf(id), data: { id } }, input, picture(id));
  element.style.left = `${50 + 46 * x}%`;
  element.style.top = `${50 - 46 * y}%`;
  carries(element, id, side);
  return element;
}

async function place() {
  const { points, waiting } = await api.codes();
  for (const side of SIDES) {
    const plane = one(`.plane[data-side=${side}]`), held = plane.contains(document.activeElement);
    all(".point", plane).forEach((old) => {
      forget(one("canvas", old));
      old.remove();
    });
    const ids = Object.keys(points).filter((id) => state.clips.has(id));
    ids.sort((a, b) => points[a][side][0] - points[b][side][0]); // arrow keys go from left to right
    const share = Math.min(0.09, 0.5 / Math.sqrt(ids.length + 1)); // of the map's width, a picture
    plane.style.setProperty("--dot", `${100 * share}cqw`);
    const places = apart(ids.map((id) => points[id][side]), 2 * share);
    plane.append(...ids.map((id, i) => point(id, side, places[i])));
    if (held) one("input:checked", plane)?.focus();
  }
  colour();
  one("#map-waits").textContent = waiting ? `${waiting} clips are still being read.` : "";
  return waiting;
}

const TURN = 2.4; // radians: about the golden angle, so that a spiral fills evenly

/** Each place, or the first one free on a spiral around it. */
function apart(places, near) {
  const taken = [];
  for (const [x, y] of places) {
    let at = [x, y];
    for (let i = 1; taken.some(([u, v]) => Math.hypot(u - at[0], v - at[1]) < near) && i < 400; i++) {
      const reach = near * 0.6 * Math.sqrt(i);
      at = [x + reach * Math.cos(TURN * i), y + reach * Math.sin(TURN * i)].map((c) => Math.max(-1, Math.min(1, c)));
    }
    taken.push(at);
  }
  return taken;
}

/** Again and again while clips are being read. */
async function follow() {
  try {
    if (await place()) setTimeout(follow, 1500);
  } catch (error) {
    if (error.status === 503) setTimeout(follow, 5000); // busy: the page works without the map
  }
}

// -- colours ---------------------------------------------------------------------------------------

function values(name) {
  const found = [...state.clips.values()].map((clip) => clip.labels[name]).filter(Boolean);
  return [...new Set(found)].sort();
}

function colour() {
  for (const side of SIDES) {
    const name = factor === OWN ? Object.keys(state.roles).find((name) => state.roles[name] === ROLE[side]) : factor;
    const known = values(name);
    for (const element of all(`.plane[data-side=${side}] .point`)) {
      const at = known.indexOf(state.clips.get(element.dataset.id)?.labels[name]);
      element.style.setProperty("--ring", at < 0 ? "var(--line)" : hue(at, known.length));
    }
  }
  const known = values(factor), few = known.length <= HUES ? known : [];
  one("#legend").replaceChildren(...few.map((value, at) => {
    const dot = make("i", { "aria-hidden": "true" });
    dot.style.background = hue(at, known.length);
    return make("span", {}, dot, value);
  }));
}

const hue = (at, count) => `hsl(${Math.round((360 * at) / count)} 75% 50%)`;

export function map() {
  const factors = [...new Set([...state.clips.values()].flatMap((clip) => Object.keys(clip.labels)))];
  const select = one("#colour-by select");
  one("#colour-by").hidden = !factors.length;
  select.append(new Option("who, and what", OWN), new Option("nothing", ""), ...factors.map((name) => new Option(name, name)));
  select.addEventListener("change", () => {
    factor = select.value;
    colour();
  });
  on("chosen", () => {
    for (const side of SIDES) {
      const input = one(`.plane[data-side=${side}] input[value="${CSS.escape(state[side].a)}"]`);
      if (input) input.checked = true;
    }
  });
  on("added", () => setTimeout(follow, 1000)); // the swap comes first
  on("removed", () => follow());
  follow();
}

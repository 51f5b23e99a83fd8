// A table of swaps: rows are who, columns what; edges take clips, cells go to the stage.

import * as api from "./api.js";
import { carries, takes } from "./drag.js";
import { all, latest, make, one, say, told } from "./dom.js";
import { clock, forget, show } from "./player.js";
import { picture } from "./shelf.js";
import { choose, nameOf, on, SIDES, state } from "./state.js";

const MOST = 6, LEAST = 1;
const heads = { who: [], what: [] };

const cells = () => heads.who.flatMap((a) => heads.what.map((b) => ({ who: { a }, what: { a: b } })));

function head(side, at) {
  const id = heads[side][at];
  // No button element: Firefox lets none be dragged.
  const button = make("div", { role: "button", tabIndex: 0, className: "head", title: nameOf(id) }, picture(id));
  button.setAttribute("aria-label", `${side === "who" ? "Row" : "Column"} ${at + 1}: ${nameOf(id)}. Put the chosen ${side} here`);
  button.addEventListener("click", () => set(side, at, state[side].a));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    set(side, at, state[side].a);
  });
  carries(button, id, side);
  takes(button, { clip: (carried) => set(side, at, carried.id) });
  return make("th", { scope: side === "who" ? "row" : "col", data: { head: side + at } }, button);
}

function set(side, at, id) {
  heads[side][at] = id;
  build();
  one(`#cells [data-head="${side}${at}"] .head`)?.focus();
}

function cell(who, what) {
  const canvas = make("canvas", { width: 64, height: 64, "aria-hidden": "true" });
  const button = make("button", { type: "button", className: "cell" }, canvas);
  button.setAttribute("aria-label", `${nameOf(who)} doing what ${nameOf(what)} does: show it large`);
  button.addEventListener("click", () => {
    choose({ who, what });
    one("#result").scrollIntoView({ block: "nearest" });
  });
  return make("td", {}, button);
}

function build() {
  const table = one("#cells");
  for (const canvas of all("canvas", table)) forget(canvas);
  all("tr", table).forEach((row) => row.remove());
  const top = make("tr", {}, make("td", {}), ...heads.what.map((_, at) => head("what", at)));
  const rows = heads.who.map((who, at) => make("tr", {}, head("who", at), ...heads.what.map((what) => cell(who, what))));
  table.append(top, ...rows);
  fill();
}

const fill = latest(async () => {
  const asked = cells();
  const sheet = await api.draw(asked, state.model.window);
  all("#cells .cell canvas").forEach((canvas, i) => i < sheet.clips && show(canvas, sheet, i));
});

function grow(side, by) {
  const ids = [...state.clips.keys()], row = heads[side];
  if (by < 0 && row.length > LEAST) row.pop();
  if (by > 0 && row.length < MOST) row.push(ids.find((id) => !row.includes(id)) || ids[0]);
  build();
  say(`${heads.who.length} rows, ${heads.what.length} columns.`);
}

function save(button) {
  const kind = button.dataset.kind, scale = Math.max(1, Math.min(2, Math.floor(128 / state.model.size)));
  const asked = { cells: cells(), frames: state.model.window, kind, columns: heads.what.length, scale, fps: clock.fps };
  say("Writing the file …");
  told(api.download(asked, "grid").then(() => say(`Saved grid.${kind}.`)));
}

export function grid() {
  const ids = [...state.clips.keys()], spread = (from, count) => ids.slice(from, from + count);
  heads.who = spread(0, 3);
  heads.what = ids.length > 3 ? spread(3, 6) : spread(0, 3);
  for (const button of all("#grid [data-grow]")) {
    button.addEventListener("click", () => grow(button.dataset.grow, Number(button.dataset.by)));
  }
  for (const button of all("#grid [data-kind]")) button.addEventListener("click", () => save(button));
  on("removed", (id) => {
    for (const side of SIDES) heads[side] = heads[side].map((one) => (one === id ? ids[0] : one));
    build();
  });
  build();
}

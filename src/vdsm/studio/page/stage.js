// The swap itself: what is drawn of who and what, how long, on the way to others, and as a file.

import * as api from "./api.js";
import { takes } from "./drag.js";
import { all, complain, latest, one, say, told } from "./dom.js";
import { clock, show } from "./player.js";
import { put } from "./shelf.js";
import { nameOf, on, SIDES, state, tell, way } from "./state.js";

const cell = () => ({ who: way("who"), what: way("what") });

function said(side) {
  const { a, b, share } = state[side], name = state.clips.get(a).name;
  return share && b ? `${Math.round(100 * share)} % of the way from ${name} to ${state.clips.get(b).name}` : name;
}

const draw = latest(async () => {
  const tile = one("#result .tile"), canvas = one("canvas", tile), began = performance.now();
  tile.setAttribute("aria-busy", "true");
  try {
    const sheet = await api.draw([cell()], state.frames);
    complain("");
    const { window: seen } = state.model;
    const bar = one(".bar", tile), mark = one("i", bar);
    bar.style.setProperty("--seen", `${Math.min(100, (100 * seen) / sheet.frames)}%`);
    show(canvas, sheet, 0, (frame) => {
      mark.style.width = `${(100 * (frame + 1)) / sheet.frames}%`;
      tile.classList.toggle("beyond", frame >= seen);
    });
    const text = `${said("who")} doing what ${said("what")} does`;
    canvas.setAttribute("aria-label", text);
    one("figcaption", tile).textContent = text;
    say(`Drawn: ${text}, ${sheet.frames} frames, ${((performance.now() - began) / 1000).toFixed(2)} s.`);
    tell("drawn");
  } finally {
    tile.removeAttribute("aria-busy");
  }
});

// -- on the way to another -------------------------------------------------------------------------

function blends() {
  for (const row of all(".blend")) {
    const { side } = row.dataset, slider = one("input", row);
    slider.addEventListener("input", () => {
      state[side].share = Number(slider.value);
      draw();
    });
    const step = (by) => {
      const ids = [...state.clips.keys()], at = ids.indexOf(state[side].b);
      toward(side, ids[(at + by + ids.length) % ids.length]);
    };
    one(".back", row).addEventListener("click", () => step(-1));
    one(".on", row).addEventListener("click", () => step(1));
    takes(row, { clip: ({ id }) => toward(side, id) });
  }
}

function toward(side, id) {
  state[side].b = id;
  if (!state[side].share) state[side].share = 0.5;
  marks();
  draw();
}

function marks() {
  for (const row of all(".blend")) {
    const { a, b, share } = state[row.dataset.side], slider = one("input", row);
    slider.value = share;
    slider.setAttribute("aria-valuetext", `${Math.round(share * 100)} % toward ${nameOf(b)}`);
    if (b) put(one("canvas", row), b);
    one("canvas", row).title = nameOf(b);
    slider.disabled = a === b;
  }
}

// -- length, speed, files --------------------------------------------------------------------------

function length() {
  const slider = one("#length"), { window: seen, longest } = state.model;
  slider.max = Math.min(longest, Math.max(8 * seen, 60));
  slider.value = state.frames = seen;
  const words = () => {
    const more = state.frames - seen;
    one("#length-said").textContent = `${state.frames} frames` + (more > 0 ? `, ${more} more than it saw` : "");
  };
  slider.addEventListener("input", () => {
    state.frames = Number(slider.value);
    words();
    draw();
  });
  words();
}

function files() {
  const scale = one("#scale"), { size } = state.model;
  for (const times of [1, 2, 4, 8]) {
    if (size * times > 1024) continue;
    scale.add(new Option(`${size * times} px`, times, false, size * times === Math.max(256, size)));
  }
  for (const button of all("#result [data-kind]")) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      say("Writing the file …");
      const asked = { cells: [cell()], frames: state.frames, kind: button.dataset.kind, scale: Number(scale.value), fps: clock.fps };
      const before = await told(api.download(asked, "swap").then(() => true));
      button.disabled = false;
      if (before) say(`Saved swap.${asked.kind}.`);
    });
  }
}

export function stage() {
  blends();
  length();
  files();
  on("chosen", () => {
    for (const side of SIDES) {
      const ids = [...state.clips.keys()], { a, b } = state[side];
      if (!b || b === a) state[side].b = ids.find((id) => !taken().includes(id)) || ids.find((id) => id !== a) || a;
    }
    marks();
    draw();
  });
}

const taken = () => SIDES.flatMap((side) => [state[side].a, state[side].b]);

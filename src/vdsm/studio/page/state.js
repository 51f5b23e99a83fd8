// What is chosen, and who wants to know when that changes.

import * as api from "./api.js";
import { told } from "./dom.js";

export const SIDES = ["who", "what"];

export const state = {
  model: null,
  limits: null,
  roles: {}, // label -> "identity" or "action"
  clips: new Map(), // id -> {id, name, kind, note, labels, frames}
  who: { a: null, b: null, share: 0 },
  what: { a: null, b: null, share: 0 },
  frames: 0,
};

const events = new EventTarget();
export const on = (name, hear) => events.addEventListener(name, (event) => hear(event.detail));
export const tell = (name, detail) => events.dispatchEvent(new CustomEvent(name, { detail }));

const sheets = new Map(); // id -> promise of a sheet

/** What the model sees of a clip. */
export function sheetOf(id) {
  if (!sheets.has(id)) {
    const found = api.clipSheet(id);
    found.catch(() => sheets.delete(id));
    sheets.set(id, found);
  }
  return sheets.get(id);
}

export const ROLE = { who: "identity", what: "action" };

/** The labels of a clip that tell who is in it, or what they do. */
export function labelsOf(clip, side) {
  const names = Object.keys(clip.labels).filter((name) => !side || state.roles[name] === ROLE[side]);
  return names.map((name) => clip.labels[name]).join(", ");
}

/** A clip's name with its labels, as it is read out. */
export function nameOf(id, side) {
  const clip = state.clips.get(id);
  if (!clip) return "";
  const labels = labelsOf(clip, side);
  return clip.name + (labels ? ` (${labels})` : "");
}

/** Choose a clip for a side, or for both. */
export function choose(picks) {
  for (const side of SIDES) {
    if (picks[side] === undefined) continue;
    state[side].a = picks[side];
    state[side].share = 0;
  }
  tell("chosen");
}

/** A clip more: of the user, or made up. */
export function add(clip, side) {
  state.clips.set(clip.id, { ...clip, own: true });
  tell("added", clip);
  choose({ [side]: clip.id });
}

export function drop(id) {
  state.clips.delete(id);
  sheets.delete(id);
  const first = state.clips.keys().next().value;
  for (const side of SIDES) {
    if (state[side].b === id) state[side].b = first;
    if (state[side].a === id) state[side].a = first;
  }
  told(api.remove(id));
  tell("removed", id);
  tell("chosen");
}

/** What is asked of the model for one clip. */
export function way(side) {
  const { a, b, share } = state[side];
  return share && b ? { a, b, share } : { a };
}

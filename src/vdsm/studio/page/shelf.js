// The two shelves of clips: a group of radio buttons each, so that arrow keys go through them.

import { carries, takes } from "./drag.js";
import { all, make, one, told } from "./dom.js";
import { forget, show } from "./player.js";
import { choose, drop, labelsOf, nameOf, on, sheetOf, SIDES, state } from "./state.js";

const late = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    late.unobserve(target);
    told(sheetOf(target.dataset.id).then((sheet) => target.isConnected && show(target, sheet)));
  }
}, { rootMargin: "200px" });

/** A small moving picture of a clip, loaded when it comes into view. */
export function picture(id) {
  const canvas = make("canvas", { width: 64, height: 64, data: { id }, "aria-hidden": "true" });
  late.observe(canvas);
  return canvas;
}

/** Show a clip on a canvas that stays. */
export function put(canvas, id) {
  canvas.setAttribute("aria-label", nameOf(id));
  if (canvas.dataset.id === id) return;
  canvas.dataset.id = id;
  told(sheetOf(id).then((sheet) => canvas.dataset.id === id && show(canvas, sheet)));
}

function card(clip, side) {
  const input = make("input", { type: "radio", name: `shelf-${side}`, value: clip.id, "aria-label": nameOf(clip.id, side) });
  input.addEventListener("change", () => choose({ [side]: clip.id }));
  const element = make("label", { className: "card", title: nameOf(clip.id) }, input, picture(clip.id));
  carries(element, clip.id, side);
  takes(element, {
    clip: (carried) => {
      if (carried.side === side) choose({ [side]: carried.id });
      else choose({ [carried.side]: carried.id, [side]: clip.id }); // who dragged onto what
    },
  });
  return element;
}

function putIn(clip, first) {
  for (const side of SIDES) {
    const shelf = one(`#${side} .shelf`), made = card(clip, side);
    if (first) one("legend", shelf).after(made);
    else shelf.append(made);
  }
}

function takeOut(id) {
  for (const input of all(`.shelf input[value="${CSS.escape(id)}"]`)) {
    forget(one("canvas", input.parentElement));
    input.parentElement.remove();
  }
}

function mark() {
  for (const side of SIDES) {
    const { a } = state[side], box = one(`#${side}`);
    const input = one(`.shelf input[value="${CSS.escape(a)}"]`, box);
    if (input) input.checked = true;
    put(one(".tile canvas", box), a);
    const clip = state.clips.get(a), caption = one("figcaption", box);
    caption.replaceChildren(make("b", {}, clip.name), ...said(clip, side));
    if (clip.own) {
      const button = make("button", { type: "button", className: "small" }, "Remove");
      button.addEventListener("click", () => drop(clip.id));
      caption.append(" ", button);
    }
  }
}

function said(clip, side) {
  return [labelsOf(clip, side), clip.note].filter(Boolean).map((text) => make("span", {}, text));
}

export function shelves() {
  for (const clip of state.clips.values()) putIn(clip, false);
  on("added", (clip) => putIn(clip, true));
  on("removed", takeOut);
  on("chosen", mark);
}

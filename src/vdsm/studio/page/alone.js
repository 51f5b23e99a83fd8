// A model whose clips have no parts: a shelf of samples, more when asked, and files.

import * as api from "./api.js";
import { make, one, say, told } from "./dom.js";
import { clock } from "./player.js";
import { picture } from "./shelf.js";
import { state } from "./state.js";

async function save(id, kind) {
  const way = { a: id };
  const scale = Math.max(1, Math.floor(256 / state.model.size));
  const asked = { cells: [{ who: way, what: way }], frames: state.model.window, kind, scale: Math.min(8, scale), fps: clock.fps };
  await told(api.download(asked, "sample"));
}

function card(clip) {
  const buttons = ["gif", "mp4"].map((kind) => {
    const button = make("button", { type: "button", className: "small" }, kind.toUpperCase());
    button.setAttribute("aria-label", `Save ${clip.name} as ${kind}`);
    button.addEventListener("click", () => save(clip.id, kind));
    return button;
  });
  return make("li", {}, picture(clip.id), make("div", {}, clip.name, ...buttons));
}

export function samplesAlone() {
  const list = make("ul", { className: "samples" }, ...[...state.clips.values()].map(card));
  const more = make("button", { type: "button" }, "Draw another");
  more.addEventListener("click", async () => {
    more.disabled = true;
    const clip = await told(api.sample());
    more.disabled = false;
    if (!clip) return;
    state.clips.set(clip.id, clip);
    list.prepend(card(clip));
    say(`Drawn: ${clip.name}.`);
  });
  one("#lead").textContent = "Clips that the model draws.";
  one("#stage .stage").replaceChildren(make("div", { className: "alone" }, more, list));
}

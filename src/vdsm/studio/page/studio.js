// The page begins here: a session, what the model can do, and the parts that show it.

import * as api from "./api.js";
import { all, complain, make, one } from "./dom.js";
import { grid } from "./grid.js";
import { intake } from "./intake.js";
import { map } from "./map.js";
import { clock, turn } from "./player.js";
import { shelves } from "./shelf.js";
import { stage } from "./stage.js";
import { samplesAlone } from "./alone.js";
import { choose, state } from "./state.js";

function about({ model }) {
  document.title = `${model.name}: vdsm studio`;
  const facts = [model.title, `${model.size} × ${model.size} pixels`, `sees ${model.window} frames`, model.source];
  one("#about").replaceChildren(make("b", {}, model.name), ` · ${facts.filter(Boolean).join(" · ")}`);
  one("#cannot").replaceChildren(...model.cannot.map((line) => make("li", {}, line)));
  const can = { ...model, longer: model.longest > model.window };
  for (const element of all("[data-needs]")) element.hidden = !can[element.dataset.needs];
}

function verdict({ title, sentences, poor, command }) {
  const parts = [make("p", { className: "said" }, title), ...sentences.map((text) => make("p", {}, text))];
  if (poor.length) {
    const words = "s is the code of who, d that of what (z: of each frame); a leak is what one code says of the other.";
    const list = make("ul", {}, ...poor.map((text) => make("li", {}, text)));
    parts.push(make("details", { open: true }, make("summary", {}, "What falls short"), make("p", {}, words), list));
  }
  if (command) parts.push(make("p", {}, "To measure it, and see here what was found:"), make("pre", { tabIndex: 0 }, command));
  one("#verdict div").replaceChildren(...parts);
}

function plays() {
  const button = one("#play"), speed = one("#speed");
  const set = (playing) => {
    turn(playing, Number(speed.value));
    button.textContent = playing ? "Pause" : "Play";
  };
  button.addEventListener("click", () => set(!clock.playing));
  speed.addEventListener("change", () => set(clock.playing));
  document.addEventListener("calm", (event) => event.detail && set(false));
  set(clock.playing);
}

async function open() {
  try {
    return await api.begin();
  } catch (error) {
    if (error.status !== 401) throw error;
    const dialog = one("#asks");
    dialog.showModal();
    await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
    api.useToken(one("input", dialog).value);
    return open();
  }
}

async function start() {
  one("#alert button").addEventListener("click", () => complain(""));
  const found = await open();
  Object.assign(state, { model: found.model, limits: found.limits, roles: found.roles });
  for (const clip of found.clips) state.clips.set(clip.id, clip);
  about(found);
  verdict(found.verdict);
  plays();
  if (!found.model.swaps) {
    samplesAlone();
    return;
  }
  intake();
  shelves();
  stage();
  if (!state.clips.size) {
    complain("There is no clip yet: drop a video on Who, and another one on Does what.");
    return;
  }
  const [who, what = who] = state.clips.keys();
  choose({ who, what });
  grid();
  map();
}

start().catch((error) => {
  one("#about").textContent = "";
  complain(error.message);
});

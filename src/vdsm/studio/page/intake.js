// Clips of the user: opened, dropped, recorded; and clips that the model makes up.

import * as api from "./api.js";
import { takes } from "./drag.js";
import { all, complain, one, say, told } from "./dom.js";
import { add, choose, SIDES, state } from "./state.js";

const WAIT = 3; // seconds before the camera records

const CROPS = {
  centre: ["the middle square", "The middle square of each picture is taken"],
  square: ["all, black beside it", "All of each picture is taken, with black beside it"],
  subject: ["to what moves", "The square around what moves is taken"],
  face: ["to a face", "The square around a face is taken"],
};

function how() {
  const pace = one("#pace").value, from = Number(one("#from").value);
  return { crop: one("#crop").value, ...(pace ? { fps: pace } : {}), ...(from > 0 ? { start: from } : {}) };
}

/** Which part of a file is seen, and how many of its frames: as the clips of the dataset, unless chosen. */
function reading() {
  const { crops, crop, fps, size, window } = state.model, choice = one("#crop"), pace = one("#pace");
  choice.replaceChildren(...crops.map((name) => new Option(CROPS[name][0], name, false, name === crop)));
  if (fps && ![...pace.options].some(({ value }) => Number(value) === fps)) {
    pace.add(new Option(`${fps} a second`, fps));
  }
  if (fps) pace.value = fps;
  const tell = () => {
    one("#reads").textContent = `${CROPS[choice.value][1]}, scaled to ${size} pixels, and the first ${window} frames are seen.`;
  };
  choice.addEventListener("change", tell);
  tell();
}

/** A file or a recording becomes a clip of this session, chosen for a side. */
async function bring(file, name, side, read) {
  const most = state.limits.upload_bytes;
  if (file.size > most) {
    complain(`${name} has ${Math.round(file.size / 2 ** 20)} MB; at most ${Math.round(most / 2 ** 20)} are taken: cut it, or scale it down.`);
    return;
  }
  const box = one(`#${side}`);
  box.setAttribute("aria-busy", "true");
  complain("");
  say(`Reading ${name} …`);
  const clip = await told(api.upload(file, name, read));
  box.removeAttribute("aria-busy");
  if (clip) add(clip, side);
}

const bringAll = async (files, side) => {
  for (const file of files.slice(0, 8)) await bring(file, file.name, side, how());
};

async function makeUp(side, button) {
  button.disabled = true;
  say("Making one up …");
  const clip = await told(api.sample());
  button.disabled = false;
  if (clip) add(clip, side);
}

export function intake() {
  for (const side of SIDES) {
    const box = one(`#${side}`), input = one("input[type=file]", box);
    input.addEventListener("change", async () => {
      await bringAll([...input.files], side);
      input.value = "";
    });
    one(".camera", box).addEventListener("click", () => record(side));
    one(".new", box).addEventListener("click", (event) => makeUp(side, event.target));
    takes(box, {
      clip: ({ id }) => choose({ [side]: id }),
      files: state.model.takes ? (files) => bringAll(files, side) : null,
    });
  }
  reading();
  for (const name of ["dragover", "drop"]) {
    addEventListener(name, (event) => {
      event.preventDefault(); // else the browser would leave the page for the file
      if (name === "drop" && event.dataTransfer.files.length) complain("Drop the file on Who, or on Does what.");
    });
  }
  const close = one("#recorder .stop");
  close.addEventListener("click", () => one("#recorder").close());
}

// -- the camera ------------------------------------------------------------------------------------

const PICTURE = { width: { ideal: 320 }, height: { ideal: 240 }, frameRate: { ideal: 15 } }; // no model takes more
const NO_CAMERA = {
  NotAllowedError: "The browser was not allowed to use the camera: allow it for this page, or open a file.",
  NotFoundError: "This machine has no camera: open a file instead.",
  NotReadableError: "Another program has the camera: close that one first.",
};

async function camera() {
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
    throw new Error("A browser gives its camera only to pages of the same machine or over https: open a file instead.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: PICTURE, audio: false });
  } catch (error) {
    throw new Error(NO_CAMERA[error.name] || `The camera cannot be used (${error.name}): open a file instead.`);
  }
}

async function record(side) {
  const stream = await told(camera());
  if (!stream) return;
  const dialog = one("#recorder"), start = one(".start", dialog), said = one(".said", dialog);
  const seconds = Math.max(2, state.model.window / 8);
  const video = one("video", dialog);
  start.disabled = true;
  said.textContent = "Waiting for the camera …";
  video.onplaying = () => {
    said.textContent = `Stand in the middle. ${seconds} seconds are recorded, ${WAIT} after you press.`;
    start.disabled = false;
  };
  video.srcObject = stream;
  start.onclick = async () => {
    start.disabled = true;
    for (let left = WAIT; left > 0 && dialog.open; left--) {
      said.textContent = `${left} …`;
      await new Promise((after) => setTimeout(after, 1000));
    }
    if (!dialog.open) return;
    said.textContent = "Recording …";
    const file = await told(recorded(stream, seconds));
    dialog.close();
    if (!file) return;
    const end = file.type.includes("mp4") ? "mp4" : "webm";
    await bring(file, `recording.${end}`, side, { crop: one("#crop").value, fps: state.model.window / seconds });
  };
  dialog.onclose = () => stream.getTracks().forEach((track) => track.stop());
  dialog.showModal();
}

/** What the camera shows for so long, counted from its first picture. */
function recorded(stream, seconds) {
  const kinds = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
  const mimeType = kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {}), parts = [];
  return new Promise((done, fail) => {
    const stop = () => recorder.state !== "inactive" && recorder.stop();
    recorder.ondataavailable = ({ data }) => {
      if (data.size && !parts.length) setTimeout(stop, 1000 * seconds);
      if (data.size) parts.push(data);
    };
    recorder.onerror = () => fail(new Error("The browser could not record."));
    recorder.onstop = () => {
      if (parts.length) done(new Blob(parts, { type: recorder.mimeType }));
      else fail(new Error("The camera gave no picture: try again, or open a file."));
    };
    recorder.start(250);
    setTimeout(() => parts.length || stop(), 10000);
  });
}

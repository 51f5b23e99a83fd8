// Clips that move: a sheet of tiles for each, one clock for all, canvases that show a tile each.

/** Tiles in reading order: clip after clip, frame after frame. */
export class Sheet {
  static async from(blob, { clips, frames, columns, size }) {
    const sheet = new Sheet();
    Object.assign(sheet, { clips, frames, columns, size, picture: await createImageBitmap(blob) });
    return sheet;
  }

  draw(canvas, clip, frame) {
    const tile = clip * this.frames + frame, { size } = this;
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const x = (tile % this.columns) * size, y = Math.floor(tile / this.columns) * size;
    canvas.getContext("2d").drawImage(this.picture, x, y, size, size, 0, 0, size, size);
  }
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const shown = new Map(); // canvas -> {sheet, clip, from, frame, after}
const seen = new WeakSet();
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) seen.add(target);
    else seen.delete(target);
  }
}, { rootMargin: "60px" });

export const clock = {
  playing: !calm.matches,
  fps: 8,
};

/** Show a clip of a sheet on a canvas from now on; after(frame) is told each frame. */
export function show(canvas, sheet, clip = 0, after = null) {
  if (!shown.has(canvas)) watcher.observe(canvas);
  shown.set(canvas, { sheet, clip, frame: -1, from: performance.now(), after });
  paint(canvas, shown.get(canvas), 0);
}

export function forget(canvas) {
  shown.delete(canvas);
  watcher.unobserve(canvas);
}

function paint(canvas, item, frame) {
  if (frame === item.frame) return;
  item.frame = frame;
  item.sheet.draw(canvas, item.clip, frame);
  item.after?.(frame);
}

function tick(now) {
  if (clock.playing) {
    for (const [canvas, item] of shown) {
      if (!seen.has(canvas)) continue;
      const passed = Math.max(0, now - item.from) / 1000;
      paint(canvas, item, Math.floor(passed * clock.fps) % item.sheet.frames);
    }
  }
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);

/** Frames go on where they stood when they play again, or at another speed. */
export function turn(playing, fps = clock.fps) {
  const now = performance.now();
  clock.playing = playing;
  clock.fps = fps;
  for (const item of shown.values()) item.from = now - (1000 * (Math.max(0, item.frame) + 0.5)) / fps;
}

calm.addEventListener("change", () => document.dispatchEvent(new CustomEvent("calm", { detail: calm.matches })));

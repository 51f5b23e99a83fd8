// Small helpers for the page: elements, messages.

export const one = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** An element with properties and children; text is text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("aria-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** What a screen reader hears when something was done, and the eye finds at the foot. */
export function say(text) {
  const place = one("#status");
  place.textContent = text;
  place.classList.remove("old");
  clearTimeout(fading);
  fading = setTimeout(() => place.classList.add("old"), 6000);
}

let fading = 0;

/** One line on what went wrong, until it is closed or something else goes well. */
export function complain(text) {
  const place = one("#alert");
  one("span", place).textContent = text;
  place.hidden = !text;
}

/** Tell the user of whatever a promise fails with. */
export async function told(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message || String(error));
    say("");
    return undefined;
  }
}

/** Run a function when it was not asked for again for a moment, never twice at a time. */
export function latest(work) {
  let running = false, again = false;
  return async function ask() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    do {
      again = false;
      await told(work());
    } while (again);
    running = false;
  };
}

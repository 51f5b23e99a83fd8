// Requests to the studio. Each has the session's header, which pages elsewhere cannot send.

import { Sheet } from "./player.js";

let session = "new";
let token = new URLSearchParams(location.hash.slice(1)).get("token") || "";

export class Refused extends Error {
  constructor(status, line) {
    super(line);
    this.status = status;
  }
}

export function useToken(value) {
  token = value.trim();
}

async function ask(method, path, { body, type = "application/json", keepalive = false } = {}) {
  const headers = { "X-Studio-Session": session };
  if (token) headers["X-Studio-Token"] = token;
  if (body !== undefined) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, keepalive });
  } catch {
    throw new Refused(0, "The studio does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  const line = said.error || `The studio failed at this (${answer.status}); its terminal says why.`;
  throw new Refused(answer.status, line[0].toUpperCase() + line.slice(1));
}

const json = (value) => ({ body: JSON.stringify(value) });

async function sheetOf(answer) {
  return Sheet.from(await answer.blob(), JSON.parse(answer.headers.get("X-Sheet")));
}

/** All that the page begins with; the session is this page's own. */
export async function begin() {
  const found = await (await ask("POST", "/api/session", json({}))).json();
  session = found.session;
  addEventListener("pagehide", (event) => {
    if (!event.persisted) ask("DELETE", "/api/session", { keepalive: true }).catch(() => {});
  });
  return found;
}

export const clipSheet = async (id) =>
  sheetOf(await ask("GET", `/api/clips/${encodeURIComponent(id)}/sheet`));

export const draw = async (cells, frames) => sheetOf(await ask("POST", "/api/draw", json({ cells, frames })));

export const sample = async () => (await (await ask("POST", "/api/samples", json({ count: 1 }))).json())[0];

export const codes = async () => (await ask("GET", "/api/map")).json();

export const remove = (id) => ask("DELETE", `/api/clips/${encodeURIComponent(id)}`);

export async function upload(file, name, how) {
  const query = new URLSearchParams({ name, ...how });
  return (await ask("POST", `/api/clips?${query}`, { body: file, type: "application/octet-stream" })).json();
}

/** A file to the user's downloads. */
export async function download(asked, name) {
  const blob = await (await ask("POST", "/api/download", json(asked))).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}.${asked.kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

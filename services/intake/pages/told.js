// What the server told this page, and small helpers for its texts and elements.

export const told = JSON.parse(document.getElementById("told").textContent);

/** A text by its name, with {n}-like places filled in; null where there is none. */
export function word(name, values = {}) {
  const text = told.words[name];
  return text?.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole) ?? null;
}

/** An element with properties (class, type, hidden ...), data-* and aria-*, and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A text as it is compared: no accents, no case, no punctuation. */
export function fold(text) {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/đ/gi, "d")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** A version 4 UUID. Also where there is no secure context, and so no crypto.randomUUID. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const inVietNam = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Ho_Chi_Minh",
  dateStyle: "short",
  timeStyle: "medium",
});

/** The present moment in Viet Nam: {day: 2026-11-25, minute: 2026-11-25T08:15, second}. */
export function now() {
  const [day, time] = inVietNam.format(new Date()).split(" ");
  return { day, minute: `${day}T${time.slice(0, 5)}`, second: `${day}T${time}` };
}

/** JSON from this service; null where it cannot be had now. */
export async function ask(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(10000) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

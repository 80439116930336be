// Faults, shown beside the fields that they point to; what points to none is shown below the form.

import { make, told, word } from "./told.js";

const ENVELOPE = { time: ["at", "day"], source: ["unit"], id: [] };

/** A fault in the reader's language; the service's own words where it has none. */
export function explain(fault, named = false) {
  const known = word(`fault.${fault.code}`);
  const hint = told.language === "en" && fault.message ? fault.message : known;
  const text = hint ?? fault.message ?? fault.code;
  const field = named ? labelOf(fault) : null;
  return field ? `${field}: ${text}` : text;
}

function labelOf(fault) {
  const field = fieldOf(document, fault);
  const label = field?.querySelector("label, legend");
  const last = fault.pointer.split("/").pop();
  return label ? label.firstChild.textContent.trim() : (told.labels[last] ?? (last || null));
}

/** The field that a fault points to, within a form; null where there is none to be seen. */
function fieldOf(form, fault) {
  const last = fault.pointer.split("/").pop();
  const names = fault.pointer.startsWith("/data/")
    ? [last === "people" ? fault.part : last, fault.pointer.split("/")[2]]
    : [...(ENVELOPE[last] ?? []), last];
  for (const name of names) {
    const field = name && form.querySelector(`[data-field="${CSS.escape(name)}"]`);
    if (field && !field.closest("[data-when][hidden]")) return field;
  }
  return null;
}

function controlsOf(field) {
  return field.querySelectorAll("input:not([type=hidden]), select, textarea");
}

/** Take all faults off a form. */
export function clearFaults(form) {
  for (const place of form.querySelectorAll(".fault")) {
    place.hidden = true;
    place.replaceChildren();
  }
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
  }
}

/** Show faults where they belong and go to the first of them. */
export function showFaults(form, faults) {
  clearFaults(form);
  const shown = new Set();
  for (const fault of faults) {
    const field = fieldOf(form, fault);
    const place = field ? field.querySelector(":scope > .fault") : form.querySelector("#form-fault");
    const text = explain(fault, !field);
    if (shown.has(`${place.id} ${text}`)) continue;
    shown.add(`${place.id} ${text}`);
    place.append(make("span", {}, text));
    place.hidden = false;
    if (field) for (const control of controlsOf(field)) control.setAttribute("aria-invalid", "true");
  }
  const first = form.querySelector("[aria-invalid]") ?? form.querySelector("#form-fault:not([hidden])");
  first?.focus();
  first?.closest(".field")?.scrollIntoView({ block: "nearest" });
}

/** What a form's own fields lack, before anything is sent. */
export function check(form) {
  const faults = [];
  for (const field of form.querySelectorAll("[data-field]")) {
    if (field.closest("[data-when][hidden]")) continue;
    const code = lack(field);
    if (code) faults.push({ pointer: `/data/${field.dataset.field}`, code, part: null });
  }
  return faults;
}

function lack(field) {
  if (field.classList.contains("combo")) {
    const [shown, value] = field.querySelectorAll("input");
    if (shown.value.trim() && !value.value) return "choose";
    return "required" in field.dataset && !value.value ? "missing" : null;
  }
  const control = field.querySelector(":scope > input, :scope > select, :scope > textarea, .chips input");
  if (!control) return null;
  const { validity } = control;
  if (validity.badInput) return control.type === "number" ? "number" : "not_rfc3339";
  if (validity.valueMissing || (control.required && !control.value.trim())) return "missing";
  if (validity.rangeUnderflow || validity.stepMismatch) return "number";
  if (validity.rangeOverflow) return "future";
  return null;
}

// A form: its lists filled, what is wrong shown beside it, its row kept and sent.

import { build, lacks } from "./builders.js";
import { Combo } from "./combo.js";
import { check, clearFaults, showFaults } from "./faults.js";
import { fillLists } from "./offers.js";
import { queue } from "./queue.js";
import { make, now, word } from "./told.js";
import { follow, read, remember, remembered, write } from "./values.js";

const form = document.getElementById("form");
const outcome = document.getElementById("outcome");
const button = form.querySelector("button[type=submit]");
const combos = new Map(
  [...form.querySelectorAll(".combo")].map((field) => [field.dataset.field, new Combo(field)]),
);
const send = button.textContent;
let editing = null;
let touchedTime = false;

function setTime() {
  const { day, minute } = now();
  const at = form.elements.at ?? form.elements.day;
  at.max = at.type === "date" ? day : minute;
  if (touchedTime || at.value === at.max) return;
  at.value = at.max;
  at.dispatchEvent(new Event("change")); // which units there are, hangs on it
}

/** The form anew, with what seldom changes. */
function begin() {
  editing = null;
  touchedTime = false;
  form.reset();
  for (const combo of combos.values()) combo.set("");
  write(form, remembered(form), combos);
  setTime();
  showEditing();
}

function showEditing() {
  const note = document.getElementById("editing");
  note.hidden = !editing;
  note.textContent = editing ? word("editing") : "";
  button.textContent = editing ? button.dataset.again : send;
  for (const part of ["reached", "guided", "supported", "account_created", "trained", "core", "duty"]) {
    const control = form.elements[part];
    if (control) control.disabled = Boolean(editing?.taken.includes(part));
  }
}

/** Take up a row that was refused. */
function edit(row) {
  editing = row;
  touchedTime = true;
  write(form, row.values, combos);
  showEditing();
  showFaults(form, row.faults);
}

function values() {
  const found = read(form);
  if (form.dataset.form !== "survey") return found;
  found.domain = form.elements.questionnaire.selectedOptions[0].dataset.domain;
  found.answers = {};
  for (const item of form.querySelectorAll("[data-questions]:not([hidden]) [data-item]")) {
    const chosen = item.querySelector("input:checked");
    if (!chosen) continue;
    const points = item.dataset.scale === "points";
    found.answers[item.dataset.item] = points ? Number(chosen.value) : chosen.value;
  }
  return found;
}

/** A row in one line: the unit, when, and nothing personal. */
function summarise(found) {
  const unit = combos.get("unit").input.value;
  const [day, time] = (found.at ?? found.day).split("T");
  const date = day.split("-").reverse().join("/");
  return [unit, time ? `${time} ${date}` : date].join(" · ");
}

async function submitted(event) {
  event.preventDefault();
  outcome.replaceChildren();
  setTime();
  clearFaults(form);
  const found = values();
  const faults = [...check(form), ...lacks(form.dataset.form, found)];
  if (faults.length) {
    showFaults(form, faults);
    outcome.textContent = word("mend_first");
    return;
  }
  const row = build(form.dataset.form, found, form.dataset.label, summarise(found), editing);
  if (!row.events.length) { // a correction that leaves nothing to send
    await queue.discard(row.id);
    begin();
    say("good", word("taken"));
    return;
  }
  remember(form);
  button.disabled = true;
  let became;
  try {
    became = await queue.submit(row);
  } catch {
    say("bad", word("not_kept"));
    return;
  } finally {
    button.disabled = false;
  }
  if (became === "refused") {
    edit(await queue.find(row.id));
    say("bad", word("refused_now"));
    return;
  }
  begin();
  const raised = row.form === "difficulty" && row.values.happening === "raised";
  if (became === "kept") navigator.storage?.persist?.(); // not to be thrown out for want of room
  const kind = became === "kept" ? "kept" : "good";
  const said = [word(became), raised ? word("difficulty_code", { id: row.difficulty }) : null];
  say(kind, said.filter(Boolean).join(" "));
  if (raised) fillLists(form, combos);
}

function say(kind, text) {
  outcome.replaceChildren(make("span", { class: kind }, text));
}

form.addEventListener("submit", submitted);
form.addEventListener("input", (event) => {
  if (["at", "day"].includes(event.target.name)) touchedTime = true;
  follow(form);
});
for (const combo of combos.values()) combo.addEventListener("change", () => follow(form));
addEventListener("discarded", (event) => {
  if (editing?.id === event.detail) begin();
});

begin();
const asked = new URLSearchParams(location.search).get("row");
const waiting = asked ? await queue.find(asked) : null;
await fillLists(form, combos);
if (waiting?.state === "refused" && waiting.form === form.dataset.form) edit(waiting);
else write(form, remembered(form), combos);
form.dataset.ready = "";

// Sent entries: a wrong one is voided, through the same queue as every other row.

import { build } from "./builders.js";
import { check, clearFaults, showFaults } from "./faults.js";
import { queue } from "./queue.js";
import { make, word } from "./told.js";
import { read, write } from "./values.js";

const dialog = document.getElementById("void");
const form = document.getElementById("form");
const outcome = document.getElementById("outcome");
let editing = null;

function itemOf(id) {
  return document.querySelector(`[data-id="${CSS.escape(id)}"]:not(.row)`);
}

function whatOf(item) {
  const rows = [...item.querySelectorAll("dd")].slice(0, 2).map((each) => each.textContent);
  return [item.querySelector("h2").textContent, ...rows].join(" · ");
}

function open(item, row = null) {
  editing = row;
  clearFaults(form);
  form.elements.of_source.value = item.dataset.source;
  form.elements.of_id.value = item.dataset.id;
  form.elements.reason.value = row?.values.reason ?? "";
  document.getElementById("void-what").textContent = whatOf(item);
  dialog.showModal();
  if (row) showFaults(form, row.faults);
}

function markVoided(id) {
  const item = itemOf(id);
  if (!item) return;
  item.classList.add("voided");
  item.querySelector(".actions").replaceChildren(make("strong", { class: "gone" }, word("void_done")));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-void]");
  if (button) open(button.closest("li"));
});
document.getElementById("void-cancel").addEventListener("click", () => dialog.close());

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const faults = check(form);
  showFaults(form, faults);
  if (faults.length) return;
  const values = read(form);
  const row = build("void", values, form.dataset.label, whatOf(itemOf(values.of_id)), editing);
  const became = await queue.submit(row).catch(() => "lost");
  if (became === "lost") {
    outcome.textContent = word("not_kept");
    dialog.close();
    return;
  }
  if (became === "refused") {
    editing = await queue.find(row.id);
    showFaults(form, editing.faults);
    return;
  }
  dialog.close();
  outcome.textContent = became === "kept" ? word("kept") : word("void_done");
  if (became === "taken") markVoided(values.of_id);
});

const asked = new URLSearchParams(location.search).get("row");
const waiting = asked ? await queue.find(asked) : null;
if (waiting?.form === "void" && waiting.state === "refused") {
  const item = itemOf(waiting.values.of_id);
  if (item) open(item, waiting);
  else write(form, waiting.values, new Map());
}
form.dataset.ready = "";

// A list from a file: uploaded, watched until it is done, its faults fetched as a sheet.

import { Combo } from "./combo.js";
import { check, clearFaults, showFaults } from "./faults.js";
import { ask, make, told, word } from "./told.js";

const LAST = "motcua-import";
const EVERY = 700;
const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const button = form.querySelector("button");

let watched = null;

function field(name) {
  return document.getElementById(`job-${name}`);
}

function showTemplate() {
  const kind = encodeURIComponent(form.elements.kind.value);
  document.getElementById("template").href = `/v1/imports/templates/${kind}.xlsx`;
}

function say(text) {
  field("state").textContent = text;
}

function number(value) {
  return typeof value === "number" ? value.toLocaleString(told.language) : "–";
}

/** Upload with progress; resolves with the answer's status and body. */
function upload(data) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/imports");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => {
      const percent = Math.floor((100 * loaded) / total);
      document.getElementById("bar").value = percent;
      say(word("uploading", { n: percent }));
    };
    request.onload = () => resolve({ status: request.status, body: request.response });
    request.onerror = request.onabort = () => reject(new Error("lost"));
    request.send(data);
  });
}

function begin(name) {
  watched = null; // a list that was watched before gives way
  document.getElementById("job").hidden = false;
  say("");
  field("file").textContent = name;
  for (const each of ["rows", "accepted", "duplicate", "refused"]) field(each).textContent = "–";
  field("errors").hidden = true;
  field("faults").hidden = true;
  document.getElementById("bar").removeAttribute("value");
}

async function submitted(event) {
  event.preventDefault();
  clearFaults(form);
  const file = form.elements.file.files[0];
  const faults = check(form);
  if (faults.length) {
    showFaults(form, faults);
    return;
  }
  const data = new FormData();
  data.set("kind", form.elements.kind.value);
  const period = form.elements.period.value.trim();
  if (unit.value.value) data.set("unit", unit.value.value);
  if (period) data.set("period", period);
  data.set("file", file);
  button.disabled = true;
  begin(file.name);
  try {
    const { status, body } = await upload(data);
    if (status === 202) {
      localStorage.setItem(LAST, JSON.stringify({ id: body.id, name: file.name, key: told.key.id }));
      await watch(body.id);
    } else if (status === 401) {
      say(word("log_in_again"));
    } else {
      say(word("import_failed"));
      const faults = body?.errors?.length ? body.errors : [{ pointer: "/file", code: "", message: body?.detail ?? "" }];
      showFaults(form, faults);
    }
  } catch {
    say(word("upload_lost"));
  }
  button.disabled = false;
}

/** Ask how far a job is until it is done. */
async function watch(id) {
  watched = id;
  for (let pause = EVERY; watched === id; ) {
    let answer = null;
    try {
      answer = await fetch(`/v1/imports/${encodeURIComponent(id)}`);
    } catch {
      // asked again below
    }
    if (watched !== id) return;
    if (answer?.status === 404 || answer?.status === 401) {
      localStorage.removeItem(LAST);
      document.getElementById("job").hidden = true;
      return;
    }
    if (answer?.ok) {
      pause = EVERY;
      const job = await answer.json();
      if (watched !== id || show(id, job)) return;
    } else {
      say(word("watching_lost"));
      pause = Math.min(pause * 2, 15000);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Show a job; true once it is over. */
function show(id, job) {
  const failed = job.state === "failed";
  const over = failed || job.state === "done";
  const bar = document.getElementById("bar");
  const done = (job.accepted ?? 0) + (job.duplicate ?? 0) + (job.refused ?? 0);
  const share = job.progress?.share ?? (job.rows ? done / job.rows : null);
  if (over) bar.value = 100;
  else if (share) bar.value = Math.floor(100 * share);
  else bar.removeAttribute("value");
  for (const each of ["rows", "accepted", "duplicate", "refused"]) field(each).textContent = number(job[each]);
  say(failed ? word("import_failed") : over ? word("finished") : word("working", { n: number(done) }));
  const errors = field("errors");
  errors.hidden = !(over && !failed && job.refused > 0);
  errors.href = `/v1/imports/${encodeURIComponent(id)}/errors.xlsx`;
  const faults = field("faults");
  faults.replaceChildren(...(job.errors ?? []).map((fault) => make("li", {}, fault.message)));
  faults.hidden = !faults.children.length;
  return over;
}

form.addEventListener("submit", submitted);
form.elements.kind.addEventListener("change", showTemplate);
for (const name of ["dragover", "dragenter"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) form.elements.file.files = event.dataTransfer.files;
});

showTemplate();
const unit = new Combo(form.querySelector(".combo"));
ask("/offers/units").then((found) => {
  const units = new Map((found?.units ?? []).map((each) => [each.code, each]));
  unit.offer(
    [...units.values()].map((each) => ({
      value: each.code,
      label: `${each.name} (${each.code})`,
      hint: each.parent,
      words: each.aliases.join(" "),
    })),
  );
});
const last = JSON.parse(localStorage.getItem(LAST) ?? "null");
if (last?.key === told.key.id) {
  begin(last.name);
  watch(last.id);
}
form.dataset.ready = "";

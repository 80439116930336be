// What a form holds, read and written by name; what is hidden is left out.

const LAST = "motcua-last";

function hidden(control) {
  return control.closest("[data-when][hidden]") !== null;
}

/** The values of a form by name, trimmed; radios by the one that is chosen. */
export function read(form) {
  const values = {};
  for (const control of form.elements) {
    if (!control.name || hidden(control) || (control.type === "radio" && !control.checked)) continue;
    values[control.name] = control.value.trim();
  }
  return values;
}

/** Fill a form in; `combos` are its searchable lists by name. */
export function write(form, values, combos) {
  for (const name of ["at", "day"]) {
    if (!(name in values) || !form.elements[name]) continue;
    form.elements[name].value = values[name];
    form.elements[name].dispatchEvent(new Event("change")); // which units there are, hangs on it
  }
  for (const control of form.elements) {
    if (!(control.name in values)) continue;
    const value = values[control.name];
    if (control.type === "radio") control.checked = control.value === value;
    else if (combos.has(control.name)) combos.get(control.name).set(value);
    else control.value = value;
  }
  follow(form);
}

/** Show and hide what depends on another field: data-when="name=value". */
export function follow(form) {
  const values = Object.fromEntries(
    [...form.elements]
      .filter((control) => control.type !== "radio" || control.checked)
      .map((control) => [control.name, control.value]),
  );
  for (const part of form.querySelectorAll("[data-when]")) {
    const [name, value] = part.dataset.when.split("=");
    part.hidden = values[name] !== value;
  }
}

/** Remember, for the next row, what seldom changes: unit, codes, places. No personal data. */
export function remember(form) {
  const kept = {};
  for (const control of form.querySelectorAll("[data-keep]")) {
    if (control.type === "radio" && !control.checked) continue;
    kept[control.name] = control.value;
  }
  try {
    localStorage.setItem(`${LAST}-${form.dataset.form}`, JSON.stringify(kept));
  } catch {
    // a browser that keeps nothing: then the next row is filled in by hand
  }
}

/** What was remembered of this form. */
export function remembered(form) {
  try {
    return JSON.parse(localStorage.getItem(`${LAST}-${form.dataset.form}`)) ?? {};
  } catch {
    return {};
  }
}

// What a form's searchable lists offer: units of the key, plans and periods, open difficulties.

import { ask, make, now, word } from "./told.js";

let units = [];

/** Fill the lists of a form, and refill those that depend on another field. */
export async function fillLists(form, combos) {
  const [found, plans, open] = await Promise.all([
    ask("/offers/units"),
    combos.has("plan") ? ask("/offers/plans") : null,
    combos.has("difficulty") ? ask("/offers/difficulties") : null,
  ]);
  units = found?.units ?? units;
  offerUnits(form, combos, found === null);
  const day = form.elements.at ?? form.elements.day;
  day.onchange = () => offerUnits(form, combos, false);
  if (combos.has("difficulty")) offerDifficulties(combos, open?.difficulties ?? []);
  if (combos.has("plan")) offerPlans(form, combos, plans?.plans ?? []);
}

function offerUnits(form, combos, failed) {
  const day = (form.elements.at ?? form.elements.day).value.slice(0, 10) || now().day;
  const valid = units.filter((unit) => unit.from <= day && (!unit.to || day < unit.to));
  const combo = combos.get("unit");
  combo.offer(
    valid.map((unit) => ({
      value: unit.code,
      label: `${unit.name} (${unit.code})`,
      hint: unit.parent,
      words: unit.aliases.join(" "),
    })),
  );
  if (valid.length === 1) combo.set(valid[0].code);
  const hint = document.getElementById("unit-hint");
  if (failed && hint && !units.length) hint.textContent = word("no_units");
}

function nameOf(code) {
  return units.find((unit) => unit.code === code)?.name ?? code;
}

function offerDifficulties(combos, open) {
  const combo = combos.get("difficulty");
  combo.offer(
    open.map(({ difficulty, unit, category, at }) => ({
      value: difficulty,
      label: difficulty,
      hint: `${nameOf(unit)} · ${category} · ${at.slice(0, 10).split("-").reverse().join("/")}`,
      words: nameOf(unit),
    })),
  );
}

function offerPlans(form, combos, plans) {
  const [unit, plan, obligation, period] = ["unit", "plan", "obligation", "period"].map((name) =>
    combos.get(name),
  );
  plan.offer(plans.map((each) => ({ value: each.plan, label: each.title, hint: each.plan })));

  function offerObligations() {
    const chosen = plans.find((each) => each.plan === plan.value.value);
    const owed = (chosen?.obligations ?? []).filter(
      (each) => !unit.value.value || each.units.includes(unit.value.value),
    );
    obligation.offer(owed.map((each) => ({ value: each.obligation, label: each.title, hint: each.obligation })));
    if (owed.length === 1) obligation.set(owed[0].obligation);
    offerPeriods();
  }

  function offerPeriods() {
    const chosen = plans
      .find((each) => each.plan === plan.value.value)
      ?.obligations.find((each) => each.obligation === obligation.value.value);
    period.offer((chosen?.periods ?? []).map((each) => ({ value: each, label: each })));
    if (chosen?.periods.length === 1) period.set(chosen.periods[0]);
  }

  plan.addEventListener("change", offerObligations);
  unit.addEventListener("change", offerObligations);
  obligation.addEventListener("change", offerPeriods);
  for (const combo of [plan, unit]) combo.addEventListener("change", () => showFigures(unit, plan));
  offerObligations();
  showFigures(unit, plan);
}

/** The figures that the system has for the unit under the plan: to check the report against. */
async function showFigures(unit, plan) {
  const place = document.getElementById("figures");
  const asked = new URLSearchParams({ plan: plan.value.value, unit: unit.value.value });
  place.hidden = !(asked.get("plan") && asked.get("unit"));
  if (place.hidden) return;
  const found = await ask(`/offers/figures?${asked}`);
  const body = document.getElementById("figures-body");
  const rows = found?.progress ?? [];
  const owed = found?.owed ?? [];
  if (!rows.length && !owed.length) {
    body.replaceChildren(make("p", {}, word("no_figures")));
    return;
  }
  body.replaceChildren(
    rows.length
      ? table(
          ["indicator", "figures_period", "actual", "target"],
          rows.map((row) => [row.title, row.period, shown(row), row.target ?? "–"]),
        )
      : "",
    owed.length
      ? table(
          ["figures_period", "owed"],
          owed.map((row) => [`${row.period} · ${row.obligation}`, word(`state.${row.state}`) ?? row.state]),
        )
      : "",
  );
}

function shown(row) {
  if (row.denominator === null) return String(row.numerator);
  return `${row.numerator}/${row.denominator}`;
}

function table(headings, rows) {
  return make(
    "div",
    { class: "scroll", role: "region", tabIndex: 0, "aria-labelledby": "figures-title" },
    make(
      "table",
      {},
      make("thead", {}, make("tr", {}, ...headings.map((name) => make("th", { scope: "col" }, word(name))))),
      make(
        "tbody",
        {},
        ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell))))),
      ),
    ),
  );
}


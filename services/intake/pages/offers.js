// What a form's searchable lists offer: units of the key, plans and periods, open difficulties.

import { ask, make, now, word } from "./told.js";
import { remembered } from "./values.js";

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
  else if (!combo.value.value) combo.set(remembered(form).unit ?? ""); // if it is valid that day
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
  for (const combo of [plan, unit, period]) {
    combo.addEventListener("change", () => showFigures(unit, plan, period));
  }
  offerObligations();
  showFigures(unit, plan, period);
}

let figures = { asked: "", found: null };

/** The figures that the system has for the unit under the plan: to check the report against. */
async function showFigures(unit, plan, period) {
  const place = document.getElementById("figures");
  const asked = new URLSearchParams({ plan: plan.value.value, unit: unit.value.value }).toString();
  place.hidden = !(plan.value.value && unit.value.value);
  if (place.hidden) return;
  if (figures.asked !== asked) {
    const found = await ask(`/offers/figures?${asked}`);
    figures = { asked: found ? asked : "", found };
  }
  const wanted = period.value.value;
  const rows = grouped((figures.found?.progress ?? []).filter((row) => within(row.period, wanted)));
  const owed = (figures.found?.owed ?? [])
    .filter((row) => !wanted || row.period === wanted)
    .sort((a, b) => (a.period < b.period ? 1 : -1)); // the newest first
  const met = (figures.found?.difficulties ?? []).filter((each) => touches(each, wanted));
  const open = met.filter((each) => !each.resolved_at).length;
  const body = document.getElementById("figures-body");
  if (!figures.found || !(rows.length || owed.length || met.length)) {
    body.replaceChildren(make("p", {}, word("no_figures")));
    return;
  }
  const counts = rows.map((row) => [row.title, shown(row), row.target ?? "–"]);
  if (figures.found.difficulties) {
    counts.push([word("difficulties_open"), String(open), "–"]);
    counts.push([word("difficulties_resolved"), String(met.length - open), "–"]);
  }
  body.replaceChildren(
    counts.length ? table(["indicator", "actual", "target"], counts) : "",
    owed.length
      ? table(
          ["figures_period", "owed"],
          owed.slice(0, 6).map((row) => [
            `${row.period} · ${row.title}`,
            word(`state.${row.state}`) ?? row.state,
          ]),
        )
      : "",
  );
}

const QUARTERS = { Q1: ["01", "03"], Q2: ["04", "06"], Q3: ["07", "09"], Q4: ["10", "12"] };

/** The first and last month or day that a period such as 2020-Q1 or 2020-03 spans, as text. */
function span(period) {
  const [year, part] = period.split("-");
  const months = QUARTERS[part];
  return months ? [`${year}-${months[0]}`, `${year}-${months[1]}~`] : [period, `${period}~`];
}

/** Whether figures of one period belong into a report for another; those of no date always do. */
function within(period, wanted) {
  if (!/^\d{4}/.test(wanted) || !/^\d{4}/.test(period)) return true;
  const [first, last] = span(wanted);
  return span(period)[0] >= first && span(period)[0] <= last;
}

function touches({ raised_at, resolved_at }, wanted) {
  if (!/^\d{4}/.test(wanted)) return true;
  const [first, last] = span(wanted);
  return (raised_at ?? resolved_at) <= last && (!resolved_at || resolved_at >= first);
}

/** One row an indicator: the sum of its periods; a target only where there is one period. */
function grouped(rows) {
  const found = new Map();
  for (const row of rows) {
    const sum = found.get(row.title);
    if (!sum) {
      found.set(row.title, { ...row });
      continue;
    }
    sum.numerator += row.numerator;
    if (sum.denominator !== null) sum.denominator += row.denominator ?? 0;
    sum.target = null;
  }
  return [...found.values()];
}

function shown(row) {
  return row.denominator === null ? String(row.numerator) : `${row.numerator}/${row.denominator}`;
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


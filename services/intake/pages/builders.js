// From what a form holds to the events of the contract. Each event of a form is a part with a name,
// so that a correction sends only what was not taken, under the id it had.

import { now, told, uuid } from "./told.js";

const ZONE = "+07:00"; // forms speak of time in Viet Nam

function given(values, names) {
  return Object.fromEntries(names.filter((name) => values[name]).map((name) => [name, values[name]]));
}

function instant(minute) {
  return `${minute}:00${ZONE}`;
}

/** When a day's counts happened: now if it is today, else at the end of that working day. */
function momentOf(day) {
  const present = now();
  return day === present.day ? `${present.second}${ZONE}` : `${day}T17:00:00${ZONE}`;
}

const builders = {
  install(values) {
    const names = ["unit", "app", "installer", "citizen", "device", "place", "result", "reason"];
    const data = given(values, names);
    return [{ part: "install", type: "motcua.install.recorded.v1", time: instant(values.at), data }];
  },

  difficulty(values, row) {
    const type = `motcua.difficulty.${values.happening}.v1`;
    const raised = values.happening === "raised";
    row.difficulty ??= `KK-${values.unit}-${uuid().slice(0, 8)}`;
    const difficulty = raised ? row.difficulty : values.difficulty;
    const data = { difficulty, ...given(values, ["unit", "category", "text"]) };
    return [{ part: values.happening, type, time: instant(values.at), data }];
  },

  activity(values) {
    const type = "motcua.activity.recorded.v1";
    const shared = given(values, ["unit", "team", "member"]);
    const time = momentOf(values.day);
    return ["reached", "guided", "supported", "account_created", "trained", "core", "duty"]
      .filter((kind) => Number(values[kind]) > 0)
      .map((kind) => ({ part: kind, type, time, data: { ...shared, kind, people: Number(values[kind]) } }));
  },

  survey(values) {
    const data = { ...given(values, ["unit", "mode", "questionnaire", "dossier"]) };
    data.domain = values.domain;
    data.answers = values.answers;
    return [{ part: "survey", type: "motcua.survey.completed.v1", time: instant(values.at), data }];
  },

  report(values) {
    const data = given(values, ["unit", "plan", "obligation", "period", "document"]);
    return [{ part: "report", type: "motcua.report.filed.v1", time: instant(values.at), data }];
  },

  void(values) {
    const data = given(values, ["of_source", "of_id", "reason"]);
    const time = `${now().second}${ZONE}`;
    return [{ part: "void", type: "motcua.record.voided.v1", time, data }];
  },
};

const PHONE = /^(0|\+?84)\d{9,10}$/;

/** What the values of a form lack together, beyond what each field lacks by itself. */
export function lacks(form, values) {
  const faults = [];
  if (form === "install") {
    const phone = (values.citizen ?? "").replace(/[\s.\-()]/g, "");
    if (phone && !PHONE.test(phone)) faults.push({ pointer: "/data/citizen", code: "invalid_phone" });
    if (values.result === "succeeded" && !phone && !values.device) {
      faults.push({ pointer: "/data/device", code: "no_machine" });
    }
  }
  if (form === "activity" && !builders.activity(values).length) {
    faults.push({ pointer: "/data/counts", code: "no_counts" });
  }
  return faults;
}

/** The row of a form's values: a new one, or `earlier` with its correction. */
export function build(form, values, label, summary, earlier = null) {
  const row = {
    id: earlier?.id ?? uuid(),
    owner: told.key.id,
    form,
    label,
    summary,
    values,
    created: earlier?.created ?? Date.now(),
    ids: earlier?.ids ?? {},
    difficulty: earlier?.difficulty,
    taken: earlier?.taken ?? [],
    state: "waiting",
    faults: [],
    tries: 0,
  };
  row.events = builders[form](values, row)
    .filter(({ part }) => !row.taken.includes(part))
    .map(({ part, ...event }) => {
      row.ids[part] ??= uuid();
      const envelope = { specversion: "1.0", id: row.ids[part], source: told.source };
      return { part, event: { ...envelope, datacontenttype: "application/json", ...event } };
    });
  return row;
}

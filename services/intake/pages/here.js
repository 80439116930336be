// The rows on this device: what waits, what was refused and why, and what to do about it.

import { explain } from "./faults.js";
import { queue } from "./queue.js";
import { make, word } from "./told.js";

/** Show the rows of this key, and how many of other keys there are. */
export function showHere(rows, others) {
  const place = document.getElementById("here");
  if (!place) return;
  const focused = document.activeElement?.dataset?.row;
  const list = make("ul", { class: "rows" }, ...rows.map(showRow));
  place.replaceChildren(rows.length ? list : make("p", {}, word("nothing_here")));
  if (rows.some((row) => row.state === "waiting")) {
    const send = { class: "quiet", type: "button", "data-row": "send", onclick: () => queue.send(true) };
    place.append(make("p", { class: "actions" }, make("button", send, word("send_now"))));
  }
  if (others) place.append(make("p", { class: "hint" }, word("others", { n: others })));
  if (focused) place.querySelector(`[data-row="${focused}"]`)?.focus();
}

function stateOf(row) {
  if (row.state === "refused") return word("state_refused");
  return row.tries ? word("state_tried") : word("state_waiting");
}

function showRow(row) {
  const faults = row.faults.map((fault) => make("li", {}, explain(fault, true)));
  return make(
    "li",
    { class: `row ${row.state}`, "data-id": row.id },
    make("p", {}, make("strong", {}, row.label), make("span", { class: "state" }, stateOf(row))),
    make("p", { class: "hint" }, row.summary),
    faults.length ? make("ul", { class: "faults" }, ...faults) : null,
    make(
      "p",
      { class: "actions" },
      row.state === "refused" ? correctLink(row) : null,
      discardButton(row),
    ),
  );
}

function correctLink(row) {
  const address = row.form === "void" ? "/entries" : `/forms/${row.form}`;
  const language = new URLSearchParams(location.search).get("lang");
  const query = new URLSearchParams({ ...(language && { lang: language }), row: row.id });
  return make(
    "a",
    {
      class: "button",
      href: `${address}?${query}`,
      "aria-label": word("correct_row", { row: `${row.label}, ${row.summary}` }),
      "data-row": `correct-${row.id}`,
    },
    word("correct"),
  );
}

function discardButton(row) {
  return make(
    "button",
    {
      class: "quiet",
      type: "button",
      "aria-label": word("discard_row", { row: `${row.label}, ${row.summary}` }),
      "data-row": `discard-${row.id}`,
      onclick: async () => {
        const tried = row.state === "waiting" && row.tries > 0; // it may have arrived
        if (!confirm(word(tried ? "sure_discard_tried" : "sure_discard"))) return;
        await queue.discard(row.id);
        dispatchEvent(new CustomEvent("discarded", { detail: row.id }));
      },
    },
    word("discard"),
  );
}


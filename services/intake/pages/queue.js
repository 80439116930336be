// The queue of unsent rows: what waits goes out when the service can be reached, each row with
// the id that it was given here, so that sending it twice is one entry.

import { openRows } from "./rows.js";
import { told } from "./told.js";

const BATCH = 100;
const SHORTEST = 1000;
const LONGEST = 60000;
const ANSWER_WITHIN = 20000;
const LOCK_WITHIN = 30000;
const GO_ON = "go on";

class Queue extends EventTarget {
  /** @param rows where they are kept */
  constructor(rows) {
    super();
    this.rows = rows;
    this.state = "idle"; // idle, sending, waiting, login, forbidden
    this.next = 0; // when the next try is due, in ms
    this.pause = SHORTEST;
    this.timer = null;
    this.limit = BATCH;
  }

  get durable() {
    return this.rows.durable;
  }

  /** The rows of the key that is logged in, and how many of other keys wait here. */
  async list() {
    const all = await this.rows.all();
    const own = all.filter((row) => row.owner === told.key.id);
    return { own, others: all.length - own.length };
  }

  async find(id) {
    return (await this.rows.all()).find((row) => row.id === id) ?? null;
  }

  async put(row) {
    await this.rows.put(row);
    this.tell();
  }

  async discard(id) {
    await this.rows.remove(id);
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }

  /** Keep a row and try to send it; "taken", "refused", or "kept" where no answer came soon. */
  async submit(row, soon = 5000) {
    await this.put(row);
    this.pause = SHORTEST;
    const sent = this.send();
    await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, soon))]);
    const left = await this.find(row.id);
    if (!left) return "taken";
    return left.state === "refused" ? "refused" : "kept";
  }

  /** Send what waits, now; where the browser says that there is no signal only if `anyway`.
   * Only one page of this browser sends at a time. */
  async send(anyway = false) {
    clearTimeout(this.timer);
    if (!navigator.onLine && !anyway) {
      this.become("waiting", LONGEST); // a browser may be wrong about it: then it is tried anyway
      return null;
    }
    if (this.working) {
      this.again = true; // what was added meanwhile goes with the next round
      return this.working;
    }
    this.working = this.locked(() => this.drain())
      .catch(() => this.become("waiting", LONGEST)) // the browser's own store failed: later again
      .finally(() => {
        this.working = null;
      });
    return this.working;
  }

  /** Work while no other page sends. A page that fell asleep while sending does not hold up the
   * others for ever: what both send is one entry all the same. */
  async locked(work) {
    if (!navigator.locks) return work();
    let begun = false;
    try {
      return await navigator.locks.request(
        "motcua-send",
        { signal: AbortSignal.timeout(LOCK_WITHIN) },
        () => {
          begun = true;
          return work();
        },
      );
    } catch (fault) {
      if (begun) throw fault;
      return work();
    }
  }

  async drain() {
    do {
      this.again = false;
      let waiting;
      while ((waiting = await this.unsent()).length) {
        this.become("sending");
        const outcome = await this.sendSome(waiting.slice(0, this.limit));
        if (outcome === GO_ON) continue;
        this.become(outcome.state, outcome.wait);
        return;
      }
    } while (this.again);
    this.become("idle");
  }

  async unsent() {
    const { own } = await this.list();
    return own
      .filter((row) => row.state === "waiting")
      .flatMap((row) => row.events.map(({ part, event }) => ({ row, part, event })));
  }

  become(state, wait = null) {
    this.state = state;
    clearTimeout(this.timer);
    if (wait !== null) {
      this.next = Date.now() + wait;
      this.timer = setTimeout(() => this.send(true), wait);
    }
    this.tell();
  }

  later(answer = null) {
    const asked = Number(answer?.headers.get("Retry-After")) * 1000;
    const wait = Math.max(asked || 0, this.pause * (0.8 + Math.random() * 0.4));
    this.pause = Math.min(this.pause * 2, LONGEST);
    return { state: "waiting", wait };
  }

  async sendSome(items) {
    const gone = new Set();
    for (const { id } of new Set(items.map((item) => item.row))) {
      // from here on it may have arrived, whatever we hear of it
      const kept = await this.rows.update(id, (row) => (row.tries += 1));
      if (!kept) gone.add(id);
    }
    if (gone.size) return GO_ON; // discarded this very moment: look again
    let answer;
    let body;
    try {
      answer = await fetch("/v1/events", {
        method: "POST",
        headers: {
          "Content-Type": "application/cloudevents-batch+json",
          "X-Motcua-Key": told.key.id, // another key may have logged in beside this page
        },
        body: JSON.stringify(items.map((item) => item.event)),
        signal: AbortSignal.timeout(ANSWER_WITHIN),
        redirect: "error",
      });
      body = await answer.json().catch(() => null);
    } catch {
      return this.later();
    }
    if (answer.status === 202 && body?.results?.length === items.length) {
      await this.settle(items, body.results);
      this.limit = BATCH;
      this.pause = SHORTEST;
      return GO_ON;
    }
    if (answer.status === 401) return { state: "login" };
    if (answer.status === 403) return { state: "forbidden" };
    if ([400, 413, 415, 422].includes(answer.status)) {
      if (items.length > 1) {
        this.limit = Math.max(1, Math.floor(items.length / 2));
        return GO_ON; // with half of it
      }
      const faults = body?.errors?.length ? body.errors : [{ pointer: "", code: "", message: "" }];
      await this.settle(items, [{ status: "refused", errors: faults }]);
      return GO_ON;
    }
    return this.later(answer);
  }

  /** Take rows off that were taken; mark what was refused, with every reason. */
  async settle(items, results) {
    const outcomes = new Map();
    items.forEach(({ row, part }, index) => {
      outcomes.set(row.id, [...(outcomes.get(row.id) ?? []), { part, ...results[index] }]);
    });
    for (const [id, found] of outcomes) {
      const row = await this.rows.update(id, (kept) => apply(kept, found));
      if (row && row.events.length === 0) {
        await this.rows.remove(id);
        this.dispatchEvent(new CustomEvent("taken", { detail: id }));
      }
    }
    this.tell();
  }
}

/** Write the results of a row's events into it. */
function apply(row, results) {
  for (const { part, status, errors } of results) {
    if (status === "accepted" || status === "duplicate") {
      row.taken.push(part);
      row.events = row.events.filter((each) => each.part !== part);
      continue;
    }
    row.state = "refused";
    row.faults.push(...errors.map((fault) => ({ ...fault, part })));
    if (status === "conflict") delete row.ids[part]; // its correction is a new entry
  }
}

export const queue = new Queue(await openRows());

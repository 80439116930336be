// Unsent rows, kept on this device (IndexedDB) until the service has taken them.
//
// A row: {id, owner, form, label, created, values, events: [{part, event}], ids: {part: id},
// taken: [part], state: "waiting" | "refused", faults: [{part, pointer, code, message}], tries}.

const NAME = "motcua-intake";

function promised(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** Rows in the browser's own database. */
class Kept {
  durable = true;

  constructor(database) {
    this.database = database;
  }

  async all() {
    const rows = await promised(this.database.transaction("rows").objectStore("rows").getAll());
    return rows.sort((a, b) => a.created - b.created);
  }

  async put(row) {
    const transaction = this.database.transaction("rows", "readwrite", { durability: "strict" });
    transaction.objectStore("rows").put(row);
    await finished(transaction);
  }

  /** Change a row that is still there; null where it is gone. */
  async update(id, change) {
    const transaction = this.database.transaction("rows", "readwrite", { durability: "strict" });
    const rows = transaction.objectStore("rows");
    const row = await promised(rows.get(id));
    if (row) {
      change(row);
      rows.put(row);
    }
    await finished(transaction);
    return row ?? null;
  }

  async remove(id) {
    const transaction = this.database.transaction("rows", "readwrite");
    transaction.objectStore("rows").delete(id);
    await finished(transaction);
  }
}

/** Rows of a browser that keeps nothing: they last as long as the page. */
class Held {
  durable = false;
  rows = new Map();

  async all() {
    return structuredClone([...this.rows.values()]);
  }

  async put(row) {
    this.rows.set(row.id, structuredClone(row));
  }

  async update(id, change) {
    const row = this.rows.get(id);
    if (row) change(row);
    return row ?? null;
  }

  async remove(id) {
    this.rows.delete(id);
  }
}

/** The rows of this device. */
export async function openRows() {
  try {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("rows", { keyPath: "id" });
    return new Kept(await promised(request));
  } catch {
    return new Held();
  }
}

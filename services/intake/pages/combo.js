// A list to search in: type some letters, accents or not, and choose with arrows, Enter or a finger.

import { fold, make, word } from "./told.js";

const MOST = 40;

/** Makes a field a searchable list. `options` may be replaced at any time. */
export class Combo extends EventTarget {
  /** @param field the element with class "combo" */
  constructor(field) {
    super();
    this.field = field;
    this.input = field.querySelector("[role=combobox]");
    this.value = field.querySelector("input[type=hidden]");
    this.list = field.querySelector("[role=listbox]");
    this.free = "free" in field.dataset;
    this.options = [];
    this.active = -1;
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.open());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.input.addEventListener("blur", () => this.left());
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const chosen = event.target.closest("[role=option]");
      if (chosen) this.choose(this.found[Number(chosen.dataset.index)]);
    });
  }

  /** @param options [{value, label, hint, words}] */
  offer(options) {
    this.options = options.map((option) => ({
      ...option,
      folded: fold([option.value, option.label, option.words ?? ""].join(" ")),
    }));
    const kept = this.options.find((option) => option.value === this.value.value);
    if (kept) this.input.value = kept.label;
    else if (this.value.value && !this.free) this.set("");
  }

  /** Choose by value; what is not offered stays only where the list is free. */
  set(value) {
    const option = this.options.find((each) => each.value === value);
    const taken = option || this.free ? value : "";
    this.input.value = option?.label ?? taken;
    if (this.value.value === taken) return;
    this.value.value = taken;
    this.dispatchEvent(new Event("change"));
  }

  choose(option) {
    this.close();
    this.set(option.value);
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }

  matching() {
    const typed = this.input.value;
    const same = this.options.find((each) => each.value === this.value.value);
    const words = same && same.label === typed ? [] : fold(typed).split(" ").filter(Boolean);
    return this.options.filter(({ folded }) =>
      words.every((each) => folded.startsWith(each) || folded.includes(` ${each}`)),
    );
  }

  typed() {
    const text = this.input.value.trim();
    const before = this.value.value;
    this.value.value = this.free ? text : "";
    this.active = -1;
    this.open();
    if (before !== this.value.value) this.dispatchEvent(new Event("change"));
  }

  open() {
    const all = this.matching();
    this.found = all.slice(0, MOST);
    const rest = all.length - this.found.length;
    this.list.replaceChildren(
      ...this.found.map((option, index) =>
        make(
          "li",
          {
            id: `${this.list.id}-${index}`,
            role: "option",
            "data-index": String(index),
            "aria-selected": String(index === this.active),
          },
          make("span", {}, option.label),
          option.hint ? make("small", {}, option.hint) : null,
        ),
      ),
    );
    const note = !all.length && !this.free ? word("no_match") : rest ? word("more_matches", { n: rest }) : null;
    if (note) this.list.append(make("li", { class: "hint", role: "presentation" }, note));
    this.list.hidden = !this.list.children.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  close() {
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  pressed(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) this.open();
      if (!this.found.length) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.active = (this.active + step + this.found.length) % this.found.length;
      if (this.active < 0) this.active = 0;
      this.mark();
    } else if (event.key === "Enter" && open && this.found.length) {
      event.preventDefault();
      this.choose(this.found[Math.max(this.active, 0)]);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  mark() {
    [...this.list.querySelectorAll("[role=option]")].forEach((item, index) => {
      item.setAttribute("aria-selected", String(index === this.active));
      if (index === this.active) {
        this.input.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({ block: "nearest" });
      }
    });
  }

  left() {
    const open = !this.list.hidden;
    this.close();
    const typed = fold(this.input.value);
    if (!typed || this.value.value === this.input.value.trim()) {
      if (!typed) this.set("");
      if (!this.free || !typed) return;
    }
    const exact = this.options.filter(
      (each) => fold(each.value) === typed || fold(each.label) === typed,
    );
    const near = open && !this.free ? this.matching() : [];
    if (exact.length === 1) this.set(exact[0].value);
    else if (!this.value.value && near.length === 1) this.set(near[0].value);
  }
}

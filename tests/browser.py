"""A real browser for tests: Debian's Chromium, driven by playwright."""

import contextlib
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.real import need

CHROMIUM = "/usr/bin/chromium"
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for as long as the block runs."""
    need("chromium", CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        try:
            yield browser
        finally:
            browser.close()


UNNAMED = """() => {
  const name = (element) =>
    [...(element.labels ?? [])].map((label) => label.textContent).join(" ").trim() ||
    element.getAttribute("aria-label") ||
    (element.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean)
      .map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim() ||
    (["BUTTON", "A"].includes(element.tagName) ? element.textContent.trim() : "");
  const wanted = "input:not([type=hidden]):not([hidden]), select, textarea, button, a[href],"
    + " progress, [role=listbox], dialog, nav";
  return [...document.querySelectorAll(wanted)].filter((element) => !name(element))
    .map((element) => element.outerHTML.slice(0, 120));
}"""
BROKEN_REFERENCES = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  const lost = [];
  for (const name of ["aria-describedby", "aria-labelledby", "aria-controls", "for"])
    for (const element of document.querySelectorAll(`[${name}]`))
      for (const id of element.getAttribute(name).split(" ").filter(Boolean))
        if (!document.getElementById(id)) lost.push(`${name}=${id}`);
  return [...twice, ...lost];
}"""
TOO_SMALL = """() => [...document.querySelectorAll(
    "button, .button, .doors a, input:not([type=hidden]):not([hidden]), select, textarea")]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 24)
  .map((element) => element.outerHTML.slice(0, 120))"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FAINT = """() => {
  const number = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = number(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest(":disabled")) continue;
    const [a, b] = [light(number(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 100)}`);
  }
  return faint;
}"""


def barriers(page: Page) -> dict[str, Any]:
    """What bars people from a page: controls without a name, broken references, text that is too
    faint (WCAG: 4.5 to 1), targets below 24 px, a page wider than its window. All empty when good.
    """
    found = {
        "unnamed": page.evaluate(UNNAMED),
        "references": page.evaluate(BROKEN_REFERENCES),
        "small": page.evaluate(TOO_SMALL),
        "faint": page.evaluate(FAINT),
        "overflow": page.evaluate(OVERFLOW),
    }
    return {name: faults for name, faults in found.items() if faults}

"""The tree of units read off the files for the recount: shares no code with the product.

A unit is a line of a file. On each day the line that is valid then bears the code; a line that
goes on under another parent is the same unit, one that took over a used code is not.
"""

import csv
import datetime as dt
from collections import defaultdict
from pathlib import Path

LEVELS = ("province", "district", "commune")


class Tree:
    def __init__(self, folder):
        self.lines = defaultdict(list)
        for path in sorted(Path(folder).glob("*.csv")):
            with path.open(encoding="utf-8-sig", newline="") as file:
                for line in csv.DictReader(file):
                    line["from"] = dt.date.fromisoformat(line["valid_from"])
                    end = line["valid_to"]
                    line["to"] = dt.date.fromisoformat(end) if end else dt.date(9999, 12, 31)
                    line["heirs"] = [each for each in line["successors"].split(";") if each]
                    self.lines[line["code"]].append(line)
        for lines in self.lines.values():
            lines.sort(key=lambda line: line["from"])
        self.kept = {}

    def line(self, code, day):
        for line in self.lines[code]:
            if line["from"] <= day < line["to"]:
                return line
        return None

    def since(self, code, day):
        """The first day of the unit that bears a code on a day."""
        lines = self.lines[code]
        found = self.line(code, day)
        place = lines.index(found)
        while place:
            before, after = lines[place - 1], lines[place]
            merged = sum(
                code in line["heirs"] and line["to"] == after["from"]
                for every in self.lines.values()
                for line in every
            )
            goes_on = (
                before["to"] == after["from"]
                and before["kind"] == after["kind"]
                and before["heirs"] == [code]
                and merged == 1
            )
            if not goes_on:
                break
            place -= 1
        return lines[place]["from"]

    def chain(self, code, day):
        found = []
        while code and self.line(code, day):
            found.append(code)
            code = self.line(code, day)["parent"]
        return found

    def unit(self, code, day):
        return (code, self.since(code, day))

    def shown(self, code, day, level):
        """The unit under which something of a unit and a day stands at a level."""
        key = (code, level, day < dt.date(2025, 7, 1))
        if key not in self.kept:
            self.kept[key] = self._shown(code, day, level)
        return self.kept[key]

    def _shown(self, code, day, level):
        if level in LEVELS:
            chain = self.chain(code, day)
            for each in chain:
                if self.line(each, day)["kind"] == level:
                    return self.unit(each, day)
            for each in chain:
                seat = self.line(each, day)["seat"]
                for above in self.chain(seat, day) if seat else ():
                    if self.line(above, day)["kind"] == level:
                        return self.unit(above, day)
        return self.unit(code, day)

    def inside(self, code, day, root, asked_on):
        """Whether a unit of a day lies at or below the unit that a code means on another day."""
        key = (code, root, day < dt.date(2025, 7, 1), asked_on < dt.date(2025, 7, 1))
        if key not in self.kept:
            self.kept[key] = self._inside(code, day, root, asked_on)
        return self.kept[key]

    def _inside(self, code, day, root, asked_on):
        if root is None:
            return True
        begun = [line for line in self.lines[root] if line["from"] <= asked_on]
        line = begun[-1] if begun else self.lines[root][0]
        meant = self.unit(root, max(line["from"], min(asked_on, line["to"] - dt.timedelta(1))))
        return meant in [self.unit(each, day) for each in self.chain(code, day)]

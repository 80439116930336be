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
        self.lines = dict(self.lines)
        for lines in self.lines.values():
            lines.sort(key=lambda line: line["from"])
        self.kept = {}

    def line(self, code, day):
        for line in self.lines.get(code, ()):
            if line["from"] <= day < line["to"]:
                return line
        return None

    def meant(self, code, day):
        """The line that a code means on a day on which maybe nobody bears it."""
        begun = [line for line in self.lines[code] if line["from"] <= day]
        return begun[-1] if begun else self.lines[code][0]

    def since(self, code, day):
        """The first day of the unit that bears a code on a day, or bore it last."""
        lines = self.lines[code]
        place = lines.index(self.meant(code, day))
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
        return (code, self.since(code, day) if code in self.lines else None)

    def since_ever(self, code):
        """Since when each unit bore a code that ever did."""
        return {self.since(code, line["from"]) for line in self.lines[code]}

    def named(self, place, first, last):
        """A unit as rows show it: with each name that it bore in a period, else with its last one,
        and since when it bears its code where others bore it, too."""
        code, since = place
        if code not in self.lines:
            return {"unit": code, "unit_name": "Không rõ đơn vị"}
        mine = [line for line in self.lines[code] if self.since(code, line["from"]) == since]
        then = [line["name"] for line in mine if line["from"] <= last and line["to"] > first]
        shown = {"unit": code, "unit_name": " → ".join(dict.fromkeys(then)) or mine[-1]["name"]}
        if len(self.since_ever(code)) > 1:
            shown["unit_valid_from"] = since.isoformat()
        return shown

    def changes(self, codes, first, last):
        """Which units took over from which in a period, as far as some codes are concerned."""
        found = []
        for line in (line for lines in self.lines.values() for line in lines):
            if not first < line["to"] <= last:
                continue
            heirs = [self.line(each, line["to"]) for each in line["heirs"]]
            heirs = [each for each in heirs if each]
            if not heirs or [(h["code"], h["name"]) for h in heirs] == [
                (line["code"], line["name"])
            ]:
                continue
            if {line["code"], *(each["code"] for each in heirs)} & codes:
                found.append(
                    {
                        "unit": line["code"],
                        "unit_name": line["name"],
                        "until": line["to"].isoformat(),
                        "successors": [
                            {"unit": each["code"], "unit_name": each["name"]} for each in heirs
                        ],
                    }
                )
        return sorted(found, key=lambda one: (one["until"], one["unit"]))

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
        line = self.meant(root, asked_on)
        meant = self.unit(root, max(line["from"], min(asked_on, line["to"] - dt.timedelta(1))))
        return meant in [self.unit(each, day) for each in self.chain(code, day)]

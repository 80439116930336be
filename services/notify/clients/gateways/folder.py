"""Reads the folders of descriptions: all of them are checked, those in use get their secrets."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from services.notify.clients.attempt import Provider
from services.notify.clients.calls import Reporter
from services.notify.clients.gateways import placeholders
from services.notify.clients.gateways.description import (
    NAME,
    TAKEN,
    Description,
    HttpDescription,
    SmppDescription,
)
from services.notify.clients.gateways.http import PLACEHOLDERS, HttpGateway
from services.notify.clients.gateways.reports import OF_SIGNATURE, DescribedReports
from services.notify.clients.smpp import SmppGateway
from services.notify.rules.texts import KINDS
from shared.marked_text import Tree, Unreadable, read_tree
from shared.settings import FolderFaults

KINDS_OF_GATEWAY: Mapping[str, type[Description]] = {
    "http": HttpDescription,
    "smpp": SmppDescription,
}


class GatewayFaults(FolderFaults):
    """Descriptions that cannot be used: one line for each fault, with file, place and mend."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


class Gateways:
    """The descriptions of some folders, by name; a later folder goes over an earlier one."""

    def __init__(self, found: Mapping[str, Description], trees: Mapping[str, Tree]) -> None:
        self.found, self.trees = dict(found), dict(trees)

    @classmethod
    def load(cls, folders: Sequence[Path]) -> "Gateways":
        """Reads all files.

        Raises:
            GatewayFaults: naming everything that is wrong with any of them.
        """
        found: dict[str, Description] = {}
        trees: dict[str, Tree] = {}
        faults: list[str] = []
        for folder in folders:
            for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
                read = read_description(path)
                if isinstance(read, list):
                    faults += read
                else:
                    found[path.stem], trees[path.stem] = read
        if faults:
            raise GatewayFaults(faults)
        return cls(found, trees)

    def build(
        self, names: Sequence[str], receipt_url: str, timeout: float
    ) -> tuple[list[Provider], dict[str, Reporter]]:
        """The providers of some gateways, in this order, and who reads their receipts.

        Raises:
            GatewayFaults: there is no such file, or the environment lacks what it asks for.
        """
        faults: list[str] = []
        providers: list[Provider] = []
        reporters: dict[str, Reporter] = {}
        for place, name in enumerate(names, 1):
            description = self.found.get(name)
            if description is None:
                near = difflib.get_close_matches(name, self.found, 1, 0.0)
                hint = f"; the nearest is {near[0]}" if near else ""
                faults.append(f"MOTCUA_NOTIFY_GATEWAYS: there is no gateways/{name}.yaml{hint}")
                continue
            missing = [*self._missing(name, description)]
            if missing:
                faults += missing
                continue
            if isinstance(description, SmppDescription):
                try:
                    options = description.options(timeout)
                except ValueError as fault:
                    line = self.trees[name].line(("url",))
                    faults.append(_fault(f"{name}.yaml", line, ("url",), str(fault)))
                    continue
                providers.append(SmppGateway(name, options, description.terms.terms(place)))
                continue
            providers.append(HttpGateway(name, description, place, receipt_url, timeout))
            if description.receipts is not None:
                reporters[name] = DescribedReports(description.receipts)
        if faults:
            raise GatewayFaults(faults)
        return providers, reporters

    def _missing(self, name: str, description: Description) -> Iterator[str]:
        tree = self.trees[name]
        for path, text in _walk(tree.value, ()):
            for each in placeholders.used(text):
                asked = placeholders.environment_name(each)
                if asked is None:
                    continue
                try:
                    placeholders.look_up(*asked)
                except placeholders.Missing as fault:
                    mend = (
                        "the file that it names cannot be read"
                        if fault.name.endswith("_FILE")
                        else f"it is not set: set it, or {fault.name}_FILE to a file that holds it"
                    )
                    yield _fault(f"{name}.yaml", tree.line(path), path, f"{fault.name}: {mend}")


def read_description(path: Path) -> tuple[Description, Tree] | list[str]:
    """One description, or all that is wrong with it."""
    if not NAME.fullmatch(path.stem) or TAKEN.fullmatch(path.stem):
        return [
            f"gateways/{path.name}: the name of the file is that of the gateway: write small "
            "letters, digits and '-', and not kannel, smtp or email"
        ]
    try:
        tree = read_tree(path.read_bytes())
    except OSError as fault:
        return [f"gateways/{path.name}: it cannot be read ({type(fault).__name__})"]
    except Unreadable as fault:
        return [f"gateways/{path.name}:{fault.line}: {SAID.get(fault.code, 'not plain YAML')}"]
    faults = [
        _fault(path.name, line, where, "written twice: leave one out")
        for where, line in zip(tree.repeated, tree.repeated_lines, strict=True)
    ]
    value = tree.value
    if not isinstance(value, Mapping):
        return [f"gateways/{path.name}:1: write 'key: value' lines"]
    kind = value.get("kind", "http")
    model = KINDS_OF_GATEWAY.get(kind) if isinstance(kind, str) else None
    if model is None:
        known = ", ".join(KINDS_OF_GATEWAY)
        return [
            *faults,
            _fault(path.name, tree.line(("kind",)), ("kind",), f"write one of {known}"),
        ]
    try:
        description = model.model_validate(value)
    except ValidationError as fault:
        return [*faults, *_shape(path.name, tree, model, fault)]
    faults += _placeholder_faults(path.name, tree, description)
    return faults or (description, tree)


SAID = {
    "syntax": "this is not YAML: look at its indentation, quotes and colons; a text that begins "
    "with '{' stands in quotes",
    "empty": "the file is empty: describe a gateway, or take the file away",
    "not_utf8": "save the file as UTF-8",
    "alias": "write '&' and '*' in quotes",
    "tag": "write '!' in quotes",
    "documents": "one file describes one gateway",
}


def _shape(file: str, tree: Tree, model: type[BaseModel], fault: ValidationError) -> Iterator[str]:
    for each in fault.errors(include_url=False, include_input=False):
        path = tuple(step for step in each["loc"] if not str(step).startswith("function-"))
        kind, message = each["type"], each["msg"].removeprefix("Value error, ")
        if kind == "extra_forbidden":
            known = _fields(model, path[:-1])
            near = difflib.get_close_matches(str(path[-1]), known, 1, 0.5)
            hint = f"write {near[0]!r}" if near else f"known here: {', '.join(known)}"
            message = f"there is no such key; {hint}"
        elif kind == "missing":
            message = "is missing: write it"
        elif kind == "literal_error":
            message = f"write one of {each['ctx']['expected']}".replace("'", "").replace(
                " or ", ", "
            )
        yield _fault(file, tree.line(path), path, message)


def _fields(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """The keys that are known at a place of a description."""
    here: Any = model
    for step in path:
        if isinstance(step, int) or here is None:
            continue
        field = next(
            (f for name, f in here.model_fields.items() if (f.alias or name) == step), None
        )
        here = _model_in(field.annotation) if field is not None else None
    if here is None:
        return []
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for each in getattr(annotation, "__args__", ()):
        found = _model_in(each)
        if found is not None:
            return found
    return None


def _placeholder_faults(file: str, tree: Tree, description: Description) -> Iterator[str]:
    known = set(PLACEHOLDERS)
    if isinstance(description, HttpDescription) and description.templates is not None:
        known |= {"template.id", "template.data"}
        for kind in description.templates:
            if kind not in KINDS:
                near = difflib.get_close_matches(kind, KINDS, 1, 0.0)[0]
                path = ("templates", kind)
                yield _fault(
                    file, tree.line(path), path, f"no notice is of this kind; write {near}"
                )
    for path, text in _walk(tree.value, ()):
        here, prefixes = set(), []
        if path[0] in ("request", "templates"):
            here, prefixes = known, ["fact."]
        elif path[:2] == ("receipts", "signature"):
            here, prefixes = set(OF_SIGNATURE), ["field."]
        if path[0] in ("title", "answer") or path[-1] == "reply":
            continue
        for name in placeholders.used(text):
            known_here = (
                name in here
                or placeholders.environment_name(name) is not None
                or any(name.startswith(prefix) for prefix in prefixes)
            )
            if name in "{}":
                message = f"a single {name!r}: write it twice if it is meant"
            elif known_here:
                continue
            else:
                names = ", ".join(f"{{{each}}}" for each in sorted(here)) or "none"
                message = f"unknown placeholder {{{name}}}; known here: {names} and {{env.NAME}}"
            yield _fault(file, tree.line(path), path, message)


def _walk(value: Any, path: tuple) -> Iterator[tuple[tuple, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _walk(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _walk(each, (*path, number))


def _fault(file: str, line: int, path: Sequence[Any], message: str) -> str:
    pointer = "".join(f"/{step}" for step in path)
    return f"gateways/{file}:{line}: {pointer or '/'}: {message}"

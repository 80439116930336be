"""The texts of notices, read from files and checked before anything is sent with them.

A file ``<kind>.<audience>.<channel>.txt`` is Vietnamese, ``<kind>.<audience>.<channel>.en.txt``
English. It may begin with header lines and a blank line: ``Subject:`` (email) and ``Accents: keep``
(SMS; without it an SMS is written without accents). A citizen's text that does not say where to ask
ends with the office's phone all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notify.rules.texts import (
    KINDS,
    LANGUAGES,
    LENGTHS,
    LINES,
    TITLES,
    VARIABLES,
    clean,
    clean_lines,
    plain,
    samples_of,
    segments,
    shorten,
)
from shared.settings import FolderFaults

log = structlog.get_logger()

ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.Filter,
)
ALLOWED_FILTERS = frozenset({"upper", "lower", "capitalize", "trim"})
HEADERS = ("Subject: ", "Accents: ")
MAXIMUM_CHARACTERS = 4000
ASK: Mapping[tuple[str, str], str] = {
    ("sms", "vi"): "{% if office_phone %} ĐT {{ office_phone }}{% endif %}",
    ("sms", "en"): "{% if office_phone %} Tel {{ office_phone }}{% endif %}",
    ("email", "vi"): "{% if office_phone %}\n\nĐiện thoại: {{ office_phone }}{% endif %}",
    ("email", "en"): "{% if office_phone %}\n\nPhone: {{ office_phone }}{% endif %}",
}
"""What is put at the end of a citizen's text that does not say where to ask."""


class TemplateFaults(FolderFaults):
    """Templates that cannot be used: one line for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered notice; ``segments`` counts what the carrier bills, 0 for email."""

    subject: str | None
    body: str
    segments: int


@dataclass(frozen=True, slots=True)
class _Compiled:
    source: str
    subject: Template | None
    body: Template
    accents: bool
    warnings: tuple[str, ...] = ()


Name = tuple[str, ...]
"""Kind, audience, channel, and the language where it is not the first."""

NAMES: tuple[Name, ...] = tuple(
    (kind, audience, channel, *language)
    for kind, audience in KINDS.items()
    for channel in ("sms", "email")
    for language in ((), *(((each,) for each in LANGUAGES[1:]) if audience == "citizen" else ()))
)
"""Every text there is. Officers are written to in the first language only."""


def language_of(name: Name) -> str:
    """The language of a text."""
    return name[3] if len(name) > 3 else LANGUAGES[0]


def read_name(text: str) -> Name | None:
    """The name in ``received.citizen.sms``; null where no notice has it."""
    parts = tuple(text.removesuffix(".txt").split("."))
    return parts if parts in NAMES else None


def compile_text(name: Name, source: str) -> _Compiled:
    """A template ready for use.

    Raises:
        TemplateFaults: naming everything that is wrong with it.
    """
    found = _compile(name, source)
    if isinstance(found, list):
        raise TemplateFaults(found)
    return found


class Templates:
    """All templates of a folder, checked; some may be overridden."""

    def __init__(self, compiled: Mapping[Name, _Compiled]) -> None:
        self._compiled = dict(compiled)

    def override(self, sources: Mapping[Name, str]) -> "Templates":
        """These templates with others in place of some; one that is faulty is left out."""
        compiled = dict(self._compiled)
        for name, source in sources.items():
            found = _compile(name, source)
            if isinstance(found, list):
                log.error("template_unusable", name=".".join(name), faults=found)
            else:
                compiled[name] = found
        return Templates(compiled)

    def source(self, name: Name) -> str:
        """A template as it was written."""
        return self._compiled[name].source

    @classmethod
    def load(cls, folder: Path, shipped: Path | None = None) -> "Templates":
        """Read and check every template. What a folder of one's own lacks, because a later version
        of the program added it, is taken from those that are ``shipped``.

        Raises:
            TemplateFaults: naming each missing file, syntax error, unknown variable, and
                construct beyond filling in and choosing.
        """
        faults: list[str] = []
        compiled: dict[Name, _Compiled] = {}
        for name in sorted(NAMES):
            path = folder / f"{'.'.join(name)}.txt"
            if shipped is not None and not path.exists():
                path = shipped / path.name
            try:
                source = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as fault:
                faults.append(f"{path.name}: {type(fault).__name__}")
                continue
            found = _compile(name, source)
            if isinstance(found, list):
                faults += [f"{path.name}: {each}" for each in found]
            else:
                compiled[name] = found
        for path in sorted(folder.glob("*.txt")):
            if tuple(path.name.split(".")[:-1]) not in NAMES:
                faults.append(f"{path.name}: no notice has this name")
        if faults:
            raise TemplateFaults(faults)
        return cls(compiled)

    def render(
        self,
        kind: str,
        audience: str,
        channel: str,
        values: Mapping[str, str | None],
        language: str = LANGUAGES[0],
    ) -> Text:
        """Fill in one text. Variables of the kind that ``values`` lacks count as absent."""
        template = self._compiled.get((kind, audience, channel, language))
        template = template or self._compiled[kind, audience, channel]
        return render(template, kind, channel, values)


def render(template: _Compiled, kind: str, channel: str, values: Mapping[str, str | None]) -> Text:
    """Fill in one text; no value can add a line to it, hide in it, or make it endless."""
    full = dict.fromkeys(VARIABLES[kind]) | {
        key: clean_value(key, value) if value else value
        for key, value in values.items()
        if key in VARIABLES[kind]
    }
    if channel == "sms":
        short = values.get("office_short")
        body = fit(template, full, clean("office", short) if short else None)
        return Text(None, body, segments(body))
    body = template.body.render(full)
    subject = template.subject.render(full) if template.subject else ""
    return Text(" ".join(subject.split()), body.strip() + "\n", 0)


def clean_value(name: str, value: str) -> str:
    """A value as a text takes it."""
    return clean_lines(value) if name in LINES else clean(name, value)


def fit(template: _Compiled, values: Mapping[str, str | None], short: str | None = None) -> str:
    """An SMS: without accents, and in one segment if a shorter name of the office, or shorter
    titles, can achieve it.

    Where they cannot, or the text keeps its accents, nothing is cut.
    """
    whole = " ".join(template.body.render(values).split())
    if template.accents:
        return whole
    whole = plain(whole)
    if segments(whole) == 1:
        return whole
    if short:
        # Where the reader's unit is the one that the text is about, they go on being equal.
        if values.get("owing") == values.get("office"):
            values = {**values, "owing": short} if "owing" in values else values
        values = {**values, "office": short}
    for length in (None, *LENGTHS) if short else LENGTHS:
        cut = {
            key: shorten(value, length) if length and value and key in TITLES else value
            for key, value in values.items()
        }
        if values.get("owing") == values.get("office"):
            cut["owing"] = cut["office"]
        body = plain(" ".join(template.body.render(cut).split()))
        if segments(body) == 1:
            return body
    return whole


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    environment.globals.clear()
    return environment


ENVIRONMENT = _environment()


def _compile(name: Name, source: str) -> _Compiled | list[str]:
    environment = ENVIRONMENT
    headers, body = _split(source.replace("\r\n", "\n"))
    faults: list[str] = []
    if len(source) > MAXIMUM_CHARACTERS:
        faults.append(f"longer than {MAXIMUM_CHARACTERS} characters")
    if name[2] == "email" and not headers.get("Subject"):
        faults.append("an email needs a line 'Subject: '")
    if name[2] == "sms" and "Subject" in headers:
        faults.append("an SMS has no subject")
    if headers.get("Accents", "keep") != "keep":
        faults.append("'Accents' may only be 'keep'")
    used: set[str] = set()
    for part in (headers.get("Subject", ""), body):
        try:
            tree = environment.parse(part)
        except TemplateError as fault:
            faults.append(f"{fault.message} (line {getattr(fault, 'lineno', 1)})")
            continue
        # Nothing can be assigned, so every name is a variable. Nothing is evaluated here: even
        # asking Jinja for the undeclared ones would compute `'a' * 10**9`.
        names = {node.name for node in tree.find_all(nodes.Name)}
        used |= names
        faults += [f"unknown variable {each!r}" for each in sorted(names - VARIABLES[name[0]])]
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, ALLOWED_NODES):
                faults.append(f"{type(node).__name__} is not allowed (line {node.lineno})")
            elif isinstance(node, nodes.Filter) and node.name not in ALLOWED_FILTERS:
                faults.append(f"filter {node.name!r} is not allowed (line {node.lineno})")
    if not faults and "office" not in used:
        faults.append("every text names the office: {{ office }} is missing")
    if faults:
        return faults
    warnings: tuple[str, ...] = ()
    if name[1] == "citizen" and "office_phone" not in used:
        body = body.rstrip() + ASK[name[2], language_of(name)]
        warnings = ("{{ office_phone }} is missing: the phone is put at the end",)
    subject = headers.get("Subject")
    made = _Compiled(
        source,
        environment.from_string(subject) if subject else None,
        environment.from_string(body),
        headers.get("Accents") == "keep",
        warnings,
    )
    for values in (samples_of(name[0]), {"office": "Một cửa"}):
        try:
            render(made, name[0], name[2], values)
        except Exception as fault:
            faults.append(f"cannot be filled in where values are absent: {type(fault).__name__}")
            return faults
    return made


def _split(source: str) -> tuple[dict[str, str], str]:
    headers: dict[str, str] = {}
    if not source.startswith(HEADERS):
        return headers, source
    head, _, body = source.partition("\n\n")
    for line in head.split("\n"):
        key, _, value = line.partition(": ")
        headers[key] = value.strip()
    return headers, body

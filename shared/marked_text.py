"""Reads the YAML or JSON text of a file into plain values, remembering the line of each.

Deliberately less than YAML: no anchors or aliases (so nothing can grow), no tags, no second
document, no repeated keys, bounded size and depth. Dates stay text, and so do words such as
`yes` and digits with a leading zero, because a unit's code may look like them.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

MAX_BYTES = 1 << 20
"""Greatest size of a file, in bytes."""
MAX_DEPTH = 40
MAX_NODES = 100_000

Path = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,17})\.\d{1,18}")
_WORDS = {"": None, "null": None, "~": None, "true": True, "false": False}


class Unreadable(ValueError):
    """Text that is not one plain document; `line` counts from 1."""

    def __init__(self, line: int, code: str, message: str) -> None:
        self.line, self.code, self.message = line, code, message
        super().__init__(message)


@dataclass(frozen=True, slots=True, order=True)
class FileFault:
    """What is wrong, or still undecided (a warning), at a place in a file.

    `line` counts from 1; `path` is a JSON pointer; `code` is stable, `message` is for people.
    """

    line: int
    path: str
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        word = "lỗi" if self.severity == "error" else "lưu ý"
        return f"dòng {self.line}: {word}: {self.message} ({self.path or '/'})"


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


@dataclass(slots=True)
class Tree:
    """Plain values, the line of each path, and the keys that were given twice."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: list[Path] = field(default_factory=list)
    repeated_lines: list[int] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a path, else of the nearest that exists above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_tree(text: str | bytes) -> Tree:
    """Reads a document.

    Raises Unreadable.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise Unreadable(1, "too_large", "tệp lớn hơn 1 MiB")
    try:
        source = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "not_utf8", "tệp không phải UTF-8") from None
    try:
        _guard(source)
        node = yaml.compose(source, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        message = f"không đúng YAML: {error.problem or error.context}"
        raise Unreadable(line, "syntax", message) from None
    except yaml.reader.ReaderError as error:
        position = error.position if isinstance(error.position, int) else 0
        line = source.count("\n", 0, position) + 1
        raise Unreadable(line, "syntax", "có ký tự điều khiển không được phép") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(1, "syntax", "không đọc được tệp") from None
    if node is None:
        raise Unreadable(1, "empty", "tệp rỗng")
    tree = Tree()
    tree.lines[()] = node.start_mark.line + 1
    tree.value = _plain(node, (), tree)
    return tree


def _guard(source: str) -> None:
    depth = nodes = documents = 0
    for event in yaml.parse(source, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(line, "alias", "không dùng neo (&) và tham chiếu (*) của YAML")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MAX_NODES:
                raise Unreadable(line, "too_large", "tệp có quá nhiều mục")
            if getattr(event, "tag", None):
                raise Unreadable(line, "tag", "không dùng thẻ kiểu (!) của YAML")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable(line, "too_deep", f"lồng nhau quá {MAX_DEPTH} tầng")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(line, "documents", "mỗi tệp chỉ chứa một tài liệu YAML")


def _plain(node: yaml.Node, path: Path, tree: Tree) -> Any:
    if isinstance(node, yaml.SequenceNode):
        items = []
        for number, each in enumerate(node.value):
            here = (*path, number)
            tree.lines[here] = each.start_mark.line + 1
            items.append(_plain(each, here, tree))
        return items
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, each in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise Unreadable(line, "key", "khoá phải là một từ")
            here = (*path, key.value)
            if key.value in found:
                tree.repeated.append(here)
                tree.repeated_lines.append(line)
                continue
            tree.lines[here] = line
            found[key.value] = _plain(each, here, tree)
        return found
    if _CONTROL.search(node.value):
        line = node.start_mark.line + 1
        raise Unreadable(line, "control_character", "có ký tự điều khiển không được phép")
    if node.style:
        return node.value
    if node.value in _WORDS:
        return _WORDS[node.value]
    if _WHOLE.fullmatch(node.value):
        return int(node.value)
    return float(node.value) if _DECIMAL.fullmatch(node.value) else node.value

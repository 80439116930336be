"""Finding a running instance and asking its services over HTTP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from shared.cli.errors import REFUSED, UNREACHABLE, USAGE, CommandError
from shared.embedded.home import Home, read_json

SERVICES = ("reporting", "intake", "quota", "notify")
PATIENCE = 120.0
"""Seconds for which a service that had answered before is asked again."""
FIRST_PATIENCE = 3.0
"""The same for one that has never answered: a wrong address should be said soon."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Where the services are, and the key to show them."""

    urls: Mapping[str, str]
    key: str


def find(data_dir: Path | None) -> Instance:
    """The instance in a data directory, or the one that the environment names.

    A data directory given on the command line is taken before MOTCUA_<SERVICE>_URL, these
    before MOTCUA_DATA_DIR and `.motcua`. MOTCUA_KEY, where set, is the key.

    Raises:
        CommandError: 3 no instance runs there, 2 no key is to be found.
    """
    named = {
        name: url.rstrip("/")
        for name in SERVICES
        if (url := os.environ.get(f"MOTCUA_{name.upper()}_URL"))
    }
    if named and data_dir is None:
        return Instance(named, _key(None))
    home = Home(data_dir or Path(os.environ.get("MOTCUA_DATA_DIR") or ".motcua"))
    urls = read_json(home.instance_file).get("urls")
    if not urls:
        raise CommandError(
            f"no instance runs in {home.path}: start one with `motcua up`, or name another with "
            "--data-dir, MOTCUA_DATA_DIR or MOTCUA_INTAKE_URL and its likes",
            UNREACHABLE,
        )
    return Instance(urls, _key(home.admin_key_file))


def _key(file: Path | None) -> str:
    if given := os.environ.get("MOTCUA_KEY"):
        return given.strip()
    if from_file := os.environ.get("MOTCUA_KEY_FILE"):
        file = Path(from_file)
    try:
        return file.read_text().strip() if file else _no_key()
    except OSError as error:
        raise CommandError(f"cannot read the key in {file}: {error.strerror}", USAGE) from error


def _no_key() -> str:
    raise CommandError("set MOTCUA_KEY to the key that `motcua key create` printed", USAGE)


class Client:
    """Requests with the key, tried again while a service is away or asks for patience."""

    def __init__(self, instance: Instance, patience: float = PATIENCE) -> None:
        self.instance = instance
        self._patience = patience
        self._answered: set[str] = set()
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        for name, url in self.instance.urls.items():
            local = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
            self._clients[name] = httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {self.instance.key}"},
                timeout=httpx.Timeout(60, connect=5),
                trust_env=not local,
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def ask(
        self, service: str, method: str, path: str, *, repeatable: bool = True, **given: Any
    ) -> httpx.Response:
        """One answer, of whatever status but 429, 502, 503 and 504, which are waited out.

        A lost connection does not tell whether the request had arrived. It is made again all the
        same, unless `repeatable` is False because a second one would do something else.

        Raises:
            CommandError: 3 the service cannot be reached, or stays unavailable.
        """
        client = self._clients.get(service)
        if client is None:
            raise CommandError(f"set MOTCUA_{service.upper()}_URL", USAGE)
        pause, waited = 0.2, 0.0
        while True:
            try:
                answer = await client.request(method, path, **given)
            except httpx.InvalidURL as error:
                raise CommandError(f"{client.base_url}: {error}", USAGE) from error
            except httpx.TransportError as error:
                why = type(error).__name__
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if not (repeatable or unsent):
                    raise CommandError(
                        f"{service} at {client.base_url} did not answer ({why}): "
                        "what was asked may have been done or not",
                        UNREACHABLE,
                    ) from error
                limit = self._patience if service in self._answered else FIRST_PATIENCE
            else:
                self._answered.add(service)
                if answer.status_code not in (429, 502, 503, 504):
                    return answer
                why = f"answers {answer.status_code}"
                limit = self._patience
                pause = max(pause, _retry_after(answer))
            pause = min(pause, 15.0)
            if waited + pause > min(limit, self._patience):
                raise CommandError(
                    f"{service} at {client.base_url} is unreachable ({why})", UNREACHABLE
                )
            await asyncio.sleep(pause)
            waited += pause
            pause *= 2

    async def fetch(self, service: str, method: str, path: str, **given: Any) -> Any:
        """The JSON of an answer below 400. CommandError: 1 with everything that was wrong."""
        answer = await self.ask(service, method, path, **given)
        if answer.status_code >= 400:
            raise CommandError(faults(service, answer), REFUSED)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            url = self._clients[service].base_url
            raise CommandError(f"{url} does not answer as {service} does", UNREACHABLE) from error


def faults(service: str, answer: httpx.Response) -> str:
    """A problem document as text, one line for each fault."""
    problem = problem_of(answer)
    title = problem.get("detail") or problem.get("title") or answer.reason_phrase
    lines = [f"{service} refused ({answer.status_code}): {title}"]
    return "\n".join(lines + [f"  {fault_line(item)}" for item in problem.get("errors") or ()])


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer; empty where it holds none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def fault_line(item: Mapping[str, Any], severity: str = "lỗi") -> str:
    """One fault: where, and what; of a file in the words in which a check of it would say it."""
    place, text = item.get("pointer") or "", item.get("message") or item.get("code") or ""
    if item.get("line"):
        return f"dòng {item['line']}: {severity}: {text} ({place or '/'})"
    return f"{place}: {text}" if place else str(text)


def _retry_after(answer: httpx.Response) -> float:
    try:
        return float(answer.headers.get("Retry-After", 0))
    except ValueError:
        return 1.0

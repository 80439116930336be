"""`motcua provision`: the broker's streams and consumers, for brokers whose services may not."""

from __future__ import annotations

import asyncio

import nats
import nats.errors
from nats.js.errors import APIError

from shared.cli.errors import REFUSED, UNREACHABLE, USAGE, CommandError
from shared.cli.up import say, without_password
from shared.messaging import provision
from shared.settings import BrokerSettings, SettingsError, load

INBOX = "_INBOX_provisioner"
PATIENCE_SECONDS = 60


async def run() -> None:
    """Create what is missing and bring the rest to this version's configuration.

    Raises:
        CommandError: 1 the broker refuses, 2 NATS_URL is missing, 3 nothing answers there.
    """
    try:
        settings = load(BrokerSettings)
    except SettingsError as error:
        raise CommandError("\n".join(error.lines), USAGE) from error
    urls = settings.nats_url.get_secret_value().split(",")
    shown = " ".join(without_password(url) for url in urls)
    client = await _connect(urls, shown)
    try:
        await provision(client, settings.nats_replicas, settings.ack_wait)
    except APIError as error:
        raise CommandError(f"{shown} refused: {error.description}", REFUSED) from error
    except (TimeoutError, nats.errors.Error) as error:
        # The broker does not answer what a user may not ask.
        why = f"{type(error).__name__}: has this user the rights of deploy/nats/users.conf?"
        raise CommandError(f"{shown} does not answer ({why})", REFUSED) from error
    finally:
        await client.close()
    say(f"{shown} is provisioned")


async def _connect(urls: list[str], shown: str) -> nats.NATS:
    faults: list[Exception] = []

    async def note(fault: Exception) -> None:
        faults.append(fault)

    for _ in range(PATIENCE_SECONDS):
        try:
            return await nats.connect(
                urls,
                inbox_prefix=INBOX,
                allow_reconnect=False,
                connect_timeout=5,
                error_cb=note,
            )
        except nats.errors.AuthorizationError as error:
            raise CommandError(f"{shown} refused the user or the password", REFUSED) from error
        except (OSError, TimeoutError, nats.errors.Error) as error:
            faults.append(error)
            await asyncio.sleep(1)
    why = type(faults[-1]).__name__
    raise CommandError(f"{shown} cannot be reached ({why})", UNREACHABLE)

"""Wires notify."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog
from fastapi import FastAPI

from services.notify import consumer
from services.notify.api import build_router
from services.notify.api.clock import clock_router
from services.notify.clients import (
    Bounces,
    Gateways,
    Kannel,
    Mail,
    Offices,
    Provider,
    Reporter,
    Server,
    Signer,
    SmppGateway,
    Templates,
    load_agency_words,
    trust,
)
from services.notify.clients.mail.post import DEFAULT as LETTERS
from services.notify.handlers.budgets import Warnings
from services.notify.handlers.calendars import Asking, CalendarWatch
from services.notify.handlers.clockwork import Clockwork
from services.notify.handlers.delivery import Delivery
from services.notify.handlers.desk import Desk
from services.notify.handlers.duties import Duties
from services.notify.handlers.figures import Figures
from services.notify.handlers.gate import Gate
from services.notify.handlers.keeping import Keeping
from services.notify.handlers.keeping import Terms as KeepingTerms
from services.notify.handlers.people import Erasure
from services.notify.handlers.rejudging import Undated
from services.notify.handlers.tombstones import Tombstones
from services.notify.handlers.watch import Watch
from services.notify.rules.notices import Policy
from services.notify.rules.terms import Terms
from services.notify.rules.trials import Trial
from services.notify.settings import NotifySettings
from shared import rulebook
from shared.due_dates import load_rules
from shared.service import Service
from shared.settings import deploy_dir, load
from shared.units import UnitRegistry

log = structlog.get_logger()

SHIPPED = Path(__file__).parents[2] / "deploy"
"""The files that come with the program."""


CHANGED_AT_ONCE = 100
"""Dossiers that are read by changed rules in one turn: notices are written of them as well."""


def create_app(settings: NotifySettings | None = None) -> FastAPI:
    """The notify service: events and contacts in; due dates watched, messages out.

    Raises:
        TemplateFaults: a text is missing or wrong.
        GatewayFaults: a gateway's description is wrong.
        MailFaults: mail cannot be sent as the settings say.
    """
    settings = settings or load(NotifySettings)
    service = Service("notify", settings, Path(__file__).parent / "migrations")
    registry = UnitRegistry.load(deploy_dir() / "units")
    providers, reporters = build_providers(settings)
    policy = Policy(
        frozenset(providers),
        settings.stale_after,
        settings.approach,
        settings.due_today,
        settings.appointment,
        load_agency_words(deploy_dir() / "clock-stops.yaml"),
        settings.day_of,
        settings.overdue,
        settings.notify_reschedules,
        settings.trial,
    )
    if settings.trial != Trial():
        log.warning("notices_on_trial", dry_run=settings.notify_dry_run)
    clockwork = Clockwork(service.database, settings.clock_slack)
    service.watch_part("clock", clockwork.check)
    offices = load_offices(registry, bool(providers))
    templates = Templates.load(deploy_dir() / "templates", SHIPPED / "templates")
    public_url = settings.notify_public_url.rstrip("/")
    desk = Desk(registry, templates, policy, settings.leaving, offices, public_url)
    desk.dashboard_url = settings.notify_dashboard_url
    delivery = Delivery(
        service.database,
        providers,
        workers=settings.notify_workers,
        attempts=settings.notify_attempts,
        name=settings.notify_instance,
        gate=Gate(settings.leaving, policy.agency_words, desk),
        announce=service.wake_relay,
        values=desk.values,
        clockwork=clockwork,
        unsubscribe=desk.unsubscribe,
    )
    desk.wake = delivery.wake
    for lane in delivery.lanes:
        if isinstance(lane.provider, SmppGateway):
            lane.provider.hear = partial(delivery.receiving.hear, lane.name)
            lane.provider.late = partial(delivery.receiving.learn, lane.name)
            service.run_always(lane.provider.run)
        if isinstance(lane.provider, Mail):
            service.run_always(lane.provider.tend)
    duties = Duties(desk)
    progress = Progress(service)
    watch = Watch(service.database, desk, duties, progress.caught_up, service.wake_relay, clockwork)
    asking = Asking(settings.calendar_from, settings.calendar_to)
    calendar = CalendarWatch(service.database, desk, duties, asking, service.wake_relay, clockwork)
    service.warn_of("calendar", calendar.worry)
    consumer.attach(service, desk, duties)
    rules = load_rules(deploy_dir(), registry)
    changeover = rulebook.Changeover(
        "notify", service.database, rules, Undated(desk), service.wake_relay,
        size=CHANGED_AT_ONCE, ready=Progress(service).caught_up,
    )  # fmt: skip
    rulebook.attach(service, changeover)
    service.run_always(watch.run)
    service.run_always(Warnings(service.database, desk, delivery.wake).run)
    service.run_always(calendar.run)
    service.run_always(delivery.stay_known)
    service.run_always(delivery.run)
    service.run_always(delivery.sweep)
    service.show_figure(Figures(service.database, delivery.lanes).measure)
    erasure = Erasure(service.database, lambda token: purge_contact(service, token))
    service.run_always(erasure.run)
    terms = KeepingTerms(
        settings.notify_contact_days,
        settings.notify_text_days,
        settings.notify_access_days,
        settings.notify_consent_days,
    )
    service.run_always(Keeping(service.database, terms, erasure.wake.set).run)
    tombstones = Tombstones(service.database)

    async def listen() -> None:
        await service.started.wait()
        await tombstones.listen(service.connection())

    service.run_always(listen)
    service.app.include_router(
        build_router(service, desk, delivery, erasure, reporters, settings.notify_call_days)
    )
    service.app.include_router(clock_router(clockwork))
    return service.app


def load_offices(registry: UnitRegistry, sending: bool) -> Offices:
    """Where citizens ask; what would send them to a number of nobody is said in the log."""
    offices = Offices.load(deploy_dir() / "offices", registry)
    if sending and offices.samples():
        log.warning("sample_phones", units=offices.samples())
    return offices


async def purge_contact(service: Service, token: str) -> None:
    """Have the broker forget the messages of one contact."""
    await service.jetstream().purge_stream("CONTACTS", subject=f"motcua.contacts.{token}")


def build_providers(
    settings: NotifySettings,
) -> tuple[dict[str, list[Provider]], dict[str, Reporter]]:
    """The ways out that are configured, by channel, and who reads what each reports by HTTP.

    Raises:
        GatewayFaults: a description is wrong, or lacks something of the environment.
    """
    folders = [deploy_dir() / "gateways", Path(settings.notify_gateway_dir or "/nonexistent")]
    gateways = Gateways.load([folder for folder in folders if folder.is_dir()])
    providers: dict[str, list[Provider]] = {}
    described, reporters = gateways.build(
        settings.described, settings.notify_receipt_url, settings.notify_timeout
    )
    for provider in described:
        providers.setdefault(provider.channel, []).append(provider)
    for place, gateway in enumerate(settings.gateways, len(described) + 1):
        kannel = Kannel(
            gateway.url,
            gateway.user,
            gateway.password.get_secret_value(),
            settings.notify_kannel_sender,
            settings.notify_receipt_url,
            timeout=settings.notify_timeout,
            name=gateway.name,
            terms=Terms(priority=place, price=gateway.price),
        )
        providers.setdefault("sms", []).append(kannel)
    if settings.notify_smtp_host:
        mail = build_mail(settings)
        providers.setdefault("email", []).append(mail)
        if mail.bounces is not None:
            reporters[mail.name] = mail.bounces
    return providers, reporters


def build_mail(settings: NotifySettings) -> Mail:
    """The mail server.

    Raises:
        MailFaults: the authorities to trust, or the key to sign with, cannot be used.
    """
    server = Server(
        settings.notify_smtp_host,
        settings.notify_smtp_port,
        settings.notify_smtp_user,
        settings.notify_smtp_password.get_secret_value(),
        settings.notify_smtp_tls,
        settings.notify_timeout,
        trust(settings.notify_smtp_ca),
    )
    signer = None
    if settings.notify_dkim_domain:
        key = Path(settings.notify_dkim_key_path)
        signer = Signer.load(settings.notify_dkim_domain, settings.notify_dkim_selector, key)
    return Mail(
        server,
        settings.notify_smtp_from,
        signer,
        settings.notify_smtp_letters,
        settings.notify_smtp_idle,
        terms=replace(LETTERS, price=settings.letter_price),
        bounces=Bounces(returned) if (returned := settings.notify_smtp_bounces) else None,
    )


class Progress:
    """How far the events that the broker holds were read.

    Under a steady stream the queue is never empty, so what counts is the newest message at the
    time of the question: once it was read, everything before it was.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.goal: int | None = None

    async def caught_up(self) -> bool:
        """Whether everything was read that was there when this was first asked."""
        info = await self.service.jetstream().consumer_info("EVENTS", "notify-events")
        floor = info.ack_floor.stream_seq if info.ack_floor else 0
        if info.num_pending == 0 and info.num_ack_pending == 0:
            self.goal = None
            return True
        if self.goal is None:
            stream = await self.service.jetstream().stream_info("EVENTS")
            self.goal = stream.state.last_seq
            return False
        if floor >= self.goal:
            self.goal = None
            return True
        return False

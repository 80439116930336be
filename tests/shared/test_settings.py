"""Settings: `.env.example` knows them all, and a wrong one is said before anything starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.cli import environment
from shared.cli.errors import CommandError
from shared.settings import BrokerSettings, SettingsError, load, names, unknown

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
SECRET = "s3cr3t-never-shown"
STORES = {
    "DATABASE_URL": f"postgresql://quota:{SECRET}@db.example/motcua",
    "NATS_URL": f"nats://quota:{SECRET}@n1.example:4222,nats://n2.example:4222",
}


def run(*arguments: str, cwd: Path = ROOT, **given: str) -> subprocess.CompletedProcess[str]:
    """The program with these variables and no other setting."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOTCUA_") and name not in STORES
    }
    return subprocess.run(
        [sys.executable, "-m", "shared.cli.main", *arguments],
        cwd=cwd,
        env=clean | {"PYTHONPATH": str(ROOT)} | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Its complaint, line by line, as a person reads it."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.removeprefix("motcua: ").splitlines()


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MOTCUA_") or name in STORES:
            monkeypatch.delenv(name)


def assignments() -> dict[str, str]:
    """Name -> value of each line of `.env.example`, commented out or not."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"#?([A-Z][A-Z0-9_]*)=(.*)", line) for line in lines]
    pairs = [match.groups() for match in found if match]
    assert len(pairs) == len({name for name, _ in pairs}), "a name stands there twice"
    return dict(pairs)


def read_by_the_code() -> set[str]:
    """Every name in the code that is read past the settings models."""
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("shared", "services", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    )
    return set(re.findall(r"environ(?:\.get\(|\[)\s*\"(MOTCUA_[A-Z_]+)\"", text))


def test_the_example_is_complete_and_knows_nothing_else() -> None:
    wanted = {name for name in environment.known() if not name.endswith("_FILE")}
    wanted |= {"MOTCUA_KEY_FILE"}
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    wanted |= set(re.findall(r"\$\{(\w+)", compose))
    assert set(assignments()) == wanted


def test_every_name_that_the_code_reads_is_known() -> None:
    assert read_by_the_code() <= environment.known()


def test_the_examples_defaults_are_the_models_defaults() -> None:
    """A commented line shows what holds without it; the two must not drift apart."""
    shown = assignments()
    wrong = []
    for service in environment.SERVICES:
        model = environment.settings_of(service)
        for field, name in names(model).items():
            info = model.model_fields[field]
            if info.is_required() or info.default in (None, ""):
                continue
            default = getattr(info.default, "get_secret_value", lambda d=info.default: str(d))()
            if shown[name].lower() != default.lower():
                wrong.append(f"{name}={shown[name]} but {default}")
    assert wrong == []


@pytest.mark.parametrize("service", environment.SERVICES)
def test_the_example_itself_is_accepted(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in assignments().items():
        if value:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("MOTCUA_HASH_KEY", "0" * 64)
    monkeypatch.delenv("MOTCUA_DEPLOY_DIR", raising=False)
    assert set(environment.check(service)) == {service}


def test_an_unknown_name_is_answered_with_the_nearest_known_one() -> None:
    given = {
        "MOTCUA_BATCHSIZE": "1",
        "MOTCUA_NOTIFY_STALE": "1",
        "motcua_notify_smtp_hst": "x",
        "MOTCUA_HOST": "",
        "HOME": "",
    }
    assert unknown(given, environment.known()) == [
        "MOTCUA_BATCHSIZE: there is no such setting; the nearest is MOTCUA_BATCH_SIZE",
        "MOTCUA_NOTIFY_STALE: there is no such setting; the nearest is MOTCUA_NOTIFY_STALE_HOURS",
        "motcua_notify_smtp_hst: there is no such setting; the nearest is MOTCUA_NOTIFY_SMTP_HOST",
    ]


def test_a_setting_of_one_service_does_not_stop_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in STORES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MOTCUA_NOTIFY_STALE_HOURS", "24")
    found = environment.check("quota", "notify")
    assert found["notify"].notify_stale_hours == 24  # type: ignore[attr-defined]


def test_serve_says_all_that_is_wrong_and_no_value() -> None:
    done = run(
        "serve",
        "notify",
        DATABASE_URL=f"mysql://notify:{SECRET}@db.example/motcua",
        NATS_URL=f"http://notify:{SECRET}@n1.example",
        MOTCUA_BATCH_SIZE=SECRET,
        MOTCUA_LOG_LEVEL=SECRET,
        MOTCUA_NOTIFY_QUIET_HOURS=SECRET + "-07:00",
        MOTCUA_NOTIFY_KANNEL_URL=SECRET,
        MOTCUA_NOTIFY_WORKER="4",
        MOTCUA_ADMIN_KEY_FILE=f"/nowhere/{SECRET}",
        MOTCUA_DEPLOY_DIR=f"/nowhere/{SECRET}",
    )
    assert done.returncode == 2
    lines = said(done)
    assert [line.partition(":")[0] for line in sorted(lines)] == [
        "DATABASE_URL",
        "MOTCUA_ADMIN_KEY_FILE",
        "MOTCUA_BATCH_SIZE",
        "MOTCUA_DEPLOY_DIR",
        "MOTCUA_LOG_LEVEL",
        "MOTCUA_NOTIFY_KANNEL_URL",
        "MOTCUA_NOTIFY_QUIET_HOURS",
        "MOTCUA_NOTIFY_WORKER",
        "NATS_URL",
    ]
    assert SECRET not in done.stderr
    assert "MOTCUA_NOTIFY_WORKERS" in "".join(lines)


def test_serve_names_what_is_missing() -> None:
    done = run("serve", "intake")
    assert done.returncode == 2
    assert sorted(said(done)) == [
        f"{name}: is missing: set it, or {name}_FILE to a file that holds it"
        for name in ("DATABASE_URL", "MOTCUA_HASH_KEY", "NATS_URL")
    ]


def test_up_says_it_before_anything_is_made(tmp_path: Path) -> None:
    done = run(
        *("up", "--data-dir", str(tmp_path / "data")),
        cwd=tmp_path,
        MOTCUA_NOTIFY_STALE_HOUR="24",
        MOTCUA_MAX_EVENTS="0",
        NATS_URL_FILE="/nowhere/url",
    )
    assert done.returncode == 2
    assert said(done) == [
        "MOTCUA_NOTIFY_STALE_HOUR: there is no such setting; "
        "the nearest is MOTCUA_NOTIFY_STALE_HOURS",
        "NATS_URL_FILE: the file that it names cannot be read (FileNotFoundError)",
        "MOTCUA_MAX_EVENTS: Input should be greater than or equal to 1",
    ]
    assert not (tmp_path / "data").exists()


def test_a_file_may_hold_any_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {**STORES, "MOTCUA_HASH_KEY": "k" * 48, "MOTCUA_MAX_EVENTS": "7"}
    for name, value in held.items():
        (tmp_path / name).write_text(value + "\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("MOTCUA_MAX_EVENTS", "8")
    settings = environment.check("intake")["intake"]
    assert settings.database_url.get_secret_value() == STORES["DATABASE_URL"]
    assert settings.nats_url.get_secret_value() == STORES["NATS_URL"]
    assert settings.hash_key.get_secret_value() == "k" * 48  # type: ignore[attr-defined]
    assert settings.max_events == 8, "the variable itself goes before the file"  # type: ignore[attr-defined]


def test_a_file_that_is_no_text_is_said_and_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00secret")
    monkeypatch.setenv("MOTCUA_HASH_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingsError) as caught:
        load(environment.settings_of("intake"))
    assert caught.value.lines == [
        "MOTCUA_HASH_KEY_FILE: the file that it names cannot be read (UnicodeDecodeError)",
        "NATS_URL: is missing: set it, or NATS_URL_FILE to a file that holds it",
        "DATABASE_URL: is missing: set it, or DATABASE_URL_FILE to a file that holds it",
    ]


def test_json_that_is_none_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listed(BrokerSettings):
        names_of_things: dict[str, int]

    monkeypatch.setenv("NATS_URL", "nats://a.example")
    monkeypatch.setenv("MOTCUA_NAMES_OF_THINGS", SECRET)
    with pytest.raises(SettingsError) as caught:
        load(Listed)
    assert caught.value.lines == ["MOTCUA_NAMES_OF_THINGS: write JSON"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NATS_URL", "nats://a:4222,,"),
        ("NATS_URL", "nats://a:notaport"),
        ("DATABASE_URL", "postgresql:///motcua"),
        ("DATABASE_URL", "sqlite:///motcua.db"),
        ("DATABASE_URL", "postgresql://[half/motcua"),
        ("MOTCUA_NOTIFY_SMTP_URL", "smtp://mail.example:port"),
        ("MOTCUA_NOTIFY_SMTP_URL", "http://host"),
        ("MOTCUA_NOTIFY_SMTP_HOST", "mail.example"),
        ("MOTCUA_NOTIFY_DKIM_DOMAIN", "example.gov.vn"),
        ("MOTCUA_NOTIFY_KANNEL_URL", "http://[half"),
        ("MOTCUA_NOTIFY_QUIET_HOURS", "22:00"),
        ("MOTCUA_NOTIFY_DUE_TODAY", "half past seven"),
        ("MOTCUA_NOTIFY_QUIET_HOURS", "25:00-07:00"),
        ("MOTCUA_PORT", "65536"),
        ("MOTCUA_PROVISION", "perhaps"),
    ],
)
def test_a_bad_value_is_one_line_that_does_not_repeat_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store, url in (STORES | {name: value}).items():
        monkeypatch.setenv(store, url)
    with pytest.raises(CommandError) as caught:
        environment.check("notify")
    assert caught.value.code == 2
    line = str(caught.value)
    assert "\n" not in line
    blamed = name.replace("HOST", "FROM") if "SMTP_HOST" in name else name
    assert line.startswith(f"{blamed}: ")
    assert value not in line

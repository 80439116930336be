"""Events in the contract's shape, for tests."""

from typing import Any


def event(kind: str, id: str, time: str, /, source: str = "/test", **data: Any) -> dict[str, Any]:
    """A structured CloudEvent."""
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": f"motcua.{kind}.v1",
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
    }


def install(n: int, unit: str, **data: Any) -> dict[str, Any]:
    """A successful install of rtHome, on a machine of its own unless said otherwise."""
    made = {
        "unit": unit,
        "app": "rtHome",
        "installer": f"{unit}-{n % 8 + 1:02}",
        "device": f"device-{unit}-{n}",
        "place": "home",
        "result": "succeeded",
    } | data
    minute = f"2019-09-{n // 1200 + 1:02}T{8 + n // 60 % 10:02}:{n % 60:02}:00+07:00"
    return event("install.recorded", f"install-{unit}-{n}", minute, **made)


def submitted(code: str, unit: str = "461", day: str = "2020-03-02", **data: Any) -> dict[str, Any]:
    """A dossier handed in and received on one morning."""
    made = {
        "code": code,
        "procedure": "1.005129",
        "field": "Đất đai",
        "unit": unit,
        "authority": "district",
        "channel": "online",
        "submitted_at": f"{day}T08:00:00+07:00",
        "received_at": f"{day}T08:30:00+07:00",
    } | data
    return event("dossier.submitted", f"{code}-submitted", f"{day}T08:30:00+07:00", **made)


def status(code: str, name: str, at: str, unit: str = "461", **data: Any) -> dict[str, Any]:
    """A status change."""
    made = {"code": code, "unit": unit, "status": name, "at": at} | data
    return event("dossier.status_changed", f"{code}-{name}-{at}", at, **made)

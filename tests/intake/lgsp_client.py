"""A client as today's one-stop software has one: it logs in, keeps its session, resends blindly."""

import json
from copy import deepcopy
from pathlib import Path

import httpx

GOLDEN = Path(__file__).parent / "golden"


class LgspClient:
    """Two addresses on one host; nothing of an answer but `error_code` decides what it does."""

    def __init__(self, base, username, password, madonvi="461", integer=False):
        self.base, self.username, self.password = base, username, password
        self.madonvi, self.integer = madonvi, integer
        self.http = httpx.Client(
            timeout=60, headers={"dstcode": "VN:GOV:000.00.00.G22:vpcpdvcprod"}
        )
        self.session = None
        self.logins = 0

    def post(self, path, body):
        answer = self.http.post(self.base + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fine(self, answer):
        code = answer["error_code"]
        return int(code) == 0 if self.integer else code == "00"

    def log_in(self):
        answer = self.post("/lgsp/login", {"username": self.username, "password": self.password})
        self.logins += 1
        self.session = answer.get("session") if self.fine(answer) else None
        return answer

    def call(self, service, **body):
        """One call; where it fails it logs in again, once, and sends it again."""
        if self.session is None:
            self.log_in()
        answer = self.send(service, **body)
        if not self.fine(answer):
            self.log_in()
            answer = self.send(service, **body)
        return answer

    def send(self, service, **body):
        return self.post(
            "/lgsp/service",
            {"session": self.session, "madonvi": self.madonvi, "service": service, **body},
        )

    def sync(self, *dossiers, updating="False"):
        return self.call("DongBoHoSoMC", isUpdating=updating, data=list(dossiers))

    def progress(self, *entries):
        return self.call("CapNhatTienDoHoSoMC", data=list(entries))

    def knows(self, code):
        return bool(self.call("TraCuuHoSo", mahoso=code)["result"])


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def dossier(code, **fields):
    """A dossier as it is sent, the golden one unless said otherwise."""
    made = deepcopy(golden("lgsp-DongBoHoSoMC.request")["data"][0])
    assert fields.keys() <= made.keys() | {"KenhThucHien", "TaiLieuNop"}
    return made | {"MaHoSo": code} | fields


def step(code, status, at="", **fields):
    """A progress entry as it is sent."""
    made = deepcopy(golden("lgsp-CapNhatTienDoHoSoMC.request")["data"][0])
    return made | {"MaHoSo": code, "TrangThai": str(status), "ThoiDiemXuLy": at} | fields

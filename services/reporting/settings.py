"""Reporting's settings, ``MOTCUA_REPORTING_...``, beside what all services share."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from shared.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """``public_url`` is where people reach this service, such as https://motcua.example.vn: it
    stands in what units are told. Without it they are told the path alone. Scores of fewer answers
    than ``small_sample`` are marked. ``intake_url`` is where intake is, for withdrawals;
    ``intake_key`` is the key with which it is told those of users who logged in by password (else
    the admin key serves). ``quota_url`` is where quota is, which tells what figures are made of,
    and ``quota_key`` the key with which it is asked for such users (else the admin key). Units
    confirm a month's figures by day ``confirm_by`` of the next month. Scheduled reports are built
    ``schedule_lead_minutes`` before they have to be ready.
    ``oidc_issuer`` is a provider of identities (OpenID Connect) that vouches for users, named by its
    claim ``oidc_claim``."""

    reporting_public_url: str = Field(default="", max_length=300)
    reporting_intake_key: SecretStr | None = None
    intake_url: str | None = None
    reporting_quota_key: SecretStr | None = None
    quota_url: str | None = None
    reporting_confirm_by: int = Field(default=5, ge=1, le=28)
    reporting_schedule_lead_minutes: int = Field(default=60, ge=0, le=1440)
    reporting_small_sample: int = Field(default=30, ge=1, le=100_000)

    oidc_issuer: str = Field(default="", max_length=300)
    oidc_client_id: str = Field(default="motcua", max_length=200)
    oidc_client_secret: SecretStr | None = None
    oidc_claim: str = Field(default="preferred_username", pattern="^[a-z_]{1,60}$")

    @field_validator("reporting_public_url", "oidc_issuer")
    @classmethod
    def check_address(cls, text: str) -> str:
        """Only an absolute HTTP address, or nothing; without a slash at its end."""
        text = text.strip().rstrip("/")
        if text:
            url = urlsplit(text)
            if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
                raise ValueError("write https://host")
        return text

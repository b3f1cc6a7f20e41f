"""Every setting of every process, read from the environment."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from sqlalchemy.engine import URL, make_url

from app.core import setting_types
from app.core.secret_files import EnvironmentAndFiles, open_secret_files, secret_file_names
from app.core.setting_types import (
    Algorithms,
    Brokers,
    DatabaseUrl,
    HttpUrl,
    IssuerUrl,
    Names,
    NonNegativeInt,
    Origins,
    Pairs,
    PositiveFloat,
    PositiveInt,
    Proxies,
    RedisUrl,
    SigningAlgorithm,
    Topic,
    UpperCase,
    VariableNames,
)

ROOT = Path(__file__).resolve().parents[2]
ANY_ACCOUNT = "*"  # in KAFKA_TOPIC_ACCOUNTS
SHIPPED_PLAYBOOK = ROOT / "playbooks" / "provision.yml"


class Settings(BaseSettings):
    """Settings, one environment variable each; durations are in seconds, sizes in bytes.

    A secret has the type SecretStr: it is shown nowhere, and can be given in a file (secret_files.py).
    """

    model_config = SettingsConfigDict(
        env_nested_delimiter="__", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    # where the parts are
    database_url: DatabaseUrl = SecretStr("postgresql://dns:dns@localhost:5432/dns")
    migrate: Literal["auto", "off"] = "auto"  # whether the API brings the schema up to date when it starts
    celery_broker_url: RedisUrl = SecretStr("redis://localhost:6379/0")
    kafka_broker_url: Brokers = "localhost:9092"
    kafka_dns_topic: Topic = "dns_requests"
    # which accounts a message may speak for: the one that it names, that of a header, or those of its topic
    kafka_accounts: Literal["body", "header", "topic"] = "body"
    kafka_account_header: str = "account"
    # "dns.team-a=team-a,dns.team-a=team-a-ci,dns.platform=*": with KAFKA_ACCOUNTS=topic these are consumed
    kafka_topic_accounts: Annotated[dict[Topic, frozenset[str]], NoDecode] = Field(default_factory=dict)
    kafka_group_id: str = "dns-request-orchestrator"
    # KAFKA_CONFIG__SASL_USERNAME → sasl.username
    kafka_config: dict[str, SecretStr] = Field(default_factory=dict)
    kafka_partitions: PositiveInt = 6  # of the topic, where the consumer has to create it
    kafka_batch_items: PositiveInt = 1_000  # messages in one call of the API
    kafka_in_flight: PositiveInt = 4  # calls of the API at once, each with other partitions' messages
    kafka_in_hand: PositiveInt = 16 * 1024 * 1024  # memory for messages that wait for a call
    api_url: HttpUrl = "http://localhost:8000/api/v1/dns/create"
    api_token_file: Path | None = None  # what the consumer authenticates with, towards a proxy say
    api_ca_file: Path | None = None
    api_certificate_file: Path | None = None
    api_key_file: Path | None = None  # of the certificate, unless it is in the same file

    # zones that exist from the first start on: "example.test=bind,2.0.192.in-addr.arpa=bind"
    bootstrap_zones: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)

    # access: off: everybody who reaches the API may do everything, in anybody's name
    auth: Literal["off", "required"] = "off"
    # access tokens of an OIDC issuer, beside the service's own; unless set there are none
    oidc_issuer: IssuerUrl | None = None
    oidc_audience: Names = ()  # for whom its tokens have to be: one of these
    oidc_person_claim: str = "email"  # whose a token is
    oidc_accounts_claim: str = ""  # for which accounts it speaks; a path with dots leads into objects
    oidc_account_map: Pairs = ()  # "value=account,…"; unless set the values are the accounts
    oidc_roles_claim: str = ""
    oidc_role_map: Pairs = ()  # "value=role,…": which value of that claim is which role
    oidc_default_roles: Names = ()  # of whoever has a good token
    oidc_clock_skew: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 30
    oidc_algorithms: Algorithms = get_args(SigningAlgorithm)
    oidc_allow_http: bool = False  # to an issuer that is not on this machine
    oidc_ca_file: Path | None = None
    # until a change that has to be approved is rejected, where its zone says nothing else; 7 days
    approval_timeout: Annotated[float, Field(gt=0, le=366 * 86_400)] = 7 * 86_400

    # intake
    max_body: PositiveInt = 256 * 1024
    max_batch_body: PositiveInt = 16 * 1024 * 1024
    max_batch_items: PositiveInt = 10_000
    body_timeout: PositiveFloat = 60  # until a request's body must have come
    plan_timeout: PositiveFloat = 30  # until a worker must have asked the servers what a batch would do
    intake_queue: PositiveInt = 10_000  # single submissions that may wait to be stored; then 503
    intake_bytes: PositiveInt = 64 * 1024 * 1024  # of bodies that an api may hold, for each kind of call
    database_timeout: PositiveFloat = 10  # until the database must have answered a call; then 503
    batch_timeout: PositiveFloat = 25  # the same for a batch; a consumer waits for 30 s
    # open requests, in all and of one account, from which on no more are accepted; 0: any number
    backlog_limit: NonNegativeInt = 200_000
    backlog_limit_per_account: NonNegativeInt = 100_000
    # RRsets that one account may own, and requests of one that are accepted within a minute; 0: any number
    quota_records: NonNegativeInt = 0
    quota_requests_per_minute: NonNegativeInt = 0
    # plans that are kept for one account, and their size as they are stored; then the oldest goes
    plans_per_account: PositiveInt = 1_000
    plan_bytes_per_account: PositiveInt = 128 * 1024 * 1024
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()  # more names that clients may call the api by
    # who is believed for whom it hands a call on: addresses, networks, "unix" for a Unix socket
    trusted_proxies: Annotated[Proxies, NoDecode] = ()
    cors_origins: Annotated[Origins, NoDecode] = ()  # of pages whose scripts may call the api
    docs: bool = True  # serve /docs and /openapi.json
    console: bool = True  # serve /console

    # imports of zones
    max_import_body: PositiveInt = 32 * 1024 * 1024  # of a posted master file
    import_max_records: PositiveInt = 5_000_000  # of one zone
    transfer_timeout: PositiveFloat = 600  # until a zone must have been transferred
    transfer_bytes: PositiveInt = 1024 * 1024 * 1024  # of one transfer

    # execution
    # auto: real runs where one of the next two is set, else the simulation
    executor: Literal["auto", "ansible", "simulated"] = "auto"
    dns_server: str = ""  # the embedded stack's, which writes the inventory of it
    playbook: Path = SHIPPED_PLAYBOOK
    inventory: Path = ROOT / "playbooks" / "inventory"
    # further environment variables that a playbook gets, "HTTPS_PROXY,PDNS_API_KEY": by default next to none
    run_environment: Annotated[VariableNames, NoDecode] = ()
    run_timeout: PositiveFloat = 600
    ansible_fork_server: bool = True  # keep Ansible in memory: a run then starts in milliseconds
    fork_server_jobs: PositiveInt = 16  # runs at once in a worker's fork server; more wait
    fork_server_idle: PositiveFloat = 3600  # without a run; then the server goes until it is needed
    batch_limit: Annotated[int, Field(gt=0, le=65_536)] = 10_000  # changes in one run
    lease: PositiveFloat = 30  # how long a zone stays leased after its worker's last sign of life
    max_attempts: PositiveInt = 5  # runs whose outcome stays unknown before the request fails
    retry_pause: PositiveFloat = 1  # the first pause of a backend, a zone or a request that failed; doubles
    retry_pause_max: PositiveFloat = 30
    sweep_interval: PositiveFloat = 1
    # seconds between two looks at the serials of all zones, and between two comparisons of a whole zone with
    # what is recorded of it, for servers whose serials do not grow; 0: never
    watch_interval: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 5
    watch_compare_interval: Annotated[float, Field(ge=0, le=366 * 86_400, allow_inf_nan=False)] = 86_400
    drain_budget: PositiveFloat = 30  # after that long another zone gets the worker
    verify_timeout: PositiveFloat = 3  # one round of questions to one server
    verify_pause: PositiveFloat = 1  # until the servers are asked again; grows
    primary_deadline: PositiveFloat = 2  # from applied to answered by the primary itself
    verify_deadline: PositiveFloat = 60  # from applied to answered by every server that answers at all
    simulated_delay: float = Field(0.05, ge=0, le=3600, allow_inf_nan=False)
    simulated_failure_rate: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)

    # logs
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], UpperCase] = "INFO"
    log_format: Literal["auto", "json", "console"] = "auto"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from: the environment, and the files that it names."""
        return init_settings, EnvironmentAndFiles(settings_cls)

    @field_validator("run_environment", "allowed_hosts", "trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _parse_names(cls, value: object) -> object:
        return setting_types.split_names(value)

    @field_validator("bootstrap_zones", mode="before")
    @classmethod
    def _parse_zones(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = (item.partition("=") for item in value.split(",") if item.strip())
        zones = {zone.strip(): backend.strip() for zone, _, backend in pairs}
        if not all(zone and backend for zone, backend in zones.items()):
            raise ValueError("each zone needs a backend: example.test=bind,example.org=ns1")
        return zones

    @field_validator("kafka_topic_accounts", mode="before")
    @classmethod
    def _parse_accounts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found: dict[str, set[str]] = {}
        for topic, _, account in (item.partition("=") for item in value.split(",") if item.strip()):
            if not topic.strip() or not account.strip():
                raise ValueError("each topic needs an account: dns.team-a=team-a,dns.team-b=team-b")
            found.setdefault(topic.strip(), set()).add(account.strip())
        return found

    @model_validator(mode="after")
    def _check_accounts(self) -> Self:
        if self.kafka_accounts == "topic" and not self.kafka_topic_accounts:
            raise ValueError(
                "KAFKA_ACCOUNTS=topic needs KAFKA_TOPIC_ACCOUNTS, which says whose each topic is"
            )
        return self

    @model_validator(mode="after")
    def _check_pauses(self) -> Self:
        if self.retry_pause > self.retry_pause_max:
            raise ValueError("RETRY_PAUSE is longer than RETRY_PAUSE_MAX")
        return self

    @model_validator(mode="after")
    def _check_issuer(self) -> Self:
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("OIDC_ISSUER needs OIDC_AUDIENCE: whom its tokens have to be for")
        return self

    @property
    def simulated(self) -> bool:
        """Whether changes are only simulated: nothing is sent to a DNS server."""
        if self.executor == "auto":
            return not self.model_fields_set & {"inventory", "dns_server"}
        return self.executor == "simulated"

    @property
    def database(self) -> URL:
        """The database's address, for the driver that the project uses (psycopg 3)."""
        return make_url(self.database_url.get_secret_value()).set(drivername="postgresql+psycopg")

    @property
    def kafka_topics(self) -> Sequence[str]:
        """The topics that are consumed."""
        return [*self.kafka_topic_accounts] if self.kafka_accounts == "topic" else [self.kafka_dns_topic]

    @property
    def batch_url(self) -> str:
        """The address of the batch call, derived from `API_URL`."""
        return self.api_url.rstrip("/").rsplit("/", 1)[0] + "/batch"

    @property
    def kafka(self) -> dict[str, str]:
        """librdkafka's properties: the broker, and what `KAFKA_CONFIG__…` sets."""
        extra = {
            key.lower().replace("_", "."): value.get_secret_value()
            for key, value in self.kafka_config.items()
        }
        return {"bootstrap.servers": self.kafka_broker_url, **extra}


@lru_cache
def settings() -> Settings:
    """The process's settings, read once. The process ends with a page of those that can't be used."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [*setting_types.problems(error), *misspelt_settings()]
        raise SystemExit(setting_types.page(lines)) from None
    except SettingsError as error:  # KAFKA_CONFIG is no JSON, a file can't be read
        raise SystemExit(setting_types.page([*str(error).splitlines(), *misspelt_settings()])) from None


def misspelt_settings() -> list[str]:
    """Return a line for each variable that looks like a setting, misspelt."""
    known = [name.upper() for name in Settings.model_fields] + secret_file_names(Settings)
    found = setting_types.misspelt(os.environ, known)
    return [f"no setting is called {variable}; is {meant} meant?" for variable, meant in found.items()]


def doubtful_settings() -> list[str]:
    """Return a line for each variable that is misspelt or of no effect, and each secret file open to all."""
    found = [*misspelt_settings(), *open_secret_files(Settings)]
    if settings().oidc_issuer and settings().auth == "off":
        found.append("OIDC_ISSUER has no effect: AUTH is off, so nobody is asked for a token")
    return found

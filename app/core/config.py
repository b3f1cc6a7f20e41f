"""Every setting of every process, read from the environment."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
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
    Listen,
    Names,
    Networks,
    NonNegativeFloat,
    NonNegativeInt,
    Origins,
    Pairs,
    PositiveFloat,
    PositiveInt,
    Proxies,
    PublicUrl,
    RedisUrl,
    SigningAlgorithm,
    Topic,
    TopicAccounts,
    TopicWithDlq,
    UpperCase,
    VariableNames,
    ZonesServed,
)

ROOT = Path(__file__).resolve().parents[2]
ANY_ACCOUNT = "*"  # in KAFKA_TOPIC_ACCOUNTS
SHIPPED_PLAYBOOK = ROOT / "playbooks" / "provision.yml"


class Settings(BaseSettings):
    """Settings, one environment variable each; durations are in seconds, sizes in bytes.

    A secret has the type SecretStr: it is shown nowhere, and can be given in a file (secret_files.py).
    What stands below a setting is its meaning in docs/reference/settings.md (`make reference` writes that).
    """

    model_config = SettingsConfigDict(
        env_nested_delimiter="__", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    # PostgreSQL and Redis
    database_url: DatabaseUrl = SecretStr("postgresql://dns:dns@localhost:5432/dns")
    """PostgreSQL: `postgresql://user:password@host:port/database`"""
    migrate: Literal["auto", "off"] = "auto"
    """whether the api brings the schema up to date when it starts; `off`: somebody else does, see
    [Migrations](../how-to/production.md#migrations)"""
    celery_broker_url: RedisUrl = SecretStr("redis://localhost:6379/0")
    """Redis: `redis://:password@host:port/number`, `rediss://…` for TLS"""

    # growth
    partition_span: Literal["day", "week", "month"] = "month"
    """how much of requests, runs and their logs lies in one partition: `day`, `week` or `month`; as much as
    has up to ten million requests. See [growth and retention](../how-to/growth.md)"""
    retention: NonNegativeFloat = 0
    """how old a partition becomes before workers drop it, in seconds, for example 31536000 for a year;
    `0`: nothing is dropped"""
    export_folder: Path | None = None
    """a folder, the same for all workers, to which a partition is written as JSON lines before it is
    dropped; unless set it is not written"""
    idempotency_lifetime: Annotated[PositiveFloat, Field(ge=86_400)] = 30 * 86_400
    """how long an idempotency key is remembered, at least, from the acceptance of its request on. See
    [idempotency keys](../how-to/growth.md#idempotency-keys)"""

    # Kafka
    kafka_broker_url: Brokers = "localhost:9092"
    """Kafka brokers, comma-separated"""
    kafka_dns_topic: TopicWithDlq = "dns_requests"
    """the topic of the requests; its dead letters go to `<topic>.dlq`"""
    kafka_results_topic: Topic | None = None
    """the topic to which workers publish what becomes of each request, `dns_results`; unless set they do
    not. See [events](events.md)"""
    kafka_accounts: Literal["body", "header", "topic"] = "body"
    """which accounts a message may speak for: `body`, `header` or `topic`, see
    [whose a message is](kafka.md#whose-a-message-is)"""
    kafka_account_header: str = "account"
    """the header that names the account, with `KAFKA_ACCOUNTS=header`"""
    kafka_topic_accounts: TopicAccounts = Field(default_factory=dict)
    """the topics that are consumed with `KAFKA_ACCOUNTS=topic`, and their accounts:
    `dns.team-a=team-a,dns.all=*`"""
    kafka_group_id: str = "dns-request-orchestrator"
    """the consumer group"""
    kafka_config: dict[str, SecretStr] = Field(default_factory=dict)
    """`KAFKA_CONFIG__…`: librdkafka properties, see [Kafka](kafka.md)"""
    kafka_partitions: PositiveInt = 6
    """partitions of a topic that the consumer, or a worker, has to create"""
    kafka_batch_items: PositiveInt = 1_000
    """messages in one call of the API, at most"""
    kafka_in_flight: PositiveInt = 4
    """calls of the API that a consumer makes at once, each with the messages of other partitions"""
    kafka_in_hand: PositiveInt = 16 * 1024 * 1024
    """memory for messages that wait in a consumer for a call, roughly"""

    # the consumer's calls of the API
    api_url: HttpUrl = "http://localhost:8000/api/v1/dns/create"
    """where the consumer finds the API; it calls `…/batch` beside it"""
    api_token_file: Path | None = None
    """a file with the token that the consumer sends as `Authorization: Bearer …`; read for each call"""
    api_ca_file: Path | None = None
    """the CA (PEM) that the consumer trusts for an API by https, instead of the system's"""
    api_certificate_file: Path | None = None
    """the consumer's own certificate (PEM) towards the API"""
    api_key_file: Path | None = None
    """its key, unless it is in the same file"""

    # zones
    bootstrap_zones: ZonesServed = Field(default_factory=dict)
    """zones that exist from the first start on: `example.test=bind,example.org@internal=ns1`"""

    # who may call
    auth: Literal["off", "required"] = "off"
    """`required`: every call needs a token, and every change a grant, see
    [access](access.md); `off`: whoever reaches the API may do everything"""
    oidc_issuer: IssuerUrl | None = None
    """an OIDC issuer whose access tokens the API takes beside its own, see
    [OIDC](../how-to/access.md#oidc)"""
    oidc_audience: Names = ()
    """whom its tokens have to be for (`aud`); one of several with commas between them"""
    oidc_person_claim: str = "email"
    """the claim that is the person behind a token"""
    oidc_accounts_claim: str = ""
    """the claim with the accounts for which it speaks: `groups`"""
    oidc_account_map: Pairs = ()
    """`value=account,…`: which of its values are accounts; unless set all are"""
    oidc_roles_claim: str = ""
    """the claim with its roles: `realm_access.roles`"""
    oidc_role_map: Pairs = ()
    """`value=role,…`: which of its values are roles"""
    oidc_default_roles: Names = ()
    """roles of everybody with a good token"""
    oidc_clock_skew: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 30
    """how far the clocks may differ; 300 at most"""
    oidc_algorithms: Algorithms = get_args(SigningAlgorithm)
    """what its tokens may be signed with: some of these"""
    oidc_allow_http: bool = False
    """ask the issuer without TLS, also if it is not on this machine"""
    oidc_ca_file: Path | None = None
    """the CA (PEM) by which the API trusts the issuer, instead of the system's"""
    oidc_client_id: str = ""
    """the client by which people log in at the issuer, see [the login of the
    console](../how-to/access.md#the-login-of-the-console); unless set they log in with tokens alone"""
    oidc_client_secret: SecretStr | None = None
    """its secret; a public client has none"""
    oidc_scope: str = "openid profile email"
    """the scopes that the login asks for"""
    public_url: PublicUrl | None = None
    """by what browsers reach the service, `https://dns.example.org`, where a proxy hands on another host name
    or scheme"""
    session_hours: Annotated[float, Field(gt=0, le=720)] = 8
    """hours until one has to log in at the console again"""
    approval_timeout: Annotated[float, Field(gt=0, le=366 * 86_400)] = 7 * 86_400
    """seconds until a change that somebody has to approve is rejected, where its zone has no
    `approval_timeout`"""

    # intake
    max_body: PositiveInt = 256 * 1024
    """size of one request's body"""
    max_batch_body: PositiveInt = 16 * 1024 * 1024
    """size of a batch's body"""
    max_batch_items: PositiveInt = 10_000
    """requests in a batch"""
    body_timeout: PositiveFloat = 60
    """how long a request's body may take to come; then 408"""
    plan_timeout: PositiveFloat = 30
    """how long `POST …/dns/plan` waits for a worker that asks the DNS servers"""
    intake_queue: PositiveInt = 10_000
    """single submissions that may wait in one API process to be stored; more get 503"""
    intake_bytes: PositiveInt = 64 * 1024 * 1024
    """bodies that an API process holds at once: those that still arrive, single ones that wait to be
    stored, batches, and plans, each kind so many"""
    database_timeout: PositiveFloat = 10
    """how long the API waits for PostgreSQL's answer to a call; then 503"""
    batch_timeout: PositiveFloat = 25
    """the same for a batch"""
    backlog_limit: NonNegativeInt = 200_000
    """requests that may be open (not settled yet) in all, and as many that are scheduled or wait for
    an approval; more get 503 `backlog_full`. `0`: any number"""
    backlog_limit_per_account: NonNegativeInt = 100_000
    """the same for each account that has no [quota](access.md#quotas) of its own; more get 429
    `quota_open`"""
    quota_records: NonNegativeInt = 0
    """RRsets that such an account may own; more get 429 `quota_records`. `0`: any number"""
    quota_requests_per_minute: NonNegativeInt = 0
    """requests of such an account that are accepted within a minute; more get 429 `quota_requests`.
    `0`: any number"""
    plans_per_account: PositiveInt = 1_000
    """plans that are kept for one account, for an hour; then its oldest goes"""
    plan_bytes_per_account: PositiveInt = 128 * 1024 * 1024
    """the same in bytes, as they are stored; the newest is kept, however large it is"""

    # callers and their browsers
    allowed_hosts: Names = ()
    """more host names that clients may call the API by, comma-separated; `.example.net`: all below it;
    `*`: any. See [host names](limits.md#host-names)"""
    trusted_proxies: Proxies = ()
    """proxies that are believed whose calls they hand on: addresses and networks, comma-separated,
    `unix` for a Unix socket. See [proxies](limits.md#proxies-and-tls)"""
    cors_origins: Origins = ()
    """origins whose pages may call the API from a browser, comma-separated:
    `https://console.example.net`. See [pages of others](limits.md#pages-of-others)"""
    docs: bool = True
    """serve `/docs` and `/openapi.json`"""
    console: bool = True
    """serve `/console`"""

    # imports of zones
    max_import_body: PositiveInt = 32 * 1024 * 1024
    """size of a posted master file"""
    import_max_records: PositiveInt = 5_000_000
    """records that an imported zone may have"""
    transfer_timeout: PositiveFloat = 600
    """seconds until a zone must have been transferred to a worker"""
    transfer_bytes: PositiveInt = 1024 * 1024 * 1024
    """octets that a transfer may have"""

    # runs
    executor: Literal["auto", "ansible", "simulated"] = "auto"
    """`ansible`; `simulated`: applies nothing; `auto`: `ansible` where `INVENTORY` or `DNS_SERVER` is
    set, else `simulated`"""
    dns_server: str = ""
    """set by the embedded stack, with the inventory of it"""
    playbook: Path = SHIPPED_PLAYBOOK
    """the playbook that applies a batch"""
    inventory: Path = ROOT / "playbooks" / "inventory"
    """the Ansible inventory with the backends"""
    run_environment: VariableNames = ()
    """names of further variables that a playbook gets from the worker's environment:
    `HTTPS_PROXY,PDNS_API_KEY`"""
    run_timeout: PositiveFloat = 600
    """how long a run may take"""
    ansible_fork_server: bool = True
    """keep Ansible in memory, so that a run starts in milliseconds; `false`: each run starts Ansible anew"""
    fork_server_jobs: PositiveInt = 16
    """runs at once in a worker's fork server; more wait"""
    fork_server_idle: PositiveFloat = 3600
    """after so long without a run the fork server goes; the next run starts it again"""
    batch_limit: Annotated[int, Field(gt=0, le=65_536)] = 10_000
    """requests in one run, at most; fewer where their values exceed 16 MiB. Where more wait in a zone,
    each account has its [share](../how-to/operations.md#shares-of-a-run)"""
    lease: PositiveFloat = 30
    """how long a zone stays with a worker after its last sign of life"""
    max_attempts: PositiveInt = 5
    """tries that a request has when the server fails at it alone, or when it breaks its runs"""
    retry_pause: PositiveFloat = 1
    """first rest of a backend, a zone or a request that could not be worked on; doubles"""
    retry_pause_max: PositiveFloat = 30
    """longest rest"""
    sweep_interval: PositiveFloat = 1
    """how often a worker looks for zones whose kick was lost; where that takes long, ten times as long
    as it takes"""
    watch_interval: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 5
    """how often the serials of all zones are asked for; `0`: never. Where that takes long, twice as
    long as it takes. See [drift](../how-to/drift.md#drift)"""
    watch_compare_interval: Annotated[float, Field(ge=0, le=366 * 86_400, allow_inf_nan=False)] = 86_400
    """how often a whole imported zone is compared with its records, for servers whose serials do not
    grow; `0`: never"""
    drain_budget: PositiveFloat = 30
    """how long a worker stays with one busy zone while no other zone waits for it; else 2 s"""

    # verification
    verify_timeout: PositiveFloat = 3
    """how long one server may be silent in a round of questions; the whole round takes at most that
    and a millisecond for each question. What it has not answered then is asked again with the next
    round"""
    verify_pause: PositiveFloat = 1
    """until servers that do not answer yet are asked again; grows"""
    primary_deadline: PositiveFloat = 2
    """from applied until the primary itself must answer; then `not_kept`, `ttl_not_kept`. It is asked
    several times within it"""
    verify_deadline: PositiveFloat = 60
    """from applied until every server must answer that gives an answer at all"""

    # when a process ends
    stop_timeout: PositiveFloat = 20
    """how long what is in hand may take after SIGTERM: calls, batches of messages, runs. What has not ended
    then is given up, or handed back; the process has ended 10 s later"""

    # simulation
    simulated_delay: float = Field(0.05, ge=0, le=3600, allow_inf_nan=False)
    """how long a simulated run takes"""
    simulated_failure_rate: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)
    """share of simulated changes that fail, 0 to 1"""

    # webhooks
    webhook_allowed_networks: Networks = ()
    """networks that webhooks may lead to beside the public Internet, comma-separated:
    `10.20.0.0/16,192.0.2.7/32`. See [webhooks](../how-to/webhooks.md)"""
    webhook_allow_http: bool = False
    """let webhooks be made whose URL begins with `http://`: whoever is on the way reads the events"""
    webhook_ca_file: Path | None = None
    """the CA (PEM) that the worker trusts for the receivers of webhooks, instead of the system's"""
    webhook_timeout: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 15
    """how long a receiver may take for its whole answer; 60 at most"""
    webhook_give_up: PositiveFloat = 3 * 86_400
    """after so long without success a delivery is not tried any more, and a webhook that takes nothing is
    disabled"""
    webhook_retention: PositiveFloat = 7 * 86_400
    """how long deliveries are kept, those that still wait included"""

    # logs and metrics
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], UpperCase] = "INFO"
    """`DEBUG`, `INFO`, `WARNING`, `ERROR`"""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`json`, `console`, or `auto`: text on a terminal, else JSON"""
    metrics_listen: Listen = ""
    """where a worker or a consumer shows its metrics: `127.0.0.1:9100`, another port for each process of a
    machine; unless set they are not counted. The api shows its own at `/metrics`"""

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

    @model_validator(mode="after")
    def _check_accounts(self) -> Self:
        if self.kafka_accounts == "topic" and not self.kafka_topic_accounts:
            raise ValueError(
                "KAFKA_ACCOUNTS=topic needs KAFKA_TOPIC_ACCOUNTS, which says whose each topic is"
            )
        return self

    @model_validator(mode="after")
    def _check_topics(self) -> Self:
        dead_letters = {f"{topic}.dlq" for topic in self.kafka_topics}
        if both := sorted(dead_letters.intersection(self.kafka_topics)):
            raise ValueError(f"KAFKA_TOPIC_ACCOUNTS: {both[0]} is the topic of another one's dead letters")
        if self.kafka_results_topic in dead_letters.union(self.kafka_topics):
            raise ValueError("KAFKA_RESULTS_TOPIC is a topic of requests: it must be another one")
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
        if self.oidc_client_id and not self.oidc_issuer:
            raise ValueError("OIDC_CLIENT_ID needs OIDC_ISSUER: where people log in")
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
    if settings().oidc_client_id and settings().auth == "off":
        found.append("OIDC_CLIENT_ID has no effect: AUTH is off, so nobody logs in at the console")
    if settings().oidc_client_secret and not settings().oidc_client_id:
        found.append("OIDC_CLIENT_SECRET has no effect without OIDC_CLIENT_ID, whose secret it is")
    return found

"""Real Apache Kafka for the tests: one KRaft node, its jars resolved by Maven, a small heap."""

import os
import shutil
import subprocess
import sys
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from stack.command import run
from stack.fetching import fetch
from stack.paths import STATE
from tests.support.certificate import issue
from tests.support.free_port import free_port
from tests.support.kafka.broker import Broker

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
CACHE = STATE / "apache-kafka"
_CLASSES = CACHE / "classes.jsa"  # those that a node loads, as the JVM has them: it starts in half the time
JVM = ("-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

USER, PASSWORD = "orchestrator", "7-words-nobody-would-guess"
PROTOCOLS = "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT"
JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'user_{USER}="{PASSWORD}" username="{USER}" password="{PASSWORD}";'
)


class ApacheKafka(Broker):
    """One node that is broker and controller at once."""

    kind = "apache"

    def __init__(self, directory: Path, *jvm: str) -> None:
        super().__init__(directory)
        self._jvm = jvm or ((f"-XX:SharedArchiveFile={_CLASSES}",) if _CLASSES.exists() else ())
        self._controller_port = free_port()
        self._secure_port = free_port()

    @property
    def secure_address(self) -> str:
        """The address of a second listener, over TLS, which wants `USER` and `PASSWORD` by SASL/PLAIN."""
        return f"127.0.0.1:{self._secure_port}"

    @property
    def certificate(self) -> Path:
        """The certificate of the second listener, which clients must be told to trust."""
        return self.directory / "certificate.pem"

    @property
    def data(self) -> Path:
        """The node's storage."""
        return self.directory / "data"

    def command(self) -> Sequence[str | Path]:
        """`kafka.Kafka`, as bin/kafka-server-start.sh runs it."""
        return _java("kafka.Kafka", self._properties, jvm=self._jvm)

    def prepare(self) -> None:
        """Write the configuration and a copy of formatted storage, if they are not there yet."""
        if self._properties.exists():
            return
        issue(self.certificate, self._keystore)
        shutil.copytree(formatted(), self.data)
        self._write_properties()

    def format(self) -> None:
        """Format the storage of a node that is never started, to be copied."""
        self.directory.mkdir(parents=True)
        self._write_properties()
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One word: an id may begin with a dash.
        words = ("format", f"--cluster-id={cluster}", "--config", self._properties)
        done = subprocess.run(
            _java("kafka.tools.StorageTool", *words), capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            raise RuntimeError(f"the storage could not be formatted:\n{done.stdout}{done.stderr}")

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _keystore(self) -> Path:
        return self.directory / "keystore.pem"

    def _write_properties(self) -> None:
        listeners = f"PLAINTEXT://{self.address},SASL_SSL://{self.secure_address}"
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": PROTOCOLS,
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": JAAS,
            "listener.name.sasl_ssl.ssl.keystore.type": "PEM",
            "listener.name.sasl_ssl.ssl.keystore.location": self._keystore,
            "log.dirs": self.data,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",  # as careful operators set it
            "metadata.max.idle.interval.ms": 0,  # or a node that is alone writes a record twice a second
        }
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))


def why_not() -> str | None:
    """The reason why Apache Kafka can't run here, or None when it can."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return f"Apache Kafka needs {' and '.join(missing)}" if missing else None


def _java(main: str, *arguments: str | Path, jvm: Sequence[str] = ()) -> Sequence[str | Path]:
    logging = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    return ["java", *JVM, *jvm, logging, "-cp", classpath(), main, *arguments]


def classpath() -> str:
    """The jars that pom.xml names; Maven runs again only when the pom has changed."""
    cached = CACHE / "classpath"
    if not cached.exists() or cached.stat().st_mtime < POM.stat().st_mtime or not _all_exist(cached):
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = CACHE / f"classpath.{os.getpid()}"
        ask = ["mvn", "-B", "-q", "-f", str(POM), "dependency:build-classpath", f"-Dmdep.outputFile={fresh}"]
        done = fetch("Apache Kafka", ask, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            said = f"{done.stdout}{done.stderr}"[-4000:]
            raise RuntimeError(f"mvn could not fetch Apache Kafka from Maven Central:\n{said}")
        fresh.replace(cached)
    return cached.read_text().strip()


def formatted() -> Path:
    """A folder with storage as it is before a node's first start, to be copied."""
    kept = CACHE / "formatted"
    if not kept.exists() or kept.stat().st_mtime < POM.stat().st_mtime:
        with TemporaryDirectory(dir=CACHE) as fresh:
            node = ApacheKafka(Path(fresh) / "node")
            node.format()
            shutil.rmtree(kept, ignore_errors=True)
            with suppress(OSError):  # another test process was faster
                node.data.rename(kept)
    return kept


def _archive_classes() -> None:
    """Have a node's classes archived when it ends, unless they are."""
    if _CLASSES.exists() and _CLASSES.stat().st_mtime >= POM.stat().st_mtime:
        return
    with TemporaryDirectory(dir=CACHE) as fresh:
        archive = Path(fresh) / "classes.jsa"
        node = ApacheKafka(Path(fresh) / "node", f"-XX:ArchiveClassesAtExit={archive}")
        node.stop_limit = 120.0  # it writes 50 MB
        node.start().stop()
        if archive.exists():
            archive.replace(_CLASSES)


def _all_exist(classpath: Path) -> bool:
    return all(Path(jar).exists() for jar in classpath.read_text().strip().split(os.pathsep))


def main() -> int:
    """Fetch the jars, where a test's time limit would be too short for it; return the exit status."""
    if reason := why_not():
        print(f"{reason}: what needs it is skipped.", file=sys.stderr)  # noqa: T201
        return 0
    print("Fetching Apache Kafka …", flush=True)  # noqa: T201
    try:
        classpath()
        formatted()
        _archive_classes()
    except RuntimeError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    run(main)

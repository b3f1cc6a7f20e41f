"""Produces a message with a header name that is not UTF-8: other clients can, the Python client refuses."""

import ctypes
from pathlib import Path

import confluent_kafka

_TOPIC, _VALUE, _FLAGS, _HEADERS, _END = 1, 4, 7, 10, 0  # rd_kafka_vtype_t
_COPY = 2  # RD_KAFKA_MSG_F_COPY


def produce(address: str, topic: str, value: bytes, header: bytes) -> None:
    """Produce one message with the functions of librdkafka itself."""
    library = _librdkafka()
    why = ctypes.create_string_buffer(500)
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    assert library.rd_kafka_conf_set(conf, b"bootstrap.servers", address.encode(), why, 500) == 0, why.value
    client = ctypes.c_void_p(library.rd_kafka_new(0, conf, why, 500))
    assert client, why.value
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(1))
    library.rd_kafka_header_add(headers, header, ctypes.c_ssize_t(len(header)), b"x", ctypes.c_ssize_t(1))
    what = (_TOPIC, topic.encode(), _VALUE, value, ctypes.c_size_t(len(value)), _FLAGS, _COPY)
    assert library.rd_kafka_producev(client, *what, _HEADERS, headers, _END) == 0
    assert library.rd_kafka_flush(client, 10_000) == 0
    library.rd_kafka_destroy(client)


def _librdkafka() -> ctypes.CDLL:
    """The library that the Python client contains."""
    [path] = (Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka*.so*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, name).restype = ctypes.c_void_p
    return library

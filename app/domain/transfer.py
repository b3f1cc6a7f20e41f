"""Transfers of what an account owns: offered by one account, and accepted by another."""

from enum import StrEnum


class TransferStatus(StrEnum):
    """What has become of an offer. One whose time has passed stays offered, and is shown as expired."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


EXPIRED = "expired"

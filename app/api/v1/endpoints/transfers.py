"""Offer what one account owns to another, and accept it."""

from uuid import UUID

from fastapi import APIRouter

from app.api import access_answers as answers
from app.api import openapi
from app.api.auth import TheCaller, needs
from app.api.body import JsonRoute
from app.api.query import Cursor, ShortLimit
from app.core.database import reading, transaction
from app.domain.permissions import Right
from app.schemas.access import NewTransfer, TransferOut, TransferPage
from app.services.access import transfers

router = APIRouter(prefix="/access/transfers", tags=["access"], route_class=JsonRoute)


@router.get("", summary="List transfers")
@needs(Right.READ)
def list_transfers(caller: TheCaller, limit: ShortLimit = 20, cursor: Cursor = None) -> TransferPage:
    """What was offered by one's own accounts, and to them, the newest first."""
    with reading() as session:
        return answers.transfer_page(transfers.list_transfers(session, caller, limit, cursor))


@router.post("", status_code=201, summary="Offer RRsets, or a zone", responses=openapi.OFFER)
@needs(Right.TRANSFER)
def offer_transfer(body: NewTransfer, caller: TheCaller) -> TransferOut:
    """Nothing changes until the other account accepts it. An offer stands for a week unless it says else."""
    wanted = transfers.Offer(
        zone=body.zone,
        names=body.names,
        types=[each.value for each in body.types],
        whole_zone=body.whole_zone,
        from_account=body.from_account,
        of_nobody=body.of_nobody,
        to_account=body.to_account,
        expires_at=body.expires_at,
        comment=body.comment,
    )
    with transaction() as session:
        return answers.transfer_out(transfers.offer(session, caller, wanted))


@router.post("/{transfer_id}/accept", summary="Accept a transfer", responses=openapi.TRANSFER)
@needs(Right.TRANSFER)
def accept_transfer(transfer_id: UUID, caller: TheCaller) -> TransferOut:
    """All at once, as far as it is still the offerer's. What is open goes on."""
    with transaction() as session:
        return answers.transfer_out(transfers.accept(session, caller, transfer_id))


@router.post("/{transfer_id}/decline", summary="Decline a transfer", responses=openapi.TRANSFER)
@needs(Right.TRANSFER)
def decline_transfer(transfer_id: UUID, caller: TheCaller) -> TransferOut:
    """What was offered stays whose it is."""
    with transaction() as session:
        return answers.transfer_out(transfers.decline(session, caller, transfer_id))


@router.post("/{transfer_id}/withdraw", summary="Withdraw a transfer", responses=openapi.TRANSFER)
@needs(Right.TRANSFER)
def withdraw_transfer(transfer_id: UUID, caller: TheCaller) -> TransferOut:
    """Nobody can accept it any more."""
    with transaction() as session:
        return answers.transfer_out(transfers.withdraw(session, caller, transfer_id))

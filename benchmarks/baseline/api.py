"""The baseline's API: `uvicorn benchmarks.baseline.api:app`."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.baseline.models import Base, Request, Session, engine
from benchmarks.baseline.tasks import process

Base.metadata.create_all(engine)
app = FastAPI()


class Body(BaseModel):
    """A request for a change."""

    context: dict[str, str]
    resource: dict[str, Any]


@app.post("/dns/create", status_code=202)
def create(body: Body) -> dict[str, str]:
    """Store the request, and send a task for it."""
    with Session() as session:
        request = Request(account_id=body.context["account_id"], resource=body.resource)
        session.add(request)
        session.commit()
        request_id = str(request.id)
    process.delay(request_id)
    return {"id": request_id, "status": "pending"}

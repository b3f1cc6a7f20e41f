"""The tables, under the path that older code imports them from."""

from app.store.models import Backend, Base, Record, Request, RequestEvent, Run, RunEvent, Zone, ZoneLease

__all__ = ["Backend", "Base", "Record", "Request", "RequestEvent", "Run", "RunEvent", "Zone", "ZoneLease"]

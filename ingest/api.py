"""`/api/auto-ingest/*`."""

from ninja import Router

router = Router(tags=["auto-ingest"])

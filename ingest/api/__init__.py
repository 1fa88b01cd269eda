"""`/api/auto-ingest/*`, and the seed's /api/background-tasks/bulk-analysis, which lives here because it is about
articles.
"""

from ninja import Router

from . import alerts, articles, bulk, collecting, config, rules, sources, topics

router = Router(tags=["auto-ingest"])
for part in (collecting, config, topics, sources, rules, articles, alerts):
    router.add_router("", part.router)
bulk_router = bulk.router

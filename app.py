"""The app in one process: the wizard's pages, and the addresses that programs and the command line ask.

Only one process may open the embedded store, so while the app runs it is the one that answers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import streamlit as st
from starlette.concurrency import run_in_threadpool

from flow import attend, installation, resume_builds
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.http.access import Door
from repository.http.routes import routes
from repository.knowledge import announce, withdraw

SETTINGS = Settings.from_environment(os.environ)
TOKEN = secrets.token_urlsafe(32)
_ATTEND_SECONDS = 2.0
DOOR = Door(
    knowledge=lambda: installation(SETTINGS),
    home=SETTINGS.home,
    facts=SETTINGS.facts,
    host=lambda: st.get_option("server.address"),  # none: every address of this machine
    token=TOKEN,
)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Read the graph before the first visitor comes, and say where the app can be asked."""
    await run_in_threadpool(lambda: installation(SETTINGS).projection)
    url = replace(SETTINGS, port=int(st.get_option("server.port"))).address
    owner = isinstance(installation(SETTINGS).graph, EmbeddedGraph)  # a second app asks the first, whose word stands
    attending = None
    if owner:
        installation(SETTINGS).queries.warm()
        announce(SETTINGS.home, url, TOKEN)
        attending = asyncio.create_task(_attend())
    try:
        yield
    finally:
        if attending is not None:
            attending.cancel()
            withdraw(SETTINGS.home)
            installation(SETTINGS).queries.close()


async def _attend() -> None:
    """Let interrupted builds go on, and register what builds have measured, whether or not a page is open."""
    await run_in_threadpool(resume_builds, SETTINGS)
    while True:
        try:
            await run_in_threadpool(attend, SETTINGS)
        except Exception:  # a fault with one job must not end the watch over the others
            logging.getLogger("dlom").exception("registering what was built failed; trying again")
        await asyncio.sleep(_ATTEND_SECONDS)


app = st.App("wizard/main.py", routes=routes(DOOR), lifespan=lifespan)

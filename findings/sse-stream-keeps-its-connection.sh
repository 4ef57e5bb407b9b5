#!/usr/bin/env bash
# Finding: an event stream of FastAPI whose generator uses a session from a dependency keeps a database connection after its end.
#
# Versions: Python 3.11, fastapi 0.115.6, starlette 0.41.3, sse-starlette 2.1.3, sqlalchemy 2.0.36, uvicorn 0.34.0.
# Behaviour: FastAPI (since 0.106) closes what a dependency with `yield` gives before the body of the response is sent. A
#   generator that queries with that session takes a connection again, and nobody gives it back: not when the stream ends, nor
#   when its client leaves, but when Python's cyclic garbage collector runs, which goes by allocations and not by time. So
#   streams one after the other exhaust a pool of 15, however long the pauses between them.
# Output seen, with automatic collections off: "3 streams ended: 3 connections out; 2 s later: 3; after gc.collect(): 0"
#
# Fails where that changes. Needs python3 and pip; everything is put into a temporary folder; loopback only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  fastapi==0.115.6 starlette==0.41.3 sse-starlette==2.1.3 sqlalchemy==2.0.36 uvicorn==0.34.0
cat >"$folder/streams.py" <<'PYTHON'
import gc
import threading
import time
import urllib.request

import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool
from sse_starlette.sse import EventSourceResponse

engine = create_engine(
    "sqlite:///:memory:", poolclass=QueuePool, connect_args={"check_same_thread": False}
)
make_session = sessionmaker(bind=engine)
app = FastAPI()


def session():
    opened = make_session()
    try:
        yield opened
    finally:
        opened.close()


@app.get("/stream")
async def stream(db: Session = Depends(session)):
    async def events():
        db.execute(text("select 1"))
        for number in range(3):
            yield {"event": "update", "data": str(number)}

    return EventSourceResponse(events())


server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.05)
port = server.servers[0].sockets[0].getsockname()[1]
gc.disable()  # else it is chance whether a collection falls between two streams
for _ in range(3):
    body = urllib.request.urlopen(f"http://127.0.0.1:{port}/stream", timeout=10).read()
    assert body.count(b"event: update") == 3, body
ended = engine.pool.checkedout()
time.sleep(2)
later = engine.pool.checkedout()
gc.collect()
time.sleep(0.2)
collected = engine.pool.checkedout()
print(f"3 streams ended: {ended} connections out; 2 s later: {later}; after gc.collect(): {collected}")
raise SystemExit(0 if (ended, later, collected) == (3, 3, 0) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/streams.py"

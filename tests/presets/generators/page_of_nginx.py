"""The page of prometheus-nginx-exporter over nginx's stub_status, before and after 60 requests. Both come with Debian.

apt install nginx-light prometheus-nginx-exporter; python page_of_nginx.py FOLDER
"""

import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request


def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def said(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return (run.stdout + run.stderr).strip().splitlines()[0]


folder, web, page = tempfile.mkdtemp(), free(), free()
pathlib.Path(folder, "nginx.conf").write_text(
    f"""daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{web}; location /stub {{ stub_status; }} location / {{ return 200 hello; }} location /bad {{ return 503; }} }} }}
"""
)
nginx = subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf", "-p", folder])
exporter = subprocess.Popen(
    ["prometheus-nginx-exporter", f"-nginx.scrape-uri=http://127.0.0.1:{web}/stub", f"-web.listen-address=127.0.0.1:{page}"],
    stderr=subprocess.DEVNULL,
)
try:
    time.sleep(2)
    version = said("dpkg-query", "-W", "-f", "${Package} ${Version}", "prometheus-nginx-exporter")
    head = f"# {version}, {said('nginx', '-v').split(': ')[1]}\n"
    # What the exporter asks is a request of its own.
    for name, requests in [("before", 5), ("after", 59)]:
        for _ in range(requests):
            get(f"http://127.0.0.1:{web}/")
        text = get(f"http://127.0.0.1:{page}/metrics")
        own = [line for line in text.splitlines() if "nginx" in line]
        (pathlib.Path(sys.argv[1]) / f"nginx-{name}.txt").write_text(head + "\n".join(own) + "\n")
finally:
    exporter.terminate()
    nginx.terminate()

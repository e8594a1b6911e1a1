"""Drives the simulated world with clients that others have written and generated: GOOGLE_ADDRESS KUBERNETES_ADDRESS.

Three views of the same state are compared: what is changed through one API must be read through another.
"""

import json
import sys
import time

import google.auth.credentials
import kubernetes
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesRestTransport
from googleapiclient import discovery
from googleapiclient.errors import HttpError

GOOGLE, CLUSTER = sys.argv[1:]
PROJECT, REGION = "hexproperty", "us-central1"
PARENT = f"projects/{PROJECT}/locations/{REGION}"
NAME = f"{PARENT}/services/frontend"
OLD, NEW = "frontend-00041-kaz", "frontend-00042-bim"


class Ana(google.auth.credentials.Credentials):
    """A person, by the simulated world's way of telling people apart."""

    def refresh(self, request):
        self.token = "ana"


def api(name, version):
    # The discovery document is the one inside the package; nothing is fetched.
    options = {"api_endpoint": f"http://{GOOGLE}"}
    return discovery.build(name, version, credentials=Ana(), static_discovery=True, client_options=options)


def until(what, look):
    deadline = time.monotonic() + 60
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.2)
    return seen


def cloud_run():
    services = api("run", "v2").projects().locations().services()
    found = services.get(name=NAME).execute()
    assert found["latestReadyRevision"].endswith(NEW), found
    names = [one["name"] for one in services.list(parent=PARENT).execute()["services"]]
    assert NAME in names, names
    revision = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    traffic = [{"type": revision, "revision": OLD, "percent": 30}, {"type": revision, "revision": NEW, "percent": 70}]
    body = {"etag": found["etag"], "traffic": traffic}
    operation = services.patch(name=NAME, updateMask="traffic", body=body).execute()
    operations = api("run", "v2").projects().locations().operations()
    done = until("the end of the operation", lambda: (now := operations.get(name=operation["name"]).execute()).get("done") and now)
    assert done["response"]["@type"].endswith("google.cloud.run.v2.Service"), done
    try:
        services.patch(name=NAME, updateMask="traffic", body=body).execute()
        raise AssertionError("an old etag was taken")
    except HttpError as error:
        assert error.status_code == 409, error
    print("run v2, by discovery: read, listed, split 30/70, an old etag refused")


def cloud_run_generated():
    transport = ServicesRestTransport(host=GOOGLE, url_scheme="http", credentials=AnonymousCredentials())
    client = run_v2.ServicesClient(transport=transport)
    service = client.get_service(name=NAME)
    assert {target.revision: target.percent for target in service.traffic} == {OLD: 30, NEW: 70}, service.traffic
    revision = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
    service.traffic = [
        run_v2.TrafficTarget(type_=revision, revision=OLD, percent=10),
        run_v2.TrafficTarget(type_=revision, revision=NEW, percent=90),
    ]
    request = run_v2.UpdateServiceRequest(service=service, update_mask={"paths": ["traffic"]})
    changed = client.update_service(request=request).result(timeout=60)
    assert {target.revision: target.percent for target in changed.traffic} == {OLD: 10, NEW: 90}, changed.traffic
    print("run v2, by generated types: 30/70 read back, split 10/90, its operation followed to the end")


def compute_and_logging():
    maps = api("compute", "v1").urlMaps()
    found = maps.get(project=PROJECT, urlMap="hexproperty-lb").execute()
    shares = found["defaultRouteAction"]["weightedBackendServices"]
    shares[0]["weight"], shares[1]["weight"] = 950, 50
    body = {"fingerprint": found["fingerprint"], "defaultRouteAction": found["defaultRouteAction"]}
    operation = maps.patch(project=PROJECT, urlMap="hexproperty-lb", body=body).execute()
    waited = api("compute", "v1").globalOperations().wait(project=PROJECT, operation=operation["name"]).execute()
    assert waited["status"] == "DONE", waited
    after = maps.get(project=PROJECT, urlMap="hexproperty-lb").execute()
    assert [share["weight"] for share in after["defaultRouteAction"]["weightedBackendServices"]] == [950, 50], after
    assert after["fingerprint"] != found["fingerprint"]
    try:
        maps.patch(project=PROJECT, urlMap="hexproperty-lb", body=body).execute()
        raise AssertionError("an old fingerprint was taken")
    except HttpError as error:
        assert error.status_code == 412, error
    services = api("compute", "v1").backendServices()
    group = services.get(project=PROJECT, backendService="frontend-gke").execute()["backends"][0]["group"]
    health = services.getHealth(project=PROJECT, backendService="frontend-gke", body={"group": group}).execute()
    assert {state["healthState"] for state in health["healthStatus"]} == {"HEALTHY"}, health
    for kind, wanted in (("urlMaps", 1), ("backendServices", 8), ("networkEndpointGroups", 14)):
        collection = getattr(api("compute", "v1"), kind)()
        request, found = collection.aggregatedList(project=PROJECT, maxResults=3), []
        while request is not None:
            page = request.execute()
            found += [one["selfLink"] for scope in page["items"].values() for one in scope.get(kind, [])]
            request = collection.aggregatedList_next(request, page)
        assert len(found) == len(set(found)) == wanted, found
    entries = api("logging", "v2").entries()
    query = {
        "resourceNames": [f"projects/{PROJECT}"],
        "filter": 'protoPayload.resourceName:"urlMaps/hexproperty-lb"',
        "orderBy": "timestamp desc",
    }
    newest = until("the audit log's entry", lambda: entries.list(body=query).execute().get("entries"))[0]
    assert newest["protoPayload"]["authenticationInfo"]["principalEmail"] == "ana@hexproperty.com", newest
    print("compute v1 and logging v2: 95/5, everything listed in pages, an old fingerprint refused, pods healthy, ana in the audit log")


def addresses():
    known, operations = api("compute", "v1").globalAddresses(), api("compute", "v1").globalOperations()
    body = {"name": "hexproperty-green", "addressType": "EXTERNAL"}
    begun = known.insert(project=PROJECT, body=body, requestId="9b0a2c52-52f1-5c39-8c0e-0a4c5a1e7f10").execute()
    assert operations.wait(project=PROJECT, operation=begun["name"]).execute()["status"] == "DONE"
    assert known.get(project=PROJECT, address="hexproperty-green").execute()["status"] == "RESERVED"
    assert [one["name"] for one in known.list(project=PROJECT).execute()["items"]] == ["hexproperty-green"]
    newest = operations.list(project=PROJECT, orderBy="creationTimestamp desc", maxResults=1).execute()["items"][0]
    assert newest["name"] == begun["name"], newest
    gone = known.delete(project=PROJECT, address="hexproperty-green").execute()
    assert operations.wait(project=PROJECT, operation=gone["name"]).execute()["status"] == "DONE"
    print("compute v1: an address reserved, listed and given back")


def cloud_sql():
    for version in ("v1", "v1beta4"):
        sql = api("sqladmin", version)
        first = sql.instances().list(project=PROJECT, maxResults=1)
        one_by_one = [first.execute(), sql.instances().list_next(first, first.execute()).execute()]
        names = {one["name"] for page in one_by_one for one in page["items"]}
        assert names == {"hexproperty-prod", "hexproperty-replica"}, names
        replica = sql.instances().get(project=PROJECT, instance="hexproperty-replica").execute()
        assert replica["masterInstanceName"].endswith("hexproperty-prod"), replica
        assert sql.operations().list(project=PROJECT, instance="hexproperty-prod").execute()["items"], version
    agrees("sqladmin", "v1", steps_of_sql(api("sqladmin", "v1")))
    print("sqladmin v1 and v1beta4: instances, the replica's primary, operations; a backup, a standby and a replica as v1's document has them")


def steps_of_sql(sql):
    """Asks for everything that steps ask for; gives what was answered, each by the name of its schema."""
    primary = {"project": PROJECT, "instance": "hexproperty-prod"}
    answers = []

    def done(operation):
        answers.append(("Operation", operation))
        name = operation["name"]
        ended = until("the end of " + operation["operationType"], lambda: (now := sql.operations().get(project=PROJECT, operation=name).execute())["status"] == "DONE" and now)
        assert "error" not in ended, ended
        answers.append(("Operation", ended))
        return ended

    taken = done(sql.backupRuns().insert(**primary, body={"description": "before the night"}).execute())
    run = sql.backupRuns().get(**primary, id=taken["backupContext"]["backupId"]).execute()
    assert (run["status"], run["type"], run["description"]) == ("SUCCESSFUL", "ON_DEMAND", "before the night"), run
    answers += [("BackupRun", run), ("BackupRunsListResponse", sql.backupRuns().list(**primary, maxResults=2).execute())]
    version = sql.instances().get(**primary).execute()["settings"]["settingsVersion"]
    settings = {"settingsVersion": version, "availabilityType": "ZONAL"}
    done(sql.instances().patch(**primary, body={"settings": settings}).execute())
    try:
        sql.instances().patch(**primary, body={"settings": settings}).execute()
        raise AssertionError("an old settingsVersion was taken")
    except HttpError as error:
        assert error.status_code == 412 and "Condition does not match" in error.reason, error
    body = {"name": "hexproperty-py", "region": "us-east1", "masterInstanceName": "hexproperty-prod", "databaseVersion": "POSTGRES_15", "settings": {"tier": "db-perf-optimized-N-4", "edition": "ENTERPRISE_PLUS"}}
    done(sql.instances().insert(project=PROJECT, body=body).execute())
    made = sql.instances().get(project=PROJECT, instance="hexproperty-py").execute()
    assert (made["state"], made["instanceType"]) == ("RUNNABLE", "READ_REPLICA_INSTANCE"), made
    answers += [("DatabaseInstance", made), ("DatabaseInstance", sql.instances().get(**primary).execute())]
    answers.append(("OperationsListResponse", sql.operations().list(project=PROJECT, instance="hexproperty-py").execute()))
    done(sql.instances().delete(project=PROJECT, instance="hexproperty-py").execute())
    return answers


def agrees(name, version, answers):
    """Holds answers against the discovery document: fields that it has, values of their types, words of their enums."""
    from googleapiclient.discovery_cache import DISCOVERY_DOC_DIR

    schemas = json.load(open(f"{DISCOVERY_DOC_DIR}/{name}.{version}.json"))["schemas"]
    kinds = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list, "any": object}

    def check(schema, value, at):
        if "$ref" in schema:
            schema = schemas[schema["$ref"]]
        assert isinstance(value, kinds[schema["type"]]), f"{at}: {value!r} is no {schema['type']}"
        assert "enum" not in schema or value in schema["enum"], f"{at}: {value!r} is none of {schema['enum']}"
        assert schema.get("format") != "int64" or int(value) is not None, at
        for field, inner in value.items() if schema["type"] == "object" else ():
            known = schema.get("properties", {}).get(field) or schema.get("additionalProperties")
            assert known, f"{at}.{field} is not in the document"
            check(known, inner, f"{at}.{field}")
        for place, inner in enumerate(value) if schema["type"] == "array" else ():
            check(schema["items"], inner, f"{at}[{place}]")

    for schema, answer in answers:
        check(schemas[schema], answer, schema)


def gke():
    clusters = api("container", "v1").projects().locations().clusters()
    cluster = clusters.get(name=f"{PARENT}/clusters/hexproperty-prod").execute()
    assert cluster["endpoint"] == CLUSTER and cluster["masterAuth"]["clusterCaCertificate"], cluster
    listed = clusters.list(parent=f"projects/{PROJECT}/locations/-").execute()["clusters"]
    assert [one["name"] for one in listed] == ["hexproperty-prod", "hexproperty-next"], listed
    wanted = {"name": "hexproperty-green", "nodePools": [{"name": "default-pool", "initialNodeCount": 1, "config": {"machineType": "e2-small"}}]}
    begun = clusters.create(parent=PARENT, body={"cluster": wanted}).execute()
    try:
        clusters.create(parent=PARENT, body={"cluster": wanted}).execute()
        raise AssertionError("a name was taken twice")
    except HttpError as error:
        assert error.status_code == 409 and "Already exists" in error.reason, error
    operations = api("container", "v1").projects().locations().operations()
    names = [one["name"] for one in operations.list(parent=PARENT).execute()["operations"]]
    assert begun["name"] in names, names
    look = lambda: (now := operations.get(name=f"{PARENT}/operations/{begun['name']}").execute())["status"] == "DONE" and now
    done = until("the end of the creation", look)
    assert {metric["name"] for metric in done["progress"]["metrics"]} >= {"CLUSTER_DEPLOYING", "CLUSTER_DEPLOYING_TOTAL"}, done
    print("container v1: the cluster, its address, its authority; another one made, once, and followed to its end")
    return cluster


def figures():
    # The resource is named by its project, and what Google serves of it is global.
    here = {"name": f"projects/{PROJECT}", "location": "global"}
    prometheus = api("monitoring", "v1").projects().location().prometheus().api().v1()

    def asked(query):
        answer = prometheus.query(**here, body={"query": query}).execute()
        assert answer["status"] == "success" and answer["data"]["resultType"] == "vector", answer
        return [float(one["value"][1]) for one in answer["data"]["result"]]

    counted = "sum(increase(http_requests_total[1m]))"
    [requests] = until("requests in a scraped window", lambda: (found := asked(counted)) and found[0] > 0 and found)
    balanced = 'sum(increase(loadbalancing_googleapis_com:https_backend_request_count{monitored_resource="https_lb_rule"}[10m]))'
    assert until("requests that the load balancer counted", lambda: asked(balanced))
    now = prometheus.query(**here, body={"query": "max(timestamp(http_requests_total))"}).execute()["data"]["result"][0]["value"]
    at = float(now[1])
    span = {"query": counted, "start": f"{at - 30:.3f}", "end": f"{at:.3f}", "step": "15s"}
    answer = prometheus.query_range(**here, body=span).execute()
    assert answer["data"]["resultType"] == "matrix" and answer["data"]["result"][0]["values"], answer
    try:
        prometheus.query(**here, body={"query": "sum("}).execute()
        raise AssertionError("half a query was taken")
    except HttpError as error:
        assert error.status_code == 400 and b"parse error" in error.content, error.content
    series = api("monitoring", "v3").projects().timeSeries()
    ever = {"interval_startTime": "2000-01-01T00:00:00Z", "interval_endTime": "2100-01-01T00:00:00Z"}
    wanted = {"name": f"projects/{PROJECT}", "filter": 'metric.type="run.googleapis.com/request_count"', **ever}
    found = until("points of Cloud Run", lambda: series.list(**wanted).execute().get("timeSeries"))
    assert found[0]["resource"]["labels"]["service_name"] == "frontend" and int(found[0]["points"][0]["value"]["int64Value"]) >= 0, found
    print(f"monitoring v1 and v3: PromQL at a moment and over a span ({requests:.0f} requests a minute), half a query refused, points of Cloud Run")


def rights():
    wanted = ["compute.urlMaps.get", "compute.urlMaps.update", "run.services.update"]
    projects = api("cloudresourcemanager", "v1").projects()
    held = projects.testIamPermissions(resource=PROJECT, body={"permissions": wanted}).execute()["permissions"]
    assert held == wanted, held
    services = api("compute", "v1").backendServices()
    of_one = {"permissions": ["compute.backendServices.get"]}
    held = services.testIamPermissions(project=PROJECT, resource="frontend-gke", body=of_one).execute()
    assert held == of_one, held
    service = api("serviceusage", "v1").services().get(name=f"projects/{PROJECT}/services/compute.googleapis.com").execute()
    assert service["state"] == "ENABLED", service
    print("cloudresourcemanager v1, compute v1, serviceusage v1: rights on the project and on a backend service, an API that is enabled")


def inside(cluster):
    import base64
    import tempfile

    authority = tempfile.NamedTemporaryFile(suffix=".pem")
    authority.write(base64.b64decode(cluster["masterAuth"]["clusterCaCertificate"]))
    authority.flush()
    settings = kubernetes.client.Configuration(host=f"https://{cluster['endpoint']}")
    settings.ssl_ca_cert = authority.name
    client = kubernetes.client.ApiClient(settings)
    apps, core = kubernetes.client.AppsV1Api(client), kubernetes.client.CoreV1Api(client)
    # Every document is parsed into generated types that check what is required.
    frontend = apps.read_namespaced_deployment("frontend", "hexproperty")
    assert frontend.status.ready_replicas == 6, frontend.status
    assert "hexproperty" in {one.metadata.name for one in core.list_namespace().items}
    assert core.list_namespaced_service("hexproperty").items
    watch = kubernetes.watch.Watch()
    apps.patch_namespaced_deployment_scale("frontend", "hexproperty", {"spec": {"replicas": 4}})
    for event in watch.stream(apps.list_namespaced_deployment, "hexproperty", timeout_seconds=60):
        status = event["object"].status
        if event["object"].metadata.name == "frontend" and status.replicas == status.ready_replicas == 4:
            break
    else:
        raise AssertionError("the watch ended before the deployment had four pods")
    pods = core.list_namespaced_pod("hexproperty", label_selector="app=frontend").items
    alive = [pod for pod in pods if not pod.metadata.deletion_timestamp]
    assert len(alive) == 4, pods
    assert core.list_namespaced_event("hexproperty").items, "scaling leaves events"
    assert core.read_namespaced_pod_log(alive[0].metadata.name, "hexproperty", tail_lines=3)
    print("kubernetes over TLS, by the authority that GKE names: read, scaled to 4, watched, events, logs")
    routes = kubernetes.client.CustomObjectsApi(client)
    route = ("gateway.networking.k8s.io", "v1", "hexproperty", "httproutes")
    found = routes.get_namespaced_custom_object(*route, "api")
    place, rule = next((place, rule) for place, rule in enumerate(found["spec"]["rules"]) if len(rule["backendRefs"]) == 2)
    rule["backendRefs"][0]["weight"], rule["backendRefs"][1]["weight"] = 90, 10
    changed = routes.replace_namespaced_custom_object(*route, "api", found)
    weights = [entry["weight"] for entry in changed["spec"]["rules"][place]["backendRefs"]]
    assert weights == [90, 10] and changed["metadata"]["generation"] == found["metadata"]["generation"] + 1, changed
    try:
        routes.replace_namespaced_custom_object(*route, "api", found)
        raise AssertionError("an old version was taken")
    except kubernetes.client.ApiException as error:
        assert error.status == 409, error
    follows = lambda: (seen := routes.get_namespaced_custom_object_status(*route, "api")) and all(
        condition["observedGeneration"] == changed["metadata"]["generation"]
        for parent in seen["status"]["parents"]
        for condition in parent["conditions"]
    )
    until("the controller's word on the new weights", follows)
    attributes = kubernetes.client.V1ResourceAttributes(group=route[0], resource=route[3], namespace=route[2], verb="patch", name="api")
    review = kubernetes.client.V1SelfSubjectAccessReview(spec=kubernetes.client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
    told = kubernetes.client.AuthorizationV1Api(client).create_self_subject_access_review(review)
    assert told.status.allowed, told
    print("the HTTPRoute: 90/10, an old version refused, its controller follows; who may patch it is told")


cloud_run()
cloud_run_generated()
compute_and_logging()
addresses()
cloud_sql()
figures()
rights()
inside(gke())
print("all clients are served")

//! Every key of the plan, what it means and how its value is written. Who gives the reader a key gives it a line here.

use super::{Key, Kind, Needed, Object, Rule, Text};

pub(super) const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, needed: Needed::Always, kind, about }
}

pub(super) const fn maybe(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, needed: Needed::AsWanted, kind, about }
}

pub(super) const fn text(pattern: &'static str, allowed: &'static str, examples: &'static [&'static str]) -> Text {
    Text { pattern, chars_max: None, allowed, examples }
}

const fn short(chars_max: usize, text: Text) -> Text {
    Text { chars_max: Some(chars_max), ..text }
}

// How values are written.

pub(super) static TITLE: Text = short(80, text("\\S", "a text of at most 80 characters, one line of a screen", &[]));
static LINE: Text = short(200, text("\\S", "one line of at most 200 characters", &[]));
pub(super) static NAME: Text = text("^[a-z0-9][a-z0-9._/-]{0,62}$", "1 to 63 of a-z 0-9 . _ - /, beginning with a letter or digit", &[]);
static PROJECT: Text =
    text("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", "a project id: 6 to 30 of a-z 0-9 -, beginning with a letter", &["my-project"]);
pub(super) static REGION: Text = text("^[a-z]+-[a-z]+[0-9]+$", "a region such as us-central1", &["us-central1", "europe-west1"]);
pub(super) static LOCATION: Text = text("^[a-z]+-[a-z]+[0-9]+(-[a-z])?$", "a region or a zone", &["us-central1", "us-central1-a"]);
static HOST: Text = short(
    253,
    text(
        "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$",
        "one host in full and in lower case, without scheme, port, path or *",
        &["api.example.com"],
    ),
);
static PATH_RULE: Text = short(
    200,
    text(
        "^/([A-Za-z0-9/._~%+,;=:@!-]*|([A-Za-z0-9/._~%+,;=:@!-]*/)?\\*)$",
        "a path with a * only at its end, behind a /",
        &["/api/*", "/api"],
    ),
);
pub(super) static RESOURCE: Text = text("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", "1 to 63 of a-z 0-9 -, beginning with a letter", &[]);
pub(super) static RUN_SERVICE: Text =
    text("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", "1 to 49 of a-z 0-9 -, beginning with a letter", &["frontend"]);
static RUN_REVISION: Text = text(
    "^(?!(latest|previous|current|stable)$)[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
    "the name of a revision; LATEST moves with every deploy, and `previous` is no revision",
    &["frontend-00042-bim"],
);
pub(super) static CLUSTER: Text = text("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", "1 to 40 of a-z 0-9 -, beginning with a letter", &[]);
static KUBERNETES: Text = text("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "1 to 63 of a-z 0-9 -", &[]);
pub(super) static SQL_INSTANCE: Text =
    short(63, text("^[a-z]([a-z0-9-]*[a-z0-9])?$", "small letters, digits and -, beginning with a letter", &[]));
static ADDRESS: Text = short(
    256,
    text(
        "^(https://[!-~]+|http://(127\\.|\\[|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt])[!-~]*)$",
        "https://host[:port]/path; http:// only to 127.0.0.1, [::1] or localhost",
        &["https://www.example.com/"],
    ),
);
static QUERY: Text = text("\\S", "one PromQL query that gives one number", &["sum(increase(http_requests_total{job=\"web\"}[1m]))"]);
pub(super) static SPAN: Text = text(
    "^(?=.*[1-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
    "a duration with its unit such as 850ms, 15s, 2m, 1h30m or 7d",
    &["15s", "2m", "1h30m", "7d"],
);
pub(super) static SHARE: Text = text(
    "^(?=.*[0-9])0*(100(\\.0*)?|[0-9]{0,2}(\\.[0-9]?0*)?)\\s*%$",
    "a share from 0% to 100%, such as 5% or 12.5%",
    &["1%", "5%", "50%"],
);
static FRACTION_TEXT: Text =
    text("^([0-9.]+\\s*%|[+]?[0-9.]+([eE][+-]?[0-9]+)?)$", "a fraction above 0 and below 1 such as 0.05, or the same as 5%", &["5%"]);
static RATE: Text = text("^(?=.*[1-9])[0-9.]+\\s*/s$", "a rate above zero, such as 20/s", &["20/s"]);
static BYTES: Text = text("^(?=.*[1-9])[0-9.]+\\s*([KMGT]i)?B$", "an amount above zero, such as 512KiB, 200MiB or 1.5GiB", &["200MiB"]);
static SERIES_NAME: Text =
    short(24, text("^[a-z]([a-z0-9-]*[a-z0-9])?$", "1 to 24 of a-z 0-9 -, beginning with a letter", &["queue-depth"]));
static STATUS_TEXT: Text = text("^[+]?0*[2-5](xx|[0-9][0-9])$", "a status such as 200, or a hundred such as 2xx", &["2xx"]);
static SOURCE_URL: Text = short(
    256,
    text(
        "^(google|https://[!-~]+|http://(127\\.|\\[|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt])[!-~]*)$",
        "google, or https://host[:port]",
        &["google", "https://prometheus.example.com"],
    ),
);
static HTTP_ROUTE: Text = text("^[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?$", "1 to 253 of a-z 0-9 -", &[]);
static UNIVERSE: Text = short(
    253,
    text(
        "^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]([a-z0-9-]*[a-z0-9])?$",
        "a domain in lower case, such as googleapis.com, without scheme, port or path",
        &["googleapis.com"],
    ),
);
static CONTEXT: Text = text("^[!-~]{1,253}$", "1 to 253 printable signs without blanks", &["my-context"]);
static MANAGER: Text = text("^[!-~]{1,128}$", "1 to 128 printable signs without blanks", &["argocd-controller"]);
static FAMILY: Text = short(100, text("^[A-Za-z_:][A-Za-z0-9_:]*$", "letters, digits, _ and :, no digit first", &["http_requests_total"]));
static LABEL: Text = text("^[A-Za-z_][A-Za-z0-9_]*$", "letters, digits and _, no digit first", &["job"]);
static LABEL_VALUE: Text = text("\\S", "what the label holds, as it stands", &["web"]);
static PAGE_PATH: Text = short(100, text("^/[A-Za-z0-9/_.~-]*$", "/ and plain characters", &["/metrics", "/actuator/prometheus"]));
static PLAIN: Text = short(100, text("^[A-Za-z0-9/_.~:-]+$", "plain characters; it is compared as it stands", &["5xx", "/health"]));
static SOURCE_NAME: Text = text("^[a-z0-9-]{1,63}$", "1 to 63 of a-z 0-9 -", &["monitoring"]);

const FRACTION: Kind = Kind::AnyOf(&[Kind::Between(0.0, 1.0), Kind::Text(&FRACTION_TEXT)]);
/// A threshold in the unit of its metric: below 1 for a share, any number above zero for a count.
const LIMIT: Kind =
    Kind::AnyOf(&[Kind::Between(0.0, 1e15), Kind::Text(&FRACTION_TEXT), Kind::Text(&SPAN), Kind::Text(&RATE), Kind::Text(&BYTES)]);
const STATUS: Kind = Kind::AnyOf(&[Kind::Count(200, 599), Kind::Text(&STATUS_TEXT)]);
const ASKED: Kind = Kind::AnyOf(&[Kind::Text(&ADDRESS), Kind::Object(&PAGE)]);
const ITEMS: Kind = Kind::List(&Kind::Object(&ITEM), 1, None);
/// A word that a label holds, or its number.
const PLAIN_WORD: Kind = Kind::AnyOf(&[Kind::Text(&PLAIN), Kind::Count(0, u64::MAX)]);
const PLAIN_WORDS: Kind = Kind::AnyOf(&[Kind::Text(&PLAIN), Kind::Count(0, u64::MAX), Kind::List(&PLAIN_WORD, 1, Some(20))]);
const PRESET: Kind = Kind::Word(&["istio", "envoy", "nginx", "spring_boot", "prom_client", "go_promhttp", "fastapi", "otel"]);
const RUNG: Kind = Kind::AnyOf(&[Kind::Text(&SHARE), Kind::Object(&GATED_RUNG)]);

// The mappings.

pub static PLAN: Object = Object {
    name: "plan",
    about: "What moves, how far it may move at once, what brings it back by itself, and what has to be true before, during and after.",
    keys: &[
        key("name", Kind::Text(&TITLE), "What people call this migration; it stands at the top of every screen."),
        key("project", Kind::Text(&PROJECT), "The project whose load balancer, services and clusters these are, by its id."),
        key("region", Kind::Text(&REGION), "Where the Cloud Run services are, and where clusters are looked for first."),
        maybe("universe_domain", Kind::Text(&UNIVERSE), "The universe of Google Cloud that the project is in; googleapis.com if left out."),
        maybe(
            "clusters",
            Kind::Named(&CLUSTER_WAY, &CLUSTER),
            "How clusters are reached, by their names; by their public endpoint if left out.",
        ),
        maybe("manifests", Kind::List(&Kind::Text(&KUBERNETES), 1, Some(32)), "Kubernetes manifests in the folder of the plan's name."),
        maybe("sources", Kind::Named(&SOURCE, &SOURCE_NAME), "Servers that are asked for figures, by names that the plan gives them."),
        maybe(
            "series",
            Kind::List(&Kind::Object(&SERIES), 1, Some(20)),
            "Figures beside the standard ones: queue depth, connections, saturation.",
        ),
        key("routes", Kind::List(&Kind::Object(&ROUTE), 1, None), "What is split, and between whom."),
        key("triggers", Kind::List(&Kind::Object(&TRIGGER), 1, None), "What brings the traffic home, or holds it, by itself."),
        key("checklist", Kind::Object(&CHECKLIST), "Lines that people sign or the session proves, in three stages."),
        maybe("database", Kind::Object(&DATABASE), "The Cloud SQL instances that both platforms use."),
        key(
            "phases",
            Kind::List(&Kind::Object(&super::steps::PHASE), 1, None),
            "Parts of the journey that follow each other from 0% to 100%.",
        ),
        maybe("limits", Kind::Object(&LIMITS), "How often to look, and what must be standing by."),
    ],
    rules: &[],
};

static CLUSTER_WAY: Object = Object {
    name: "cluster_way",
    about: "How a cluster's API server is reached.",
    keys: &[
        maybe("endpoint", Kind::Word(&["public", "private", "dns"]), "Which of its endpoints is asked; the public one if left out."),
        maybe("project", Kind::Text(&PROJECT), "Whose it is; the plan's project if left out."),
        maybe("location", Kind::Text(&LOCATION), "Where it is looked for first; the plan's region if left out."),
        maybe("proxy", Kind::Text(&ADDRESS), "A proxy on the host's machine that leads to it, such as `kubectl proxy`."),
        maybe("kubeconfig", Kind::Object(&KUBECONFIG), "A context of the host's kubeconfig, if its owner lets plans use it."),
    ],
    rules: &[
        Rule::Apart("proxy", "endpoint"),
        Rule::Apart("proxy", "project"),
        Rule::Apart("proxy", "location"),
        Rule::Apart("proxy", "kubeconfig"),
        Rule::Apart("kubeconfig", "endpoint"),
        Rule::Apart("kubeconfig", "project"),
        Rule::Apart("kubeconfig", "location"),
    ],
};

static KUBECONFIG: Object = Object {
    name: "kubeconfig",
    about: "Which of the host's own contexts; files and credentials are not the plan's to name.",
    keys: &[key("context", Kind::Text(&CONTEXT), "The context's name, as `kubectl config get-contexts` lists it.")],
    rules: &[],
};

static SOURCE: Object = Object {
    name: "source",
    about: "A Prometheus server.",
    keys: &[
        key("prometheus", Kind::Text(&SOURCE_URL), "Its address without /api/v1, or `google` for Managed Prometheus and Cloud Monitoring."),
        maybe("project", Kind::Text(&PROJECT), "Whose figures Google is asked for; the plan's project if left out."),
        maybe("auth", Kind::Word(&["none", "google", "bearer"]), "How to sign in. A bearer token lies in a file that only the host reads."),
        key("scrape_interval", Kind::Text(&SPAN), "How often it takes a sample, from 1s to 4m."),
        maybe("delay", Kind::Text(&SPAN), "How much later than it was taken a sample can be asked for."),
    ],
    rules: &[],
};

static SERIES: Object = Object {
    name: "series",
    about: "A figure that backends tell beside the standard ones, for triggers and charts.",
    keys: &[
        key("name", Kind::Text(&SERIES_NAME), "Its own in the plan; triggers and backends refer to it."),
        key("unit", Kind::Word(&["count", "ratio", "milliseconds", "seconds", "bytes", "per_second"]), "In what it is told."),
        key("bad", Kind::Word(&["above", "below"]), "On which side of a threshold it is bad."),
    ],
    rules: &[],
};

static FEED: Object = Object {
    name: "feed",
    about: "Where a backend tells a declared series: a query, or a gauge on the pages that its figures come from.",
    keys: &[
        maybe("source", Kind::Text(&NAME), "Which of the plan's sources is asked."),
        maybe("query", Kind::Text(&QUERY), "What it is asked, in PromQL: one number."),
        maybe("newest", Kind::Text(&QUERY), "When the newest sample was taken, where the query doesn't tell its series."),
        maybe("gauge", Kind::Text(&FAMILY), "The family of gauges on the page of the process, or on those of the pods."),
        maybe("labels", Kind::Labels(&LABEL, &LABEL_VALUE), "Which of its series count; all of them if left out."),
        maybe("over", Kind::Word(&["sum", "max", "min", "mean"]), "What all of its series come to, those of every pod together."),
    ],
    rules: &[
        Rule::One(&["source", "gauge"]),
        Rule::With("source", &["query"]),
        Rule::Only("source", &["query", "newest"]),
        Rule::With("gauge", &["over"]),
        Rule::Only("gauge", &["labels", "over"]),
    ],
};

static ROUTE: Object = Object {
    name: "route",
    about: "A split over backends, and how far it may move.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the plan; triggers refer to it."),
        key("title", Kind::Text(&TITLE), "What people call it."),
        key("driver", Kind::Object(&DRIVER), "Who holds the weights."),
        maybe("front_door", ASKED, "Real requests are sent here all the time, to see which backend answers, and with what."),
        key("backends", Kind::List(&Kind::Object(&BACKEND), 2, None), "Who can get traffic."),
        key("home", Kind::Text(&NAME), "The backend to which a rollback sends everything."),
        key("target", Kind::Text(&NAME), "The backend to which the migration leads."),
        key("ladder", Kind::List(&RUNG, 1, Some(20)), "Rising shares of the target that end at 100%; the first is at most 5%."),
        key("step_max", Kind::Text(&SHARE), "One step forward goes no further than this without a second person."),
        key("settle", Kind::Text(&SPAN), "How long after an accepted change the data plane may still disagree, up to 30m."),
        maybe(
            "unlike_home",
            Kind::Object(&UNLIKE_HOME),
            "What follows when the target answers otherwise than home; a rollback if left out.",
        ),
    ],
    rules: &[],
};

static DRIVER: Object = Object {
    name: "driver",
    about: "Who holds the weights: one place of a URL map, a Cloud Run service that splits between its revisions, or a rule of an HTTPRoute.",
    keys: &[
        maybe("url_map", Kind::Text(&RESOURCE), "The URL map of the load balancer before both platforms."),
        maybe("path_matcher", Kind::Text(&RESOURCE), "The matcher whose default route is steered; the map's own if left out."),
        maybe("host", Kind::Text(&HOST), "The same by a host: the matcher that the map's host rules lead it to."),
        maybe("route_rule", Kind::Count(0, 2_147_483_647), "Of that matcher, its route rule of this priority, and not its default route."),
        maybe("path_rule", Kind::Text(&PATH_RULE), "Of that matcher, its path rule that has this path, and not its default route."),
        maybe("region", Kind::Text(&REGION), "Where a regional map is; a global one has none."),
        maybe("project", Kind::Text(&PROJECT), "Whose the map is; the plan's project if left out."),
        maybe("cloud_run_revisions", Kind::Text(&RUN_SERVICE), "The Cloud Run service whose revisions share its traffic."),
        maybe("http_route", Kind::Text(&HTTP_ROUTE), "The HTTPRoute of a GKE cluster, by its name."),
        maybe("namespace", Kind::Text(&KUBERNETES), "Where the HTTPRoute is."),
        maybe("cluster", Kind::Text(&CLUSTER), "Which cluster holds it; of a Gateway for several, the fleet's config cluster."),
        maybe(
            "rule",
            Kind::AnyOf(&[Kind::Count(0, 15), Kind::Text(&HTTP_ROUTE)]),
            "Which of its rules: a place, counted from 0, or a name; left out where there is one.",
        ),
        maybe(
            "shared_with",
            Kind::List(&Kind::Text(&MANAGER), 0, None),
            "Who else applies it and leaves its weights alone, by field manager.",
        ),
    ],
    rules: &[
        Rule::One(&["url_map", "cloud_run_revisions", "http_route"]),
        Rule::With("http_route", &["namespace", "cluster"]),
        Rule::Only("http_route", &["namespace", "cluster", "rule", "shared_with"]),
        Rule::Apart("http_route", "path_matcher"),
        Rule::Apart("http_route", "host"),
        Rule::Apart("http_route", "region"),
        Rule::Apart("http_route", "project"),
        Rule::Apart("http_route", "route_rule"),
        Rule::Apart("http_route", "path_rule"),
        Rule::Apart("route_rule", "path_rule"),
        Rule::Apart("path_matcher", "host"),
        Rule::Apart("cloud_run_revisions", "path_matcher"),
        Rule::Apart("cloud_run_revisions", "host"),
        Rule::Apart("cloud_run_revisions", "region"),
        Rule::Apart("cloud_run_revisions", "project"),
        Rule::Apart("cloud_run_revisions", "route_rule"),
        Rule::Apart("cloud_run_revisions", "path_rule"),
    ],
};

static PAGE: Object = Object {
    name: "page",
    about: "An address that is asked, and what it must answer.",
    keys: &[
        key("url", Kind::Text(&ADDRESS), "Where to ask."),
        maybe("expect", Kind::Object(&EXPECT), "What an answer must be; what home answers, or any 2xx of a probe, if left out."),
    ],
    rules: &[],
};

static EXPECT: Object = Object {
    name: "expect",
    about: "What an answer must be.",
    keys: &[
        maybe(
            "status",
            Kind::AnyOf(&[Kind::Count(200, 599), Kind::Text(&STATUS_TEXT), Kind::List(&STATUS, 1, None)]),
            "A status such as 200, a hundred such as 2xx, or a list of them.",
        ),
        maybe("text", Kind::Text(&LINE), "A text that the body must hold."),
    ],
    rules: &[],
};

static UNLIKE_HOME: Object = Object {
    name: "unlike_home",
    about: "What follows when the target answers otherwise than home does.",
    keys: &[
        key("action", Kind::Word(&["rollback", "hold", "ignore"]), "What to do."),
        maybe("reason", Kind::Text(&TITLE), "Why that is right; `hold` and `ignore` need one."),
    ],
    rules: &[Rule::Needs { key: "action", words: &["hold", "ignore"], then: "reason" }],
};

static GATED_RUNG: Object = Object {
    name: "rung",
    about: "A stop on the way that needs lines of the checklist.",
    keys: &[
        key("share", Kind::Text(&SHARE), "The target's share there."),
        key("needs", Kind::List(&Kind::Text(&NAME), 1, None), "Lines of the checklist that have to be done before."),
    ],
    rules: &[],
};

static BACKEND: Object = Object {
    name: "backend",
    about: "Who can get traffic.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the whole plan; the header x-served-by says it in every answer."),
        key("title", Kind::Text(&TITLE), "What people call it."),
        maybe("cloud_run", Kind::Object(&CLOUD_RUN), "The Cloud Run service that it is."),
        maybe("gke", Kind::Object(&GKE), "The deployment that it is."),
        maybe("backend_service", Kind::Text(&RESOURCE), "What the URL map calls it."),
        maybe("project", Kind::Text(&PROJECT), "Whose its backend service and its Cloud Run service are; the plan's project if left out."),
        maybe("revision", Kind::Text(&RUN_REVISION), "Its revision, in a route between revisions."),
        maybe("service", Kind::Text(&RESOURCE), "Its Service, in a route by an HTTPRoute."),
        maybe("service_import", Kind::Text(&RESOURCE), "Its ServiceImport, where the HTTPRoute is for several clusters."),
        maybe("metrics", Kind::Text(&ADDRESS), "The page of figures of a single process."),
        maybe("readings", Kind::Object(&READINGS), "Who is asked for its figures, if they are no page of its own."),
        maybe("series", Kind::Named(&FEED, &SERIES_NAME), "Where it tells what the plan declares, by the series' names."),
        maybe("probe", ASKED, "Where this backend is asked directly, past the front door."),
    ],
    rules: &[
        Rule::One(&["cloud_run", "gke"]),
        Rule::One(&["backend_service", "revision", "service", "service_import"]),
        Rule::Apart("metrics", "readings"),
    ],
};

static CLOUD_RUN: Object = Object {
    name: "cloud_run",
    about: "A Cloud Run service in the plan's region.",
    keys: &[key("service", Kind::Text(&RUN_SERVICE), "Its name.")],
    rules: &[],
};

static GKE: Object = Object {
    name: "gke",
    about: "A deployment in a GKE cluster of the plan's project.",
    keys: &[
        key("cluster", Kind::Text(&CLUSTER), "The cluster's name."),
        key("namespace", Kind::Text(&KUBERNETES), "Where the deployment is."),
        key("deployment", Kind::Text(&KUBERNETES), "Whose pods serve."),
    ],
    rules: &[],
};

static READINGS: Object = Object {
    name: "readings",
    about: "Where a backend's figures come from.",
    keys: &[
        maybe("load_balancer", Kind::Object(&LOAD_BALANCER), "What the load balancer itself counts, from Cloud Monitoring; `{}` will do."),
        maybe("cloud_run", Kind::Object(&RUN_READINGS), "What Cloud Run counts of the revision, or of the service; `{}` will do."),
        maybe("prometheus", Kind::Object(&PROMETHEUS), "A Prometheus server, and what it is asked."),
        maybe("pods", Kind::Object(&PODS), "The page of each ready pod, read through the API server and added up."),
    ],
    rules: &[Rule::One(&["load_balancer", "cloud_run", "prometheus", "pods"])],
};

static LOAD_BALANCER: Object = Object {
    name: "load_balancer",
    about: "The load balancer's own figures of the backend service, some minutes late.",
    keys: &[
        maybe("window", Kind::Text(&SPAN), "Over how long is counted, from 4m to 30m; 4m if left out."),
        maybe("project", Kind::Text(&PROJECT), "Whose metrics are asked; the plan's project if left out."),
        maybe("scheme", Kind::Word(&["external", "internal"]), "Which kind of load balancer it is; a regional map needs it."),
    ],
    rules: &[],
};

static RUN_READINGS: Object = Object {
    name: "cloud_run_readings",
    about: "Cloud Run's own figures of a service, or of one revision where the route is between revisions; some minutes late.",
    keys: &[
        maybe("window", Kind::Text(&SPAN), "Over how long is counted, from 4m to 30m; 4m if left out."),
        maybe("project", Kind::Text(&PROJECT), "Whose metrics are asked; the plan's project if left out."),
    ],
    rules: &[],
};

static PODS: Object = Object {
    name: "pods",
    about: "The page of each ready pod: where it is, and what on it is counted.",
    keys: &[
        key("port", Kind::Count(1, 65_535), "The port on which a pod shows its page."),
        maybe("path", Kind::Text(&PAGE_PATH), "Its path; /metrics if left out."),
        maybe("preset", PRESET, "The names of a known exporter, instead of those below."),
        maybe("requests", Kind::Text(&FAMILY), "The counter of requests; http_requests_total if left out."),
        maybe("status_label", Kind::Text(&LABEL), "Which of its labels says how a request ended."),
        maybe("failed_when", PLAIN_WORDS, "What that label holds where it failed; 5xx if left out."),
        maybe("latency", Kind::Text(&FAMILY), "The histogram of latencies, without _bucket."),
        maybe("latency_unit", Kind::Word(&["s", "ms"]), "In what its buckets are told, where its name does not say."),
        maybe("dropped", Kind::Text(&FAMILY), "The counter of dropped connections."),
        maybe("exclude_paths", Kind::Object(&EXCLUDE), "Requests that are no user's."),
    ],
    rules: &[
        Rule::Apart("preset", "requests"),
        Rule::Apart("preset", "status_label"),
        Rule::Apart("preset", "failed_when"),
        Rule::Apart("preset", "latency"),
        Rule::Apart("preset", "latency_unit"),
        Rule::Apart("preset", "dropped"),
    ],
};

static EXCLUDE: Object = Object {
    name: "exclude_paths",
    about: "Which requests are not counted: health checks, scrapes.",
    keys: &[key("label", Kind::Text(&LABEL), "The label that says the path."), key("begins", PLAIN_WORDS, "How the paths begin.")],
    rules: &[],
};

static PROMETHEUS: Object = Object {
    name: "prometheus",
    about: "Queries that each give one number; counts are over one window, the same in all of them.",
    keys: &[
        key("source", Kind::Text(&NAME), "Which of the plan's sources is asked."),
        maybe("window", Kind::Text(&SPAN), "Over how long is counted, where the queries have no range of their own."),
        maybe("preset", PRESET, "The queries of a known exporter, instead of those below."),
        maybe("labels", Kind::Labels(&LABEL, &LABEL_VALUE), "Which series are this backend's, for the preset."),
        maybe("requests", Kind::Text(&QUERY), "How many requests were answered: `increase`, not `rate`."),
        maybe("failures", Kind::Text(&QUERY), "How many of them failed; ends with ` or vector(0)`."),
        maybe("dropped", Kind::Text(&QUERY), "How many connections were dropped."),
        maybe("p50_latency", Kind::Text(&QUERY), "The median latency."),
        maybe("p95_latency", Kind::Text(&QUERY), "The 95th percentile of the latency."),
        maybe("p99_latency", Kind::Text(&QUERY), "The 99th percentile of the latency."),
        maybe("latency_unit", Kind::Word(&["s", "ms"]), "In what the latencies are told."),
        maybe("top_bucket", Kind::Text(&SPAN), "The histogram's highest bucket that is not +Inf."),
        maybe("newest", Kind::Text(&QUERY), "When the newest sample was taken, in seconds since 1970."),
    ],
    rules: &[
        Rule::One(&["preset", "requests"]),
        Rule::With("preset", &["labels", "window"]),
        Rule::Only("preset", &["labels"]),
        Rule::Apart("preset", "failures"),
        Rule::Apart("preset", "dropped"),
        Rule::Apart("preset", "p50_latency"),
        Rule::Apart("preset", "p95_latency"),
        Rule::Apart("preset", "p99_latency"),
        Rule::Apart("preset", "latency_unit"),
        Rule::Apart("preset", "newest"),
    ],
};

static TRIGGER: Object = Object {
    name: "trigger",
    about: "A metric of a backend beyond a threshold for a duration, and what follows.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the plan."),
        maybe("title", Kind::Text(&TITLE), "What people call it; the metric's name if left out."),
        key("route", Kind::Text(&NAME), "Whose traffic it brings home."),
        key("backend", Kind::Text(&NAME), "Which backend of the route it watches."),
        key(
            "metric",
            Kind::AnyOf(&[
                Kind::Word(&["request_rate", "error_rate", "p50_latency", "p95_latency", "p99_latency", "drop_rate"]),
                Kind::Text(&SERIES_NAME),
            ]),
            "What is measured: one of these, or a series that the plan declares.",
        ),
        key(
            "threshold",
            LIMIT,
            "More than this is a breach: a fraction of an error rate, a duration of a latency, a rate such as 20/s; of a series, what is on its bad side.",
        ),
        key("duration", Kind::Text(&SPAN), "How long it has to be beyond, up to 1h."),
        maybe(
            "requests_min",
            Kind::Count(1, 1_000_000_000),
            "Fewest requests of a window that is in order; 100 if left out. A series has none.",
        ),
        key("action", Kind::Word(&["rollback", "hold"]), "What follows: everything home, or no step further."),
        key("on_blind", Kind::Word(&["rollback", "hold"]), "What to do when there has been no data for five minutes. It has no default."),
        maybe("at_once", Kind::Object(&AT_ONCE), "A second, higher limit for disasters, which is proven sooner."),
    ],
    rules: &[],
};

static AT_ONCE: Object = Object {
    name: "at_once",
    about: "What is a disaster, and for how long it has to be one.",
    keys: &[
        maybe("above", LIMIT, "Higher than the trigger's own threshold."),
        maybe("below", LIMIT, "The same of a series that is bad below: lower than the trigger's own threshold."),
        key("for", Kind::Text(&SPAN), "Shorter than the trigger's own duration."),
    ],
    rules: &[Rule::One(&["above", "below"])],
};

static CHECKLIST: Object = Object {
    name: "checklist",
    about: "Lines that people sign or the session proves.",
    keys: &[
        maybe("pre_migration", ITEMS, "Before anything moves."),
        maybe("during_migration", ITEMS, "While traffic is split."),
        maybe("post_migration", ITEMS, "When everything is on the target."),
    ],
    rules: &[],
};

static ITEM: Object = Object {
    name: "item",
    about: "A line of the checklist.",
    keys: &[
        key("name", Kind::Text(&NAME), "Its own in the plan; rungs refer to it."),
        key("title", Kind::Text(&TITLE), "What has to be true."),
        key(
            "proof",
            Kind::AnyOf(&[Kind::Word(&["signed", "monitoring_in_place", "all_traffic_on_target"]), Kind::Object(&PROOF)]),
            "Who proves it: a person who signs, or the session itself.",
        ),
        key("expires", Kind::Text(&SPAN), "How long the signature or the evidence is believed, from 10s to 31d."),
    ],
    rules: &[],
};

static PROOF: Object = Object {
    name: "proof",
    about: "What the session proves by itself, with its bound.",
    keys: &[
        maybe("error_rates_below", FRACTION, "The error rate of every backend with traffic."),
        maybe("latency_below", Kind::Text(&SPAN), "The 95th percentile of every backend with traffic."),
        maybe("replication_lag_below", Kind::Text(&SPAN), "The lag of the database's replicas."),
        maybe("no_dropped_connections", Kind::Text(&SPAN), "No connection was dropped for so long."),
        maybe("stable_for", Kind::Text(&SPAN), "The target was within its bounds for so long."),
        maybe("step", Kind::Text(&NAME), "A step of a phase is reached, as a look sees it."),
    ],
    rules: &[Rule::One(&["error_rates_below", "latency_below", "replication_lag_below", "no_dropped_connections", "stable_for", "step"])],
};

static DATABASE: Object = Object {
    name: "database",
    about: "The Cloud SQL instances that both platforms use.",
    keys: &[
        key("mode", Kind::Word(&["shared", "switchover", "promote"]), "`shared`: nothing moves. `promote` is a point of no return."),
        key("primary", Kind::Text(&SQL_INSTANCE), "The instance that takes writes."),
        maybe("replicas", Kind::List(&Kind::Text(&SQL_INSTANCE), 1, None), "Its read replicas."),
        key("lag_max", Kind::Text(&SPAN), "More lag than this is a breach of the gauge, from 100ms to 10m."),
    ],
    rules: &[],
};

static LIMITS: Object = Object {
    name: "limits",
    about: "Bounds of the whole session; each has a default.",
    keys: &[
        maybe("scrape_every", Kind::Text(&SPAN), "Between two looks at a backend's figures, from 1s to 1m; 5s if left out."),
        maybe("read_every", Kind::Text(&SPAN), "Between two reads of the weights, from 1s to 15s; 5s if left out."),
        maybe("home_ready_min", Kind::Text(&SHARE), "How much of its first instances home must have ready; 100% if left out."),
    ],
    rules: &[],
};

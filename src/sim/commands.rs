//! Commands to paste: how the field's own programs reach a running world.
//!
//! Unmodified `gcloud` is pointed at the world by environment variables alone. Cloud Run needs the proxy
//! setting, because `gcloud` puts the region before the host name and then has to find that host somewhere.

use std::{fmt::Write, net::SocketAddr};

use super::simulation::Endpoints;

/// The environment, and what to try with it, as text for a POSIX shell.
#[must_use]
pub fn commands(endpoints: &Endpoints) -> String {
    let Endpoints { google, kubernetes, front_door, run_direct, gke_direct } = endpoints;
    let mut text = String::new();
    let mut section = |title: &str, lines: &[String]| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "# {title}\n{}\n", lines.join("\n"));
    };
    section("gcloud, for this shell only; the name in the token file is who you are there", &environment(endpoints));
    section("look, and move the split inside Cloud Run", &strings(&RUN));
    section("look at the route, and move it between Cloud Run and GKE", &strings(&ROUTE));
    section("the database", &strings(&DATABASE));
    section("the second platform: a cluster as the seed makes one, and an address", &strings(&PLATFORM));
    section("the cluster", &cluster(*kubernetes));
    section("the HTTPRoute before this cluster and a second one", &http_route(*kubernetes));
    section("the cluster as GKE gives it, with gke-gcloud-auth-plugin", &strings(&CREDENTIALS));
    section(
        "users and metrics",
        &[
            format!(
                "for i in $(seq 20); do curl -s -o /dev/null -w '%header{{x-served-by}} %{{http_code}}\\n' -H 'Host: api.hexproperty.com' http://{front_door}/; done | sort | uniq -c"
            ),
            format!("curl -s http://{run_direct}/metrics; curl -s http://{gke_direct}/metrics"),
            format!("curl -s http://{google}/compute/v1/projects/hexproperty/global/urlMaps/hexproperty-lb"),
        ],
    );
    text
}

/// The `export` lines that point `gcloud` at the world.
#[must_use]
pub fn environment(endpoints: &Endpoints) -> Vec<String> {
    let google = endpoints.google;
    let plain = |api: &str| format!("export CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}=http://{google}/");
    vec![
        "export CLOUDSDK_CONFIG=$(mktemp -d)".to_owned(),
        "export CLOUDSDK_CORE_PROJECT=hexproperty CLOUDSDK_RUN_REGION=us-central1 CLOUDSDK_COMPUTE_REGION=us-central1".to_owned(),
        "export CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true".to_owned(),
        "export CLOUDSDK_SURVEY_DISABLE_PROMPTS=true CLOUDSDK_AUTH_ACCESS_TOKEN_FILE=$CLOUDSDK_CONFIG/token".to_owned(),
        "printf %s \"${USER:-somebody}\" >\"$CLOUDSDK_CONFIG/token\"".to_owned(),
        format!("export CLOUDSDK_PROXY_TYPE=http_no_tunnel CLOUDSDK_PROXY_ADDRESS={} CLOUDSDK_PROXY_PORT={}", google.ip(), google.port()),
        "export CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.googleapis.com/".to_owned(),
        plain("COMPUTE"),
        plain("SQL"),
        plain("CONTAINER"),
        plain("LOGGING"),
        plain("MONITORING"),
        plain("SERVICEUSAGE"),
    ]
}

const RUN: [&str; 4] = [
    "gcloud run services list",
    "gcloud run services describe frontend",
    "gcloud run revisions list --service=frontend",
    "gcloud run services update-traffic frontend --to-revisions=frontend-00041-kaz=10,frontend-00042-bim=90",
];

const ROUTE: [&str; 7] = [
    "gcloud compute url-maps list",
    "gcloud compute url-maps describe hexproperty-lb --global",
    "gcloud compute url-maps export hexproperty-lb --global --destination=route.yaml",
    "sed -i 's/weight: 1000/weight: 990/; s/weight: 0$/weight: 10/' route.yaml",
    "gcloud compute url-maps import hexproperty-lb --global --source=route.yaml",
    "gcloud compute backend-services get-health frontend-gke --global",
    "gcloud compute network-endpoint-groups list",
];

const DATABASE: [&str; 8] = [
    "gcloud sql instances list",
    "gcloud sql instances describe hexproperty-replica",
    "gcloud sql backups create --instance=hexproperty-prod --description='before the night'",
    "gcloud sql backups list --instance=hexproperty-prod",
    "gcloud sql instances patch hexproperty-prod --availability-type=regional",
    "gcloud sql instances create hexproperty-dr --master-instance-name=hexproperty-prod --region=us-east1",
    "gcloud sql operations list --instance=hexproperty-prod",
    "gcloud sql instances delete hexproperty-dr",
];

const PLATFORM: [&str; 7] = [
    "gcloud container clusters create hexproperty-blue --num-nodes=3 --machine-type=e2-standard-2 --region=us-central1 --enable-autoscaling --min-nodes=3 --max-nodes=6",
    "gcloud container clusters list",
    "gcloud container operations list --location=us-central1",
    "gcloud container clusters delete hexproperty-blue --region=us-central1",
    "gcloud compute addresses create hexproperty-ip --global",
    "gcloud compute addresses describe hexproperty-ip --global",
    "gcloud compute addresses delete hexproperty-ip --global",
];

const CREDENTIALS: [&str; 3] = [
    "export KUBECONFIG=$CLOUDSDK_CONFIG/kubeconfig",
    "gcloud container clusters get-credentials hexproperty-prod --region=us-central1",
    "kubectl get namespaces",
];

/// With the address alone, and no kubeconfig.
fn alias(kubernetes: SocketAddr) -> String {
    format!("k() {{ kubectl --server=http://{kubernetes} --namespace=hexproperty \"$@\"; }}")
}

fn http_route(kubernetes: SocketAddr) -> Vec<String> {
    let weight = |place: usize, weight: u32| {
        format!("{{\"op\": \"replace\", \"path\": \"/spec/rules/1/backendRefs/{place}/weight\", \"value\": {weight}}}")
    };
    let lines = [
        "k get httproute".to_owned(),
        format!("k patch httproute api --type=json --patch='[{}, {}]'", weight(0, 90), weight(1, 10)),
        "k get httproute api -o yaml --show-managed-fields".to_owned(),
    ];
    std::iter::once(alias(kubernetes)).chain(lines).collect()
}

fn cluster(kubernetes: SocketAddr) -> Vec<String> {
    let lines = [
        "k get deployments,pods,services,events",
        "k describe deployment frontend",
        "k logs deployment/frontend --tail=5",
        "k scale deployment frontend --replicas=4",
        "k rollout status deployment/frontend",
        "k get pods --watch --request-timeout=15s",
    ];
    std::iter::once(alias(kubernetes)).chain(strings(&lines)).collect()
}

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

//! A Cloud Run service as it runs, as the objects of Kubernetes that do the same: a Deployment with its probes, the Service that a load balancer's
//! group is made of, an autoscaler, a budget for maintenance, an account.
//!
//! It follows Google's guide for this move: a revision's containers are a pod's. What has no equivalent stands as a question at the head of
//! the file, and `cutover check` lists it until somebody has taken it away. A secret is named and never copied.

use serde_json::{Map, Value, json};

use super::{draft::Route, paper::Paper};
use crate::{
    adapter::discovery::{
        RunService,
        run_template::{RunContainer, RunTemplate, RunVariable, RunVolume},
    },
    cli::check::{manifests::container::is_secret, undecided::DECIDE},
};

mod decisions;
mod yaml;

/// For how long a pod goes on after it was told to end, since the load balancer goes on sending to it.
const DRAIN_SECONDS: u64 = 20;
/// The port that Cloud Run gives where a service says none.
const PORT: u16 = 8080;

/// A file of the plan's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub name: String,
    pub text: String,
}

/// One file for each service of Cloud Run whose template could be read, in the order of the routes.
pub(super) fn of(project: &str, routes: &[Route<'_>]) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    for route in routes {
        let Some((found, template)) = route.home.found.and_then(|found| Some((found, found.template.as_ref()?))) else { continue };
        let target = &route.target;
        let workload = &target.workload;
        let name = workload.deployment.value().unwrap_or(found.name.as_str());
        let plan = Wanted {
            project,
            name,
            namespace: workload.namespace.value().unwrap_or("default"),
            group: target.groups.first().map_or_else(|| format!("{name}-gke"), ToString::to_string),
            backend_service: target.name.value().unwrap_or("BACKEND_SERVICE"),
        };
        if !made.iter().any(|one| one.name == found.name.as_str()) {
            made.push(Made { name: found.name.to_string(), text: file(found, template, &plan) });
        }
    }
    made
}

/// What the objects are to be called.
struct Wanted<'a> {
    project: &'a str,
    name: &'a str,
    namespace: &'a str,
    group: String,
    backend_service: &'a str,
}

fn file(found: &RunService, template: &RunTemplate, wanted: &Wanted<'_>) -> String {
    let mut paper = Paper::default();
    let Wanted { project, name, namespace, .. } = wanted;
    paper.remark(
        0,
        &format!(
            "The Cloud Run service {} of {}, as it was found, for GKE. What has no equivalent there is a question that begins with {} and ends with \
             the remark that it stands in: decide, write what follows from it below, and take the remark away.",
            found.name,
            found.region,
            DECIDE.trim_end_matches(':')
        ),
    );
    let mut asked = decisions::of(template, wanted.backend_service);
    asked.extend(template.containers.iter().flat_map(|container| of_container(container, name, serves(container, template))));
    for question in asked {
        paper.blank();
        paper.remark(0, &format!("{DECIDE} {question}"));
    }
    let account = template.service_account.as_str();
    paper.blank();
    if account.is_empty() {
        let ask = "it runs as the project's default account for Compute, which may do nearly everything. Give the pods one that may do what they need, in \
                   the annotation iam.gke.io/gcp-service-account of their ServiceAccount, and then:";
        paper.remark(0, &format!("{DECIDE} {ask}"));
    } else {
        paper.remark(0, "Its account of Google's is for the pods too once it is let:");
    }
    let account = if account.is_empty() { "ACCOUNT" } else { account };
    paper.command(&format!(
        "gcloud iam service-accounts add-iam-policy-binding {account} --project={project} --role=roles/iam.workloadIdentityUser \
         --member='serviceAccount:{project}.svc.id.goog[{namespace}/{name}]'"
    ));
    let objects =
        [service_account(template, wanted), deployment(template, wanted), service(wanted), autoscaler(template, wanted), budget(wanted)];
    let documents: Vec<String> = objects.iter().map(yaml::document).collect();
    paper.text() + &documents.join("---\n")
}

/// The questions that one container leaves.
fn of_container(container: &RunContainer, name: &str, serving: Serving) -> Vec<String> {
    let called = called(container, name);
    let mut asked = Vec::new();
    if !container.image.contains("@sha256:") {
        asked.push(format!(
            "which build of {called}? {} is whatever its name leads to when a pod starts: gcloud artifacts docker images describe {} \
             --format='value(image_summary.digest)'",
            container.image, container.image
        ));
    }
    let plain: Vec<&str> =
        container.env.iter().filter(|variable| is_plain_secret(variable)).map(|variable| variable.name.as_str()).collect();
    if !plain.is_empty() {
        asked.push(format!(
            "{} of {called} stands in plain in Cloud Run and looks like a secret; it was not copied. Keep it in Secret Manager, and renew it.",
            plain.join(", ")
        ));
    }
    if container.env.iter().any(|variable| secret_of(variable).is_some()) {
        asked.push(format!(
            "the secrets of {called} are named as Secrets of the cluster with the key `value`. Who makes them of Secret Manager's: its sync \
             (SecretSync), the External Secrets Operator, or you?"
        ));
    }
    if serving == Serving::Users && readiness(container).is_none() {
        asked.push(format!(
            "which page of {called} is answered only when requests can be? Cloud Run only sees that its port is open, and so does the readinessProbe below \
             until you name one."
        ));
    }
    asked
}

fn called<'a>(container: &'a RunContainer, name: &'a str) -> &'a str {
    if container.name.is_empty() { name } else { &container.name }
}

/// Whom a container serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serving {
    Users,
    /// The container beside it.
    Beside,
}

/// Requests come to the only container, or to the one that names a port.
fn serves(container: &RunContainer, template: &RunTemplate) -> Serving {
    if template.containers.len() == 1 || !container.ports.is_empty() { Serving::Users } else { Serving::Beside }
}

fn meta(wanted: &Wanted<'_>) -> Value {
    json!({"name": wanted.name, "namespace": wanted.namespace, "labels": {"app": wanted.name}})
}

fn service_account(template: &RunTemplate, wanted: &Wanted<'_>) -> Value {
    let mut metadata = meta(wanted);
    if !template.service_account.is_empty() {
        metadata["annotations"] = json!({"iam.gke.io/gcp-service-account": template.service_account});
    }
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
}

fn deployment(template: &RunTemplate, wanted: &Wanted<'_>) -> Value {
    let labels = json!({"app": wanted.name});
    let volumes: Vec<Value> = template.volumes.iter().filter_map(volume).collect();
    let kept: Vec<&str> = volumes.iter().filter_map(|volume| volume["name"].as_str()).collect();
    let containers: Vec<Value> = template.containers.iter().map(|one| container(one, wanted.name, &kept, serves(one, template))).collect();
    let grace = (DRAIN_SECONDS + decisions::seconds(&template.timeout)).min(decisions::GRACE_MAX);
    let mut pod = json!({
        "serviceAccountName": wanted.name,
        "terminationGracePeriodSeconds": grace,
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels},
        }],
        "containers": containers,
    });
    if !volumes.is_empty() {
        pod["volumes"] = Value::Array(volumes);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(wanted),
        "spec": {
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    })
}

/// What the cluster has too; the others are questions.
fn volume(volume: &RunVolume) -> Option<Value> {
    if let Some(nfs) = &volume.nfs {
        return Some(json!({"name": volume.name, "nfs": nfs}));
    }
    let own = volume.empty_dir.as_ref()?;
    let mut directory = json!({"medium": "Memory"});
    if let Some(limit) = own.get("sizeLimit") {
        directory["sizeLimit"] = limit.clone();
    }
    Some(json!({"name": volume.name, "emptyDir": directory}))
}

fn container(own: &RunContainer, name: &str, volumes: &[&str], serving: Serving) -> Value {
    let mut made = Map::new();
    made.insert("name".into(), called(own, name).into());
    made.insert("image".into(), own.image.as_str().into());
    for (key, words) in [("command", &own.command), ("args", &own.args)] {
        if !words.is_empty() {
            made.insert(key.into(), json!(words));
        }
    }
    if let Some(folder) = &own.working_dir {
        made.insert("workingDir".into(), folder.as_str().into());
    }
    let serves = serving == Serving::Users;
    let port = own.ports.first().map_or(PORT, |port| port.container_port);
    if serves {
        made.insert("ports".into(), json!([{"name": "http", "containerPort": port}]));
    }
    let mut variables: Vec<Value> = own.env.iter().map(variable).collect();
    if serves {
        // Cloud Run says this to every program.
        variables.push(json!({"name": "PORT", "value": port.to_string()}));
    }
    if !variables.is_empty() {
        made.insert("env".into(), variables.into());
    }
    let limit = |what: &str, usual: &str| own.resources.limits.get(what).map_or_else(|| usual.to_owned(), Clone::clone);
    let own_resources = json!({"cpu": limit("cpu", "1"), "memory": limit("memory", "512Mi")});
    made.insert("resources".into(), json!({"requests": own_resources, "limits": own_resources}));
    let mounts: Vec<Value> = own
        .volume_mounts
        .iter()
        .filter(|mount| volumes.contains(&mount.name.as_str()))
        .map(|mount| json!({"name": mount.name, "mountPath": mount.mount_path}))
        .collect();
    if !mounts.is_empty() {
        made.insert("volumeMounts".into(), mounts.into());
    }
    if serves {
        let open = json!({"tcpSocket": {"port": "http"}, "periodSeconds": 10});
        made.insert("startupProbe".into(), own.startup_probe.as_ref().map_or_else(|| starting(&open), probe));
        made.insert("readinessProbe".into(), readiness(own).unwrap_or_else(|| open.clone()));
        made.insert("livenessProbe".into(), own.liveness_probe.as_ref().map_or(open, probe));
        made.insert("lifecycle".into(), json!({"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}}));
    }
    Value::Object(made)
}

/// As Cloud Run looks whether a program has started, where nobody says otherwise: for four minutes.
fn starting(open: &Value) -> Value {
    let mut probe = open.clone();
    probe["failureThreshold"] = json!(24);
    probe
}

/// How it is asked whether it can serve: as it is asked there, or as it is asked whether it has started, if that is more than an open port.
fn readiness(own: &RunContainer) -> Option<Value> {
    let asks = |probe: &&Value| probe.get("httpGet").is_some() || probe.get("grpc").is_some();
    let mut probe = own.readiness_probe.as_ref().or(own.startup_probe.as_ref()).filter(asks).map(probe)?;
    if own.readiness_probe.is_none() {
        let fields = probe.as_object_mut()?;
        fields.shift_remove("initialDelaySeconds");
        fields.insert("periodSeconds".into(), json!(5));
        fields.insert("failureThreshold".into(), json!(3));
    }
    Some(probe)
}

/// A probe of Cloud Run's, which asks the container's own port where it names none.
fn probe(own: &Value) -> Value {
    let mut probe = own.clone();
    for way in ["httpGet", "tcpSocket"] {
        if let Some(asked) = probe.get_mut(way).and_then(Value::as_object_mut) {
            asked.insert("port".into(), "http".into());
        }
    }
    probe
}

/// The Secret of the cluster that stands for a secret of Secret Manager, whose names may hold what those of Kubernetes may not.
fn secret_of(variable: &RunVariable) -> Option<String> {
    let secret = &variable.value_source.as_ref()?.secret_key_ref.as_ref()?.secret;
    secret.rsplit('/').next().map(kubernetes_name)
}

fn kubernetes_name(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn is_plain_secret(variable: &RunVariable) -> bool {
    variable.value.as_deref().is_some_and(|value| is_secret(&variable.name, value))
}

fn variable(variable: &RunVariable) -> Value {
    let secret = secret_of(variable).or_else(|| is_plain_secret(variable).then(|| kubernetes_name(&variable.name)));
    match secret {
        Some(secret) => json!({"name": variable.name, "valueFrom": {"secretKeyRef": {"name": secret, "key": "value"}}}),
        None => json!({"name": variable.name, "value": variable.value.as_deref().unwrap_or_default()}),
    }
}

fn service(wanted: &Wanted<'_>) -> Value {
    let mut metadata = meta(wanted);
    let exposed = json!({"exposed_ports": {"80": {"name": wanted.group}}});
    metadata["annotations"] = json!({"cloud.google.com/neg": exposed.to_string()});
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "ClusterIP", "selector": {"app": wanted.name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    })
}

fn autoscaler(template: &RunTemplate, wanted: &Wanted<'_>) -> Value {
    // One pod alone is none while its node goes.
    let least = template.scaling.min_instance_count.max(2);
    let most = match template.scaling.max_instance_count {
        0 => 100,
        own => own.max(least),
    };
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta(wanted),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wanted.name},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}],
        },
    })
}

fn budget(wanted: &Wanted<'_>) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": meta(wanted),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": wanted.name}}},
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use serde::Deserialize;

    use super::*;
    use crate::{
        cli::{bundle::Bundle, check::check_bundle},
        domain::shown::Shown,
        plan::{bundle, manifest},
    };

    const PLAN: &str = include_str!("../../../plans/hexproperty.yaml");

    /// As `services.get` of Cloud Run v2 tells a service's template.
    fn whole() -> Value {
        json!({
            "scaling": {"minInstanceCount": 4, "maxInstanceCount": 40},
            "vpcAccess": {"connector": "projects/hexproperty/locations/us-central1/connectors/run", "egress": "PRIVATE_RANGES_ONLY"},
            "timeout": "900s",
            "serviceAccount": "frontend@hexproperty.iam.gserviceaccount.com",
            "containers": [
                {
                    "name": "frontend-1",
                    "image": "us-central1-docker.pkg.dev/hexproperty/web/frontend:v1",
                    "command": ["node"],
                    "args": ["server.js", "--yes", "no"],
                    "env": [
                        {"name": "MODE", "value": "on"},
                        {"name": "STRIPE_TOKEN", "value": "sk_live_1"},
                        {"name": "API_KEY", "valueSource": {"secretKeyRef": {"secret": "projects/1/secrets/API_key", "version": "latest"}}},
                    ],
                    "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "cpuIdle": true, "startupCpuBoost": true},
                    "ports": [{"name": "http1", "containerPort": 3000}],
                    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}, {"name": "sql", "mountPath": "/cloudsql"}],
                    "startupProbe": {"httpGet": {"path": "/ready", "port": 3000}, "periodSeconds": 3, "failureThreshold": 80},
                    "livenessProbe": {"httpGet": {"path": "/health"}},
                },
                {"name": "agent", "image": format!("gcr.io/x/agent@sha256:{}", "a".repeat(64)), "resources": {"limits": {"memory": "128Mi"}}},
            ],
            "volumes": [
                {"name": "scratch", "emptyDir": {"medium": "MEMORY", "sizeLimit": "64Mi"}},
                {"name": "sql", "cloudSqlInstance": {"instances": ["hexproperty:us-central1:hexproperty-prod"]}},
            ],
            "maxInstanceRequestConcurrency": 40,
            "sessionAffinity": true,
        })
    }

    fn made(template: Value) -> String {
        let template = RunTemplate::deserialize(template).unwrap();
        let found = RunService {
            name: Shown::new("frontend"),
            region: Shown::new("us-central1"),
            uri: None,
            is_open: true,
            traffic: vec![],
            template: Some(template.clone()),
        };
        let wanted = Wanted {
            project: "hexproperty",
            name: "frontend",
            namespace: "hexproperty",
            group: "frontend-gke".into(),
            backend_service: "frontend-gke",
        };
        file(&found, &template, &wanted)
    }

    /// The ids of what `cutover check` finds in it.
    fn found(text: &str) -> BTreeSet<&'static str> {
        let plan = PLAN.replacen("manifests: [frontend, network, monitoring, sessions, secrets]", "manifests: [frontend]", 1);
        assert_ne!(plan, PLAN);
        let file = bundle::File { id: "frontend".parse().unwrap(), found: Ok(text.as_bytes().to_vec()) };
        let checked = check_bundle(&Bundle::new(Path::new("plan.yaml"), vec![file], plan.into_bytes()), 100.0);
        assert!(checked.plan.is_some(), "{}\n{text}", checked.text);
        checked.findings.iter().map(|finding| finding.id.word()).collect()
    }

    #[test]
    fn what_is_made_has_no_fault_but_the_decisions_that_it_names() {
        assert_eq!(found(&made(whole())), BTreeSet::from(["manifest-undecided", "image-floats"]));
        let least = json!({"containers": [{"image": format!("gcr.io/x/y@sha256:{}", "0".repeat(64))}]});
        assert_eq!(found(&made(least.clone())), BTreeSet::from(["manifest-undecided", "no-workload-identity", "probe-shallow"]));
        // Decided, and nothing is left.
        let account = json!({"serviceAccount": "a@b.iam.gserviceaccount.com", "containers": [{
            "image": format!("gcr.io/x/y@sha256:{}", "0".repeat(64)), "startupProbe": {"httpGet": {"path": "/"}},
        }]});
        let text = made(account);
        let decided: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        assert_eq!(found(&decided), BTreeSet::new());
    }

    #[test]
    fn a_service_is_the_same_on_the_other_side_and_what_can_not_be_is_asked() {
        let text = made(whole());
        let documents: Vec<Value> = manifest::read(text.as_bytes()).unwrap().iter().map(|document| document.root.json()).collect();
        let [account, deployment, service, scaler, _] = &documents[..] else { panic!("{documents:#?}") };
        assert_eq!(account["metadata"]["annotations"]["iam.gke.io/gcp-service-account"], "frontend@hexproperty.iam.gserviceaccount.com");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!((&pod["terminationGracePeriodSeconds"], pod["containers"].as_array().unwrap().len()), (&json!(600), 2));
        let web = &pod["containers"][0];
        assert_eq!((&web["command"], &web["args"]), (&json!(["node"]), &json!(["server.js", "--yes", "no"])));
        let secret = |name: &str, secret: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": "value"}}});
        let env = json!([
            {"name": "MODE", "value": "on"}, secret("STRIPE_TOKEN", "stripe-token"), secret("API_KEY", "api-key"), {"name": "PORT", "value": "3000"},
        ]);
        assert_eq!(web["env"], env);
        assert_eq!(web["resources"]["requests"], json!({"cpu": "2", "memory": "1Gi"}));
        assert_eq!(web["startupProbe"], json!({"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 3, "failureThreshold": 80}));
        assert_eq!(
            web["readinessProbe"],
            json!({"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5, "failureThreshold": 3})
        );
        assert_eq!(web["livenessProbe"], json!({"httpGet": {"path": "/health", "port": "http"}}));
        assert_eq!(web["volumeMounts"], json!([{"name": "scratch", "mountPath": "/tmp"}]), "a socket of Cloud SQL's is no volume");
        assert_eq!(pod["volumes"], json!([{"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}]));
        assert_eq!(service["spec"]["ports"], json!([{"name": "http", "port": 80, "targetPort": "http"}]));
        assert_eq!((&scaler["spec"]["minReplicas"], &scaler["spec"]["maxReplicas"]), (&json!(4), &json!(40)));
        assert!(!text.contains("sk_live_1"), "{text}");
        let asked = text.lines().filter(|line| line.starts_with("# DECIDE:")).count();
        let words = [
            "40 requests at once",
            "CPU only while",
            "--timeout=900s",
            "run.invoker",
            "the connector run",
            "the volume sql",
            "agent run beside",
            "keeps a user",
            "more CPU while it starts",
            "which build",
            "STRIPE_TOKEN of",
            "Who makes them",
        ];
        let flat = text.replace("\n# ", " ");
        words.iter().for_each(|word| assert!(flat.contains(word), "{word}: {text}"));
        assert_eq!(asked, words.len() + 1, "and one on requests that outlast a node's end: {text}");
    }
}

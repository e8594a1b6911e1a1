//! Deployments and their like as a whole: whose pods they are, how they are rolled out, how they end, whose account they are.

use crate::{
    cli::check::{
        finding::{Finding, Id},
        manifests::book::{Book, Doc, Workload, name_of},
    },
    plan::document::{Node, Value},
};

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    for workload in book.servers() {
        selector(workload, found);
        if book.services_of(workload).next().is_some() || book.is_target(workload) {
            rollout(workload, found);
            budget(book, workload, found);
            ending(workload, found);
        }
        termination(workload, found);
    }
    for workload in book.workloads() {
        account(workload, found);
    }
    for account in book.of_kind("ServiceAccount") {
        if account.annotation("iam.gke.io/gcp-service-account").is_none() {
            let why = "it names no account of Google's, so its pods reach no Cloud SQL, no Secret Manager and no bucket as whom the service on \
                       Cloud Run does; grants to the Kubernetes account itself (principal://…) need none";
            let fix = "annotate it with iam.gke.io/gcp-service-account: NAME@PROJECT.iam.gserviceaccount.com";
            found.push(account.find(Id::NoWorkloadIdentity, account.nearest(&["metadata", "annotations"]), why).mend(fix));
        }
    }
    for budget in book.of_kind("PodDisruptionBudget") {
        forbidding(book, budget, found);
    }
}

fn selector(workload: Workload<'_>, found: &mut Vec<Finding>) {
    let doc = workload.doc;
    if doc.kind() == "Pod" {
        return;
    }
    let node = doc.nearest(&["spec", "selector"]);
    let fits = doc.root().at(&["spec", "selector"]).is_some_and(|selector| workload.labels().fit(selector));
    if !fits {
        let why = "its selector does not match the labels of its own pods; the API refuses it";
        let fix = "let `spec.selector.matchLabels` say what `spec.template.metadata.labels` says";
        found.push(doc.find(Id::SelectorDiffers, node, why).mend(fix));
    }
}

fn rollout(workload: Workload<'_>, found: &mut Vec<Finding>) {
    let doc = workload.doc;
    if let Some(kind) = doc.root().at(&["spec", "strategy", "type"]).filter(|kind| kind.text() == Some("Recreate")) {
        let why = "Recreate takes all of its pods away before it starts the first new one; users meet nobody meanwhile";
        found.push(doc.find(Id::RolloutStopsAll, kind, why).mend("type: RollingUpdate, with maxUnavailable: 0"));
    }
}

fn budget(book: &Book<'_>, workload: Workload<'_>, found: &mut Vec<Finding>) {
    let doc = workload.doc;
    let covers = |budget: &Doc<'_>| {
        let selector = budget.root().at(&["spec", "selector"]);
        budget.is_beside(doc) && selector.is_some_and(|selector| workload.labels().fit(selector))
    };
    if doc.kind() != "DaemonSet" && !book.of_kind("PodDisruptionBudget").any(|budget| covers(&budget)) {
        let why = "no PodDisruptionBudget is for its pods: an upgrade of nodes may take them all away at once";
        let fix = "add a PodDisruptionBudget with `maxUnavailable: 1` and the same labels";
        found.push(doc.find(Id::DisruptionBudget, doc.root(), why).mend(fix));
    }
}

fn forbidding(book: &Book<'_>, budget: Doc<'_>, found: &mut Vec<Finding>) {
    let spec = |key: &str| budget.root().at(&["spec", key]);
    let is =
        |node: Option<&Node>, text: &str| node.is_some_and(|node| node.text() == Some(text) || (text == "0" && node.integer() == Some(0)));
    let forbids =
        [("maxUnavailable", "0"), ("maxUnavailable", "0%"), ("minAvailable", "100%")].into_iter().find(|(key, text)| is(spec(key), text));
    if let Some((key, text)) = forbids {
        let why = format!("`{key}: {text}` lets no pod go, so no node can be upgraded; GKE waits an hour and then does it all the same");
        found.push(budget.find(Id::DisruptionBudget, budget.nearest(&["spec", key]), why).mend("maxUnavailable: 1"));
    }
    let Some(selector) = spec("selector") else { return };
    let mut beside = book.workloads().filter(|workload| workload.doc.is_beside(budget)).peekable();
    if beside.peek().is_some() && !beside.any(|workload| workload.labels().fit(selector)) {
        let why = "its selector matches the pods of no workload beside it, so it protects nothing";
        found.push(budget.find(Id::SelectorMatchesNothing, selector, why).mend("give it the labels of the pods that it is for"));
    }
}

/// A load balancer goes on sending to a pod for some seconds after it has been told to end.
fn ending(workload: Workload<'_>, found: &mut Vec<Finding>) {
    for container in workload.serving().filter(|container| container.at(&["lifecycle", "preStop"]).is_none()) {
        let why = format!(
            "its container {} ends as soon as it is told to, and the load balancer sends to it for some seconds more: each rollout gives 502s",
            name_of(container)
        );
        let fix = "lifecycle: { preStop: { sleep: { seconds: 20 } } }, and terminationGracePeriodSeconds well above it";
        found.push(workload.doc.find(Id::PreStopMissing, container, why).mend(fix));
    }
}

/// What Kubernetes waits for where nothing is said, in seconds.
const GRACE_SECONDS: i128 = 30;

fn termination(workload: Workload<'_>, found: &mut Vec<Finding>) {
    let own = workload.pod.get("terminationGracePeriodSeconds");
    let grace = own.and_then(Node::integer).unwrap_or(GRACE_SECONDS);
    for container in workload.containers() {
        let Some((hook, sleeps)) = sleep(container) else { continue };
        if sleeps >= grace {
            let why = format!(
                "its preStop hook takes {sleeps} s, and the pod is killed {grace} s after it was told to end, hook and requests included"
            );
            let fix = format!("terminationGracePeriodSeconds: {}, or more where requests take longer", sleeps + GRACE_SECONDS);
            found.push(workload.doc.find(Id::TerminationTooShort, own.unwrap_or(hook), why).mend(fix));
        }
    }
}

/// For how many seconds a `preStop` hook waits, as far as it says so.
fn sleep(container: &Node) -> Option<(&Node, i128)> {
    let hook = container.at(&["lifecycle", "preStop"])?;
    if let Some(seconds) = hook.at(&["sleep", "seconds"]).and_then(Node::integer) {
        return Some((hook, seconds));
    }
    let words: Vec<String> = hook.at(&["exec", "command"])?.items().iter().filter_map(word).collect();
    let words: Vec<&str> = words.iter().flat_map(|part| part.split([' ', ';', '&'])).collect();
    let at = words.iter().position(|word| *word == "sleep" || word.ends_with("/sleep"))?;
    Some((hook, words.get(at + 1)?.trim_end_matches('s').parse().ok()?))
}

fn word(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Empty | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn account(workload: Workload<'_>, found: &mut Vec<Finding>) {
    let named = workload.pod.get("serviceAccountName");
    if named.and_then(Node::text).is_none_or(|name| name == "default") {
        let why = "its pods run as the namespace's account `default`, which is no account of Google's: what the service on Cloud Run may do, they may not";
        let fix = "give it a ServiceAccount of its own with iam.gke.io/gcp-service-account, and name it by `serviceAccountName`";
        found.push(workload.doc.find(Id::NoWorkloadIdentity, named.unwrap_or(workload.pod), why).mend(fix));
    }
}

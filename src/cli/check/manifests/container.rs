//! What each container is made of: its image, what it may use, what it is told.

use crate::{
    cli::check::{
        finding::{Finding, Id},
        manifests::book::{Book, Doc, name_of},
    },
    plan::document::Node,
};

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    for workload in book.workloads() {
        let before = workload.pod.get("initContainers").map(Node::items).unwrap_or_default();
        for container in workload.containers().iter().chain(before) {
            image(workload.doc, container, found);
            environment(workload.doc, container, found);
        }
        for container in workload.containers() {
            resources(workload.doc, container, found);
        }
    }
}

fn image(doc: Doc<'_>, container: &Node, found: &mut Vec<Finding>) {
    let Some((node, image)) = container.get("image").and_then(|node| Some((node, node.text()?))) else { return };
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    let is_pinned = digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_pinned {
        let bare = image.split('@').next().unwrap_or_default();
        let why =
            format!("{image} is whatever its name leads to when a pod starts; what was tested and what comes up later may be two programs");
        let fix = format!("name it by its digest: gcloud artifacts docker images describe {bare} --format='value(image_summary.digest)'");
        found.push(doc.find(Id::ImageFloats, node, why).mend(fix));
    }
}

fn resources(doc: Doc<'_>, container: &Node, found: &mut Vec<Finding>) {
    let name = name_of(container);
    let of = |kind: &str, what: &str| container.at(&["resources", kind, what]);
    let node = container.get("resources").unwrap_or(container);
    // What has a limit and no request requests as much as that.
    let missing: Vec<&str> =
        ["cpu", "memory"].into_iter().filter(|what| of("requests", what).is_none() && of("limits", what).is_none()).collect();
    if !missing.is_empty() {
        let why = format!(
            "container {name} requests no {}: nodes are filled without regard to it, and it is among the first to be evicted",
            missing.join(" and no ")
        );
        let fix = "resources: { requests: { cpu: …, memory: … } }, at first what a Cloud Run instance has";
        found.push(doc.find(Id::RequestsMissing, node, why).mend(fix));
    }
    let (requested, limit) = (of("requests", "memory").and_then(amount), of("limits", "memory").and_then(amount));
    let (why, node) = match (requested, of("limits", "memory"), limit) {
        (_, None, _) => (format!("container {name} has no limit of memory: what it leaks takes its node's other pods along"), node),
        (Some(requested), Some(node), Some(limit)) if requested > limit => {
            (format!("container {name} requests more memory than its limit; the API refuses it"), node)
        }
        (_, Some(_), _) => return,
    };
    found.push(doc.find(Id::LimitsMissing, node, why).mend("resources: { limits: { memory: … } }, not below what is requested"));
}

/// A quantity of Kubernetes, in its plain unit.
fn amount(node: &Node) -> Option<f64> {
    let text = match node.text() {
        Some(text) => text.to_owned(),
        None => node.json().as_f64()?.to_string(),
    };
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

fn environment(doc: Doc<'_>, container: &Node, found: &mut Vec<Finding>) {
    for variable in container.get("env").map(Node::items).unwrap_or_default() {
        let Some((name, value)) = variable.get("name").and_then(Node::text).zip(variable.get("value").and_then(Node::text)) else {
            continue;
        };
        if is_secret(name, value) {
            let why = format!(
                "{name} of container {} stands in plain in a file that is reviewed, kept in the journal and shown by `kubectl describe`",
                name_of(container)
            );
            let fix =
                format!("keep it in a Secret, name that by valueFrom.secretKeyRef, and renew what stood here: {name} is known by now");
            found.push(doc.find(Id::SecretInPlain, variable, why).mend(fix));
        }
    }
}

/// Whether a variable's name or value is that of a secret.
pub(in crate::cli) fn is_secret(name: &str, value: &str) -> bool {
    const SECRETS: [&str; 9] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIALS"];
    // These say where a secret is, what it is called or how long it lasts.
    const ABOUT: [&str; 12] =
        ["_FILE", "_PATH", "_DIR", "_NAME", "_ID", "_URL", "_URI", "_TTL", "_EXPIRY", "_VERSION", "_HEADER", "_ENABLED"];
    let name = name.to_ascii_uppercase();
    let is_called = SECRETS.iter().any(|word| name.contains(word)) && !ABOUT.iter().any(|end| name.ends_with(end));
    // What the pod fills in itself, a place, a resource's name or a switch is no secret.
    let is_elsewhere = value.starts_with(['/', '.']) || value.starts_with("$(") || value.starts_with("projects/");
    let says_nothing = value.is_empty() || ["true", "false"].contains(&value) || value.bytes().all(|byte| byte.is_ascii_digit());
    let authority = value.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let has_password = authority
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !password.starts_with("$(")));
    (is_called && !is_elsewhere && !says_nothing) || has_password || value.contains("-----BEGIN") && value.contains("PRIVATE KEY-----")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document;

    #[test]
    fn a_secret_is_told_from_what_is_said_about_one() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter2"),
            ("stripe_api_key", "sk_live_1"),
            ("DATABASE_URL", "postgres://app:hunter2@10.0.0.1/app"),
            ("SIGNING", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("SECRET_NAME", "projects/p/secrets/s"),
            ("TOKEN_TTL", "15m"),
            ("DB_PASSWORD", "$(PASSWORD)"),
            ("DATABASE_URL", "postgres://app:$(PASSWORD)@10.0.0.1/app"),
            ("DATABASE_URL", "postgres://app@10.0.0.1/app"),
            ("LOG_LEVEL", "info"),
            ("CSRF_TOKEN", "true"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let of = |text: &str| amount(&document::read(text).unwrap());
        assert_eq!([of("200m"), of("0.5"), of("2")], [Some(0.2), Some(0.5), Some(2.0)]);
        assert_eq!([of("256Mi"), of("1G"), of("1Q")], [Some(268_435_456.0), Some(1e9), None]);
    }
}

//! What is wrong with the manifests of a plan, as far as they themselves tell: each a finding with its file, its line and what mends it.
//!
//! No cluster is asked. So what the manifests do not describe may be there all the same, and is then only doubted. What an object may hold is not
//! gone through field by field: the API server does that, with the schema of its own version, at a dry run.

use crate::{
    cli::{
        bundle::Bundle,
        check::{
            finding::{Finding, Id, Severity},
            manifests::book::Book,
            spots::Spots,
            undecided::DECIDE,
        },
    },
    domain::id::ManifestId,
    plan::{
        bundle,
        diagnostic::{self, Diagnostic},
        document::Place,
        model::{Plan, WorkloadRef, manifests::Manifest},
    },
};

mod around;
mod autoscaler;
mod book;
pub(in crate::cli) mod container;
mod labels;
mod policy;
mod probes;
mod shape;
mod traffic;
mod workload;

/// Everything that is found, in the order of the plan's manifests and of their lines.
pub(super) fn findings(plan: &Plan, bundle: &Bundle) -> Vec<Finding> {
    let read: Vec<_> = plan.manifests.iter().map(|manifest| (bundle.name(Some(&manifest.id)), bundle::documents(manifest))).collect();
    let book = Book::new(plan, &read);
    let mut found = Vec::new();
    shape::look(&book, &mut found);
    workload::look(&book, &mut found);
    container::look(&book, &mut found);
    probes::look(&book, &mut found);
    autoscaler::look(&book, &mut found);
    traffic::look(&book, &mut found);
    policy::look(&book, &mut found);
    around::look(&book, &mut found);
    found.extend(plan.manifests.iter().flat_map(|manifest| undecided(manifest, &bundle.name(Some(&manifest.id)))));
    let order = |finding: &Finding| read.iter().position(|(name, _)| Some(name) == finding.file.as_ref());
    found.sort_by_key(|finding| (order(finding), finding.place, finding.id));
    found.splice(0..0, beside(plan, bundle, &book));
    found
}

/// The questions that `cutover init --manifests` left: each a remark that goes on until a line that is none.
fn undecided(manifest: &Manifest, file: &str) -> Vec<Finding> {
    let remark = |line: &str| line.trim_start().strip_prefix('#').map(|said| said.trim().to_owned());
    let lines: Vec<&str> = manifest.text.lines().collect();
    let asked = lines.iter().enumerate().filter_map(|(at, line)| {
        let mut question = remark(line)?.strip_prefix(DECIDE)?.trim().to_owned();
        for more in lines[at + 1..].iter().map_while(|line| remark(line)) {
            question.push_str(&format!(" {more}"));
        }
        let place = Place { line: at + 1, column: line.len() - line.trim_start().len() + 1 };
        let finding = Finding::new(Id::ManifestUndecided, format!("the manifest {}", manifest.id), question);
        Some(finding.at(Some(place)).in_file(file).mend("decide, write below what follows from it, and take the remark away"))
    });
    asked.collect()
}

/// What is so of the plan and its folder, and of no manifest.
fn beside(plan: &Plan, bundle: &Bundle, book: &Book<'_>) -> Vec<Finding> {
    let unnamed = bundle.unnamed().into_iter().map(|name| {
        let why = "it lies in the plan's folder, and the plan does not name it: it is no part of what is reviewed, recorded and applied";
        Finding::new(Id::ManifestUnnamed, name, why).mend("name it in `manifests` by its name without `.yaml`, or put it elsewhere")
    });
    let mut found: Vec<Finding> = unnamed.collect();
    let source = bundle.text(None);
    for backend in plan.routes.iter().flat_map(|route| &route.backends) {
        let WorkloadRef::Deployment { namespace, deployment, .. } = &backend.workload else { continue };
        let mut deployments = book.workloads().filter(|workload| workload.doc.kind() == "Deployment").peekable();
        let is_it = |name: &str, of: Option<&str>| name == deployment.as_str() && of.is_none_or(|of| of == namespace.as_str());
        if deployments.peek().is_some() && !deployments.any(|workload| is_it(workload.doc.name(), workload.doc.namespace())) {
            let why = format!(
                "the manifests describe Deployments, and not {deployment} in namespace {namespace}, which backend `{}` is",
                backend.id
            );
            let finding = Finding::new(Id::WorkloadNotDescribed, format!("Deployment {deployment}"), why);
            let place = Spots::new(plan, &source).backend(&backend.id, "gke");
            found.push(finding.at(place).mend("describe it, or correct its name here or there"));
        }
    }
    found
}

/// The findings as people read them: each with its line, and a count; nothing where nothing was found.
pub(super) fn told(findings: &[Finding], bundle: &Bundle) -> String {
    let mut text = String::new();
    for Finding { id, severity, object, place, file, why, fix } in findings {
        let severity = match severity {
            Severity::Error => diagnostic::Severity::Error,
            Severity::Warning | Severity::Note => diagnostic::Severity::Warning,
        };
        let message = format!("{}: {object}: {why}", id.word());
        let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
        let (path, suggestion) = (String::new(), fix.clone());
        let remark = Diagnostic { severity, line, column, path, message, allowed: None, suggestion };
        let of = file.as_ref().and_then(|file| bundle.files.iter().map(|one| &one.id).find(|one| bundle.name(Some(*one)) == *file));
        // The line that holds a secret is not shown again.
        let source = if *id == Id::SecretInPlain || place.is_none() { String::new() } else { bundle.text(of) };
        text.push_str(&format!("\n{}", remark.render(file.as_deref().unwrap_or(&bundle.name(None)), &source)));
    }
    if !findings.is_empty() {
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        text.push_str(&format!("\nof the manifests: {} errors, {} warnings\n", errors, findings.len() - errors));
    }
    text
}

/// What was understood of them: a line for each.
pub(super) fn summary(plan: &Plan) -> String {
    let line = |manifest: &Manifest| {
        let documents = bundle::documents(manifest);
        let objects = documents.iter().map(|document| {
            let word = |keys: &[&str]| document.root.at(keys).and_then(|node| node.text());
            match (word(&["kind"]), word(&["metadata", "name"])) {
                (Some(kind), Some(name)) => format!("{kind} {name}"),
                (Some(kind), None) => format!("{kind} without a name"),
                (None, _) => "no object of Kubernetes".to_owned(),
            }
        });
        objects.collect::<Vec<_>>().join(", ")
    };
    let lines = plan.manifests.iter().map(|manifest| {
        let id: &ManifestId = &manifest.id;
        format!("  objects {id}: {}\n", crate::domain::shown::Shown::new(&line(manifest)))
    });
    lines.collect()
}

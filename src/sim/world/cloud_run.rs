//! Cloud Run's control plane: services, revisions and the split of traffic between revisions.
//!
//! One state behind two API versions. A change is accepted at once and carried out some seconds later; until
//! then, and for good if it fails, the old split is the one that serves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::faults::{Scaling, platform::Ending},
    actor::Actor,
    former::Former,
    operations::{Operation, Operations},
    random::Random,
};

/// Virtual milliseconds from acceptance to a serving split.
const SETTLE_MS: (f64, f64) = (2_000.0, 6_000.0);
/// The annotation that holds a template's minimum.
const MIN_SCALE: &str = "autoscaling.knative.dev/minScale";
const DAY_MS: i64 = 86_400_000;

/// One desired share of a service's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `None` follows the newest ready revision.
    pub revision: Option<String>,
    /// Whole percent.
    pub percent: u32,
    /// A name of its own for this target.
    pub tag: Option<String>,
}

/// One version of a service's program.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Its full name.
    pub name: String,
    /// When it was made, virtual milliseconds.
    pub created_ms: i64,
    /// The template it was made from, in Knative form.
    pub template: Value,
}

/// One service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its short name.
    pub name: String,
    /// Number of the desired state.
    pub generation: u64,
    /// Number of the state that the platform has worked on to the end.
    pub observed: u64,
    /// Changes with every write; etag and resourceVersion come from it.
    pub version: u64,
    /// The desired split.
    pub traffic: Vec<Target>,
    /// The split that serves.
    pub serving: Vec<Target>,
    /// The template for the next revision, in Knative form.
    pub template: Value,
    /// All revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Who wrote last.
    pub modifier: String,
    /// With which program.
    pub client: String,
    /// Virtual milliseconds.
    pub created_ms: i64,
    /// Virtual milliseconds of the last write.
    pub updated_ms: i64,
    /// When the platform ends its work on `generation`.
    pub settles_ms: i64,
    /// Why the last generation could not be carried out.
    pub failure: Option<String>,
    /// Why the one that is worked on will not be.
    broken: Option<String>,
    /// Instances set by hand, where somebody has; the service doesn't scale by itself then.
    pub manual: Option<u32>,
    /// The fewest instances, where the service sets that itself and not its revisions.
    pub least: Option<u32>,
    /// The most instances, where the service sets that itself and not its revisions.
    pub most: Option<u32>,
    /// Annotations of the service itself that clients have written; none of them makes a revision.
    pub notes: BTreeMap<String, String>,
    /// The annotations of the newest template before somebody changed how it scales.
    annotations: Option<Value>,
}

impl Service {
    /// The newest revision, which a target without a revision follows.
    #[must_use]
    pub fn latest(&self) -> &str {
        self.revisions.last().map_or("", |revision| revision.name.as_str())
    }

    /// Whether the platform still works on the last write.
    #[must_use]
    pub fn reconciling(&self) -> bool {
        self.observed < self.generation
    }

    /// The concurrency token: quoted, as the v2 API shows it.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"CL{}\"", super::load_balancer::base64(&self.version.to_be_bytes()).trim_end_matches('='))
    }

    /// The revision that a request ends in.
    pub fn choose(&self, random: &mut Random) -> &str {
        let mut left = random.unit() * 100.0;
        let chosen = self.serving.iter().find(|target| {
            left -= f64::from(target.percent);
            left < 0.0
        });
        chosen.and_then(|target| target.revision.as_deref()).unwrap_or_else(|| self.latest())
    }

    /// Counts a change that takes no time.
    fn rewritten(&mut self) {
        self.version += 1;
        if !self.reconciling() {
            self.observed += 1;
        }
        self.generation += 1;
    }

    fn resolved(&self) -> Result<Vec<Target>, String> {
        let wished = if self.traffic.is_empty() { vec![Target { revision: None, percent: 100, tag: None }] } else { self.traffic.clone() };
        let known = |name: &String| self.revisions.iter().any(|revision| &revision.name == name);
        if let Some(missing) = wished.iter().filter_map(|target| target.revision.as_ref()).find(|name| !known(name)) {
            return Err(format!("Revision '{missing}' of Service '{}' does not exist.", self.name));
        }
        let resolve = |target: Target| Target { revision: target.revision.or_else(|| Some(self.latest().to_owned())), ..target };
        Ok(wished.into_iter().map(resolve).collect())
    }
}

/// The image of a template in Knative form.
#[must_use]
pub fn image(template: &Value) -> &str {
    template.pointer("/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default()
}

/// Why a write was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No service of this name.
    #[error("Resource '{0}' of kind 'SERVICE' in region 'us-central1' in project 'hexproperty' does not exist.")]
    Missing(String),
    /// The concurrency token is not the current one.
    #[error("Conflict for resource '{0}': version '{1}' was specified but current version is '{2}'.")]
    Stale(String, String, String),
    /// The desired state makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// A desired state of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The split; empty means everything to the newest revision.
    pub traffic: Vec<Target>,
    /// A template, where the caller sends one; a different one makes a revision.
    pub template: Option<Value>,
    /// The service's own annotations, all of them, where the caller sends some.
    pub notes: Option<BTreeMap<String, String>>,
    /// The fewest instances of the service, where the caller says how it scales.
    pub least: Option<u32>,
}

/// The control plane.
#[derive(Debug, Clone)]
pub struct CloudRun {
    services: Vec<Service>,
    former: BTreeMap<String, Former<Service>>,
    /// Operations of this API.
    pub operations: Operations,
    /// How work on services ends that begins from now on.
    pub ending: Ending,
    random: Random,
}

impl CloudRun {
    /// The services of the demo, all traffic on the newest revision of each.
    #[must_use]
    pub fn new(seed: u64, now_ms: i64) -> Self {
        let frontend = service(now_ms, "frontend", "1.42.0", &["frontend-00041-kaz", "frontend-00042-bim"]);
        let backend = service(now_ms, "backend", "2.7.3", &["backend-00017-tol", "backend-00018-ren"]);
        let api = service(now_ms, "api", "3.1.0", &["api-00029-vex"]);
        let services = vec![frontend, backend, api];
        Self {
            services,
            former: BTreeMap::new(),
            operations: Operations::default(),
            ending: Ending::Well,
            random: Random::named(seed, "run"),
        }
    }

    /// All services.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// One service.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn service(&self, name: &str) -> Result<&Service, Refusal> {
        self.services.iter().find(|service| service.name == name).ok_or_else(|| Refusal::Missing(name.to_owned()))
    }

    /// One service as a read shows it that is so far behind.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn service_as_of(&self, name: &str, at_ms: i64) -> Result<&Service, Refusal> {
        let former = self.former.get(name).and_then(|former| former.as_of(at_ms));
        former.map_or_else(|| self.service(name), Ok)
    }

    /// Accepts a desired state; `holds` decides about the concurrency token against the current service.
    ///
    /// # Errors
    /// If there is no such service, the token is stale or the split makes no sense; nothing has changed then.
    pub fn write(
        &mut self,
        now_ms: i64,
        name: &str,
        desired: Desired,
        holds: impl Fn(&Service) -> Result<(), Refusal>,
        actor: &Actor,
    ) -> Result<Operation, Refusal> {
        let settle_ms = self.random.between(SETTLE_MS.0, SETTLE_MS.1) as i64;
        let suffix: String = (0..3).map(|_| char::from(b'a' + self.random.index(26) as u8)).collect();
        let service = self.services.iter_mut().find(|service| service.name == name).ok_or_else(|| Refusal::Missing(name.to_owned()))?;
        holds(service)?;
        check(&desired.traffic)?;
        if let Some(notes) = &desired.notes {
            check_notes(notes)?;
        }
        self.former.entry(name.to_owned()).or_default().replaced(now_ms, service.clone());
        service.generation += 1;
        service.version += 1;
        service.traffic = desired.traffic;
        if let Some(notes) = desired.notes {
            service.notes = notes;
        }
        if let Some(least) = desired.least.filter(|_| self.ending != Ending::Hollow) {
            service.least = (least > 0).then_some(least);
        }
        if let Some(template) = desired.template.filter(|template| *template != service.template) {
            let number = 1 + service.revisions.last().and_then(|last| last.name.rsplit('-').nth(1)?.parse::<u32>().ok()).unwrap_or(0);
            service.revisions.push(Revision {
                name: format!("{name}-{number:05}-{suffix}"),
                created_ms: now_ms,
                template: template.clone(),
            });
            service.template = template;
        }
        service.modifier.clone_from(&actor.principal);
        service.client = actor.agent.split(['/', ' ']).next().unwrap_or_default().to_owned();
        service.updated_ms = now_ms;
        service.settles_ms = if self.ending == Ending::Never { i64::MAX } else { now_ms + settle_ms };
        service.broken = (self.ending == Ending::Failing).then(|| "Internal error. Please try again or contact support.".to_owned());
        let failure = service.broken.clone().or_else(|| service.resolved().err());
        Ok(self.operations.begin(Operation {
            id: 0,
            kind: "UpdateService".to_owned(),
            target: name.to_owned(),
            principal: actor.principal.clone(),
            started_ms: now_ms,
            ends_ms: service.settles_ms,
            failure,
        }))
    }

    /// Somebody deploys: a new revision of the service, which takes this share as the newest one; the others keep their proportions.
    ///
    /// # Errors
    /// If there is no such service.
    pub fn deploy(&mut self, now_ms: i64, name: &str, percent: u32, actor: &Actor) -> Result<Operation, Refusal> {
        let service = self.service(name)?;
        let mut template = service.template.clone();
        template["metadata"]["annotations"]["client.knative.dev/user-image"] = json!(format!("{name}:hotfix-{}", service.generation));
        let rest = 100 - percent.min(100);
        let mut traffic: Vec<Target> =
            service.serving.iter().map(|target| Target { percent: target.percent * rest / 100, ..target.clone() }).collect();
        let given: u32 = traffic.iter().map(|target| target.percent).sum();
        if let Some(first) = traffic.first_mut() {
            first.percent += rest - given;
        }
        traffic.push(Target { revision: None, percent: percent.min(100), tag: None });
        self.write(now_ms, name, Desired { traffic, template: Some(template), notes: None, least: None }, |_| Ok(()), actor)
    }

    /// Somebody deletes a revision that gets nothing; one that gets something stays, as the interface would have it.
    pub fn delete(&mut self, revision: &str) {
        for service in &mut self.services {
            let serves = service.serving.iter().any(|target| target.percent > 0 && target.revision.as_deref() == Some(revision));
            if !serves {
                service.revisions.retain(|known| known.name != revision);
            }
        }
    }

    /// Changes how a service scales, as somebody does at the console. Unknown services are left alone.
    pub fn scale(&mut self, name: &str, scaling: Scaling) {
        let Some(service) = self.services.iter_mut().find(|service| service.name == name) else { return };
        service.manual = match scaling {
            Scaling::ToZero => None,
            Scaling::Manual { instances } => Some(instances),
            Scaling::Off => Some(0),
        };
        let unset = |template: &mut Value| {
            if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
                annotations.shift_remove(MIN_SCALE);
            }
        };
        service.annotations.get_or_insert_with(|| service.template["metadata"]["annotations"].clone());
        unset(&mut service.template);
        service.revisions.iter_mut().for_each(|revision| unset(&mut revision.template));
        service.rewritten();
    }

    /// Sets the most instances that a service may have.
    pub fn limit(&mut self, name: &str, most: u32) {
        if let Some(service) = self.services.iter_mut().find(|service| service.name == name) {
            service.most = Some(most);
            service.rewritten();
        }
    }

    /// Ends what was set by hand, and what keeps work from ending well.
    pub fn calm(&mut self) {
        self.ending = Ending::Well;
        for service in &mut self.services {
            let changed = service.manual.take().is_some() | service.most.take().is_some();
            if let Some(annotations) = service.annotations.take() {
                service.template["metadata"]["annotations"] = annotations.clone();
                service.revisions.iter_mut().for_each(|revision| revision.template["metadata"]["annotations"] = annotations.clone());
                service.rewritten();
            } else if changed {
                service.rewritten();
            }
        }
    }

    /// Carries out what is due.
    pub fn tick(&mut self, now_ms: i64) {
        if self.ending != Ending::Never {
            // What never ended before ends soon.
            let soon_ms = now_ms + SETTLE_MS.1 as i64;
            self.services.iter_mut().filter(|service| service.settles_ms == i64::MAX).for_each(|service| service.settles_ms = soon_ms);
            self.operations.end_by(soon_ms);
        }
        for service in &mut self.services {
            if service.reconciling() && now_ms >= service.settles_ms {
                service.observed = service.generation;
                service.version += 1;
                match service.broken.take().map_or_else(|| service.resolved(), Err) {
                    Ok(serving) => {
                        service.serving = serving;
                        service.failure = None;
                    }
                    Err(failure) => service.failure = Some(failure),
                }
            }
        }
    }
}

fn check(traffic: &[Target]) -> Result<(), Refusal> {
    let total: u32 = traffic.iter().map(|target| target.percent).fold(0, u32::saturating_add);
    if traffic.is_empty() || total == 100 {
        return Ok(());
    }
    Err(Refusal::Invalid(format!("Traffic targets must sum to 100 percent, but they sum to {total}.")))
}

/// Namespaces that the interface keeps for itself.
const RESERVED: [&str; 4] = ["run.googleapis.com/", "cloud.googleapis.com/", "serving.knative.dev/", "autoscaling.knative.dev/"];
/// The most that all annotations of one object may have together.
const NOTES_BYTES_MAX: usize = 256 * 1024;

fn check_notes(notes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if let Some(name) = notes.keys().find(|name| RESERVED.iter().any(|reserved| name.starts_with(reserved))) {
        return Err(Refusal::Invalid(format!("annotations: '{name}' is in a reserved namespace.")));
    }
    let bytes: usize = notes.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > NOTES_BYTES_MAX {
        return Err(Refusal::Invalid(format!("annotations: size {bytes} is larger than limit {NOTES_BYTES_MAX}.")));
    }
    Ok(())
}

fn service(now_ms: i64, name: &str, version: &str, revisions: &[&str]) -> Service {
    let template = |version: &str| {
        json!({
            "metadata": {"annotations": {"autoscaling.knative.dev/minScale": "2", "autoscaling.knative.dev/maxScale": "20"}},
            "spec": {
                "containerConcurrency": 80,
                "timeoutSeconds": 300,
                "serviceAccountName": "web@hexproperty.iam.gserviceaccount.com",
                "containers": [{
                    "name": format!("{name}-1"),
                    "image": format!("us-central1-docker.pkg.dev/hexproperty/web/{name}:{version}"),
                    "ports": [{"name": "http1", "containerPort": 8080}],
                    "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}},
                }],
            },
        })
    };
    let count = revisions.len();
    let age_ms = |index: usize| (count - index) as i64 * 9 * DAY_MS;
    let made = revisions.iter().enumerate().map(|(index, revision)| {
        let newest = index + 1 == count;
        Revision {
            name: (*revision).to_owned(),
            created_ms: now_ms - age_ms(index),
            template: template(if newest { version } else { "previous" }),
        }
    });
    let revisions: Vec<Revision> = made.collect();
    let everything = |revision| vec![Target { revision, percent: 100, tag: None }];
    Service {
        name: name.to_owned(),
        generation: 42,
        observed: 42,
        version: 731_004,
        traffic: everything(None),
        serving: everything(revisions.last().map(|last| last.name.clone())),
        template: template(version),
        revisions,
        modifier: "deployer@hexproperty.iam.gserviceaccount.com".to_owned(),
        client: "gcloud".to_owned(),
        created_ms: now_ms - 400 * DAY_MS,
        updated_ms: now_ms - 9 * DAY_MS,
        settles_ms: now_ms - 9 * DAY_MS,
        failure: None,
        broken: None,
        manual: None,
        least: None,
        most: None,
        notes: BTreeMap::new(),
        annotations: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{CloudRun, Desired, Refusal, Target};
    use crate::sim::world::{actor::Actor, random::Random};

    fn desired(parts: &[(&str, u32)]) -> Desired {
        let target = |(name, percent): &(&str, u32)| Target { revision: Some((*name).to_owned()), percent: *percent, tag: None };
        Desired { traffic: parts.iter().map(target).collect(), template: None, notes: None, least: None }
    }

    #[test]
    fn a_split_serves_only_after_it_settles() {
        let mut run = CloudRun::new(1, 0);
        let actor = Actor::person("someone");
        run.write(0, "frontend", desired(&[("frontend-00041-kaz", 25), ("frontend-00042-bim", 75)]), |_| Ok(()), &actor).unwrap();
        assert!(run.service("frontend").unwrap().reconciling());
        let mut random = Random::new(1);
        let mut share =
            |run: &CloudRun| (0..4000).filter(|_| run.service("frontend").unwrap().choose(&mut random) == "frontend-00041-kaz").count();
        assert_eq!(share(&run), 0);
        run.tick(6_000);
        let hits = share(&run);
        assert!((850..1150).contains(&hits), "{hits}");
    }

    #[test]
    fn a_missing_revision_fails_and_the_old_split_stays() {
        let mut run = CloudRun::new(1, 0);
        let before = run.service("frontend").unwrap().serving.clone();
        let operation = run.write(0, "frontend", desired(&[("previous", 100)]), |_| Ok(()), &Actor::person("someone")).unwrap();
        run.tick(10_000);
        let service = run.service("frontend").unwrap();
        assert!(operation.failure.is_some() && service.failure.is_some());
        assert_eq!(service.serving, before);
    }

    #[test]
    fn a_sum_other_than_a_hundred_is_refused() {
        let mut run = CloudRun::new(1, 0);
        let answer = run.write(0, "frontend", desired(&[("frontend-00042-bim", 99)]), |_| Ok(()), &Actor::person("someone"));
        assert!(matches!(answer, Err(Refusal::Invalid(_))));
    }
}

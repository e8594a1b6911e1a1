//! `cutover check PLAN --live`: whether the plan may be flown now, by one look at everything that it names. Nothing is changed.
//!
//! It looks with the very drivers and sensors that a session would have, so what answers here answers there, and what stands against going
//! back stands here first. Beside that it asks once what a session never asks: whether each API is open to us at all, how the backend services
//! are set and whether their endpoints are well, what clusters let us do, what the APIs would say to the first step, and whether both legs
//! answer alike. The only requests to users' addresses are those that the plan names.
//!
//! One cause is one finding: what can't be told because an API is shut is said of the API.

mod api;
mod balancer;
mod cluster;
mod fix;
mod legs;
mod sources;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use color_eyre::eyre::Result;
use futures::future::join_all;

use api::{Api, Shut};

use super::{
    finding::{Finding, Id, Severity},
    spots::Spots,
};
use crate::{
    adapter::gcloud::{Settings, Unused},
    cli::compose::{self, Composer, Places, Proxied, compose},
    domain::{fault::Fault, id::BackendId, universe::Universe},
    plan::model::Plan,
    session::clock::Clock,
};

/// What one look at everything came to.
#[derive(Debug)]
pub struct Survey {
    /// In the plan's order.
    pub findings: Vec<Finding>,
    /// What is as it should be, in the plan's order: the source, and what it says.
    pub well: Vec<(String, String)>,
    pub proxied: Proxied,
}

/// What every question needs to know.
#[derive(Clone, Copy)]
struct Context<'a> {
    plan: &'a Plan,
    spots: Spots<'a>,
    composer: &'a Composer<'a>,
    clock: Clock,
    places: &'a Places,
}

/// A finding, and the API that it would be a failure of.
#[derive(Debug)]
struct Found {
    finding: Finding,
    /// It says that a question to this API failed, and nothing else.
    failed: Option<Api>,
}

impl Found {
    fn told(finding: Finding) -> Found {
        Found { finding, failed: None }
    }
    fn failed(api: Api, finding: Finding) -> Found {
        Found { finding, failed: Some(api) }
    }
}

/// What some questions came to.
#[derive(Debug, Default)]
struct Told {
    found: Vec<Found>,
    well: Vec<(String, String)>,
}

impl Told {
    fn add(&mut self, other: Told) {
        self.found.extend(other.found);
        self.well.extend(other.well);
    }
}

/// Looks at everything at once. `text` is what the plan was read from.
/// # Errors
/// If an address is refused, or the machine has no means to make a connection; nothing was asked then. Missing credentials are a finding.
pub async fn survey(plan: &Plan, text: &str, places: &Places, clock: Clock) -> Result<Survey> {
    let spots = Spots::new(plan, text);
    let (world, composer) = match compose(plan, places, clock, None).and_then(|world| Ok((world, Composer::new(plan, places, clock)?))) {
        Ok(composed) => composed,
        Err(error) => return without_credentials(spots, plan, places, error),
    };
    let ctx = Context { plan, spots, composer: &composer, clock, places };
    let looks = join_all(world.sensors.into_iter().map(|sensor| sources::looked(ctx, sensor)));
    let (shut, looks, balancers, clusters, legs, steps) =
        tokio::join!(api::shut(&ctx), looks, balancer::examined(ctx), cluster::examined(ctx), legs::asked(ctx), steps::permitted(ctx));
    let (mut shut, balancers, legs, steps) = (shut?, balancers?, legs?, steps?);
    let mut told = Told::default();
    let mut unread: BTreeMap<Api, BTreeSet<String>> = BTreeMap::new();
    let is_shut = |api: &Api| shut.iter().any(|shut| shut.apis.contains(api));
    let mut odd: BTreeSet<BackendId> = BTreeSet::new();
    for mut look in looks {
        let rests_on = Api::of_source(&look.source, plan);
        if let Some(api) = rests_on.into_iter().find(is_shut).filter(|_| look.told.found.iter().any(|found| is_for_want(&found.finding))) {
            look.told.found.retain(|found| !is_for_want(&found.finding));
            unread.entry(api).or_default().insert(look.source);
        }
        odd.extend(look.told.found.iter().filter_map(|_| look.probed.clone()));
        told.add(look.told);
    }
    told.add(balancers.told);
    scaled_to_nothing(plan, &mut told.found);
    told.found.retain(|found| !clusters.says(&found.finding, plan));
    told.add(clusters.told);
    told.add(legs.judged(ctx, &odd));
    told.add(legs.marks(ctx, &balancers.marks));
    told.found.extend(steps);
    // An entry that marks nothing, or with another name, is why answers bear no mark that is known; so is another part of the map.
    let explained: Vec<String> = told.found.iter().filter_map(|found| unmarks(&found.finding)).collect();
    told.found.retain(|Found { finding, failed }| {
        let is_explained =
            finding.id == Id::AnswersUnmarked && explained.iter().any(|route| finding.object.ends_with(&format!("/{route}")));
        !is_explained && !failed.as_ref().is_some_and(is_shut)
    });
    for shut in &mut shut {
        let sources: Vec<&str> = shut.apis.iter().filter_map(|api| unread.get(api)).flatten().map(String::as_str).collect();
        if !sources.is_empty() {
            shut.finding.why.push_str(&format!("; unread: {}", sources.join(", ")));
        }
    }
    let shut = shut.into_iter().map(|Shut { finding, .. }| finding);
    let findings =
        unused(spots, places, composer.universe()).chain(shut).chain(told.found.into_iter().map(|found| found.finding)).collect();
    let mut proxied = world.proxied;
    for (proxy, origins) in composer.proxied() {
        proxied.entry(proxy).or_default().extend(origins);
    }
    Ok(Survey { findings: once(findings), well: told.well, proxied })
}

/// Groups are empty where somebody has scaled their pods to nothing: the same command mends both.
fn scaled_to_nothing(plan: &Plan, found: &mut [Found]) {
    for backend in plan.routes.iter().flat_map(|route| &route.backends) {
        let source = format!("platform/{}", backend.id);
        let is_scale = |finding: &&Finding| finding.id == Id::TooFewReady && finding.object == source;
        let scaled = found.iter().map(|found| &found.finding).find(is_scale).and_then(|finding| finding.fix.clone());
        let Some(scale) = scaled.filter(|fix| fix.contains(" scale deployment ")) else { continue };
        let ending = format!("/backendServices/{}", backend.target);
        for Found { finding, .. } in
            found.iter_mut().filter(|found| found.finding.id == Id::NoEndpoint && found.finding.object.ends_with(&ending))
        {
            finding.fix = Some(scale.clone());
        }
    }
}

/// Whether a finding only says that something could not be told.
fn is_for_want(finding: &Finding) -> bool {
    matches!(
        finding.id,
        Id::Unreachable
            | Id::Unavailable
            | Id::ReadForbidden
            | Id::UnreadableAnswer
            | Id::Unread
            | Id::DatabaseDoubtful
            | Id::WorkloadInPart
    )
}

/// The route whose answers bear no known mark because of this.
fn unmarks(finding: &Finding) -> Option<String> {
    let route = if matches!(finding.id, Id::MarkMissing | Id::MarkUnknown) {
        finding.object.rsplit_once(" of route ")?.1
    } else {
        finding.object.strip_prefix("weights/").filter(|_| finding.id == Id::PastTheSplit)?
    };
    Some(route.to_owned())
}

/// Each once, however many questions met it: two sources of one cause say it in the same words.
fn once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let is_same = |known: &&mut Finding| known.id == finding.id && known.object == finding.object;
        match kept.iter_mut().find(is_same) {
            // One that says more stays.
            Some(known) if known.why.contains(&finding.why) => {}
            Some(known) if finding.id == Id::PermissionMissing || known.why == finding.why => {
                known.severity = known.severity.min(finding.severity)
            }
            Some(_) | None => kept.push(finding),
        }
    }
    kept
}

/// What somebody has told gcloud, and so may believe of us. In a simulated world nobody is asked for credentials.
fn unused(spots: Spots<'_>, places: &Places, universe: &Universe) -> impl Iterator<Item = Finding> {
    let settings = match places {
        Places::Live => Settings::of(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect(),
        )
        .unused(universe.as_str()),
        Places::Simulated(_) => Vec::new(),
    };
    settings.into_iter().map(move |Unused { property, value, what, instead }| {
        let why = format!(
            "gcloud is told {property} = {value}, so {what}; this program does not, and takes Application Default Credentials as they are"
        );
        Finding::new(Id::GcloudSettingUnused, format!("gcloud {property}"), why).mend(instead).at(spots.project())
    })
}

fn without_credentials(spots: Spots<'_>, plan: &Plan, places: &Places, error: color_eyre::eyre::Report) -> Result<Survey> {
    let words = match error.downcast_ref::<Fault>() {
        Some(fault) if fault.kind == crate::domain::fault::FaultKind::Forbidden => fault.message.to_string(),
        Some(_) | None => return Err(error),
    };
    let finding = Finding::new(Id::CredentialsMissing, "Application Default Credentials", format!("{words}; nothing was asked"));
    let finding = finding.at(spots.project()).mend(fix::SIGN_IN).graver(Severity::Error);
    let findings = unused(spots, places, &compose::universe(Some(plan))?).chain([finding]).collect();
    Ok(Survey { findings, well: Vec::new(), proxied: Proxied::default() })
}

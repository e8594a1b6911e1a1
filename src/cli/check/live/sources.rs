//! What each source of a session says at one look, as findings, or as a line where all is well.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Url, header::HeaderName};

use super::{Api, Context, Found, Told, api, fix};
use crate::{
    adapter::{
        http::{Client, Origin, Reach, Reason},
        preflight,
    },
    cli::{
        check::finding::{Finding, Id, Severity},
        compose::Places,
    },
    core::{
        replication::{self, Soundness},
        state::ReplicationState,
    },
    domain::{
        answer::{AnswerClass, AnswerKind, Answers, SERVED_BY},
        claim::{Claimed, Claims},
        fact::{Accepted, Fact, Probed, Replication, Served},
        fault::{Fault, FaultKind},
        hindrance::Hindrance,
        id::BackendId,
        metric::{Measured, Metric},
        platform::{Part, Scale, Unread, Workload},
        shown::Shown,
        standing::Standing,
    },
    plan::{
        document::Place,
        model::{Driver, Plan, Route, WorkloadRef, readings::Author},
    },
    port::Sensor,
    words::{self, Names},
};

/// Every look has a deadline of its own; this one is for several of them in a row.
const DEADLINE: Duration = Duration::from_secs(30);
/// Each look at a page is two: of four processes that are nearly alike, eight looks miss all others once in forty.
const PAGE_LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// What one source came to.
pub(super) struct Look {
    pub source: String,
    pub told: Told,
    /// The backend that it asks past the front door, if it does.
    pub probed: Option<BackendId>,
}

pub(super) async fn looked(ctx: Context<'_>, mut sensor: Box<dyn Sensor>) -> Look {
    let source = sensor.source().to_string();
    let seen = match tokio::time::timeout(DEADLINE, look(sensor.as_mut())).await {
        Ok(seen) => seen,
        Err(_) => Err(Fault::new(FaultKind::TimedOut, format!("no answer within {}s", DEADLINE.as_secs()))),
    };
    let of = Of { ctx, source: &source };
    let mut told = Told::default();
    match seen {
        Ok(facts) => {
            let said: Vec<Said> = facts.iter().filter_map(|fact| of.said(fact)).collect();
            let what: Vec<String> = said.iter().map(|said| said.what.clone()).collect();
            let found: Vec<Finding> = said.into_iter().flat_map(|said| said.findings).collect();
            if found.is_empty() && !what.is_empty() {
                told.well.push((source.clone(), what.join("; ")));
            } else if what.is_empty() {
                told.found.push(Found::told(of.finding(Id::UnreadableAnswer, "it answered with nothing".to_owned())));
            }
            told.found.extend(found.into_iter().map(|finding| Found::told(of.complete(finding))));
        }
        Err(fault) => {
            let finding = of.complete(of.fault(&fault).await);
            told.found.push(match Api::of_source(&source, ctx.plan).first() {
                Some(api) => Found::failed(*api, finding),
                None => Found::told(finding),
            });
        }
    }
    let probed = source.strip_prefix("probe/").and_then(|name| name.parse().ok());
    Look { source, told, probed }
}

/// One look; at a page of figures several, since one alone can't tell whether other processes would answer as well.
async fn look(sensor: &mut dyn Sensor) -> Result<Vec<Fact>, Fault> {
    let mut seen = sensor.look().await?;
    for _ in 1..PAGE_LOOKS {
        if !seen.iter().any(|fact| matches!(fact, Fact::Measured { .. })) {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        seen = sensor.look().await?;
    }
    Ok(seen)
}

/// What a fact comes to: itself in words, and what of it somebody should know.
struct Said {
    what: String,
    findings: Vec<Finding>,
}

/// One source.
#[derive(Clone, Copy)]
struct Of<'a> {
    ctx: Context<'a>,
    source: &'a str,
}

impl Of<'_> {
    fn name(&self) -> &str {
        self.source.split_once('/').map_or(self.source, |(_, name)| name)
    }

    fn route(&self) -> Option<&Route> {
        self.ctx.plan.routes.iter().find(|route| route.id.as_str() == self.name())
    }

    fn place(&self) -> Option<Place> {
        let spots = self.ctx.spots;
        let backend = |key| spots.backend(&self.name().parse().ok()?, key);
        match self.source.split_once('/').map(|(kind, _)| kind)? {
            "weights" => spots.route(&self.name().parse().ok()?, "driver"),
            "front-door" => spots.route(&self.name().parse().ok()?, "front_door"),
            "scrape" => backend("metrics"),
            "prometheus" | "load-balancer" | "cloud-run" | "pods" => backend("readings"),
            "series" => backend("series"),
            "probe" => backend("probe"),
            "platform" => backend(self.platform()?),
            "sql" => spots.instance(&self.name().parse().ok()?),
            "step" => spots.step(&self.name().parse().ok()?),
            _ => None,
        }
    }

    /// The key under which the plan says where a backend is.
    fn platform(&self) -> Option<&'static str> {
        let mut backends = self.ctx.plan.routes.iter().flat_map(|route| &route.backends);
        Some(match backends.find(|backend| backend.id.as_str() == self.name())?.workload {
            WorkloadRef::CloudRunService { .. } => "cloud_run",
            WorkloadRef::Deployment { .. } => "gke",
        })
    }

    fn finding(&self, id: Id, why: String) -> Finding {
        Finding::new(id, self.source, why)
    }

    /// Why the source could not be read. Of a page that the plan names, one more question tells a name from a certificate.
    async fn fault(&self, fault: &Fault) -> Finding {
        let words = fault.message.to_string();
        let is_away = matches!(fault.kind, FaultKind::Unreachable | FaultKind::TimedOut | FaultKind::Broken);
        if let (true, Some(url), Places::Live) = (is_away, self.url(), self.ctx.places)
            && let Some((id, fix)) = unreached(&url).await
        {
            return self.finding(id, words).mend(fix);
        }
        let finding = api::of_kind(fault.kind, |id, why| self.finding(id, why), words);
        match Api::of_source(self.source, self.ctx.plan).first().and_then(|api| api.listing(self.ctx.plan)) {
            Some(list) if fault.kind == FaultKind::NotFound => finding.mend(list),
            Some(_) | None => finding,
        }
    }

    /// With the source's place, unless it has one already, and with the command that shows what was seen, where nothing better is known.
    fn complete(&self, finding: Finding) -> Finding {
        let place = finding.place.or_else(|| self.place());
        let look = || self.url().map(|url| format!("curl -sS -i {}", fix::quoted(url.as_str())));
        let fix = finding.fix.clone().or_else(look);
        Finding { place, fix, ..finding }
    }

    /// The page of the plan that the source asks, in a live session.
    fn url(&self) -> Option<Url> {
        let backend = self.ctx.plan.routes.iter().flat_map(|route| &route.backends).find(|backend| backend.id.as_str() == self.name());
        let text: Option<&Shown> = match self.source.split_once('/')?.0 {
            "front-door" => self.route()?.front_door.as_ref(),
            "scrape" => backend?.metrics_url.as_ref(),
            "probe" => backend?.probe_url.as_ref(),
            _ => None,
        };
        Url::parse(text?.as_str()).ok()
    }

    fn said(&self, fact: &Fact) -> Option<Said> {
        match fact {
            Fact::Accepted(accepted) => Some(self.weights(accepted)),
            Fact::Served(served) => Some(self.front_door(served)),
            Fact::Probed(probed) => Some(self.probe(probed)),
            Fact::Measured { backend, values } => Some(self.figures(backend, values)),
            Fact::Workload { workload, .. } => Some(self.pods(workload)),
            // No sensor says what only the record does.
            Fact::Filling { .. } | Fact::Happened { .. } | Fact::Same(_) | Fact::PodsChanged(_) => None,
            Fact::Replication(replication) => Some(self.database(replication)),
            Fact::Step { standing, .. } => Some(self.step(standing)),
        }
    }

    fn step(&self, standing: &Standing) -> Said {
        let what = words::steps::standing(standing);
        let findings = match standing {
            Standing::Foreign { .. } => vec![self.finding(Id::StepForeign, what.clone())],
            Standing::Apart { .. } | Standing::Underway(_) | Standing::Reached { .. } => Vec::new(),
        };
        Said { what, findings }
    }

    fn weights(&self, accepted: &Accepted) -> Said {
        let names = Names::in_plan(self.ctx.plan);
        let mut findings: Vec<Finding> = accepted.hindrances.iter().map(|found| self.hindrance(found, names)).collect();
        let who = words::who_steers(&accepted.claimed);
        if let (Claimed::By(claim), Some(who)) = (&accepted.claimed, &who)
            && claim.claims == Claims::Steers
        {
            // A session of this plan that is open steers it too; whoever begins another has to take it over.
            let why = format!("{who}; whoever begins another session has to take it over with a reason");
            findings.push(self.finding(Id::SteeredByAnother, why).mend("cutover sessions"));
        }
        let what = who.map_or_else(|| accepted.weights.to_string(), |who| format!("{}; {who}", accepted.weights));
        Said { what, findings }
    }

    fn hindrance(&self, found: &Hindrance, names: Names<'_>) -> Finding {
        let (plan, route) = (self.ctx.plan, self.route());
        let map = route.and_then(api::map_of);
        let project = map.map_or(&plan.project, |part| plan.project_of_map(part)).as_str();
        let why = words::hindrance(found, names);
        let edit = map.map(|part| fix::edit_map(part, project));
        let (id, fix) = match found {
            Hindrance::Stranger { .. } => (Id::StrangerInSplit, edit),
            Hindrance::AllZero => (Id::AllWeightsZero, edit),
            Hindrance::NoSplit { .. } => (Id::NoSplit, edit),
            Hindrance::Redirect { .. } => (Id::DefaultRedirect, edit),
            Hindrance::NoEntry { .. } => (Id::NoEntry, edit),
            Hindrance::HostRule { .. } | Hindrance::PastTheSplit { .. } | Hindrance::NotReached { .. } | Hindrance::LeadsPast { .. } => {
                (Id::PastTheSplit, edit)
            }
            Hindrance::SteeredTwice { .. } => (Id::SteeredTwice, None),
            Hindrance::ClassicLoadBalancer { service, .. } => {
                let found = route.and_then(|route| route.backends.iter().find(|backend| backend.target == *service));
                let owner = found.map_or(&plan.project, |backend| plan.project_of(backend)).as_str();
                let prepare =
                    map.map(|part| fix::backend_service(part, owner, service.as_str(), "--external-managed-migration-state=PREPARE"));
                (Id::ClassicLoadBalancer, prepare)
            }
            Hindrance::RevisionGone { .. } => (Id::RevisionGone, None),
            Hindrance::RevisionNotReady { .. } => (Id::RevisionNotReady, None),
            Hindrance::Failing { .. } => (Id::ServiceFailing, None),
            Hindrance::Forbidden { permission, .. } => {
                let fix = match route.map(|route| &route.driver) {
                    Some(Driver::HttpRoute(part)) => fix::grant_routes(part.namespace.as_str()),
                    Some(Driver::UrlMap(_) | Driver::CloudRunRevisions { .. }) | None => fix::grant(project, permission.as_str()),
                };
                (Id::PermissionMissing, Some(fix))
            }
            Hindrance::Denied { .. } => (Id::WriteRefused, None),
            Hindrance::NoRoom { .. } => (Id::NoRoomForClaim, edit),
            Hindrance::FalseMark { says, .. } => {
                let is_known = self.ctx.plan.routes.iter().any(|route| route.backend_ids().any(|id| id.as_str() == says.as_str()));
                (if is_known { Id::MarkShared } else { Id::MarkUnknown }, edit)
            }
            Hindrance::Managed { .. } => (Id::DeclaredElsewhere, None),
            Hindrance::RuleMoved { .. } => (Id::RuleMoved, None),
        };
        let severity = if route.is_some_and(|route| found.bars_advance(&route.home)) { Severity::Error } else { Severity::Note };
        Finding { fix, ..self.finding(id, why).graver(severity) }
    }

    fn front_door(&self, served: &Served) -> Said {
        let marked: u64 = served.by_backend.values().sum();
        let all = marked + served.unmarked + served.dropped;
        let told: Vec<String> = served.answers.iter().map(|(backend, answers)| format!("{backend} {}", kinds(answers))).collect();
        let what = format!("{all} requests, {}, {} dropped", told.join("; "), served.dropped);
        let mut findings = Vec::new();
        if served.unmarked > 0 {
            let why = format!(
                "{} of {all} answers do not say in {SERVED_BY} which backend gave them, so the split can't be seen",
                served.unmarked
            );
            findings.push(self.finding(Id::AnswersUnmarked, why));
        }
        let odd: u64 = served.answers.values().map(|answers| answers.count(|kind| !is_page(kind))).sum();
        if odd > 0 {
            findings
                .push(self.finding(Id::FrontDoorFailing, format!("{odd} of {all} answers were no page of this site: {}", told.join("; "))));
        }
        if served.dropped > 0 {
            findings.push(self.finding(Id::ConnectionsDropped, format!("{} of {all} connections ended without an answer", served.dropped)));
        }
        Said { what, findings }
    }

    fn probe(&self, probed: &Probed) -> Said {
        let bad = probed.failed + probed.dropped;
        let what = format!("{} of {} answered as the plan expects", probed.sent.saturating_sub(bad), probed.sent);
        let why = || format!("{what}: {}, {} dropped", kinds(&probed.answers), probed.dropped);
        let findings = (bad > 0).then(|| self.finding(Id::ProbeUnexpected, why())).into_iter().collect();
        Said { what, findings }
    }

    /// A first look has no rates yet. What the page can never tell is another matter, and a trigger that rests on it would be blind.
    fn figures(&self, backend: &BackendId, values: &BTreeMap<Metric, Measured>) -> Said {
        let untold = |metric: &Metric| values.get(metric).and_then(|value| value.err()).filter(|gap| !gap.is_starved());
        let triggers = self.ctx.plan.triggers.iter().filter(|trigger| trigger.backend == *backend);
        let blind: Vec<Finding> = triggers
            .filter_map(|trigger| {
                let why = words::gap(untold(&trigger.metric)?);
                let why = format!("trigger `{}` would be blind, for the {} can't be told ({why})", trigger.id, trigger.metric);
                Some(Finding::new(Id::TriggerBlind, trigger.id.as_str(), why).at(self.ctx.spots.trigger(&trigger.id, "metric")))
            })
            .collect();
        if !blind.is_empty() {
            return Said { what: String::new(), findings: blind };
        }
        let asked = values.keys().filter(|metric| is_asked(self.ctx.plan, backend, **metric));
        let absent: Vec<String> = asked.filter_map(|metric| Some(format!("{metric} ({})", words::gap(untold(metric)?)))).collect();
        if absent.is_empty() {
            return Said { what: "every figure is there".to_owned(), findings: Vec::new() };
        }
        let why = format!("there is nothing for {}", absent.join(", "));
        Said { what: why.clone(), findings: vec![self.finding(Id::FigureMissing, why)] }
    }

    fn pods(&self, workload: &Workload) -> Said {
        let what = format!("{}, {}", words::platform::scale(workload.scale), workload.version);
        let mut findings = Vec::new();
        if let Some(trouble) = &workload.trouble {
            findings.push(self.finding(Id::WorkloadTrouble, format!("{what}; {trouble}")));
        }
        findings.extend(workload.unread.iter().filter_map(|unread| self.unread(unread)));
        let few = match workload.scale {
            Scale::Counted { ready, desired } => ready < desired || desired == 0,
            Scale::Off | Scale::Untold => true,
            Scale::Automatic { .. } | Scale::Manual { .. } => false,
        };
        if few && workload.trouble.is_none() {
            let finding = self.finding(Id::TooFewReady, what.clone());
            findings.push(Finding { fix: self.more(workload.scale), ..finding });
        }
        Said { what, findings }
    }

    /// What brings instances back where somebody has scaled to nothing; where they are on their way, what shows why they are not there.
    fn more(&self, scale: Scale) -> Option<String> {
        let plan = self.ctx.plan;
        let backend = plan.routes.iter().flat_map(|route| &route.backends).find(|backend| backend.id.as_str() == self.name())?;
        match (&backend.workload, scale) {
            (WorkloadRef::Deployment { cluster, namespace, deployment }, Scale::Counted { desired: 0, .. } | Scale::Off) => {
                Some(fix::scale(plan, cluster, namespace.as_str(), deployment.as_str()))
            }
            (WorkloadRef::Deployment { cluster, namespace, .. }, _) => Some(fix::pods(plan, cluster, namespace.as_str())),
            (WorkloadRef::CloudRunService { service }, Scale::Off) => Some(fix::scale_run(plan, service.as_str())),
            (WorkloadRef::CloudRunService { .. }, _) => None,
        }
    }

    fn unread(&self, unread: &Unread) -> Option<Finding> {
        match (&unread.part, unread.fault.kind) {
            (Part::Revision(_), FaultKind::Forbidden) => {
                let why = format!("this account may not read revisions ({})", unread.fault.message);
                let fix = fix::grant(self.ctx.plan.project.as_str(), "run.revisions.get");
                Some(self.finding(Id::PermissionMissing, why).mend(fix))
            }
            // The cluster is asked by itself what it lets us read.
            (Part::Pods | Part::Events, FaultKind::Forbidden) => None,
            (Part::Revision(_) | Part::Pods | Part::Events, _) => Some(self.finding(Id::WorkloadInPart, words::platform::unread(unread))),
        }
    }

    /// Judged by the same rules as in a session, as of this one look.
    fn database(&self, replication: &Replication) -> Said {
        let Some(database) = &self.ctx.plan.database else { return Said { what: String::new(), findings: Vec::new() } };
        let now = self.ctx.clock.now();
        let known = ReplicationState::seen(replication, now);
        let standing = replication::standing(database, &replication.instance, Some(&known), now);
        let measure = replication.engine.filter(|_| standing.lag().is_some()).map(|engine| format!(" ({})", words::measure(engine)));
        let what = words::database(&standing) + &measure.unwrap_or_default();
        let findings = match standing.soundness() {
            Soundness::Sound => Vec::new(),
            // Nothing advances while writes fail on every platform.
            Soundness::Unsound if replication.instance == database.primary => {
                vec![self.finding(Id::DatabaseDoubtful, what.clone()).graver(Severity::Error)]
            }
            Soundness::Unsound | Soundness::Unproven => vec![self.finding(Id::DatabaseDoubtful, what.clone())],
        };
        Said { what, findings }
    }
}

/// Why a page that the plan names can't be reached, where that is its name or its certificate, and the command that shows it.
async fn unreached(url: &Url) -> Option<(Id, String)> {
    let (origin, url) = Origin::split(url.as_str(), Reach::Live).ok()?;
    let client = Client::fresh(origin).ok()?;
    let host = url.host_str()?;
    let unknown = || Some((Id::NameUnknown, format!("getent ahosts {host}")));
    if api::leads_nowhere(&client, host).await {
        return unknown();
    }
    let failure = preflight::ask(&client, &url, &HeaderName::from_static(SERVED_BY)).await.err()?;
    match failure.reason {
        Reason::NameUnknown => unknown(),
        Reason::Certificate => Some((Id::CertificateInvalid, api::handshake(host, url.port_or_known_default().unwrap_or(443)))),
        Reason::Untold | Reason::ServiceDisabled | Reason::SignedOut | Reason::QuotaUsedUp | Reason::Policy => None,
    }
}

/// Whether a user would have got something of this site.
fn is_page(kind: &AnswerKind) -> bool {
    matches!(kind.class(), AnswerClass::Success | AnswerClass::Redirect)
}

fn kinds(answers: &Answers) -> String {
    answers.iter().map(|(kind, count)| format!("{count}× {kind}")).collect::<Vec<_>>().join(", ")
}

/// Whether somebody could have asked for a figure: what the load balancer or an exporter doesn't count is no want of the plan's.
fn is_asked(plan: &Plan, backend: &BackendId, metric: Metric) -> bool {
    if let Metric::Declared(_) = metric {
        return true;
    }
    let Some(backend) = plan.routes.iter().find_map(|route| route.backend(backend)) else { return true };
    let written = backend.readings.as_ref().is_none_or(|readings| readings.author == Author::Plan || readings.tells(metric));
    written && backend.pods.as_ref().is_none_or(|pods| pods.preset.is_none() || pods.tells(metric))
}

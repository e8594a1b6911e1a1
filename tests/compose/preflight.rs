//! What `cutover check --live` finds: for each fault of the world exactly the findings that it leads to, and none in a sound one.

use std::collections::BTreeSet;

use cutover::{
    cli::{
        Exit,
        check::{
            finding::{Finding, Id, Severity},
            live::{Survey, survey},
            report::Report,
        },
        compose::{Places, compose},
    },
    domain::{
        fault::Outcome,
        id::{EffectId, Seq},
        time::Timestamp,
        weight::{PerMille, Weights},
    },
    plan,
    port::{Change, Intent, Taken},
    session::clock::Clock,
    sim::{
        faults::{
            Api, Cluster, Damage, DatabaseFault, Down, Edit, Fault, Member, Probing, SqlAsk, Trouble,
            setup::{Flaw, Page, Setup},
        },
        simulation::{Config, Simulation},
        world::{Leg, gateway::Gateway, load_balancer::Kind},
    },
};
use futures::{StreamExt, stream};

use super::{CLUSTERS, HEXPROPERTY, REVISIONS, RULES, SERVICES};

/// Worlds that are looked at at a time.
const AT_ONCE: usize = 3;

pub(super) async fn found_in(simulation: &Simulation, text: &str) -> Survey {
    let (plan, _) = plan::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", plan::diagnostic::render_all(&problems, "p", text)));
    survey(&plan, text, &Places::Simulated(*simulation.endpoints()), Clock::live()).await.unwrap()
}

pub(super) fn told(survey: &Survey) -> String {
    let exit = Exit::Done;
    Report { file: "plan.yaml", digest: None, findings: &survey.findings, well: &survey.well, live: true, exit }.text()
}

fn ids(survey: &Survey) -> BTreeSet<&'static str> {
    survey.findings.iter().map(|finding| finding.id.word()).collect()
}

#[tokio::test]
async fn a_sound_project_may_fly_and_nothing_is_found_in_it() {
    for text in [HEXPROPERTY, SERVICES] {
        let simulation = Simulation::start(Config::default()).await.unwrap();
        let survey = found_in(&simulation, text).await;
        assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
        assert!(told(&survey).ends_with("0 warnings, 0 notes; nothing was changed\nmay fly\n"), "{}", told(&survey));
    }
    let simulation = Simulation::start(Config::default()).await.unwrap();
    let survey = found_in(&simulation, REVISIONS).await;
    assert!(told(&survey).ends_with("\nmay fly\n"), "{}", told(&survey));
}

/// Splits in rules of path matchers, and backend services of another project, where the plan says so; each is asked for where it is.
#[tokio::test]
async fn rules_and_another_projects_services_are_looked_at_where_they_are() {
    let by = |edit| Fault::Edit { edit, principal: "dana".to_owned() };
    let simulation = Simulation::start(Config::default()).await.unwrap();
    simulation.control().inject(&by(Edit::Rules));
    let survey = found_in(&simulation, RULES).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    let survey = found_in(&simulation, &RULES.replace("route_rule: 20", "route_rule: 25")).await;
    assert!(
        told(&survey).contains("path matcher backend in URL map hexproperty-lb has no route rule 25; it has route rule 20; route rule 10"),
        "{}",
        told(&survey)
    );
    let survey = found_in(&simulation, &RULES.replace("hexproperty.com/v2/orders", "hexproperty.com/static/x")).await;
    let said = "users of partners.hexproperty.com/static/x follow the path rule /static/* of the path matcher api and not this split";
    assert!(ids(&survey).contains(Id::PastTheSplit.word()) && told(&survey).contains(said), "{}", told(&survey));

    simulation.control().inject(&by(Edit::Shared));
    let in_project = |leg: &str| format!("backend_service: api-{leg}\n        project: hexproperty-services\n");
    let shared =
        ["run", "gke"].iter().fold(RULES.to_owned(), |text, leg| text.replace(&format!("backend_service: api-{leg}\n"), &in_project(leg)));
    let survey = found_in(&simulation, &shared).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    // In the plan's own project there is nothing of these names any more, and what the map leads to is a stranger.
    let survey = found_in(&simulation, RULES).await;
    let said = told(&survey);
    assert!(
        said.contains("projects/hexproperty-services/global/backendServices/api-run")
            && said.contains("another object than the plan's api-run"),
        "{said}"
    );
    assert!(ids(&survey).contains(Id::StrangerInSplit.word()) && ids(&survey).contains(Id::NotFound.word()), "{said}");
    let lacking = Setup::Lacks { permission: "compute.backendServices.use".to_owned() };
    simulation.control().inject(&Fault::Setup(lacking));
    let said = told(&found_in(&simulation, &shared).await);
    let grants = ["hexproperty-services", "hexproperty"]
        .map(|project| format!("add-iam-policy-binding {project} --role=roles/compute.loadBalancerAdmin"));
    assert!(grants.iter().all(|grant| said.contains(grant)), "{said}");
}

/// A load balancer of a region is looked at there, by the permissions that are named for it.
#[tokio::test]
async fn a_regional_load_balancer_is_looked_at_in_its_region() {
    let regional = HEXPROPERTY.replace("url_map: hexproperty-lb", "url_map: hexproperty-lb\n      region: us-central1");
    for kind in [Kind::RegionalExternal, Kind::RegionalInternal] {
        let simulation = Simulation::start(Config::default()).await.unwrap();
        simulation.control().with(|world| world.load_balancer.kind = kind);
        let survey = found_in(&simulation, &regional).await;
        assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
        assert!(ids(&found_in(&simulation, HEXPROPERTY).await).contains(Id::NotFound.word()), "nothing of it is global");
        for permission in ["compute.regionUrlMaps.update", "compute.regionBackendServices.use", "compute.regionOperations.get"] {
            simulation.control().inject(&Fault::Setup(Setup::Lacks { permission: permission.to_owned() }));
            let said = told(&found_in(&simulation, &regional).await);
            assert!(said.contains(permission), "{permission}: {said}");
        }
    }
}

/// A fault, an edit of the plan by what is replaced, and what is found then.
struct Case {
    fault: Option<Fault>,
    edit: Option<(&'static str, &'static str)>,
    finds: &'static [Id],
}

fn setup(setup: Setup, finds: &'static [Id]) -> Case {
    Case { fault: Some(Fault::Setup(setup)), edit: None, finds }
}

fn lacks(permission: &str, finds: &'static [Id]) -> Case {
    setup(Setup::Lacks { permission: permission.to_owned() }, finds)
}

fn flaw(flaw: Flaw, finds: &'static [Id]) -> Case {
    setup(Setup::Service { leg: Leg::Gke, flaw }, finds)
}

fn page(page: Page, finds: &'static [Id]) -> Case {
    setup(Setup::Page { leg: Leg::Gke, page }, finds)
}

fn world(fault: Fault, finds: &'static [Id]) -> Case {
    Case { fault: Some(fault), edit: None, finds }
}

fn edited(edit: Edit, finds: &'static [Id]) -> Case {
    world(Fault::Edit { edit, principal: "dana".to_owned() }, finds)
}

fn named(is: &'static str, becomes: &'static str, finds: &'static [Id]) -> Case {
    Case { fault: None, edit: Some((is, becomes)), finds }
}

async fn examine(case: Case) {
    let Case { fault, edit, finds } = case;
    let simulation = Simulation::start(Config::default()).await.unwrap();
    if let Some(fault) = &fault {
        simulation.control().inject(fault);
    }
    let text = edit.map_or_else(|| HEXPROPERTY.to_owned(), |(is, becomes)| HEXPROPERTY.replace(is, becomes));
    let before = simulation.control().with(|world| world.load_balancer.url_map().clone());
    let survey = found_in(&simulation, &text).await;
    let wanted: BTreeSet<&str> = finds.iter().map(|id| id.word()).collect();
    assert_eq!(ids(&survey), wanted, "{fault:?} {edit:?}\n{}", told(&survey));
    let placed = survey.findings.iter().all(|finding| finding.place.is_some());
    assert!(placed, "each is somewhere in the plan: {}", told(&survey));
    let waits = survey.findings.iter().filter_map(|finding| finding.fix.as_ref()).any(|fix| fix.contains("s edit "));
    assert!(!waits, "an editor needs a terminal: {}", told(&survey));
    assert_eq!(simulation.control().with(|world| world.load_balancer.url_map().clone()), before, "looking changes nothing");
}

async fn examine_all(cases: Vec<Case>) {
    stream::iter(cases).map(examine).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn a_permission_that_is_missing_is_found_without_writing() {
    let missing: &[Id] = &[Id::PermissionMissing];
    let mut cases: Vec<Case> = [
        "compute.urlMaps.update",
        "compute.backendServices.use",
        "compute.backendServices.get",
        "compute.networkEndpointGroups.get",
        "compute.globalOperations.get",
        "run.services.get",
        "run.revisions.get",
        "container.clusters.get",
        "cloudsql.instances.get",
        "monitoring.timeSeries.list",
        "logging.logEntries.list",
    ]
    .map(|permission| lacks(permission, missing))
    .into();
    cases.push(lacks("compute.urlMaps.validate", &[Id::WriteUntested]));
    cases.extend(
        [Cluster::DeploymentsForbidden, Cluster::PodsForbidden, Cluster::EventsForbidden].map(|what| world(Fault::Cluster(what), missing)),
    );
    cases.push(world(Fault::Api { api: Api::Compute, trouble: Trouble::ReadOnly, for_s: 1e6 }, missing));
    examine_all(cases).await;
}

/// The permissions of the role that README has people paste.
fn readme_role() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("gcloud iam roles create cutover").unwrap();
    let list = rest.split_once("--permissions \\\n").unwrap().1.split_once("\ngcloud").unwrap().0;
    list.replace("\\\n", "").split(',').map(str::to_owned).collect()
}

/// As README gives it: the role, and beside it what finds the cluster.
fn held(but: Option<&str>) -> Fault {
    let mut permissions = readme_role();
    permissions.push("container.clusters.get".to_owned());
    permissions.retain(|held| Some(held.as_str()) != but);
    Fault::Setup(Setup::Holds { permissions })
}

#[tokio::test]
async fn the_role_of_readme_is_enough_and_none_of_it_is_idle() {
    let simulation = Simulation::start(Config { speed: 20.0, ..Config::default() }).await.unwrap();
    simulation.control().inject(&held(None));
    let survey = found_in(&simulation, HEXPROPERTY).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    // It is enough for a step and its end, too.
    let plan = super::read(HEXPROPERTY);
    let clock = Clock::paced(Timestamp(simulation.clock().now_ms()), 20.0);
    let driver = compose(&plan, &Places::Simulated(*simulation.endpoints()), clock, None).unwrap();
    let driver = driver.executors.drivers.values().next().unwrap().clone();
    let version = driver.read().await.unwrap().version;
    let step =
        Weights::new([("run", 990), ("gke", 10)].map(|(id, share)| (id.parse().unwrap(), PerMille::new(share).unwrap())).into()).unwrap();
    let effect = EffectId { seq: Seq(1), index: 0 };
    let intent = Intent { session: "s".to_owned(), effect, first: effect, head: "aa".to_owned() };
    let outcome = driver.write(Change::Split { to: &step, claim: None }, &version, &intent, Taken::told().0).await.outcome;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");

    for permission in readme_role() {
        // A map is read where it is written, and a validation that can't be had is only not known.
        let finds: &[Id] = match permission.as_str() {
            "compute.urlMaps.validate" => &[Id::WriteUntested],
            "compute.urlMaps.get" => &[Id::ReadForbidden],
            _ => &[Id::PermissionMissing],
        };
        examine(world(held(Some(&permission)), finds)).await;
    }
}

/// The plan with steps of the database, in the phase in which nothing has moved.
fn with_steps() -> String {
    let steps = "    to: 0%
    steps:
      - { name: backup, title: Backup, sql_backup: { instance: hexproperty-prod, younger_than: 7d }, patience: 30m }
      - { name: standby, title: Standby, sql_high_availability: { instance: hexproperty-prod }, patience: 30m }
      - name: replica
        title: A distant replica
        sql_replica: { instance: hexproperty-dr, primary: hexproperty-prod, region: us-east1 }
        patience: 1h
";
    HEXPROPERTY.replacen("    to: 0%\n", steps, 1)
}

/// What one look finds in a world of its own.
async fn found_with_steps(fault: Option<Fault>) -> Survey {
    let simulation = Simulation::start(Config::default()).await.unwrap();
    if let Some(fault) = &fault {
        simulation.control().inject(fault);
        // What somebody asked for is done by now.
        simulation.control().with(|world| world.sql.tick(world.now_ms + 600_000));
    }
    found_in(&simulation, &with_steps()).await
}

#[tokio::test]
async fn steps_are_looked_at_and_what_is_in_their_way_is_found() {
    let lacks = |permission: &str| Some(Fault::Setup(Setup::Lacks { permission: permission.to_owned() }));
    let survey = found_with_steps(None).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    let well = |source: &str| survey.well.iter().find(|(known, _)| known == source).map(|(_, says)| says.clone()).unwrap_or_default();
    assert!(well("step/backup").starts_with("reached (backupRun "), "{}", told(&survey));
    assert!(well("step/standby").starts_with("reached (availabilityType REGIONAL"), "{}", told(&survey));
    assert!(well("step/replica").starts_with("not so yet (name: nothing → hexproperty-dr"), "{}", told(&survey));
    for (permission, role) in
        [("cloudsql.backupRuns.create", "editor"), ("cloudsql.instances.update", "editor"), ("cloudsql.instances.create", "admin")]
    {
        let survey = found_with_steps(lacks(permission)).await;
        let [finding] = survey.findings.as_slice() else { panic!("{permission}: {}", told(&survey)) };
        assert_eq!((finding.id, finding.severity), (Id::PermissionMissing, Severity::Warning), "{}", told(&survey));
        assert!(
            finding.why.contains(permission) && finding.fix.as_ref().is_some_and(|fix| fix.contains(&format!("roles/cloudsql.{role}")))
        );
        assert!(finding.place.is_some(), "{}", told(&survey));
    }
    let survey = found_with_steps(lacks("cloudsql.backupRuns.list")).await;
    assert_eq!(ids(&survey), BTreeSet::from([Id::ReadForbidden.word()]), "{}", told(&survey));
    let asks = SqlAsk::Replica { name: "hexproperty-dr", region: "europe-west1" };
    let survey = found_with_steps(Some(Fault::Database(DatabaseFault::Colleague { asks }))).await;
    assert_eq!(ids(&survey), BTreeSet::from([Id::StepForeign.word()]), "{}", told(&survey));
    assert!(told(&survey).contains("it is in europe-west1, not in us-east1"), "{}", told(&survey));
}

#[tokio::test]
async fn what_a_cluster_does_not_let_us_do_is_found_of_whatever_the_plan_needs_there() {
    let page = "metrics: https://frontend-gke.hexproperty.com/metrics";
    let by_pods = HEXPROPERTY.replace(page, "readings: { pods: { port: 8080 } }");
    let sought = async |text: &str, cluster: Option<Cluster>| {
        let simulation = Simulation::start(Config::default()).await.unwrap();
        if let Some(cluster) = cluster {
            simulation.control().inject(&Fault::Cluster(cluster));
        }
        found_in(&simulation, text).await
    };
    let found = |survey: &Survey| survey.findings.iter().map(|found| (found.id, found.severity, found.object.clone())).collect::<Vec<_>>();
    let missing = |severity, kind: &str| vec![(Id::PermissionMissing, severity, format!("{kind} in namespace hexproperty"))];
    let well = |survey: &Survey, source: &str| survey.well.iter().find(|(name, _)| name == source).map(|(_, what)| what.clone());

    let survey = sought(&by_pods, None).await;
    let said = well(&survey, "access/hexproperty-prod/hexproperty");
    assert_eq!(said.as_deref(), Some("deployments, pods, events, pods/proxy may be read"), "{}", told(&survey));
    let survey = sought(&by_pods, Some(Cluster::PagesForbidden)).await;
    assert_eq!(found(&survey), missing(Severity::Error, "pods/proxy"), "{}", told(&survey));
    let fix = survey.findings[0].fix.as_deref().unwrap();
    assert!(fix.starts_with("kubectl create role cutover-pages --namespace=hexproperty --verb=get --resource=pods/proxy"), "{fix}");
    let survey = sought(&by_pods, Some(Cluster::PodsForbidden)).await;
    assert_eq!(found(&survey), missing(Severity::Error, "pods"), "{}", told(&survey));
    let survey = sought(HEXPROPERTY, Some(Cluster::PagesForbidden)).await;
    assert_eq!(found(&survey), [], "a plan that reads no pages needs no such right: {}", told(&survey));

    let survey = sought(CLUSTERS, None).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    assert_eq!(well(&survey, "access/hexproperty-prod/hexproperty/api").as_deref(), Some("httproutes may be read"));
    assert_eq!(well(&survey, "first-step/api").as_deref(), Some("the API would take it, by its own validation"));
    let survey = sought(CLUSTERS, Some(Cluster::RoutesForbidden)).await;
    assert_eq!(found(&survey), missing(Severity::Error, "httproutes"), "{}", told(&survey));
}

#[tokio::test]
async fn a_policy_that_would_refuse_the_first_step_of_an_http_route_is_found_and_nothing_is_written() {
    let simulation = Simulation::start(Config::default()).await.unwrap();
    let control = simulation.control();
    let route = || control.with(|world| Gateway::route(&world.kubernetes).unwrap().clone());
    let before = route();
    let survey = found_in(&simulation, CLUSTERS).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    control.inject(&Fault::Cluster(Cluster::RoutesGuarded));
    let survey = found_in(&simulation, CLUSTERS).await;
    let refused: Vec<_> = survey.findings.iter().map(|found| (found.id, found.severity)).collect();
    assert_eq!(refused, [(Id::WriteRefused, Severity::Error)], "{}", told(&survey));
    let why = &survey.findings[0].why;
    assert!(
        why.contains("admission webhook \"validation.gatekeeper.sh\" denied the request: [frozen] routes are frozen until Monday"),
        "{why}"
    );
    control.calm();
    // Who may not write at all is told so once, and nothing is tried.
    control.inject(&Fault::Api { api: Api::Kubernetes, trouble: Trouble::ReadOnly, for_s: 1e6 });
    let survey = found_in(&simulation, CLUSTERS).await;
    let ids: Vec<Id> = survey.findings.iter().map(|found| found.id).collect();
    assert_eq!(ids, [Id::PermissionMissing], "{}", told(&survey));
    assert_eq!(route()["spec"], before["spec"]);
}

#[tokio::test]
async fn an_api_that_answers_nothing_is_one_finding() {
    let api = |api, trouble| Fault::Api { api, trouble, for_s: 1e6 };
    examine_all(vec![
        setup(Setup::Disabled { api: Api::Compute }, &[Id::ApiDisabled]),
        setup(Setup::Disabled { api: Api::Run }, &[Id::ApiDisabled]),
        setup(Setup::Disabled { api: Api::Container }, &[Id::ApiDisabled]),
        setup(Setup::Disabled { api: Api::Monitoring }, &[Id::ApiDisabled]),
        setup(Setup::SignedOut { api: Api::Run }, &[Id::CredentialsRefused]),
        setup(Setup::QuotaUsedUp { api: Api::Compute }, &[Id::QuotaUsedUp]),
        setup(Setup::QuotaUsedUp { api: Api::Sql }, &[Id::QuotaUsedUp]),
        world(api(Api::Compute, Trouble::Unavailable), &[Id::Unavailable]),
    ])
    .await;
}

#[tokio::test]
async fn what_stands_against_the_split_is_found() {
    examine_all(vec![
        world(Fault::Classic, &[Id::ClassicLoadBalancer]),
        edited(Edit::Stranger { per_mille: 400 }, &[Id::StrangerInSplit]),
        edited(Edit::AllZero, &[Id::AllWeightsZero]),
        edited(Edit::Matcher { gke_per_mille: 0 }, &[Id::PastTheSplit]),
        edited(Edit::OtherSession, &[Id::SteeredByAnother]),
        edited(Edit::FailingTest, &[Id::WriteRefused]),
        edited(Edit::Unmarked, &[Id::MarkMissing]),
        edited(Edit::SameMark, &[Id::MarkShared]),
        edited(Edit::StrangeMark, &[Id::MarkUnknown]),
        named("url_map: hexproperty-lb", "url_map: hexproperty-lbx", &[Id::NotFound]),
        named("cluster: hexproperty-prod", "cluster: hexproperty-proud", &[Id::NotFound]),
        named("[hexproperty-replica]", "[hexproperty-replicant]", &[Id::NotFound]),
    ])
    .await;
}

#[tokio::test]
async fn each_setting_that_does_not_go_with_a_split_is_found() {
    examine_all(vec![
        flaw(Flaw::CookieAffinity, &[Id::SessionAffinity]),
        flaw(Flaw::ShortTimeout, &[Id::TimeoutDiffers]),
        flaw(Flaw::NoDraining, &[Id::NoDraining]),
        flaw(Flaw::NoLog, &[Id::LoggingOff]),
        flaw(Flaw::SampledLog, &[Id::LoggingSampled]),
        flaw(Flaw::NoHealthCheck, &[Id::NoHealthCheck]),
        flaw(Flaw::Outliers, &[Id::OutlierDetection]),
        flaw(Flaw::NoGroups, &[Id::NoGroup]),
        flaw(Flaw::NoEndpoints, &[Id::NoEndpoint]),
        flaw(Flaw::Drained, &[Id::GroupDrained]),
    ])
    .await;
}

#[tokio::test]
async fn legs_that_answer_unlike_each_other_are_found() {
    let metrics = |damage| Fault::Metrics { leg: Leg::Gke, damage };
    examine_all(vec![
        page(Page::NoContent, &[Id::ParityStatus]),
        page(Page::Bare, &[Id::ParityHeaders]),
        page(Page::Long, &[Id::ParityLength]),
        world(Fault::Probes { leg: Leg::Run, probing: Probing::WrongPath }, &[Id::ProbeUnexpected]),
        named("frontend-gke.hexproperty.com/health", "frontend-gke.hexproperty.com/healthz", &[Id::ParityUnasked]),
        world(metrics(Damage::NoStatus), &[Id::TriggerBlind]),
        world(Fault::Database(DatabaseFault::IsDown { member: Member::Primary, down: Down::StoppedByOwner }), &[Id::DatabaseDoubtful]),
    ])
    .await;
}

#[tokio::test]
async fn a_leg_that_takes_much_longer_is_found() {
    examine(page(Page::Slow, &[Id::ParityLatency])).await;
}

#[tokio::test]
async fn two_redirects_to_different_places_are_found() {
    let text = HEXPROPERTY
        .replace(
            "probe: https://frontend-run.hexproperty.com/health",
            "probe: { url: https://frontend-run.hexproperty.com/health, expect: { status: [302] } }",
        )
        .replace(
            "probe: https://frontend-gke.hexproperty.com/health",
            "probe: { url: https://frontend-gke.hexproperty.com/health, expect: { status: [302] } }",
        );
    let simulation = Simulation::start(Config::default()).await.unwrap();
    let control = simulation.control();
    control.inject(&Fault::Setup(Setup::Page { leg: Leg::Run, page: Page::Moved }));
    control.inject(&Fault::Setup(Setup::Page { leg: Leg::Gke, page: Page::AskedIn }));
    let survey = found_in(&simulation, &text).await;
    assert!(ids(&survey).contains(Id::ParityRedirect.word()), "{}", told(&survey));
    let why = &survey.findings.iter().find(|finding| finding.id == Id::ParityRedirect).unwrap().why;
    assert_eq!(why, "Cloud Run leads to /live, GKE to /login");
}

#[tokio::test]
async fn endpoints_that_are_not_well_are_found_by_the_load_balancers_own_health_check() {
    for (fraction, id) in [(1.0, Id::NoHealthyEndpoint), (0.67, Id::UnhealthyEndpoint)] {
        let simulation = Simulation::start(Config { speed: 20.0, ..Config::default() }).await.unwrap();
        simulation.control().inject(&Fault::BadPods { fraction });
        let mut survey = found_in(&simulation, HEXPROPERTY).await;
        for _ in 0..20 {
            if ids(&survey).contains(id.word()) {
                break;
            }
            survey = found_in(&simulation, HEXPROPERTY).await;
        }
        assert!(ids(&survey).contains(id.word()), "{}", told(&survey));
    }
}

/// The pods are gone by somebody's word, and the groups empty for want of pods: one command mends both.
#[tokio::test]
async fn a_deployment_that_is_scaled_to_nothing_is_found_with_the_command_that_brings_its_pods_back() {
    let simulation = Simulation::start(Config { speed: 20.0, ..Config::default() }).await.unwrap();
    simulation.control().with(|world| world.kubernetes.scale("frontend", 0));
    let scale =
        "kubectl --context=gke_hexproperty_us-central1_hexproperty-prod scale deployment frontend --namespace=hexproperty --replicas=1";
    for _ in 0..20 {
        let survey = found_in(&simulation, HEXPROPERTY).await;
        let fix = |id: Id| survey.findings.iter().find(|finding| finding.id == id).map(|finding| finding.fix.as_deref());
        assert!(fix(Id::TooFewReady).is_none_or(|fix| fix == Some(scale)), "{}", told(&survey));
        if fix(Id::TooFewReady).is_some() && fix(Id::NoEndpoint) == Some(Some(scale)) {
            return;
        }
    }
    panic!("{}", told(&found_in(&simulation, HEXPROPERTY).await));
}

/// Each service's pods show what they count by themselves, and not the frontend's alone.
#[tokio::test]
async fn the_pods_of_every_service_can_be_read() {
    let mut text = SERVICES.to_owned();
    for service in ["frontend", "backend", "api"] {
        let page = format!("metrics: https://{service}-gke.hexproperty.com/metrics");
        assert!(text.contains(&page), "{page}");
        text = text.replace(&page, "readings: { pods: { port: 8080 } }");
    }
    let simulation = Simulation::start(Config::default()).await.unwrap();
    let survey = found_in(&simulation, &text).await;
    assert_eq!(survey.findings, Vec::<Finding>::new(), "{}", told(&survey));
    let read = survey.well.iter().filter(|(source, _)| source.starts_with("pods/")).count();
    assert_eq!(read, 3, "{}", told(&survey));
}

/// The same API answers for the databases and for the load balancer's figures; that it does not is said once.
#[tokio::test]
async fn figures_that_an_api_refuses_are_no_finding_of_their_own() {
    let text = include_str!("../../plans/load_balancer.yaml");
    for setup in [Setup::Lacks { permission: "monitoring.timeSeries.list".to_owned() }, Setup::SignedOut { api: Api::Monitoring }] {
        let simulation = Simulation::start(Config::default()).await.unwrap();
        simulation.control().inject(&Fault::Setup(setup.clone()));
        let survey = found_in(&simulation, text).await;
        let [finding] = survey.findings.as_slice() else { panic!("{setup:?}: {}", told(&survey)) };
        assert!(finding.why.contains("; unread: ") && finding.why.contains("load-balancer/gke"), "{}", finding.why);
    }
}

#[tokio::test]
async fn a_revision_that_is_gone_is_found_where_the_plan_names_it() {
    let simulation = Simulation::start(Config::default()).await.unwrap();
    simulation.control().inject(&Fault::RevisionDeleted { revision: "frontend-00041-kaz".to_owned() });
    let survey = found_in(&simulation, REVISIONS).await;
    let gone = survey.findings.iter().find(|finding| finding.id == Id::RevisionGone).unwrap_or_else(|| panic!("{}", told(&survey)));
    assert_eq!(gone.severity, Severity::Error);
    assert!(told(&survey).contains("may not fly"), "{}", told(&survey));
}

#[tokio::test]
async fn a_finding_says_what_is_asked_and_how_it_is_mended() {
    let simulation = Simulation::start(Config::default()).await.unwrap();
    let control = simulation.control();
    control.inject(&Fault::Setup(Setup::Disabled { api: Api::Sql }));
    control.inject(&Fault::Setup(Setup::Service { leg: Leg::Gke, flaw: Flaw::ShortTimeout }));
    let survey = found_in(&simulation, HEXPROPERTY).await;
    let text = told(&survey);
    let said = [
        "gcloud services enable sqladmin.googleapis.com --project=hexproperty",
        "unread: sql/hexproperty-prod, sql/hexproperty-replica",
        "timeout-differs  projects/hexproperty/global/backendServices/frontend-gke  (plan.yaml:54:26)",
        "an answer may take 10 s on GKE and 300 s on Cloud Run",
        "gcloud compute backend-services update frontend-gke --global --project=hexproperty --timeout=300s",
        "may not fly: 1 error",
    ];
    for words in said {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

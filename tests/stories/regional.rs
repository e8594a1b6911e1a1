//! A regional load balancer, for everybody or for its network alone: everything is asked, written and read in its region, and its figures
//! come under their own names.

use cutover::{
    core::{command::Command, decision::Verdict, home::home, state::State},
    domain::metric::Metric,
    sim::world::load_balancer::Kind,
};

use crate::session::{LOAD_BALANCER, Session, Sky, backend, route_of, split};

const EXTERNAL: [(&str, &str); 3] = [
    ("settle: 2m", "settle: 45s"),
    ("url_map: hexproperty-lb", "url_map: hexproperty-lb, region: us-central1"),
    ("readings: { load_balancer: {} }", "readings: { load_balancer: { scheme: external } }"),
];
const INTERNAL: [(&str, &str); 3] =
    [EXTERNAL[0], EXTERNAL[1], ("readings: { load_balancer: {} }", "readings: { load_balancer: { scheme: internal } }")];

async fn flown(kind: Kind, name: &'static str, plan: &'static [(&'static str, &'static str)]) {
    let mut session = Session::begin(Sky { text: LOAD_BALANCER, speed: 60.0, plan, ..Sky::calm(name) }).await;
    session.control().with(|world| world.load_balancer.kind = kind);
    session.fly_to(10).await;
    // Some minutes later the load balancer's figures of both legs are there.
    let told = |state: &State| ["run", "gke"].iter().all(|leg| state.backends[&backend(leg)].usable.get(&Metric::RequestRate).is_some());
    session.until("the load balancer tells of both legs", told).await;
    assert_eq!(route_of(&session.state()).accepted.as_ref().unwrap().hindrances, []);
    assert_eq!(session.ask(Command::Rollback { route: None, reason: None }).await, Verdict::Accepted);
    let is_home = |state: &State| home(state, &state.opened.as_ref().expect("it is open").plan.routes[0]).is_reached();
    session.until("it is home", is_home).await;
    let resources = session.control().with(|world| world.audit.all().iter().map(|mutation| mutation.resource.clone()).collect::<Vec<_>>());
    let in_region = "projects/hexproperty/regions/us-central1/urlMaps/hexproperty-lb";
    assert!(resources.iter().filter(|resource| resource.contains("urlMaps")).all(|resource| resource == in_region), "{resources:?}");
    let landed = session.land().await;
    assert_eq!(landed.writes().first().map(|write| write.to.clone()), Some(split(10)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_regional_external_load_balancer_is_flown_by_its_own_figures() {
    flown(Kind::RegionalExternal, "regional", &EXTERNAL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_internal_load_balancer_is_flown_by_its_own_figures() {
    flown(Kind::RegionalInternal, "internal", &INTERNAL).await;
}

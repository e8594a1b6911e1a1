//! A plan in the making: which places of a URL map can move from Cloud Run to GKE, between whom, and what is known of both.
//!
//! A place is planned when it leads to Cloud Run and a way to GKE was found for it: a leg of its own, or a backend service beside the map
//! whose workload has the name of the Cloud Run service. Where nothing of the kind is there, one place is planned all the same, with the
//! other end left open: that is where a migration begins.

use super::{
    behind::{Behind, RunLeg, Seen, Workload, exposed_workload},
    said::{Said, listed},
};
use crate::{
    adapter::discovery::{BackendService, Balancing, Database, Exposed, GroupKind, Leg, Place, RunService, Split, UrlMap},
    domain::{by_hand, id::BackendId, shown::Shown},
};

#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub region: Shown,
    pub map: &'a UrlMap,
    pub routes: Vec<Route<'a>>,
    /// Places of the map that the plan leaves alone, in words.
    pub left_out: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Route<'a> {
    pub name: String,
    pub split: &'a Split,
    /// Hosts that the map's rules lead here, as people could ask for them.
    pub hosts: Vec<&'a Shown>,
    pub home: Home<'a>,
    pub target: Target<'a>,
}

#[derive(Debug)]
pub(super) struct Home<'a> {
    pub id: String,
    pub leg: &'a Leg,
    pub run: RunLeg<'a>,
    /// The Cloud Run service itself, where it could be read.
    pub found: Option<&'a RunService>,
}

#[derive(Debug)]
pub(super) struct Target<'a> {
    pub id: String,
    /// Its entry in the place, if it has one.
    pub leg: Option<&'a Leg>,
    pub name: Said,
    pub service: Option<&'a BackendService>,
    pub workload: Workload,
    /// Groups that its workload has, by their names.
    pub groups: Vec<Shown>,
}

/// # Errors
/// What the places of the map lead to, where none of them leads to Cloud Run.
pub(super) fn draft<'a>(seen: Seen<'a>, map: &'a UrlMap) -> Result<Draft<'a>, Vec<String>> {
    let mut left_out = Vec::new();
    let mut homes: Vec<(&Split, &Leg, RunLeg<'a>)> = Vec::new();
    for split in &map.positions {
        match home(seen, split) {
            Ok((leg, run)) => homes.push((split, leg, run)),
            Err(why) => left_out.push(format!("{}: {why}", place(split))),
        }
    }
    let mut regions = homes.iter().map(|(.., run)| &run.region);
    let wanted = regions.clone().find(|region| seen.region == Some(region.as_str()));
    let Some(region) = wanted.or_else(|| regions.next()).cloned() else { return Err(left_out) };
    homes.retain(|(split, _, run)| {
        let is_here = run.region == region;
        if !is_here {
            left_out.push(format!("{}: {} runs in {}, and a plan has one region", place(split), run.service, run.region));
        }
        is_here
    });
    let lone = homes.len() == 1;
    let mut targets: Vec<_> = homes.iter().map(|(split, _, run)| target(seen, map, split, run, lone)).collect();
    // Somebody begins with one place, even if nothing stands on the other side yet.
    if targets.iter().all(Option::is_none) {
        targets[0] = Some(open_target(seen, map, &homes[0].2));
    }
    let mut routes = Vec::new();
    for ((split, leg, run), target) in homes.into_iter().zip(targets) {
        let Some(target) = target else {
            left_out.push(format!("{}: leads to {} on Cloud Run; nothing on GKE was found for it", place(split), run.service));
            continue;
        };
        let found = seen.platforms.run.iter().find(|service| service.name == run.service && service.region == run.region);
        let home = Home { id: String::new(), leg, run, found };
        routes.push(Route { name: String::new(), split, hosts: hosts(map, split), home, target });
    }
    named(&mut routes);
    Ok(Draft { region, map, routes, left_out })
}

/// The place in words.
pub(super) fn place(split: &Split) -> String {
    match (&split.matcher, &split.rule) {
        (None, _) => "the default route".to_owned(),
        (Some(name), None) => format!("path matcher {name}"),
        (Some(name), Some(rule)) => format!("{rule} of path matcher {name}"),
    }
}

/// The leg that leads to Cloud Run: of several, the one that gets most.
fn home<'a>(seen: Seen<'a>, split: &'a Split) -> Result<(&'a Leg, RunLeg<'a>), String> {
    if split.is_redirect && split.legs.is_empty() {
        return Err("redirects".to_owned());
    }
    let mut others = Vec::new();
    let mut found: Option<(&Leg, RunLeg<'a>)> = None;
    for leg in &split.legs {
        match seen.behind(&leg.service) {
            Behind::Run(run) if found.as_ref().is_none_or(|(known, _)| known.weight < leg.weight) => found = Some((leg, run)),
            Behind::Run(run) => others.push(run.service.to_string()),
            Behind::Pods { service, .. } => others.push(format!("{}, pods of a cluster", service.name)),
            Behind::Other(what) => others.push(what),
        }
    }
    found.ok_or_else(|| {
        format!("does not lead to Cloud Run ({})", if others.is_empty() { "to nothing".to_owned() } else { others.join("; ") })
    })
}

/// Where the place can go, as far as something points there.
fn target<'a>(seen: Seen<'a>, map: &UrlMap, split: &'a Split, run: &RunLeg<'a>, lone: bool) -> Option<Target<'a>> {
    for leg in &split.legs {
        if let Behind::Pods { service, groups } = seen.behind(&leg.service) {
            let from = format!("it stands in the map already, with {} of 1000 now", leg.weight);
            let groups_names = groups.iter().map(|group| group.name.clone()).collect();
            return Some(Target {
                id: String::new(),
                leg: Some(leg),
                name: Said::found(&service.name, from),
                service: Some(service),
                workload: seen.workload(&groups),
                groups: groups_names,
            });
        }
    }
    let beside = seen.unused_pods(map, run.backend_service);
    let of_name = |workload: &Workload| {
        let names = [workload.service.as_ref().map(Shown::as_str), workload.deployment.value()];
        names.contains(&Some(run.service.as_str()))
    };
    let alike: Vec<_> = beside.iter().filter(|(_, groups)| of_name(&seen.workload(groups))).collect();
    let (chosen, why) = match (&alike[..], &beside[..]) {
        ([only], _) => (*only, format!("its workload has the name of the Cloud Run service {}; it is not in the map yet", run.service)),
        ([], [only]) if lone => (only, "the only one with pods of a cluster; it is not in the map yet".to_owned()),
        (_, _) => return None,
    };
    let (service, groups) = chosen;
    Some(Target {
        id: String::new(),
        leg: None,
        name: Said::found(&service.name, why),
        service: Some(service),
        workload: seen.workload(groups),
        groups: groups.iter().map(|group| group.name.clone()).collect(),
    })
}

/// Nothing leads to GKE yet; whatever has the name of the Cloud Run service there is proposed.
fn open_target<'a>(seen: Seen<'a>, map: &UrlMap, run: &RunLeg<'a>) -> Target<'a> {
    let beside = seen.unused_pods(map, run.backend_service);
    let choices = listed(beside.iter().map(|(service, _)| &service.name), "none");
    let is_named = |exposed: &Exposed| exposed.service == run.service || exposed.deployments.contains(&run.service);
    let alike: Vec<_> = seen.exposed().filter(|(_, exposed)| is_named(exposed)).collect();
    let (workload, groups) = match alike[..] {
        [(cluster, exposed)] => (exposed_workload(cluster, exposed), exposed.groups.clone()),
        _ => (seen.open_workload("nothing in a cluster has the name of the Cloud Run service and a group"), Vec::new()),
    };
    let ask = format!("which backend service leads to the pods? those with pods are: {choices}; the end of this file says how to make one");
    Target { id: String::new(), leg: None, name: Said::open(ask, format!("{}-gke", run.service)), service: None, workload, groups }
}

/// Hosts in full that lead to this place; a pattern is none that anybody could ask for.
fn hosts<'a>(map: &'a UrlMap, split: &Split) -> Vec<&'a Shown> {
    let Some(matcher) = &split.matcher else { return Vec::new() };
    let led = map.host_rules.iter().filter(|rule| rule.matcher == *matcher);
    led.flat_map(|rule| &rule.hosts).filter(|host| !host.as_str().contains('*')).collect()
}

/// Names of routes and backends. An answer says who gave it by the backend's name in the plan, so one that the map writes already is kept.
fn named(routes: &mut [Route<'_>]) {
    let alone = routes.len() == 1;
    let (mut names, mut ids) = (Vec::new(), Vec::new());
    for route in routes {
        route.name = free(&mut names, route.home.run.service.to_string());
        let is_id = |mark: &&Shown| mark.as_str().parse::<BackendId>().is_ok();
        let marked = |leg: Option<&Leg>| leg.and_then(|leg| leg.mark.as_ref()).filter(is_id).map(ToString::to_string);
        let (run, gke) = (marked(Some(route.home.leg)), marked(route.target.leg));
        let differ = run != gke;
        let plain = |end: &str| if alone { end.to_owned() } else { format!("{}-{end}", route.name) };
        route.home.id = free(&mut ids, run.filter(|_| differ).unwrap_or_else(|| plain("run")));
        route.target.id = free(&mut ids, gke.filter(|_| differ).unwrap_or_else(|| plain("gke")));
    }
}

/// The name that is wanted, or with the first number that makes it its own.
fn free(taken: &mut Vec<String>, wanted: String) -> String {
    let numbered = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted}-{number}")));
    let name = numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or(wanted);
    taken.push(name.clone());
    name
}

/// The databases that a plan could name: each primary with its replicas.
pub(super) fn primaries(databases: &[Database]) -> Vec<(&Database, Vec<&Database>)> {
    let replicas = |primary: &Database| databases.iter().filter(|one| one.primary.as_ref() == Some(&primary.name)).collect();
    databases.iter().filter(|one| one.primary.is_none()).map(|primary| (primary, replicas(primary))).collect()
}

/// Where a backend service is, for the vendor's command line.
pub(super) fn scope(place: &Option<Shown>) -> String {
    place.as_ref().map_or_else(|| "--global".to_owned(), |region| format!("--region={}", by_hand::quoted(region.as_str())))
}

/// Regions of Cloud Run and namespaces that the groups name: what is worth asking for.
pub(super) fn named_by(balancing: &Balancing) -> (Vec<Shown>, Vec<Shown>) {
    let (mut regions, mut namespaces) = (Vec::new(), Vec::new());
    for group in &balancing.groups {
        match (&group.kind, &group.place) {
            (GroupKind::CloudRun { .. }, Place::Region(region)) => regions.push(region.clone()),
            (GroupKind::Pods(Some(owner)), _) => namespaces.push(owner.namespace.clone()),
            (GroupKind::CloudRun { .. } | GroupKind::OtherServerless { .. } | GroupKind::Pods(None) | GroupKind::Other { .. }, _) => {}
        }
    }
    for names in [&mut regions, &mut namespaces] {
        names.sort();
        names.dedup();
    }
    (regions, namespaces)
}

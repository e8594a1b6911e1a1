//! What stands between a project and its first percent, each with the command that mends it.
//!
//! Commands are the vendor's own and change nothing until somebody pastes them. Where one would have to guess, it says by a word in capitals
//! what belongs there.

use super::{
    behind::Seen,
    draft::{Draft, Route, place, scope},
    paper::Paper,
};
use crate::{
    adapter::discovery::{BackendService, Group, Leg, Place},
    domain::by_hand::quoted as shell,
};

/// The schemes whose load balancers split by weight.
const WEIGHTED: [&str; 3] = ["EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    pub what: String,
    pub commands: Vec<String>,
}

pub(super) fn of(seen: Seen<'_>, draft: &Draft<'_>) -> Vec<Missing> {
    let mut found = Vec::new();
    for route in &draft.routes {
        if route.target.service.is_none() {
            found.push(no_service(seen, draft, route));
        }
        let services = [Some(route.home.run.backend_service), route.target.service];
        for service in services.into_iter().flatten() {
            found.extend(of_service(seen, service));
        }
        found.extend(split_or_marks(seen, draft, route));
        found.extend(unused_groups(seen, route));
    }
    let mut once: Vec<Missing> = Vec::new();
    found.into_iter().for_each(|missing| {
        if !once.contains(&missing) {
            once.push(missing)
        }
    });
    once
}

pub(super) fn append(paper: &mut Paper, missing: &[Missing]) {
    paper.blank();
    if missing.is_empty() {
        paper.remark(0, "Nothing that a list of the project shows is missing for a flight; `cutover check --live` looks at the rest.");
        return;
    }
    paper.remark(0, "MISSING for a flight, as far as a list of the project shows it; `cutover check --live` looks at the rest. Nothing of this was done:");
    for (number, Missing { what, commands }) in missing.iter().enumerate() {
        paper.remark(0, &format!("{}. {what}", number + 1));
        commands.iter().for_each(|command| paper.command(command));
    }
}

/// Nothing leads to the pods yet.
fn no_service(seen: Seen<'_>, draft: &Draft<'_>, route: &Route<'_>) -> Missing {
    let (project, at) = (shell(seen.project), scope(&draft.map.region));
    // Only these words, which a shell takes as they are.
    let scheme = WEIGHTED.into_iter().find(|scheme| *scheme == route.home.run.backend_service.scheme.as_str()).unwrap_or(WEIGHTED[0]);
    let name = shell(&format!("{}-gke", route.home.run.service));
    let mut commands = vec![
        format!("gcloud compute health-checks create http {name}-ready {at} --project={project} --use-serving-port --request-path=/READY"),
        format!(
            "gcloud compute backend-services create {name} {at} --project={project} --load-balancing-scheme={scheme} --protocol=HTTP \
             --health-checks={name}-ready --enable-logging --logging-sample-rate=1.0"
        ),
    ];
    let ours = |group: &&Group| route.target.groups.contains(&group.name);
    let groups = seen.balancing.groups.iter().filter(ours).filter_map(|group| match &group.place {
        Place::Zone(zone) => Some((group.name.as_str(), zone.as_str())),
        Place::Global | Place::Region(_) => None,
    });
    let adding = groups.map(|(group, zone)| added(&name, &at, &project, group, zone));
    let before = commands.len();
    commands.extend(adding);
    if commands.len() == before {
        commands.push(added(&name, &at, &project, "GROUP", "ZONE"));
    }
    let service = route.target.workload.service.as_ref().map_or("SERVICE", |service| service.as_str());
    let namespace = route.target.workload.namespace.value().unwrap_or("NAMESPACE");
    if route.target.groups.is_empty() {
        let annotation = format!("cloud.google.com/neg={{\"exposed_ports\":{{\"80\":{{\"name\":\"{}-neg\"}}}}}}", plain(&name));
        let (service, namespace, annotation) = (shell(service), shell(namespace), shell(&annotation));
        commands.insert(0, format!("kubectl annotate service {service} --namespace={namespace} {annotation}"));
    }
    let what = format!("No backend service leads to pods for {}. Make one, and put its name into the plan:", place(route.split));
    Missing { what, commands }
}

/// All but the group and its zone is fit for a shell already.
fn added(service: &str, at: &str, project: &str, group: &str, zone: &str) -> String {
    let (group, zone) = (shell(group), shell(zone));
    format!(
        "gcloud compute backend-services add-backend {service} {at} --project={project} --network-endpoint-group={group} \
         --network-endpoint-group-zone={zone} --balancing-mode=RATE --max-rate-per-endpoint=100"
    )
}

/// A place without a split, or whose answers don't say who gave them.
fn split_or_marks(seen: Seen<'_>, draft: &Draft<'_>, route: &Route<'_>) -> Option<Missing> {
    let Route { split, home, target, .. } = route;
    let at = place(split);
    if !split.is_weighted {
        let name = target.name.value().unwrap_or("BACKEND-SERVICE");
        let what = format!(
            "{at} leads to {} alone, without weights. With a split of 1000 to 0 nobody notices anything, and answers say in x-served-by who gave them:",
            home.leg.service.name
        );
        // What a program finds a default by, no rule has.
        let commands = if split.rule.is_some() { edit_by_hand(seen, draft) } else { edited(seen, draft, &first_split(route, name)) };
        return Some(Missing { what, commands });
    }
    let is_unmarked = |id: &str, leg: &Leg| leg.mark.as_ref().is_none_or(|mark| mark.as_str() != id);
    let run = is_unmarked(&home.id, home.leg);
    let gke = target.leg.is_none_or(|leg| is_unmarked(&target.id, leg));
    if !run && !gke {
        return None;
    }
    let Some(leg) = target.leg else {
        let name = target.name.value().unwrap_or("BACKEND-SERVICE");
        let what = format!(
            "{at} has no entry for {name}. Add one below weightedBackendServices, so that its answers say who gave them: {{backendService: (the link \
             of {}, ending in {name}), weight: 0, headerAction: {{responseHeadersToAdd: [{{headerName: x-served-by, headerValue: {}, replace: true}}]}}}}",
            home.leg.service.name, target.id
        );
        return Some(Missing { what, commands: edit_by_hand(seen, draft) });
    };
    let marks: Vec<(&str, &str)> = [(run, home.leg, &home.id), (gke, leg, &target.id)]
        .into_iter()
        .filter(|(is_missing, ..)| *is_missing)
        .map(|(_, leg, id)| (leg.service.name.as_str(), id.as_str()))
        .collect();
    let names: Vec<&str> = marks.iter().map(|(name, _)| *name).collect();
    let what = format!(
        "answers through {at} don't say in x-served-by who gave them ({}). Without that nobody sees what users really meet:",
        names.join(", ")
    );
    // A header action that is there already is somebody's; a second one beside it would be none.
    let edits = [(run, home.leg), (gke, leg)].into_iter().any(|(is_missing, leg)| is_missing && leg.edits_headers);
    let commands = if edits { edit_by_hand(seen, draft) } else { edited(seen, draft, &stamped(&marks)) };
    Some(Missing { what, commands })
}

/// The map as it is, through a program that changes one thing, and back.
fn edited(seen: Seen<'_>, draft: &Draft<'_>, program: &str) -> Vec<String> {
    let at = map_at(seen, draft);
    vec![
        format!("gcloud compute url-maps export {at} | awk '{program}' >edited.yaml"),
        format!("gcloud compute url-maps export {at} | diff - edited.yaml"),
        format!("gcloud compute url-maps import {at} --source=edited.yaml"),
    ]
}

/// The same with a person in the program's place.
fn edit_by_hand(seen: Seen<'_>, draft: &Draft<'_>) -> Vec<String> {
    let at = map_at(seen, draft);
    vec![
        format!("gcloud compute url-maps export {at} --destination=edited.yaml  # then edit the file"),
        format!("gcloud compute url-maps import {at} --source=edited.yaml"),
    ]
}

/// The map for the vendor's command line.
fn map_at(seen: Seen<'_>, draft: &Draft<'_>) -> String {
    format!("{} {} --project={}", shell(draft.map.name.as_str()), scope(&draft.map.region), shell(seen.project))
}

/// A program for `awk` that gives entries a header, where they have no header action of their own. In an export the keys of a mapping stand in
/// the order of the alphabet, so such an action would stand right below the entry's first line.
fn stamped(marks: &[(&str, &str)]) -> String {
    let entries: String = marks
        .iter()
        .map(|(service, id)| {
            format!(
                "/- backendService:.*\\/{}$/{{q=substr(\"                \",1,index($0,\"b\")-1);m=\"{}\"}} ",
                plain(service),
                plain(id)
            )
        })
        .collect();
    format!(
        "function h(){{print q\"headerAction:\";print q\"  responseHeadersToAdd:\";print q\"  - headerName: x-served-by\";print q\"    headerValue: \"m;\
         print q\"    replace: true\"}} q!=\"\"{{if(!/headerAction:/)h();q=\"\"}} {{print}} {entries}END{{if(q!=\"\")h()}}"
    )
}

/// A program that makes a split of a single service, both ends marked.
fn first_split(route: &Route<'_>, target: &str) -> String {
    let (home, from) = (&route.home, plain(route.home.leg.service.name.as_str()));
    // The default of a matcher stands one step further in, as the first key of its entry.
    let (line, dash) = match &route.split.matcher {
        None => ("^defaultService:", ""),
        Some(_) => ("^- defaultService:", "- "),
    };
    let indent = " ".repeat(dash.len());
    let entry = |link: &str, id: &str, weight: u32| {
        format!(
            "print \"{indent}  - backendService: \"{link};print \"{indent}    headerAction:\";print \"{indent}      responseHeadersToAdd:\";\
             print \"{indent}      - headerName: x-served-by\";print \"{indent}        headerValue: {}\";print \"{indent}        replace: true\";\
             print \"{indent}    weight: {weight}\";",
            plain(id)
        )
    };
    format!(
        "/{line}.*\\/{from}$/{{u=$NF;v=u;sub(/[^\\/]*$/,\"{}\",v);print \"{dash}defaultRouteAction:\";print \"{indent}  weightedBackendServices:\";\
         {}{}next}} {{print}}",
        plain(target),
        entry("u", &home.id, 1000),
        entry("v", &route.target.id, 0)
    )
}

/// What of a name can stand in a pattern and in quotes, single ones and double ones; all of a name that the vendor gives.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_ascii_alphanumeric() || "-_.".contains(*character)).collect()
}

/// What is set otherwise than a split by weight needs it.
fn of_service(seen: Seen<'_>, service: &BackendService) -> Vec<Missing> {
    let BackendService { name, region, scheme, logs, affinity, .. } = service;
    let at = format!("{} {} --project={}", shell(name.as_str()), scope(region), shell(seen.project));
    let update = |flags: &str| format!("gcloud compute backend-services update {at} {flags}");
    let mut found = Vec::new();
    if !WEIGHTED.contains(&scheme.as_str()) {
        let states = ["PREPARE", "TEST_ALL_TRAFFIC"].map(|state| update(&format!("--external-managed-migration-state={state}")));
        found.push(Missing {
            what: format!(
                "{name} belongs to a load balancer of the scheme {scheme}, which takes no weights. A classic one is moved step by step, some minutes \
                 apart, every backend service and then every forwarding rule of the map:"
            ),
            commands: states.into_iter().chain([update("--load-balancing-scheme=EXTERNAL_MANAGED")]).collect(),
        });
    }
    if !logs {
        found.push(Missing {
            what: format!("{name} writes no logs, so nobody could look up afterwards which requests failed:"),
            commands: vec![update("--enable-logging --logging-sample-rate=1.0")],
        });
    }
    if affinity.as_str() != "NONE" {
        found.push(Missing {
            what: format!(
                "{name} binds users to backends ({affinity}); a split by weight goes before that, and the setting only misleads:"
            ),
            commands: vec![update("--session-affinity=NONE")],
        });
    }
    found
}

/// Groups of the workload, in some zone, that the backend service does not use.
fn unused_groups(seen: Seen<'_>, route: &Route<'_>) -> Option<Missing> {
    let service = route.target.service?;
    let name = shell(service.name.as_str());
    let used = |group: &Group| service.groups.iter().any(|link| link.name == group.name && link.place == group.place);
    let ours = seen.balancing.groups.iter().filter(|group| route.target.groups.contains(&group.name) && !used(group));
    let commands: Vec<String> = ours
        .filter_map(|group| match &group.place {
            Place::Zone(zone) => Some(added(&name, &scope(&service.region), &shell(seen.project), group.name.as_str(), zone.as_str())),
            Place::Global | Place::Region(_) => None,
        })
        .collect();
    let what = format!("{} lacks groups of the workload, so pods in their zones get nothing:", service.name);
    (!commands.is_empty()).then_some(Missing { what, commands })
}

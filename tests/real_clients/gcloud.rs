//! The real `gcloud`, by the very commands that `cutover sim` prints.

use cutover::{
    adapter::{
        address::AddressStep,
        gke_cluster::GkeClusterStep,
        google_auth::Token,
        http::{Client, Origin, Reach},
    },
    domain::{
        by_hand::{Leg, Lever, command},
        cluster::{Autoscaling, ReleaseChannel, WantedCluster},
        position::{MapRule, Matcher, Position},
        secret::Secret,
        standing::{Act, Standing},
        weight::PerMille,
    },
    port::Reconciler,
};

use crate::{Folder, done, is_here, shell, simulation::Simulation};

/// The world's seconds in a real one: `gcloud` polls once a second, so a faster world keeps it waiting less.
const SPEED: u32 = 20;

#[test]
fn gcloud_takes_every_command_that_is_printed_for_it() {
    if !is_here("gcloud", "its view of Cloud Run, the URL map and Cloud SQL was not checked") {
        return;
    }
    let simulation = Simulation::start(SPEED);
    let environment = simulation.environment("ana");
    simulation.pasted(
        &environment,
        "look, and move the split inside Cloud Run",
        &[
            ("gcloud run services list", "frontend"),
            ("gcloud run services describe frontend", "100% "),
            ("gcloud run revisions list", "frontend-00041-kaz"),
            ("gcloud run services update-traffic frontend", "10% "),
        ],
    );
    simulation.pasted(
        &environment,
        "look at the route",
        &[
            ("gcloud compute url-maps list", "hexproperty-lb"),
            ("gcloud compute url-maps describe", "weight: 1000"),
            ("gcloud compute url-maps import", "done."),
            ("gcloud compute backend-services get-health", "healthState: HEALTHY"),
            ("gcloud compute network-endpoint-groups list", "frontend-gke-neg"),
        ],
    );
    simulation.pasted(
        &environment,
        "the database",
        &[
            ("gcloud sql instances list", "hexproperty-replica"),
            ("gcloud sql instances describe", "instanceType: READ_REPLICA_INSTANCE"),
            ("gcloud sql backups create", "Backing up Cloud SQL instance"),
            ("gcloud sql backups list", "SUCCESSFUL"),
            ("gcloud sql instances patch", "Updated ["),
            ("gcloud sql instances create", "hexproperty-dr"),
            ("gcloud sql operations list", "BACKUP_VOLUME"),
            ("gcloud sql instances delete", "Deleted ["),
        ],
    );
}

/// The commands that are printed, and the seed's own, whose cluster is there already.
#[test]
fn gcloud_makes_the_second_platform_and_is_told_what_is_there() {
    if !is_here("gcloud", "its view of clusters and addresses was not checked") {
        return;
    }
    let simulation = Simulation::start(SPEED * 10);
    let environment = simulation.environment("ana");
    simulation.pasted(
        &environment,
        "the second platform",
        &[
            ("gcloud container clusters create hexproperty-blue", "RUNNING"),
            ("gcloud container clusters list", "hexproperty-blue"),
            ("gcloud container operations list", "CREATE_CLUSTER"),
            ("gcloud compute addresses create", "Created [http"),
            ("gcloud compute addresses describe", "status: RESERVED"),
        ],
    );
    let seed = "gcloud container clusters create hexproperty-prod --num-nodes=3 --machine-type=e2-standard-2 --region=us-central1 \
                --enable-autoscaling --min-nodes=3 --max-nodes=6";
    let folder = Folder::new();
    let printed = done(shell(&folder.0, &format!("{environment}\n{seed} 2>&1 || echo \"ended with $?\"\n")));
    let taken = "code=409, message=Already exists: projects/hexproperty/locations/us-central1/clusters/hexproperty-prod";
    assert!(printed.contains(taken) && printed.contains("ended with 1"), "{printed}");
}

/// What each step of the platform says by hand, in a shell, and the step that finds it done.
#[test]
fn the_commands_by_hand_of_the_platforms_steps_do_what_the_steps_want() {
    if !is_here("gcloud", "the commands by hand of clusters and addresses were not run") {
        return;
    }
    let simulation = Simulation::start(SPEED * 10);
    let google = || {
        let origin = Origin::new(&format!("http://{}", simulation.addresses[0]), Reach::Loopback).unwrap();
        Client::new(origin, Token::Static(Secret::new("ana"))).unwrap()
    };
    let wanted = WantedCluster {
        name: "hexproperty-green".into(),
        location: "us-central1".into(),
        zones: vec!["us-central1-a".into(), "us-central1-b".into()],
        machine_type: "e2-standard-4".into(),
        nodes_per_zone: 2,
        autoscaling: Some(Autoscaling::InAll { min: 2, max: 8 }),
        channel: Some(ReleaseChannel::Stable),
        workload_pool: Some("hexproperty.svc.id.goog".into()),
        node_price: None,
    };
    let steps: [Box<dyn Reconciler>; 2] = [
        Box::new(GkeClusterStep::new("hexproperty".to_owned(), wanted, google())),
        Box::new(AddressStep::new("hexproperty".to_owned(), "hexproperty-green".to_owned(), Some("us-central1".to_owned()), google())),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let look = |step: &dyn Reconciler| runtime.block_on(step.look()).unwrap();
    for step in &steps {
        assert!(matches!(look(&**step), Standing::Apart { .. }));
        let folder = Folder::new();
        let by_hand = step.by_hand(Act::Run).unwrap();
        done(shell(&folder.0, &format!("{}\n{by_hand}\n", simulation.environment("ana"))));
        let standing = look(&**step);
        assert!(matches!(standing, Standing::Reached { .. }), "{by_hand}: {standing:?}");
    }
}

/// What `cutover init` says is missing, the commands that it prints bring about: marks that somebody has taken away, a split that never was.
#[test]
fn what_init_misses_its_own_commands_mend() {
    if !is_here("gcloud", "the commands that `cutover init` prints were not run") {
        return;
    }
    let (simulation, port) = Simulation::in_a_row();
    let folder = Folder::new();
    let link = "https://www.googleapis.com/compute/v1/projects/hexproperty/global/backendServices/frontend-run";
    let map = "hexproperty-lb --global";
    let init = format!("'{}' init --simulated={port}", env!("CARGO_BIN_EXE_cutover"));
    let spoilt = [
        "1,/^description:/{/headerAction:/,/replace: true/d}".to_owned(),
        format!("/^defaultRouteAction:/,/^    weight: 0$/c\\defaultService: {link}"),
    ];
    for (spoil, missing) in spoilt.iter().zip(["don't say in x-served-by who gave them", "leads to frontend-run alone, without weights"]) {
        let script = format!(
            "{}\ngcloud compute url-maps export {map} | sed '{spoil}' | gcloud compute url-maps import {map}\n\
             {init} >plan.yaml 2>said\ncat said\n\
             grep '^  gcloud' said >mend.sh && sh mend.sh\n\
             echo '<<<mended>>>'\n{init} | tail -n 1\ngcloud compute url-maps describe {map}\n",
            simulation.environment("ana")
        );
        let printed = done(shell(&folder.0, &script));
        let (before, after) = printed.split_once("<<<mended>>>").unwrap();
        assert!(before.contains(missing), "{spoil}: {printed}");
        assert!(after.contains("Nothing that a list of the project shows is missing"), "{spoil}: {printed}");
        assert!(after.contains("headerValue: frontend-gke") && after.contains("weight: 1000"), "{spoil}: {after}");
    }
}

/// The command that every face shows when a rollback does not come, in a shell, with a stranger and a twin in the split.
#[test]
fn the_command_by_hand_brings_a_route_home_as_it_is_printed() {
    if !is_here("gcloud", "the commands by hand were not run") {
        return;
    }
    let leg = |name, share| Leg { name, share };
    let home = [leg("frontend-run", PerMille::ALL), leg("frontend-gke", PerMille::ZERO)];
    let url_map =
        command(Lever::UrlMap { project: "hexproperty", region: None, url_map: "hexproperty-lb", position: &Position::Default }, &home);
    let old = [leg("frontend-00041-kaz", PerMille::ALL), leg("frontend-00042-bim", PerMille::ZERO)];
    let revisions = Lever::CloudRunRevisions { project: "hexproperty", region: "us-central1", service: "frontend" };
    let revisions = command(revisions, &old);
    let simulation = Simulation::start(SPEED);
    let folder = Folder::new();
    let entry = "  - backendService: https://www.googleapis.com/compute/v1/projects/hexproperty/global/backendServices";
    let script = format!(
        "{}\ngcloud compute url-maps export hexproperty-lb --global --destination=route.yaml\n\
         sed -i 's/weight: 1000/weight: 300/; s/weight: 0$/weight: 200/; \
         s|^  weightedBackendServices:|&\\n{entry}/frontend-hotfix\\n    weight: 400\\n{entry}/frontend-gke\\n    weight: 100|' route.yaml\n\
         gcloud compute url-maps import hexproperty-lb --global --source=route.yaml --quiet\n\
         echo '<<<away>>>'\n{DESCRIBE}\n{url_map}\necho '<<<home>>>'\n{DESCRIBE}\n{revisions}\n",
        simulation.environment("ana")
    );
    let printed = done(shell(&folder.0, &script));
    let part = |from: &str, to: &str| printed.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    let away = part("<<<away>>>", "<<<home>>>");
    assert!(away.contains("frontend-hotfix=400") && away.contains("frontend-gke=200"), "{away}");
    let home = part("<<<home>>>", "\n\n");
    assert!(
        home.contains("frontend-run=1000") && !home.contains("gke=1") && !home.contains("gke=2") && home.contains("hotfix=0"),
        "{home}"
    );
    let split = printed.split("Traffic:").nth(1).unwrap_or_default().lines().nth(1).unwrap_or_default();
    assert!(split.contains("100%") && split.contains("frontend-00041-kaz"), "{printed}");
}

/// The same for a service that has a path matcher of its own in a map that others share: by the matcher's name, and by its host.
#[test]
fn the_command_by_hand_of_a_matcher_brings_that_one_home_and_nothing_else() {
    if !is_here("gcloud", "the commands by hand of path matchers were not run") {
        return;
    }
    let simulation = Simulation::start(SPEED);
    let folder = Folder::new();
    let positions = [Position::PathMatcher { name: "backend".into() }, Position::Host { host: "partners.hexproperty.com".into() }];
    let home = |position, legs: [&str; 2]| {
        let legs = [Leg { name: legs[0], share: PerMille::ALL }, Leg { name: legs[1], share: PerMille::ZERO }];
        command(Lever::UrlMap { project: "hexproperty", region: None, url_map: "hexproperty-lb", position }, &legs)
    };
    let (backend, api) = (home(&positions[0], ["backend-run", "backend-gke"]), home(&positions[1], ["api-run", "api-gke"]));
    let script = format!(
        "{}\n{SHOW} > first\ngcloud compute url-maps export hexproperty-lb --global --destination=route.yaml\n\
         sed -i 's/weight: 1000/weight: 300/; s/weight: 0$/weight: 700/' route.yaml\n\
         gcloud compute url-maps import hexproperty-lb --global --source=route.yaml --quiet\n{SHOW} > away\n\
         {backend}\n{SHOW} > one\n{api}\n{SHOW} > two\necho '<<<'; paste -d' ' first away one two\n",
        simulation.environment("ana")
    );
    let printed = done(shell(&folder.0, &script));
    let shown = printed.rsplit("<<<\n").next().unwrap_or_default();
    for line in [
        "frontend-run=1000 frontend-run=300 frontend-run=300 frontend-run=300",
        "frontend-gke=0 frontend-gke=700 frontend-gke=700 frontend-gke=700",
        "backend-run=1000 backend-run=300 backend-run=1000 backend-run=1000",
        "backend-gke=0 backend-gke=700 backend-gke=0 backend-gke=0",
        "api-run=1000 api-run=300 api-run=300 api-run=1000",
        "api-gke=0 api-gke=700 api-gke=700 api-gke=0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let rest = shown.lines().last().unwrap_or_default().split(' ').collect::<std::collections::BTreeSet<_>>();
    assert_eq!(rest.len(), 1, "all but the weights is as it was: {shown}");
}

/// The same for splits in rules of a matcher: a route rule by its priority, a path rule by one of its paths.
#[test]
fn the_command_by_hand_of_a_rule_brings_that_one_home_and_nothing_else() {
    if !is_here("gcloud", "the commands by hand of rules were not run") {
        return;
    }
    let simulation = Simulation::start(SPEED);
    let folder = Folder::new();
    let route = Position::Rule { of: Matcher::Name { name: "backend".into() }, rule: MapRule::Route { priority: 20 } };
    let path =
        Position::Rule { of: Matcher::Host { host: "partners.hexproperty.com".into() }, rule: MapRule::Path { path: "/v2/*".into() } };
    let home = |position, legs: [&str; 2]| {
        let legs = [Leg { name: legs[0], share: PerMille::ALL }, Leg { name: legs[1], share: PerMille::ZERO }];
        command(Lever::UrlMap { project: "hexproperty", region: None, url_map: "hexproperty-lb", position }, &legs)
    };
    let (backend, api) = (home(&route, ["backend-run", "backend-gke"]), home(&path, ["api-run", "api-gke"]));
    let script = format!(
        "{}\ngcloud compute url-maps describe hexproperty-lb --global --format=json | python3 -c '{RULED}' >ruled.yaml\n\
         gcloud compute url-maps import hexproperty-lb --global --source=ruled.yaml --quiet\n{SHOW} > away\n\
         {backend}\n{SHOW} > one\n{api}\n{SHOW} > two\necho '<<<'; paste -d' ' away one two\n",
        simulation.environment("ana")
    );
    let printed = done(shell(&folder.0, &script));
    let shown = printed.rsplit("<<<\n").next().unwrap_or_default();
    for line in [
        "backend-run=300 backend-run=1000 backend-run=1000",
        "backend-gke=700 backend-gke=0 backend-gke=0",
        "api-run=300 api-run=300 api-run=1000",
        "api-gke=700 api-gke=700 api-gke=0",
        "frontend-run=1000 frontend-run=1000 frontend-run=1000",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let rest = shown.lines().last().unwrap_or_default().split(' ').collect::<std::collections::BTreeSet<_>>();
    assert_eq!(rest.len(), 1, "all but the weights is as it was: {shown}");
}

/// The map with the splits of two matchers in rules, away from home; JSON is YAML too.
const RULED: &str = "import json, sys\n\
found = json.load(sys.stdin)\n\
found.pop(\"id\")\n\
for part in found[\"pathMatchers\"]:\n    \
    if part[\"name\"] not in (\"backend\", \"api\"): continue\n    \
    action = part.pop(\"defaultRouteAction\")\n    \
    action.pop(\"timeout\", None)\n    \
    for entry, weight in zip(action[\"weightedBackendServices\"], (300, 700)): entry[\"weight\"] = weight\n    \
    part[\"defaultService\"] = action[\"weightedBackendServices\"][0][\"backendService\"].rsplit(\"/\", 1)[0] + \"/docs\"\n    \
    if part[\"name\"] == \"backend\": part[\"routeRules\"] = [{\"description\": \"everybody\", \"priority\": 20, \
\"matchRules\": [{\"prefixMatch\": \"/\"}], \"routeAction\": action}]\n    \
    if part[\"name\"] == \"api\": part[\"pathRules\"] = [{\"paths\": [\"/v2\", \"/v2/*\"], \"routeAction\": action}]\n\
json.dump(found, sys.stdout)";

/// Each entry of every split with its weight, and a sum of what else there is but weights.
const SHOW: &str = "gcloud compute url-maps describe hexproperty-lb --global --format=json | python3 -c 'import hashlib, json, sys\n\
found = json.load(sys.stdin)\n\
found.pop(\"fingerprint\")\n\
parts = [found] + found[\"pathMatchers\"]\n\
for part in parts + [rule for part in parts for rule in part.get(\"pathRules\", []) + part.get(\"routeRules\", [])]:\n    \
for entry in part.get(\"defaultRouteAction\", part.get(\"routeAction\", {})).get(\"weightedBackendServices\", []):\n        \
print(entry[\"backendService\"].rsplit(\"/\", 1)[1] + \"=\" + str(entry.pop(\"weight\", 0)))\n\
print(hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12])'";

/// Each entry of the split with its weight.
const DESCRIBE: &str = "gcloud compute url-maps describe hexproperty-lb --global --format=json | python3 -c 'import json, sys\n\
for entry in json.load(sys.stdin)[\"defaultRouteAction\"][\"weightedBackendServices\"]: \
print(entry[\"backendService\"].rsplit(\"/\", 1)[1] + \"=\" + str(entry[\"weight\"]))'";

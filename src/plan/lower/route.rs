//! Routes and their backends.

use crate::{
    domain::{http_route::RefKind, id::BackendId, platform::Platform, shown::Shown, time::Millis},
    plan::{
        lower::{
            address,
            declared::{self, Declared},
            expect::{self, Asked},
            http_route,
            ladder::{self, Ladder},
            map_part,
            name::{self, Names},
            readings::{self, Behind, Told},
            series::{self, AskedSoFar, Pages, Telling},
            some_share, span_within,
        },
        model::{
            Backend, Driver, Route, UnlikeHome, WorkloadRef,
            readings::{Feed, Readings},
        },
        reader::{self, At, Fields, Problems},
    },
};

const KEYS: &[&str] =
    &["name", "title", "driver", "front_door", "backends", "home", "target", "ladder", "step_max", "settle", "unlike_home"];

pub(super) fn routes(problems: &mut Problems, at: &At<'_>, declared: &Declared<'_>) -> Option<Vec<Route>> {
    let mut names = Named { routes: Names::new("route"), backends: Names::new("backend") };
    let mut asked = Addresses::default();
    let entries = reader::list(problems, at, "routes")?;
    let mut found = Vec::new();
    for entry in &entries {
        asked.next_route();
        found.push(route(problems, &mut names, &mut asked, entry.clone(), declared));
    }
    if let Some(project) = &declared.project {
        found.iter_mut().flatten().for_each(|route: &mut Route| route.of_project(project));
    }
    for (place, (route, entry)) in found.iter().zip(&entries).enumerate() {
        let Some(route) = route else { continue };
        let shares = |earlier: &&Route| earlier.driver.collides(&route.driver);
        if let Some(earlier) = found[..place].iter().flatten().find(shares) {
            let message = match &route.driver {
                Driver::HttpRoute(_) => {
                    format!("route `{}` steers the same HTTPRoute as route `{}`, and who steers it stands there once", route.id, earlier.id)
                }
                Driver::UrlMap(_) | Driver::CloudRunRevisions { .. } => {
                    format!("route `{}` moves the same weights as route `{}`", route.id, earlier.id)
                }
            };
            let allowed = "one route for each default route, path matcher or rule of a URL map, Cloud Run service, or HTTPRoute";
            problems.at(entry, message).allowed(allowed).error();
        }
    }
    if let Some(project) = &declared.project {
        found.iter_mut().flatten().for_each(|route| route.tell_projects(project));
    }
    found.into_iter().collect()
}

/// Names that are taken. What is known of a backend is known by its name alone, so it is its own in the whole plan.
struct Named {
    routes: Names,
    backends: Names,
}

/// Which addresses of backends are asked so far. One that two backends share tells of neither.
#[derive(Default)]
struct Addresses {
    route: usize,
    known: Vec<Address>,
}

struct Address {
    route: usize,
    key: &'static str,
    url: Shown,
    backend: Option<BackendId>,
}

impl Addresses {
    fn next_route(&mut self) {
        self.route += 1;
    }

    /// Notes that the address at `at` is another backend's already. Two routes may lead to one workload, so between routes it is only a warning.
    fn take(&mut self, problems: &mut Problems, at: &At<'_>, key: &'static str, url: &Shown, backend: Option<&BackendId>) {
        let same = self.known.iter().filter(|known| known.key == key && known.url == *url);
        if let Some(earlier) = same.max_by_key(|known| known.route) {
            let other = earlier.backend.as_ref().map_or_else(|| "another backend".to_owned(), |id| format!("backend `{id}`"));
            match earlier.route == self.route {
                true => {
                    let message = format!("`{key}` is the address of {other} too; what is seen there would count for both");
                    problems.at(at, message).allowed("an address of its own for each backend of a route").error();
                }
                false => {
                    let message = format!("`{key}` is the address of {other} of another route too; what is seen there counts for both");
                    problems
                        .at(at, message)
                        .help("give each route's backend an address of its own, if they are not one workload")
                        .warning();
                }
            }
        }
        self.known.push(Address { route: self.route, key, url: url.clone(), backend: backend.cloned() });
    }
}

fn route(problems: &mut Problems, names: &mut Named, addresses: &mut Addresses, at: At<'_>, declared: &Declared<'_>) -> Option<Route> {
    let fields = Fields::open(problems, at, KEYS)?;
    let id = fields.required(problems, "name", "frontend").and_then(|at| names.routes.take(problems, &at));
    let title = fields.required(problems, "title", "Web frontend").and_then(|at| reader::title(problems, &at));
    let driver = fields.required(problems, "driver", "{ url_map: my-load-balancer }").and_then(|at| driver(problems, at));
    let front_door = asked(problems, &fields, "front_door");
    if front_door == Some(None) {
        let message = "without `front_door` nobody sees which backend really answers; only what the API says will be shown";
        problems.at(fields.at(), message).help("add `front_door: https://www.example.com`").warning();
    }
    let targets = &mut Names::new("backend with a target");
    let mut taken = Taken { names: &mut names.backends, targets, addresses, asked: Vec::new(), fed: AskedSoFar::default(), declared };
    let backends = fields.required(problems, "backends", "[…]").and_then(|at| backends(problems, &mut taken, &at, driver.as_ref()));
    let known: Vec<&str> = declared::backends_of(fields.at().node).iter().map(|backend| backend.name).collect();
    let home_at = fields.required(problems, "home", "run");
    let target_at = fields.required(problems, "target", "gke");
    let end = |problems: &mut Problems, at: &Option<At<'_>>| -> Option<BackendId> {
        at.as_ref().and_then(|at| name::reference(problems, at, "backend of this route", &known))
    };
    let (home, target) = (end(problems, &home_at), end(problems, &target_at));
    if let (Some(home), Some(target), Some(at)) = (&home, &target, &target_at)
        && home == target
    {
        let message = format!("`{target}` is home already; the route would lead nowhere");
        problems.at(at, message).allowed("`home` and `target` that differ").error();
    }
    let ladder_at = fields.required(problems, "ladder", "[1%, 5%, 25%, 50%, 100%]");
    let ladder = ladder_at.as_ref().and_then(|at| ladder::ladder(problems, at, driver.as_ref(), &declared.items));
    let step_max_at = fields.required(problems, "step_max", "50%");
    let step_max = step_max_at.as_ref().and_then(|at| some_share(problems, at));
    if let (Some(ladder), Some(step_max), Some(at)) = (&ladder, step_max, &step_max_at) {
        ladder::steep_rungs(problems, at, &ladder.rungs, step_max);
    }
    if let (Some(ladder), Some(at)) = (&ladder, &ladder_at) {
        ladder::first_rung(problems, at, &ladder.rungs);
    }
    let unlike_home = match fields.optional(problems, "unlike_home") {
        Some(at) => expect::unlike_home(problems, at),
        None => Some(UnlikeHome::default()),
    };
    let settle = fields.required(problems, "settle", "2m");
    let settle = settle.and_then(|at| span_within(problems, &at, Millis::from_secs(1), Millis::from_mins(30)));
    let Ladder { rungs, gates } = ladder?;
    Some(Route {
        id: id?,
        title: title?,
        driver: driver?,
        backends: home_first(backends?, home.as_ref()),
        home: home?,
        target: target?,
        gates,
        ladder: rungs,
        step_max: step_max?,
        settle: settle?,
        front_door: front_door.clone()?.map(|asked| asked.url),
        expect: front_door?.and_then(|asked| asked.expect),
        unlike_home: unlike_home?,
    })
}

/// An address that may be left out.
fn asked(problems: &mut Problems, fields: &Fields<'_>, key: &'static str) -> Option<Option<Asked>> {
    match fields.optional(problems, key) {
        Some(at) => expect::asked(problems, at).map(Some),
        None => Some(None),
    }
}

fn home_first(mut backends: Vec<Backend>, home: Option<&BackendId>) -> Vec<Backend> {
    // A stable sort: all others keep the plan's order.
    backends.sort_by_key(|backend| Some(&backend.id) != home);
    backends
}

const DRIVER_KEYS: &[&str] = &[
    "url_map",
    "cloud_run_revisions",
    "http_route",
    "path_matcher",
    "host",
    "route_rule",
    "path_rule",
    "region",
    "project",
    "namespace",
    "cluster",
    "rule",
    "shared_with",
];
const DRIVERS: [&str; 3] = ["url_map", "cloud_run_revisions", "http_route"];

fn driver(problems: &mut Problems, at: At<'_>) -> Option<Driver> {
    let fields = Fields::open(problems, at, DRIVER_KEYS)?;
    let [url_map, service, http_route] = DRIVERS.map(|key| fields.optional(problems, key));
    match (url_map, service, http_route) {
        (Some(at), None, None) => {
            let allowed = "`url_map`, `region`, `project`, `path_matcher` or `host`, and `route_rule` or `path_rule`";
            others_words(problems, &fields, http_route::KEYS, "an HTTPRoute", allowed);
            map_part::part(problems, &fields, &at).map(Driver::UrlMap)
        }
        (None, Some(at), None) => {
            others_words(problems, &fields, map_part::PLACE_KEYS, "a URL map", "`cloud_run_revisions` alone");
            others_words(problems, &fields, map_part::WHERE_KEYS, "a URL map", "`cloud_run_revisions` alone");
            others_words(problems, &fields, http_route::KEYS, "an HTTPRoute", "`cloud_run_revisions` alone");
            Some(Driver::CloudRunRevisions { service: name::resource(problems, &at, name::RUN_SERVICE)? })
        }
        (None, None, Some(at)) => {
            others_words(
                problems,
                &fields,
                map_part::PLACE_KEYS,
                "a URL map",
                "`http_route`, `namespace`, `cluster`, `rule`, `shared_with`",
            );
            others_words(
                problems,
                &fields,
                map_part::WHERE_KEYS,
                "a URL map",
                "`clusters`, above the routes, where the cluster is not in the plan's project and region",
            );
            http_route::part(problems, &fields, &at).map(Driver::HttpRoute)
        }
        (None, None, None) => {
            problems.at(fields.at(), "the driver is missing").allowed(DRIVERS.join(" or ")).help("add `url_map: my-load-balancer`").error();
            None
        }
        _ => {
            problems.at(fields.at(), "a route has one driver, not several").allowed(DRIVERS.join(" or ")).error();
            None
        }
    }
}

/// Notes what only says something of another driver.
fn others_words(problems: &mut Problems, fields: &Fields<'_>, keys: &[&'static str], of: &str, allowed: &str) {
    for key in keys {
        if let Some(at) = fields.entry(key) {
            let message = format!("`{key}` says something of {of}, and this route has none");
            problems.at(&at, message).allowed(allowed).help("remove it").error();
        }
    }
}

fn backends(problems: &mut Problems, taken: &mut Taken<'_>, at: &At<'_>, driver: Option<&Driver>) -> Option<Vec<Backend>> {
    let entries = reader::list(problems, at, "backends")?;
    if entries.len() < 2 {
        problems.at(at, "a route with one backend can't be split").allowed("two backends or more").error();
    }
    let found: Vec<_> = entries.iter().map(|entry| backend(problems, taken, entry.clone(), driver)).collect();
    found.into_iter().collect()
}

/// What belongs to a backend already and to no other, and what all may refer to.
struct Taken<'a> {
    names: &'a mut Names,
    targets: &'a mut Names,
    addresses: &'a mut Addresses,
    /// What servers are asked for by this route's backends.
    asked: Vec<(BackendId, Readings)>,
    fed: AskedSoFar,
    declared: &'a Declared<'a>,
}

impl Taken<'_> {
    /// Notes where a backend asks for what another one asks for already: each would be judged by what both do.
    fn ask(&mut self, problems: &mut Problems, at: &At<'_>, id: &BackendId, readings: &Readings) {
        let same = |known: &&(BackendId, Readings)| known.1.source == readings.source && known.1.requests == readings.requests;
        if let Some((other, _)) = self.asked.iter().find(same) {
            let message = format!("this counts the same requests as backend `{other}`; each would be judged by what both do");
            problems.at(at, message).allowed("series of its own for each backend of a route").help("compare the labels").error();
        }
        self.asked.push((id.clone(), readings.clone()));
    }
}

/// Why a driver leads nobody to a platform.
fn astray(driver: Option<&Driver>, platform: Platform) -> Option<&'static str> {
    match (driver, platform) {
        (Some(Driver::CloudRunRevisions { .. }), Platform::Gke) => {
            Some("Cloud Run splits only between its own revisions; it can't send traffic to GKE")
        }
        (Some(Driver::HttpRoute(_)), Platform::CloudRun) => {
            Some("an HTTPRoute leads to Services of clusters; it can't send traffic to Cloud Run")
        }
        _ => None,
    }
}

const BACKEND_KEYS: &[&str] = &[
    "name",
    "title",
    "cloud_run",
    "gke",
    "backend_service",
    "project",
    "revision",
    "service",
    "service_import",
    "metrics",
    "readings",
    "series",
    "probe",
];

fn backend(problems: &mut Problems, taken: &mut Taken<'_>, at: At<'_>, driver: Option<&Driver>) -> Option<Backend> {
    let fields = Fields::open(problems, at, BACKEND_KEYS)?;
    let id: Option<BackendId> = fields.required(problems, "name", "run").and_then(|at| taken.names.take(problems, &at));
    let title = fields.required(problems, "title", "Cloud Run").and_then(|at| reader::title(problems, &at));
    let workload = workload(problems, &fields);
    let target = target(problems, taken.targets, &fields, driver);
    let project = project(problems, &fields, driver);
    let metrics_at = fields.optional(problems, "metrics");
    let metrics_url = match &metrics_at {
        Some(at) => address(problems, at).map(Some),
        None => Some(None),
    };
    let told = match fields.optional(problems, "readings") {
        Some(at) => {
            let (project, region, workload) = (taken.declared.project.as_ref(), taken.declared.region.as_ref(), workload.as_ref());
            let behind = Behind { project, region, driver, target: target.as_ref().map(|(name, _)| name), workload };
            readings::readings(problems, at, &taken.declared.sources, behind).map(Some)
        }
        None => Some(None),
    };
    if let (Some(_), Some(at)) = (&metrics_at, fields.entry("readings")) {
        let message = "figures of this backend come from its page already, and each has one source";
        problems.at(&at, message).allowed("`metrics` or `readings`").help("remove one of them").error();
    }
    if let (Some(at), Some(id), Some(Some(Told::By(readings)))) = (fields.entry("readings"), &id, &told) {
        taken.ask(problems, &at, id, readings);
    }
    let pages = if metrics_at.is_some() || matches!(told, Some(Some(Told::ByPods(_)))) { Pages::Read } else { Pages::NotRead };
    let fed = feeds(problems, taken, &fields, id.as_ref(), pages);
    let probe = asked(problems, &fields, "probe");
    let probe_at = fields.entry("probe");
    let probed = probe.as_ref().and_then(|asked| Some(&asked.as_ref()?.url));
    for (key, at, url) in [("metrics", &metrics_at, metrics_url.as_ref().and_then(Option::as_ref)), ("probe", &probe_at, probed)] {
        if let (Some(at), Some(url)) = (at, url) {
            taken.addresses.take(problems, at, key, url, id.as_ref());
        }
    }
    let workload = workload?;
    let platform = match &workload {
        WorkloadRef::CloudRunService { .. } => Platform::CloudRun,
        WorkloadRef::Deployment { .. } => Platform::Gke,
    };
    if let Some(message) = astray(driver, platform) {
        problems.at(fields.at(), message).help("use the driver `url_map` for a route between Cloud Run and GKE").error();
    }
    let (readings, pods) = match told? {
        Some(Told::By(readings)) => (Some(readings), None),
        Some(Told::ByPods(pods)) => (None, Some(pods)),
        None => (None, None),
    };
    let (target, ref_kind) = target?;
    Some(Backend {
        id: id?,
        title: title?,
        platform,
        target,
        project: project?,
        ref_kind,
        workload,
        metrics_url: metrics_url?,
        readings,
        pods,
        series: fed?,
        probe_url: probe.clone()?.map(|asked| asked.url),
        probe_expect: probe?.and_then(|asked| asked.expect),
    })
}

/// Where the backend tells what the plan declares.
fn feeds(problems: &mut Problems, taken: &mut Taken<'_>, fields: &Fields<'_>, id: Option<&BackendId>, pages: Pages) -> Option<Vec<Feed>> {
    let Some(at) = fields.optional(problems, "series") else { return if fields.has("series") { None } else { Some(Vec::new()) } };
    let telling = Telling { declared: &taken.declared.series, sources: &taken.declared.sources, pages };
    let feeds = series::feeds(problems, &at, telling)?;
    if let Some(id) = id {
        taken.fed.take(problems, &at, id, &feeds);
    }
    Some(feeds)
}

/// Whose a backend is, where it is another project's than the plan's.
fn project(problems: &mut Problems, fields: &Fields<'_>, driver: Option<&Driver>) -> Option<Option<Shown>> {
    let Some(at) = fields.optional(problems, "project") else { return (!fields.has("project")).then_some(None) };
    match driver {
        Some(Driver::UrlMap(_)) | None => name::project(problems, &at).map(Some),
        Some(Driver::CloudRunRevisions { .. } | Driver::HttpRoute(_)) => {
            let message = "`project` says whose a backend service is, and this route's driver has none";
            problems.at(&at, message).help("remove it; `clusters`, above the routes, says whose a cluster is").error();
            None
        }
    }
}

/// What each driver calls a backend by, and what it may look like.
const TARGETS: [(&str, &str); 4] = [
    ("backend_service", "frontend-gke"),
    ("revision", "frontend-00042-bim"),
    ("service", "frontend"),
    ("service_import", "frontend-cluster-2"),
];

/// What the driver calls this backend; of an HTTPRoute, with the kind of object that it names.
fn target(problems: &mut Problems, targets: &mut Names, fields: &Fields<'_>, driver: Option<&Driver>) -> Option<(Shown, Option<RefKind>)> {
    let own: &[&str] = match driver? {
        Driver::UrlMap(_) => &["backend_service"],
        Driver::CloudRunRevisions { .. } => &["revision"],
        Driver::HttpRoute(_) => &["service", "service_import"],
    };
    let quoted: Vec<String> = own.iter().map(|key| format!("`{key}`")).collect();
    for (other, _) in TARGETS.iter().filter(|(key, _)| !own.contains(key)) {
        if let Some(at) = fields.optional(problems, other) {
            problems.at(&at, format!("`{other}` means nothing to this route's driver")).allowed(quoted.join(" or ")).error();
        }
    }
    let written: Vec<&(&str, &str)> = TARGETS.iter().filter(|(key, _)| own.contains(key) && fields.has(key)).collect();
    if written.len() > 1 {
        problems.at(fields.at(), "an entry of an HTTPRoute names one object, not two").allowed(quoted.join(" or ")).error();
        return None;
    }
    let wanted = written.first().copied().or_else(|| TARGETS.iter().find(|(key, _)| own.contains(key)));
    let (wanted, example) = wanted?;
    let at = fields.required(problems, wanted, example)?;
    let (target, ref_kind) = match driver? {
        Driver::UrlMap(_) => (name::resource(problems, &at, name::BACKEND_SERVICE)?, None),
        Driver::CloudRunRevisions { .. } => (name::revision(problems, &at)?, None),
        Driver::HttpRoute(_) => {
            let kind = if *wanted == "service" { RefKind::Service } else { RefKind::ServiceImport };
            (name::resource(problems, &at, name::SERVICE)?, Some(kind))
        }
    };
    targets.take::<BackendId>(problems, &at)?;
    Some((target, ref_kind))
}

const DEPLOYMENT_KEYS: &[&str] = &["cluster", "namespace", "deployment"];

fn workload(problems: &mut Problems, fields: &Fields<'_>) -> Option<WorkloadRef> {
    let run = fields.optional(problems, "cloud_run");
    let gke = fields.optional(problems, "gke");
    match (run, gke) {
        (Some(at), None) => {
            let fields = Fields::open(problems, at, &["service"])?;
            let service = fields.required(problems, "service", "frontend")?;
            Some(WorkloadRef::CloudRunService { service: name::resource(problems, &service, name::RUN_SERVICE)? })
        }
        (None, Some(at)) => {
            let fields = Fields::open(problems, at, DEPLOYMENT_KEYS)?;
            let mut part = |key, example, grammar| {
                let at = fields.required(problems, key, example)?;
                name::resource(problems, &at, grammar)
            };
            let cluster = part("cluster", "my-cluster", name::CLUSTER);
            let namespace = part("namespace", "default", name::NAMESPACE);
            let deployment = part("deployment", "frontend", name::DEPLOYMENT);
            Some(WorkloadRef::Deployment { cluster: cluster?, namespace: namespace?, deployment: deployment? })
        }
        (Some(_), Some(_)) => {
            problems.at(fields.at(), "a backend is on one platform, not on two").allowed("`cloud_run` or `gke`").error();
            None
        }
        // What is written without a value is remarked on there.
        (None, None) if fields.has("cloud_run") || fields.has("gke") => None,
        (None, None) => {
            let example = "add `cloud_run: { service: frontend }` or `gke: { cluster: …, namespace: …, deployment: … }`";
            problems.at(fields.at(), "where this backend runs is missing").allowed("`cloud_run` or `gke`").help(example).error();
            None
        }
    }
}

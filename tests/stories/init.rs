//! From a project to a flight: `cutover init` looks at the simulated world, its questions are answered, and the plan flies.

use std::{collections::BTreeSet, path::Path, process::Command};

use cutover::{
    cli::{
        check::{check, finding::Id},
        compose::Places,
        init::{Made, Wish, discover},
    },
    plan::{self, diagnostic::Severity},
    sim::{
        faults::{Api, Fault, Trouble},
        simulation::{Config, Simulation},
    },
};

use crate::session::{Session, Sky, route_of, split};

const MINIMAL: &str = include_str!("../../plans/minimal.yaml");

async fn made(world: &Simulation) -> String {
    let places = Places::Simulated(*world.endpoints());
    let Made { text, .. } = discover("hexproperty", &places, Wish::default()).await.unwrap().unwrap();
    text
}

/// The plan's errors; those that a question leaves are the only ones that it may have.
fn errors(text: &str) -> Vec<String> {
    let problems = plan::read(text.as_bytes()).err().unwrap_or_default();
    problems.into_iter().filter(|problem| problem.severity == Severity::Error).map(|problem| problem.message).collect()
}

/// Takes the sign away before each proposed line that begins so, with other words where a test has better ones.
fn answered(text: &str, proposed: &str, answer: impl Fn(usize) -> String) -> String {
    let sought = format!("# {proposed}");
    let mut count = 0;
    let lines = text.lines().map(|line| match line.split_once(&sought) {
        Some((margin, "")) if margin.trim().is_empty() => {
            count += 1;
            format!("{margin}{}\n", answer(count - 1))
        }
        Some(_) | None => format!("{line}\n"),
    });
    let text: String = lines.collect();
    assert!(count > 0, "nothing was proposed as {proposed:?}:\n{text}");
    text
}

fn all_answered(text: &str) -> String {
    let services = ["frontend", "backend", "api"];
    let mut text =
        answered(text, "readings: { load_balancer: {} }", |at| format!("metrics: https://{}-gke.hexproperty.com/metrics", services[at]));
    text = answered(&text, "front_door: https://www.example.com/", |_| "front_door: https://api.hexproperty.com/".to_owned());
    for id in ["gke", "backend-gke", "api-gke"] {
        let proposed = format!("probe: https://{id}.example.com/health");
        text = answered(&text, &proposed, |_| proposed.clone());
    }
    for proposed in ["threshold: 5%", "threshold: 1000ms", "on_blind: rollback", "lag_max: 1s"] {
        text = answered(&text, proposed, |_| proposed.to_owned());
    }
    text
}

/// Whatever is proposed holds together: with every sign gone, there is no mistake left in it; nor with the other figures in the place of those that
/// they exclude, and with their source.
fn holds_together(text: &str) {
    let keys =
        ["front_door", "cluster", "namespace", "deployment", "backend_service", "readings", "probe", "threshold", "on_blind", "lag_max"];
    let proposed = |line: &str| {
        let margin = &line[..line.len() - line.trim_start().len()];
        let what = line.trim_start().strip_prefix("# ").filter(|what| keys.iter().any(|key| what.starts_with(&format!("{key}: "))));
        what.map_or_else(|| format!("{line}\n"), |what| format!("{margin}{what}\n"))
    };
    let taken: String = text.lines().map(proposed).collect();
    assert_eq!(errors(&taken), Vec::<String>::new(), "{taken}");
    let other = text.lines().filter(|line| !line.trim_start().starts_with("# readings: "));
    let other =
        other.map(|line| if line.trim_start().starts_with("## ") { format!("{}\n", line.replacen("## ", "", 1)) } else { proposed(line) });
    let other: String = other.collect();
    assert_eq!(errors(&other), Vec::<String>::new(), "{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_becomes_a_plan_that_is_refused_until_its_questions_are_answered_and_then_flies() {
    let world = Simulation::start(Config::default()).await.unwrap();
    let text = made(&world).await;
    // Lists that come in many pages are the same lists.
    world.control().with(|world| world.conditions.page_max = 1);
    assert_eq!(made(&world).await, text);
    world.stop().await;

    let wanted = [
        "url_map: hexproperty-lb",
        "path_matcher: backend",
        "path_matcher: api",
        "front_door: https://partners.hexproperty.com/",
        "service: frontend",
        "cluster: hexproperty-prod",
        "namespace: hexproperty",
        "deployment: frontend",
        "backend_service: api-gke",
        "primary: hexproperty-prod",
        "replicas: [hexproperty-replica]",
        "home: run",
        "target: backend-gke",
    ];
    for line in wanted {
        assert!(text.lines().any(|found| found.trim_start().starts_with(line)), "{line:?} is missing:\n{text}");
    }
    assert!(text.contains("Left out: path matcher docs: does not lead to Cloud Run (docs: App Engine)"), "{text}");
    assert!(text.contains("Managed Prometheus collects in the clusters hexproperty-next, hexproperty-prod"), "{text}");
    assert!(text.contains("Nothing that a list of the project shows is missing for a flight"), "{text}");
    let errors = errors(&text);
    let is_question = |error: &String| error.contains("is missing") || error.contains("blind for ever");
    assert!(errors.len() >= 13 && errors.iter().all(is_question), "{errors:#?}");
    let asked = text.lines().filter(|line| line.trim_start().starts_with("# DECIDE:")).count();
    // Three routes with a page of figures, a probe and four answers for two triggers each, where users come in, and the lag.
    assert_eq!(asked, 3 * 6 + 1 + 1, "{text}");
    // Each is told at its line, until it is answered.
    let told = |text: &str| {
        let file = std::env::temp_dir().join(format!("cutover-asked-{}.yaml", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let findings = check(&file, 100.0).findings;
        std::fs::remove_file(file).unwrap();
        let asked = findings.into_iter().filter(|finding| finding.id == Id::PlanUndecided);
        asked.map(|finding| finding.place.unwrap().line).collect::<Vec<_>>()
    };
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("# DECIDE:")).map(|(at, _)| at + 1);
    assert_eq!(told(&text), lines.collect::<Vec<_>>());

    holds_together(&text);
    let text: &'static str = all_answered(&text).leak();
    let (_, warnings) =
        plan::read(text.as_bytes()).unwrap_or_else(|problems| panic!("{}", plan::diagnostic::render_all(&problems, "made.yaml", text)));
    assert_eq!(warnings, []);
    assert_eq!(told(text), Vec::<usize>::new());
    let sky = Sky { text, plan: &[("settle: 10m", "settle: 45s")], ..Sky::calm("init") };
    flies(Session::begin(sky).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_project_runs_on_cloud_run_becomes_manifests_with_no_fault_but_what_is_asked() {
    let world = Simulation::start(Config::default()).await.unwrap();
    let places = Places::Simulated(*world.endpoints());
    let wish = Wish { manifests: true, ..Wish::default() };
    let Made { text, manifests, .. } = discover("hexproperty", &places, wish).await.unwrap().unwrap();
    world.stop().await;
    let names: Vec<&str> = manifests.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["frontend", "backend", "api"]);
    let folder = std::env::temp_dir().join(format!("cutover-made-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("plan")).unwrap();
    std::fs::write(folder.join("plan.yaml"), all_answered(&text)).unwrap();
    for (name, text) in &manifests {
        std::fs::write(folder.join("plan").join(format!("{name}.yaml")), text).unwrap();
    }
    let checked = check(&folder.join("plan.yaml"), 100.0);
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(checked.plan.unwrap().manifests.len(), 3, "{}", checked.text);
    let found: BTreeSet<&str> = checked.findings.iter().filter(|finding| finding.file.is_some()).map(|finding| finding.id.word()).collect();
    assert_eq!(found, BTreeSet::from(["image-floats", "manifest-undecided", "probe-shallow"]), "{}", checked.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_smallest_plan_flies() {
    flies(Session::begin(Sky { text: MINIMAL, ..Sky::calm("minimal") }).await).await;
}

async fn flies(mut session: Session) {
    session.fly_to(10).await;
    session.fly_to(500).await;
    session.fly_to(1000).await;
    let landed = session.land().await;
    assert!(route_of(&landed.state).latch.is_none());
    let flown: Vec<_> = landed.writes().into_iter().map(|write| write.to).collect();
    assert_eq!(flown, [10, 500, 1000].map(split));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_read_is_said_in_the_plan_and_hides_nothing_else() {
    let world = Simulation::start(Config::default()).await.unwrap();
    let whole = made(&world).await;
    for (api, what) in
        [(Api::Sql, "Cloud SQL instances"), (Api::Container, "GKE clusters"), (Api::Run, "Cloud Run services of us-central1")]
    {
        world.control().calm();
        world.control().inject(&Fault::Api { api, trouble: Trouble::Unavailable, for_s: 1e9 });
        let text = made(&world).await;
        assert!(text.contains(&format!("# NOT READ: {what}: unavailable")), "{text}");
        assert!(text.contains("path_matcher: backend") && text.contains("backend_service: frontend-gke"), "{text}");
        assert_eq!(text.contains("primary: hexproperty-prod"), api != Api::Sql, "{text}");
        // GKE's own words in the group still tell the namespace, and nothing guesses the deployment.
        assert_eq!(text.contains("          deployment: frontend"), api != Api::Container, "{text}");
        assert!(text.contains("          namespace: hexproperty"), "{text}");
        assert!(errors(&text).iter().all(|error| error.contains("is missing") || error.contains("blind for ever")), "{:#?}", errors(&text));
    }
    world.control().calm();
    assert_eq!(made(&world).await, whole);
    world.stop().await;
}

#[test]
fn no_file_is_written_over() {
    let folder = std::env::temp_dir().join(format!("cutover-init-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("plan.yaml");
    let init = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.args(["init", "--simulated", "--output"]).arg(file).env("CUTOVER_LOG", "off").output().unwrap()
    };
    let first = init(&file);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(said.contains("20 questions are open") && said.contains("cutover check"), "{said}");
    let before = std::fs::read(&file).unwrap();
    std::fs::write(&file, "mine\n").unwrap();
    let second = init(&file);
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("is there already"));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine\n");
    // Nor what a link leads to.
    let link = folder.join("link.yaml");
    std::os::unix::fs::symlink(folder.join("nothing"), &link).unwrap();
    assert_eq!(init(&link).status.code(), Some(3));
    assert!(!before.is_empty() && !folder.join("nothing").exists());
    std::fs::remove_dir_all(folder).unwrap();
}

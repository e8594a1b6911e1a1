//! A plan with its manifests as one: named, read, hashed and recorded together.

use cutover::{
    domain::digest::Digest,
    plan::{
        self,
        bundle::{self, File, Remarks},
        model::Plan,
    },
};

use crate::{GOOD, MINIMAL};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: b }\n";

fn naming(manifests: &str) -> String {
    MINIMAL.replacen("\nroutes:", &format!("\nmanifests: {manifests}\nroutes:"), 1)
}

fn file(name: &str, text: &str) -> File {
    File { id: name.parse().unwrap(), found: Ok(text.as_bytes().to_vec()) }
}

fn problems(text: &str, files: &[File]) -> Vec<(Option<String>, usize, String)> {
    let minded = bundle::read(text.as_bytes(), files).expect_err("something is wrong");
    assert!(minded.iter().any(Remarks::have_errors), "{minded:?}");
    let of = |minded: &Remarks| minded.of.as_ref().map(|id| id.as_str().to_owned());
    minded.iter().flat_map(|one| one.remarks.iter().map(|remark| (of(one), remark.line, remark.message.clone()))).collect()
}

#[test]
fn what_was_reviewed_is_recorded_letter_for_letter_and_comes_back_without_any_file() {
    let text = naming("[web, cache]");
    let files = [file("web", CONFIG), file("cache", "# nothing but\n---\na: |\n  b\n")];
    let (plan, minded) = bundle::read(text.as_bytes(), &files).unwrap();
    assert!(minded.iter().all(|one| one.remarks.is_empty()), "{minded:?}");
    let kept: Vec<(&str, &str)> = plan.manifests.iter().map(|manifest| (manifest.id.as_str(), manifest.text.as_str())).collect();
    assert_eq!(kept, [("web", CONFIG), ("cache", "# nothing but\n---\na: |\n  b\n")]);
    let record = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&record).unwrap(), plan);
    assert_eq!(bundle::documents(&plan.manifests[1])[0].root.json(), serde_json::json!({"a": "b\n"}));
    // A plan without any is written as it always was, and read from what was written before.
    let (plain, _) = plan::read(MINIMAL.as_bytes()).unwrap();
    let record = serde_json::to_value(&plain).unwrap();
    assert!(record.get("manifests").is_none());
    assert_eq!(serde_json::from_value::<Plan>(record).unwrap().manifests, []);
}

#[test]
fn a_bundle_is_known_by_all_of_it_and_anybody_can_reckon_it() {
    let text = naming("[web, cache]");
    let hash = |files: &[File]| bundle::hash(text.as_bytes(), files);
    let files = [file("web", CONFIG), file("cache", "a: 1\n")];
    let (plan, _) = bundle::read(text.as_bytes(), &files).unwrap();
    let sum = |text: &str| Digest::of(text.as_bytes());
    assert_eq!(plan.hash, sum(&format!("{}  plan\n{}  web\n{}  cache\n", sum(&text), sum(CONFIG), sum("a: 1\n"))));
    let others = [
        vec![file("web", CONFIG), file("cache", "a: 2\n")],
        vec![file("cache", "a: 1\n"), file("web", CONFIG)],
        vec![file("web", CONFIG)],
        vec![file("web", CONFIG), File { found: Err("gone".into()), ..file("cache", "") }],
    ];
    assert!(others.iter().all(|others| hash(others) != plan.hash));
    assert_eq!(bundle::hash(MINIMAL.as_bytes(), &[]), sum(MINIMAL));
}

#[test]
fn a_name_leads_into_the_plans_own_folder_and_nowhere_else() {
    for (named, meant) in [
        ("../etc/passwd", "did you mean `passwd`?"),
        ("web/frontend.yaml", "did you mean `frontend`?"),
        ("frontend.yaml", "did you mean `frontend`?"),
        ("/web", "did you mean `web`?"),
        (".", "1 to 63 of a-z 0-9 -"),
        ("Web", "1 to 63 of a-z 0-9 -"),
        ("web-", "1 to 63 of a-z 0-9 -"),
    ] {
        let text = naming(&format!("[{named}]"));
        assert_eq!(bundle::names(text.as_bytes()), [], "{named}");
        let problems = plan::read(text.as_bytes()).unwrap_err();
        let [problem] = &problems[..] else { panic!("{named}: {problems:#?}") };
        let said = format!("{:?} {:?}", problem.allowed, problem.suggestion);
        assert!(problem.path == "manifests[0]" && said.contains(meant), "{named}: {problem:#?}");
    }
    let twice = problems(&naming("[web, web]"), &[file("web", CONFIG)]);
    assert!(twice.len() == 1 && twice[0].2.contains("has the name `web` already"), "{twice:?}");
    let many = naming(&format!("[{}]", (0..33).map(|number| format!("m{number}")).collect::<Vec<_>>().join(", ")));
    assert_eq!(bundle::names(many.as_bytes()).len(), bundle::MANIFESTS_MAX);
    assert!(plan::read(many.as_bytes()).unwrap_err()[0].message.contains("33 manifests are named"));
}

#[test]
fn what_is_missing_is_said_at_its_name_and_what_is_wrong_at_its_line() {
    let text = naming("[web, cache]");
    let line = text.lines().position(|line| line.starts_with("manifests")).unwrap() + 1;
    let gone = File { found: Err("No such file or directory".into()), ..file("cache", "") };
    let said = problems(&text, &[file("web", "a: 1\nb: &x 2\n---\nc: yes\n"), gone]);
    assert_eq!(said[0], (None, line, "the manifest `cache` can't be read: No such file or directory".to_owned()));
    let web = Some("web".to_owned());
    assert_eq!(said[1], (web.clone(), 2, "a manifest can't hold an anchor (`&`)".to_owned()));
    assert!(said[2].0 == web && said[2].1 == 4 && said[2].2.starts_with("`yes` is text here, and a truth value to kubectl"), "{said:?}");
    // All together they have to fit into one record.
    let large = format!("{CONFIG}# {}\n", "x".repeat(60_000));
    let names: Vec<String> = (0..5).map(|number| format!("m{number}")).collect();
    let files: Vec<File> = names.iter().map(|name| file(name, &large)).collect();
    let said = problems(&naming(&format!("[{}]", names.join(", "))), &files);
    assert!(said.len() == 1 && said[0].2.starts_with("with the manifest `m4` there are more bytes"), "{said:?}");
}

#[test]
fn the_largest_bundle_fits_into_one_record_of_the_journal() {
    // Nothing that a manifest may hold is written longer than as two characters.
    let line = format!("{}\n", "\"\\".repeat(60));
    let text = format!("{CONFIG}data:\n  x: |\n{}", format!("    {line}").repeat(500));
    let files: Vec<File> = (0..4).map(|number| file(&format!("m{number}"), &text)).collect();
    assert!(text.len() < plan::manifest::BYTES_MAX && text.len() * 4 > bundle::BYTES_MAX / 10 * 9, "{}", text.len());
    let (plan, _) = bundle::read(naming("[m0, m1, m2, m3]").as_bytes(), &files).unwrap();
    let largest_plan = plan::lexical::BYTES_MAX;
    let bytes = serde_json::to_string(&plan).unwrap().len();
    assert!(bytes + largest_plan < cutover::journal::LINE_BYTES_MAX, "{bytes}");
}

#[test]
fn a_plan_that_is_read_alone_has_none_of_what_it_names() {
    let (alone, _) = plan::read(GOOD.as_bytes()).unwrap();
    assert_eq!((alone.manifests, alone.hash), (vec![], Digest::of(GOOD.as_bytes())));
    assert_eq!(bundle::names(GOOD.as_bytes()).len(), 5);
}

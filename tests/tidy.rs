//! The rules of the house, held by a program: who may import whom, how long things get, what shipped code does without.
//!
//! Each failure says why the rule is there. A remark made twice in a review becomes a rule here; a rule that stands in the way of a good
//! change is changed here, in the same commit, with the reason.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "bench/mutants/planted.rs"]
#[allow(dead_code, reason = "who has to see a fault is asked by the bench that plants it")]
mod planted;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project, relative to its root: what git tracks or would track; without git, what lies in the known folders.
fn files() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root()).output();
    if let Ok(output) = listed
        && output.status.success()
        && !output.stdout.is_empty()
    {
        let files = String::from_utf8(output.stdout).unwrap();
        return files.lines().map(str::to_owned).filter(|file| root().join(file).is_file()).collect();
    }
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && relative != "target" && relative != ".git" {
                folders.push(path);
            } else if path.is_file() {
                found.push(relative);
            }
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let rust = files().into_iter().filter(|file| file.ends_with(".rs"));
    let mut sources: Vec<_> = rust.map(|file| Source::new(&file, &fs::read_to_string(root().join(&file)).unwrap())).collect();
    assert!(sources.len() > 20, "the sources were found");
    let test_files: BTreeSet<PathBuf> = sources.iter().flat_map(declared_test_files).collect();
    for source in &mut sources {
        if test_files.iter().any(|test| Path::new(&source.path).starts_with(test) || Path::new(&source.path) == test.with_extension("rs")) {
            source.mark_as_test();
        }
    }
    sources
}

/// Where the modules lie that `source` declares for tests only, without extension.
fn declared_test_files(source: &Source) -> Vec<PathBuf> {
    let path = Path::new(&source.path);
    let folder = match path.file_name().and_then(|name| name.to_str()) {
        Some("mod.rs" | "lib.rs" | "main.rs") => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    source.test_modules().into_iter().map(|module| folder.join(module)).collect()
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn every_room_knows_only_whom_it_may() {
    assert_none(sources().iter().flat_map(arrows::violations).collect());
}

#[test]
fn every_file_keeps_the_rules() {
    let sources = sources();
    for source in &sources {
        let lines = source.text.lines().count();
        if lines > rules::FILE_LINES_SMELL {
            println!("worth splitting: {} has {lines} lines", source.path);
        }
    }
    assert_none(sources.iter().flat_map(rules::violations).collect());
}

#[test]
fn no_file_names_a_machine() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| *file != "Cargo.lock") {
        // What is no text names nothing.
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        found.extend(rules::machine_words(file, &text));
    }
    assert_none(found);
}

/// A fault that fits no source any more would be planted nowhere, and nobody would notice.
#[test]
fn every_planted_fault_fits_its_source_once() {
    let mut names = std::collections::BTreeSet::new();
    let mut misfits = Vec::new();
    for mutant in planted::PLANTED {
        let path = format!("src/{}.rs", mutant.file);
        let fits = mutant.both().is_some_and(|(is, _)| fs::read_to_string(&path).unwrap_or_default().matches(&is).count() == 1);
        misfits.extend((!fits || !names.insert(mutant.name)).then(|| format!("{path}: {}", mutant.name)));
    }
    assert_none(misfits);
}

#[test]
fn the_top_level_is_a_table_of_contents() {
    let files = files();
    let entries: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    assert_none(rules::top_level_violations(entries));
}

/// What the map says in backticks, as far as it is a path: of a file, or of an item in its module.
#[test]
fn what_the_map_names_exists() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let named = map.lines().filter(|line| line.starts_with("//!")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let paths: BTreeSet<&str> =
        named.filter(|name| name.contains('/') || name.contains("::") && name.starts_with(char::is_lowercase)).collect();
    assert!(paths.len() > 30, "the map names its places: {paths:?}");
    let is_there = |path: &&str| if path.contains('/') { is_file_or_folder(path) } else { is_item(path) };
    assert_none(paths.into_iter().filter(|path| !is_there(path)).map(|path| format!("src/lib.rs: `{path}` is not there")).collect());
}

fn is_file_or_folder(path: &str) -> bool {
    [root().join(path), root().join("src").join(path), root().join(format!("{path}.rs"))].iter().any(|place| place.exists())
}

/// The modules by their files, what is left by its declaration in the last of them.
fn is_item(path: &str) -> bool {
    let (mut place, mut text) = (root().join("src"), String::new());
    for name in path.split("::") {
        let inside = place.join(name);
        let file = [inside.join("mod.rs"), inside.with_extension("rs")].into_iter().find(|file| file.is_file());
        match file {
            Some(file) => (place, text) = (inside, fs::read_to_string(file).unwrap()),
            None => {
                let declares = |word: &str| text.contains(&format!(" {word} {name}"));
                let is_passed_on = text.lines().any(|line| line.starts_with("pub use") && line.contains(name));
                return is_passed_on || ["enum", "struct", "fn", "const", "trait", "type"].into_iter().any(declares);
            }
        }
    }
    true
}

/// What the rules say about `text` if it were the file `path`.
fn said(path: &str, text: &str) -> Vec<String> {
    let source = Source::new(path, text);
    let mut said = arrows::violations(&source);
    said.extend(rules::violations(&source));
    said
}

#[test]
fn a_forbidden_import_is_seen_however_it_is_written() {
    let ways = [
        "use crate::session::engine::Engine;",
        "use crate::{domain::id::RouteId, session::{engine::Engine}};",
        "use crate::{\n    core::state::State,\n    session::engine::Engine,\n};",
        "fn f() { crate::session::engine::run(); }",
        "use crate::journal::{record::Record, writer::Writer};",
    ];
    for way in ways {
        let said = said("src/tui/app.rs", &format!("//! A.\n{way}\n"));
        assert_eq!(said.len(), 1, "{way}: {said:?}");
        assert!(said[0].contains("the screen draws a snapshot"), "the reason is given: {said:?}");
    }
    assert_eq!(
        said("src/tui/app.rs", "//! A.\nuse crate::{core::state::State, journal::record::Record, tui::view};\n"),
        Vec::<String>::new()
    );
}

#[test]
fn impurity_in_the_core_is_seen_and_talk_of_it_is_not() {
    for impure in ["use std::collections::HashMap;", "use std::time::Duration;", "async fn f() {}", "fn f() { std::env::var(x); }"] {
        assert_eq!(said("src/core/step.rs", &format!("//! A.\n{impure}\n")).len(), 1, "{impure}");
    }
    let talk = "//! A.\n// tokio and HashMap\n/* std::fs /* nested */ async */\nconst A: &str = \"std::time\";\nconst B: &str = r#\"a \" tokio\"#;\nstruct Asynchronous;\n";
    assert_eq!(said("src/core/step.rs", talk), Vec::<String>::new());
}

#[test]
fn words_of_shipped_code_are_not_words_of_tests() {
    let bad = "//! A.\nfn f(x: Option<u8>) -> u8 {\n    println!(\"{x:?}\");\n    x.unwrap()\n}\n";
    assert_eq!(said("src/domain/id.rs", bad).len(), 2);
    let tested = format!("//! A.\n#[cfg(test)]\nmod tests {{\n    {}\n}}\n", &bad[5..]);
    assert_eq!(said("src/domain/id.rs", &tested), Vec::<String>::new());
    assert_eq!(said("src/domain/id.rs", "//! A.\n// `x.unwrap()` and todo!\nfn f() { g('\"', '\\'', b'x'); }\n"), Vec::<String>::new());
    assert_eq!(said("src/domain/id.rs", &format!("//! A.\n// {}: later\n", concat!("TO", "DO"))).len(), 1);
    assert_eq!(said("src/domain/id.rs", &format!("//! A.\n// {}(#17): later\n", concat!("TO", "DO"))), Vec::<String>::new());
}

#[test]
fn what_follows_a_test_item_is_shipped_code_again() {
    let text = "//! A.\n#[cfg(test)]\nfn helper() { x.unwrap(); }\nfn shipped() { x.unwrap(); }\n#[cfg(test)]\nmod tests;\n";
    let found = said("src/domain/id.rs", text);
    assert!(found.len() == 1 && found[0].starts_with("src/domain/id.rs:4:"), "{found:?}");
    assert_eq!(declared_test_files(&Source::new("src/sim/world/mod.rs", text)), [PathBuf::from("src/sim/world/tests")]);
    assert_eq!(declared_test_files(&Source::new("src/sim/world.rs", text)), [PathBuf::from("src/sim/world/tests")]);
}

#[test]
fn length_is_counted_per_function_and_per_file() {
    let long = format!("//! A.\nfn short<'a>(a: &'a str) {{}}\nfn long() {{\n{}}}\n", "    g('{');\n".repeat(69));
    let found = said("src/domain/id.rs", &long);
    assert!(found.len() == 1 && found[0].contains("`long` has 71 lines"), "{found:?}");
    assert_eq!(said("src/domain/id.rs", &format!("//! A.\n{}", "// a\n".repeat(600))).len(), 1);
}

#[test]
fn a_file_says_first_what_it_is_and_the_crate_forbids_unsafe_code() {
    assert_eq!(said("src/domain/id.rs", "use std::fmt;\n").len(), 1);
    assert_eq!(said("src/lib.rs", "//! A.\npub mod domain;\n").len(), 1);
    assert_eq!(said("src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n"), Vec::<String>::new());
    assert_eq!(said("src/cellar/wine.rs", "//! A.\n").len(), 1, "a room that nobody planned");
}

#[test]
fn machines_and_strangers_are_seen() {
    let line = format!("let cache = \"{}\";", concat!("/ho", "me/me/.cache"));
    assert_eq!(rules::machine_words("src/a.rs", &line).len(), 1);
    assert_eq!(rules::top_level_violations(["src", "Cargo.toml", ".ci", "notes.txt"]).len(), 1);
}

//! What `cutover schema` prints, in the hands of a validator that others wrote: no plan that the program takes is refused by it, and no key
//! that there is not is let through.
//!
//! The validator lives in the folder that `tests/run` makes; `CUTOVER_TEST_PYTHON` names its interpreter.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use cutover::plan;
use serde_json::{Value, json};

use crate::{Folder, done, shell, skipped};

/// What people write where something else is meant.
fn candidates() -> Vec<Value> {
    let texts = [
        "5%",
        "0.05",
        "12.5 %",
        "100.0%",
        "2m",
        "1h30m",
        "850ms",
        "20/s",
        "2xx",
        "204",
        "google",
        "frontend",
        "my-lb-2",
        "us-east1",
        "api.example.com",
        "https://a.example.com/x",
        "http://127.0.0.1:9090/metrics",
        "http://localhost:1",
        "rollback",
        "signed",
        "x",
    ];
    let others =
        [json!(0.5), json!(5), json!(200), json!(true), json!([]), json!({}), json!(["5%"]), json!(["frontend"]), json!([200, "3xx"])];
    texts.into_iter().map(|text| json!(text)).chain(others).collect()
}

/// Every place of a document, the document itself included.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| pointers(value, format!("{at}/{key}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, value)| pointers(value, format!("{at}/{place}"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found.push(at);
}

/// One line a document: what it is, whether the schema has to take it or to refuse it.
fn written(lines: &mut String, name: &str, must: &str, document: &Value) {
    lines.push_str(&json!({"name": name, "must": must, "document": document}).to_string());
    lines.push('\n');
}

fn is_taken(document: &Value) -> bool {
    plan::read(document.to_string().as_bytes()).is_ok()
}

fn good_plans() -> Vec<(PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["plans", "tests/plans", "tests/plan"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let plans = files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    let good = plans.filter_map(|file| {
        let text = std::fs::read_to_string(&file).ok()?;
        plan::read(text.as_bytes()).ok()?;
        Some((file, serde_yaml::from_str(&text).unwrap()))
    });
    good.collect()
}

#[test]
fn a_validator_takes_every_plan_that_is_taken_here_and_no_unknown_key() {
    let python = std::env::var_os("CUTOVER_TEST_PYTHON").filter(|path| Path::new(path).is_file());
    let has = |python: &Path| Command::new(python).args(["-c", "import jsonschema"]).output().is_ok_and(|output| output.status.success());
    let Some(python) = python.map(PathBuf::from).filter(|python| has(python)) else {
        return skipped("no CUTOVER_TEST_PYTHON with jsonschema, which tests/run sets: the plans' schema was tried by no validator");
    };
    let good = good_plans();
    assert!(good.len() >= 7, "{:?}", good.iter().map(|(file, _)| file).collect::<Vec<_>>());
    let mut lines = String::new();
    for (file, document) in &good {
        written(&mut lines, &file.display().to_string(), "take", document);
    }
    let (_, every) = good.iter().find(|(file, _)| file.ends_with("every_key.yaml")).unwrap();
    let mut places = Vec::new();
    pointers(every, String::new(), &mut places);
    let mut tried = BTreeSet::new();
    for place in &places {
        // What one backend can have, the next one can have too.
        let path: String = place.chars().filter(|character| !character.is_ascii_digit()).collect();
        let is_tried = !tried.insert(path);
        let mut unknown = every.clone();
        if let Some(fields) = unknown.pointer_mut(place).unwrap().as_object_mut()
            && !["/sources", "/clusters"].contains(&place.as_str())
        {
            fields.insert("no-such-key".to_owned(), json!("x"));
            written(&mut lines, &format!("{place} with a key that there is not"), "refuse", &unknown);
        }
        if let Some((holder, name)) = place.rsplit_once('/') {
            let mut shorter = every.clone();
            if let Some(fields) = shorter.pointer_mut(holder).and_then(Value::as_object_mut) {
                fields.shift_remove(name);
                written(&mut lines, &format!("without {place}"), if is_taken(&shorter) { "take" } else { "either" }, &shorter);
            }
        }
        for candidate in candidates().into_iter().filter(|_| !is_tried) {
            let mut other = every.clone();
            *other.pointer_mut(place).unwrap() = candidate.clone();
            let must = if is_taken(&other) { "take" } else { "either" };
            written(&mut lines, &format!("{place}: {candidate}"), must, &other);
        }
    }
    let folder = Folder::new();
    let (schema, cases) = (folder.0.join("schema.json"), folder.0.join("cases.jsonl"));
    let printed = Command::new(env!("CARGO_BIN_EXE_cutover")).arg("schema").output().unwrap();
    assert!(printed.status.success());
    std::fs::File::create(&schema).unwrap().write_all(&printed.stdout).unwrap();
    std::fs::write(&cases, lines).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_clients/schema.py");
    let command = format!("exec '{}' '{}' '{}' '{}' 2>&1", python.display(), script.display(), schema.display(), cases.display());
    let printed = done(shell(&folder.0, &command));
    assert!(printed.contains("the schema agrees"), "{printed}");
}

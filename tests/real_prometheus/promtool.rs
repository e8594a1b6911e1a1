//! Prometheus' own engine with a clock that is made: `promtool test rules` is given the samples, and asked what it makes of them.
//!
//! A test that expects what never is names what it got instead, each in its turn; so values are read off what failed.

use std::{
    fmt::Write,
    path::Path,
    process::{Command, Stdio},
};

use super::series::{Case, EVERY_S, Scrape};

/// The alert's condition and how long it has to last, in PromQL.
pub(super) struct Rule {
    pub expr: &'static str,
    pub lasting: &'static str,
}

pub(super) fn is_here() -> bool {
    Command::new("promtool").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|ran| ran.success())
}

/// What each expression is at each scrape: its samples' values.
pub(super) fn evaluated(case: &Case, rule: &Rule, exprs: &[&str], folder: &Path) -> Vec<Vec<Vec<f64>>> {
    let scrapes = case.targets[0].len();
    let rules = format!("groups: [{{name: g, rules: [{{alert: A, expr: '{}', for: {}}}]}}]\n", rule.expr, rule.lasting);
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    let mut test = format!("rule_files: [rules.yml]\nevaluation_interval: {EVERY_S}s\ntests:\n- interval: {EVERY_S}s\n  input_series:\n");
    for (place, target) in case.targets.iter().enumerate() {
        for series in names(target) {
            writeln!(test, "  - series: '{}'\n    values: '{}'", labelled(&series, place), values(target, &series)).unwrap();
        }
    }
    test.push_str("  promql_expr_test:\n");
    for expr in exprs {
        for scrape in 0..scrapes {
            writeln!(test, "  - {{expr: '{expr}', eval_time: {}s, exp_samples: [{{labels: 'never', value: 0}}]}}", scrape * EVERY_S)
                .unwrap();
        }
    }
    std::fs::write(folder.join("test.yml"), test).unwrap();
    let output = Command::new("promtool").args(["test", "rules", "test.yml"]).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let got: Vec<Vec<f64>> = said.lines().filter_map(|line| line.trim().strip_prefix("got:")).map(read).collect();
    assert_eq!(
        got.len(),
        exprs.len() * scrapes,
        "{}: each question has an answer\n{}",
        case.name,
        said.chars().take(3000).collect::<String>()
    );
    got.chunks(scrapes).map(<[_]>::to_vec).collect()
}

/// Of `{} 1.5E+00`, the value: each question is asked so that there is one number, or none.
fn read(got: &str) -> Vec<f64> {
    match got.trim() {
        "nil" => Vec::new(),
        one => vec![one.strip_prefix("{} ").and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{got}"))],
    }
}

fn names(target: &[Scrape]) -> std::collections::BTreeSet<String> {
    target.iter().flatten().flat_map(|page| page.keys().cloned()).collect()
}

fn labelled(series: &str, place: usize) -> String {
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{instance=\"{place}\",{labels}"),
        None => format!("{series}{{instance=\"{place}\"}}"),
    }
}

/// As Prometheus keeps them: where a series ends, or a scrape fails, it says so once.
fn values(target: &[Scrape], series: &str) -> String {
    let mut was_there = false;
    let each = target.iter().map(|scrape| {
        let value = scrape.as_ref().and_then(|page| page.get(series));
        let told = match (value, was_there) {
            (Some(value), _) => value.to_string(),
            (None, true) => "stale".to_owned(),
            (None, false) => "_".to_owned(),
        };
        was_there = value.is_some();
        told
    });
    each.collect::<Vec<_>>().join(" ")
}

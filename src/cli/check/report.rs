//! What a check came to, in the form that was asked for: text for people, JSON for scripts, SARIF for whatever shows findings beside a
//! change.
//!
//! JSON and SARIF are each one document on standard output and nothing beside it. SARIF is of version 2.1.0; a command that mends something
//! is a property there, since its `fixes` are edits of files.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::finding::{Finding, Id, Severity};
use crate::cli::Exit;

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
    Sarif,
}

/// Everything that was found of one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Report<'a> {
    /// As it was named.
    pub file: &'a str,
    /// Of the plan, where it could be read.
    pub digest: Option<String>,
    pub findings: &'a [Finding],
    /// What is as it should be: the source, and what it says. Empty where nobody looked.
    pub well: &'a [(String, String)],
    /// Whether the world was looked at as well.
    pub live: bool,
    pub exit: Exit,
}

impl Report<'_> {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Gravest first, and in the order in which they were found.
    fn sorted(&self) -> Vec<&Finding> {
        let mut sorted: Vec<&Finding> = self.findings.iter().collect();
        sorted.sort_by_key(|finding| finding.severity);
        sorted
    }

    /// One sentence: whether a session may begin.
    pub fn verdict(&self) -> String {
        match (self.count(Severity::Error), self.live) {
            (0, true) => "may fly".to_owned(),
            (0, false) => "the plan can be used; `--live` tells whether it may fly".to_owned(),
            (1, _) => "may not fly: 1 error".to_owned(),
            (many, _) => format!("may not fly: {many} errors"),
        }
    }

    /// In groups, the gravest first, with what is in order below and the verdict as the last line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (severity, title) in [
            (Severity::Error, "this has to be mended before a flight"),
            (Severity::Warning, "think about this before"),
            (Severity::Note, "good to know"),
        ] {
            let group: Vec<&Finding> = self.findings.iter().filter(|finding| finding.severity == severity).collect();
            if !group.is_empty() {
                text.push_str(&format!("{title}:\n"));
                group.into_iter().for_each(|finding| text.push_str(&self.paragraph(finding)));
                text.push('\n');
            }
        }
        if !self.well.is_empty() {
            let width = self.well.iter().map(|(source, _)| source.chars().count()).max().unwrap_or_default();
            text.push_str("in order:\n");
            self.well.iter().for_each(|(source, what)| text.push_str(&format!("  {source:<width$}  {what}\n")));
            text.push('\n');
        }
        let (warnings, notes) = (self.count(Severity::Warning), self.count(Severity::Note));
        if self.live {
            text.push_str(&format!("{}, {}; nothing was changed\n", counted(warnings, "warning"), counted(notes, "note")));
        }
        text.push_str(&self.verdict());
        text.push('\n');
        text
    }

    fn paragraph(&self, finding: &Finding) -> String {
        let Finding { id, object, place, file, why, fix, .. } = finding;
        let name = file.as_deref().unwrap_or(self.file);
        let at = place.map_or_else(String::new, |place| format!("  ({name}:{}:{})", place.line, place.column));
        // What mends a manifest is written in it, and typed into no shell.
        let sign = if file.is_some() { '=' } else { '$' };
        let fix = fix.as_ref().map_or_else(String::new, |fix| format!("      {sign} {fix}\n"));
        format!("  {}  {object}{at}\n      {why}\n{fix}", id.word())
    }

    /// One object; fields are added and never renamed.
    pub fn json(&self) -> Value {
        let findings = self.sorted().into_iter().map(|finding| {
            let file = finding.file.as_deref().unwrap_or(self.file);
            let place = finding.place.map(|place| json!({"file": file, "line": place.line, "column": place.column}));
            json!({
                "id": finding.id.word(),
                "severity": finding.severity,
                "object": finding.object,
                "place": place,
                "why": finding.why,
                "fix": finding.fix,
            })
        });
        let well = self.well.iter().map(|(source, what)| json!({"source": source, "what": what}));
        json!({
            "plan": {"file": self.file, "digest": self.digest},
            "live": self.live,
            "may_fly": self.live.then(|| self.count(Severity::Error) == 0),
            "verdict": self.verdict(),
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "notes": self.count(Severity::Note),
            "exit": self.exit.code(),
            "findings": findings.collect::<Vec<_>>(),
            "in_order": well.collect::<Vec<_>>(),
        })
    }

    pub fn sarif(&self) -> Value {
        let rules = Id::ALL.iter().map(|id| {
            json!({
                "id": id.word(),
                "shortDescription": {"text": id.about()},
                "defaultConfiguration": {"level": id.severity().word()},
            })
        });
        let results: Vec<Value> = self.sorted().into_iter().map(|finding| self.result(finding)).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "cutover check",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules.collect::<Vec<_>>(),
                }},
                "columnKind": "unicodeCodePoints",
                // A check that found something has done what it was started for.
                "invocations": [{"executionSuccessful": true, "exitCode": self.exit.code()}],
                "results": results,
            }],
        })
    }

    fn result(&self, finding: &Finding) -> Value {
        let Finding { id, severity, object, place, file, why, fix } = finding;
        let index = Id::ALL.iter().position(|known| known == id);
        let mut physical = json!({"artifactLocation": {"uri": uri(file.as_deref().unwrap_or(self.file))}});
        if let Some(place) = place {
            physical["region"] = json!({"startLine": place.line, "startColumn": place.column});
        }
        let text = fix.as_ref().map_or_else(|| format!("{object}: {why}"), |fix| format!("{object}: {why}\n{fix}"));
        // The same thing on the same object is the same finding, wherever the plan is edited meanwhile.
        let print: String = Sha256::digest(format!("{}\n{object}", id.word())).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut result = json!({
            "ruleId": id.word(),
            "ruleIndex": index,
            "level": severity.word(),
            "message": {"text": text},
            "locations": [{"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": object, "kind": "resource"}]}],
            "partialFingerprints": {"cutoverFinding/v1": print},
        });
        if let Some(fix) = fix {
            result["properties"] = json!({"fix": fix});
        }
        result
    }
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A path as a URI reference: relative as it was given, absolute with its scheme.
fn uri(path: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded: String = path.bytes().map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect();
    if path.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document::Place;

    fn found() -> Vec<Finding> {
        vec![
            Finding::new(Id::LoggingSampled, "a", "a tenth"),
            Finding::new(Id::NoSplit, "projects/p/global/urlMaps/m", "there are no weights")
                .at(Some(Place { line: 3, column: 7 }))
                .mend("gcloud x"),
        ]
    }

    fn report(findings: &[Finding]) -> Report<'_> {
        Report { file: "my plans/a.yaml", digest: None, findings, well: &[], live: true, exit: Exit::Unsettled }
    }

    #[test]
    fn the_gravest_comes_first_and_the_verdict_last() {
        let told = report(&found()).text();
        let expected = "this has to be mended before a flight:\n  no-split  projects/p/global/urlMaps/m  (my plans/a.yaml:3:7)\n      there are no \
                        weights\n      $ gcloud x\n\ngood to know:\n  logging-sampled  a\n      a tenth\n\n0 warnings, 1 note; nothing was \
                        changed\nmay not fly: 1 error\n";
        assert_eq!(told, expected);
        assert!(report(&[]).text().ends_with("\nmay fly\n"));
    }

    #[test]
    fn json_and_sarif_hold_the_same_findings() {
        let found = found();
        let (json, sarif) = (report(&found).json(), report(&found).sarif());
        assert_eq!((&json["findings"][0]["id"], &json["may_fly"], &json["errors"]), (&json!("no-split"), &json!(false), &json!(1)));
        assert_eq!(json["findings"][0]["place"], json!({"file": "my plans/a.yaml", "line": 3, "column": 7}));
        let run = &sarif["runs"][0];
        let result = &run["results"][0];
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "my%20plans/a.yaml");
        assert_eq!(result["locations"][0]["physicalLocation"]["region"], json!({"startLine": 3, "startColumn": 7}));
        assert_eq!((&result["level"], &result["properties"]["fix"]), (&json!("error"), &json!("gcloud x")));
        assert_eq!(uri("/a/b.yaml"), "file:///a/b.yaml");
    }

    #[test]
    fn what_is_in_a_manifest_is_placed_there_and_its_fix_is_no_command() {
        let found = [Finding::new(Id::ImageFloats, "Deployment web", "it floats")
            .at(Some(Place { line: 9, column: 16 }))
            .in_file("my plans/a/web.yaml")
            .mend("pin it")];
        let told = report(&found).text();
        assert!(told.contains("image-floats  Deployment web  (my plans/a/web.yaml:9:16)\n      it floats\n      = pin it\n"), "{told}");
        assert_eq!(report(&found).json()["findings"][0]["place"], json!({"file": "my plans/a/web.yaml", "line": 9, "column": 16}));
        let location = &report(&found).sarif()["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "my%20plans/a/web.yaml");
    }
}

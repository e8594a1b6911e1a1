//! What is built in: where each crate comes from, under which licence, and that no advisory speaks against the version in the lock file.
//!
//! `tests/supply/advisories.toml` holds what RustSec says of the crates in `Cargo.lock`, as of the day that it names. It is read again from
//! a clone of <https://github.com/rustsec/advisory-db> with
//! `ADVISORY_DB=path/to/advisory-db cargo test --test supply -- --ignored read_the_advisories_again`.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "a test that meets a surprise has failed, and says what it saw"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// One of these must be enough to use a crate.
const LICENCES: [&str; 12] = [
    "Apache-2.0",
    "MIT",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Unicode-3.0",
    "Zlib",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "Unlicense",
    "WTFPL",
    "Unicode-DFS-2016",
];

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Known {
    /// The day of the newest change of the database that was read.
    as_of: String,
    advisory: Vec<Advisory>,
}

/// One advisory, as far as it is needed to tell whether a version is affected.
#[derive(Debug, Deserialize, Serialize)]
struct Advisory {
    id: String,
    package: String,
    /// `unsound`, `unmaintained` or `notice`; without it, a vulnerability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    informational: Option<String>,
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unaffected: Vec<String>,
}

impl Advisory {
    fn affects(&self, version: &Version) -> bool {
        let spared = self.patched.iter().chain(&self.unaffected);
        !spared.map(|text| VersionReq::parse(text).unwrap()).any(|spared| spared.matches(version))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file() -> PathBuf {
    root().join("tests/supply/advisories.toml")
}

fn locked() -> Vec<Locked> {
    let lock: Lock = toml::from_str(&fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    lock.package
}

fn known() -> Known {
    toml::from_str(&fs::read_to_string(file()).unwrap()).unwrap()
}

#[test]
fn no_advisory_speaks_against_a_crate_in_the_lock_file() {
    let (locked, known) = (locked(), known());
    let mut against = Vec::new();
    for advisory in &known.advisory {
        let versions: Vec<_> =
            locked.iter().filter(|one| one.name == advisory.package).map(|one| Version::parse(&one.version).unwrap()).collect();
        assert!(!versions.is_empty(), "{} is about {}, which is not in the lock file any more", advisory.id, advisory.package);
        let hit = versions.into_iter().filter(|version| advisory.affects(version));
        against.extend(hit.map(|version| format!("{} {version}: https://rustsec.org/advisories/{}.html", advisory.package, advisory.id)));
    }
    assert!(against.is_empty(), "as of {}:\n{}", known.as_of, against.join("\n"));
}

#[test]
fn an_affected_version_is_seen() {
    let advisory = |patched: &[&str], unaffected: &[&str]| Advisory {
        id: "RUSTSEC-0000-0000".to_owned(),
        package: "some".to_owned(),
        informational: None,
        patched: patched.iter().map(|text| (*text).to_owned()).collect(),
        unaffected: unaffected.iter().map(|text| (*text).to_owned()).collect(),
    };
    let version = |text: &str| Version::parse(text).unwrap();
    assert!(advisory(&[], &[]).affects(&version("1.0.0")));
    assert!(advisory(&[">= 1.2.3"], &["< 1.0.0"]).affects(&version("1.2.2")));
    assert!(!advisory(&[">= 1.2.3"], &["< 1.0.0"]).affects(&version("1.2.3")));
    assert!(!advisory(&[">= 1.2.3"], &["< 1.0.0"]).affects(&version("0.9.0")));
    assert!(advisory(&[">= 0.103.12, < 0.104.0-alpha.1"], &[]).affects(&version("0.103.11")));
}

#[test]
fn every_crate_comes_from_the_public_registry() {
    let strange = locked().into_iter().filter(|one| one.name != "cutover" && one.source.as_deref() != Some(REGISTRY));
    let strange: Vec<_> = strange.map(|one| format!("{} {}: {:?}", one.name, one.version, one.source)).collect();
    assert!(strange.is_empty(), "{}", strange.join("\n"));
}

/// What may be had under one licence alone; `A OR B AND C` does not occur.
fn is_licensed(expression: &str) -> bool {
    let allowed = |one: &str| LICENCES.contains(&one.trim().trim_matches(['(', ')']).split(" WITH ").next().unwrap_or_default().trim());
    match expression.split_once(" AND ") {
        Some((left, right)) => is_licensed(left) && is_licensed(right),
        None => expression.split(" OR ").flat_map(|part| part.split('/')).any(allowed),
    }
}

#[test]
fn every_crate_may_be_used_under_a_licence_that_we_know() {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        license: Option<String>,
    }
    let asked = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let told = Command::new(env!("CARGO")).args(asked).current_dir(root()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let metadata: Metadata = serde_json::from_slice(&told.stdout).unwrap();
    assert!(metadata.packages.len() > 100, "the packages were found");
    let unknown = metadata.packages.into_iter().filter(|one| !one.license.as_deref().is_some_and(is_licensed));
    let unknown: Vec<_> = unknown.map(|one| format!("{}: {:?}", one.name, one.license)).collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn a_licence_is_read_as_a_choice_or_as_a_sum() {
    assert!(is_licensed("MIT") && is_licensed("GPL-3.0 OR MIT") && is_licensed("MIT/Apache-2.0"));
    assert!(is_licensed("Apache-2.0 WITH LLVM-exception") && is_licensed("(MIT OR GPL-2.0) AND Unicode-3.0"));
    assert!(!is_licensed("GPL-3.0") && !is_licensed("MIT AND GPL-3.0"));
}

/// One file of the database: TOML in a fence, then prose, which stays there.
#[derive(Debug, Deserialize)]
struct Entry {
    advisory: About,
    versions: Versions,
}

#[derive(Debug, Deserialize)]
struct About {
    id: String,
    package: String,
    informational: Option<String>,
    withdrawn: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

#[test]
#[ignore = "writes tests/supply/advisories.toml from a clone of the advisory database"]
fn read_the_advisories_again() {
    let database = PathBuf::from(std::env::var_os("ADVISORY_DB").expect("ADVISORY_DB names a clone of rustsec/advisory-db"));
    let names: BTreeSet<String> = locked().into_iter().map(|one| one.name).collect();
    let mut found = BTreeMap::new();
    for name in names {
        let Ok(folder) = fs::read_dir(database.join("crates").join(&name)) else { continue };
        for file in folder {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let front = text.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
            let Entry { advisory, versions } = toml::from_str(front).unwrap();
            if advisory.withdrawn.is_none() {
                let About { id, package, informational, .. } = advisory;
                let Versions { patched, unaffected } = versions;
                found.insert((package.clone(), id.clone()), Advisory { id, package, informational, patched, unaffected });
            }
        }
    }
    let git = Command::new("git").args(["log", "-1", "--format=%cs"]).current_dir(&database).output().unwrap();
    let as_of = String::from_utf8(git.stdout).unwrap().trim().to_owned();
    let known = Known { as_of, advisory: found.into_values().collect() };
    assert!(!known.advisory.is_empty(), "the database was found");
    fs::create_dir_all(file().parent().unwrap()).unwrap();
    fs::write(file(), toml::to_string(&known).unwrap()).unwrap();
}

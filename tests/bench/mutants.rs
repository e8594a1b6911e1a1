//! Plants faults, one at a time, and says which of them the tests see: `cargo test --bench mutants`, or with `-- WORD` those whose name holds it.
//!
//! All are planted at once in a copy of the project, each behind a switch, so that it is compiled once; a test binary is then run once for
//! each, with that one switched on. A fault that no test sees is printed, and the end is 1. It takes minutes, so it is no part of the tests;
//! that each still fits the source is one of them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it saw")]

#[path = "mutants/planted.rs"]
mod planted;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use planted::{Mutant, PLANTED};

/// Names the fault that is switched on.
const SWITCH: &str = "CUTOVER_PLANTED";
/// Tests without any fault may take so long.
const PATIENCE: Duration = Duration::from_secs(300);
/// A fault that makes a test wait for ever is seen too: so often as long as without it, and never less than half a minute.
const PATIENCE_TIMES: u32 = 10;
const PATIENCE_LEAST: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    // It says nothing of speed, and would take most of the time of those that do.
    if env::args().any(|word| word == "--bench") {
        println!("planted faults: `cargo test --bench mutants` says which of them the tests see");
        return ExitCode::SUCCESS;
    }
    let word = env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    let chosen: Vec<&Mutant> = PLANTED.iter().filter(|mutant| mutant.name.contains(&word)).collect();
    match plant(&chosen).and_then(|tree| build(&tree, &chosen)).and_then(|binaries| run(&binaries, &chosen)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from)
}

/// A copy of the project with every chosen fault in it.
fn plant(chosen: &[&Mutant]) -> io::Result<PathBuf> {
    let tree = target().join("mutants");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    fs::create_dir_all(&tree)?;
    for name in ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests", "plans", "themes"] {
        copy(&project().join(name), &tree.join(name))?;
    }
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    for mutant in chosen {
        let (is, switched) = mutant.both().ok_or_else(|| io::Error::other(format!("{}: no expression is marked", mutant.name)))?;
        let source = match sources.get_mut(mutant.file) {
            Some(source) => source,
            None => {
                let source = fs::read_to_string(tree.join("src").join(mutant.file).with_extension("rs"))?;
                sources.entry(mutant.file).or_insert(source)
            }
        };
        if source.matches(&is).count() != 1 {
            return Err(io::Error::other(format!("{}: this is not once in src/{}.rs: {is}", mutant.name, mutant.file)));
        }
        *source = source.replace(&is, &switched);
    }
    for (file, source) in sources {
        fs::write(tree.join("src").join(file).with_extension("rs"), source)?;
    }
    rename(&tree)?;
    let switch = format!(
        "\n/// Whether the fault of this name is switched on.\npub(crate) fn planted(name: &str) -> bool {{\n    static ON: \
         std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();\n    ON.get_or_init(|| std::env::var({SWITCH:?}).ok()).as_deref() == \
         Some(name)\n}}\n"
    );
    let lib = tree.join("src/lib.rs");
    fs::write(&lib, fs::read_to_string(&lib)? + &switch)?;
    Ok(tree)
}

/// Gives the copy a version of its own, so that what is built of it takes the place of nothing that is built of the project.
fn rename(tree: &Path) -> io::Result<()> {
    let version = concat!("version = \"", env!("CARGO_PKG_VERSION"));
    let before = "name = \"cutover\"\n";
    for file in ["Cargo.toml", "Cargo.lock"] {
        let path = tree.join(file);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, text.replacen(&format!("{before}{version}"), &format!("{before}{version}-planted"), 1))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        let failed = |error| io::Error::other(format!("{} can't be copied: {error}", from.display()));
        return fs::copy(from, to).map(|_| ()).map_err(failed);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// The test binaries that the chosen faults have to be seen by.
fn build(tree: &Path, chosen: &[&Mutant]) -> io::Result<BTreeMap<&'static str, PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(tree).args(["test", "--locked", "--no-run", "--message-format=json-render-diagnostics"]);
    command.env("CARGO_TARGET_DIR", target());
    let mut names: Vec<&str> = chosen.iter().map(|mutant| mutant.seen_by.0).collect();
    names.sort_unstable();
    names.dedup();
    for name in &names {
        match *name {
            "lib" => command.arg("--lib"),
            name => command.args(["--test", name]),
        };
    }
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut binaries = BTreeMap::new();
    for line in BufReader::new(child.stdout.take().ok_or_else(|| io::Error::other("cargo says nothing"))?).lines() {
        let said: serde_json::Value = serde_json::from_str(&line?)?;
        let (Some(path), Some(target)) = (said["executable"].as_str(), said["target"]["name"].as_str()) else { continue };
        let name = if said["target"]["kind"][0] == "lib" { "lib" } else { target };
        if let Some(name) = names.iter().find(|known| **known == name) {
            binaries.insert(*name, PathBuf::from(path));
        }
    }
    if child.wait()?.success() && binaries.len() == names.len() {
        Ok(binaries)
    } else {
        Err(io::Error::other("the copy with all faults in it does not compile"))
    }
}

/// What a run of tests came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
    Waited,
    NoTest,
}

fn run(binaries: &BTreeMap<&str, PathBuf>, chosen: &[&Mutant]) -> io::Result<bool> {
    let mut usual: BTreeMap<(&str, &str), (Ended, Duration)> = BTreeMap::new();
    let (mut seen, mut unseen) = (0, Vec::new());
    for mutant in chosen {
        let (binary, tests) = mutant.seen_by;
        let (without, took) = match usual.get(&mutant.seen_by) {
            Some(ended) => *ended,
            None => {
                let began = Instant::now();
                let ended = tested(&binaries[binary], tests, None, PATIENCE)?;
                *usual.entry(mutant.seen_by).or_insert((ended, began.elapsed()))
            }
        };
        if without != Ended::Passed {
            return Err(io::Error::other(format!("{binary} {tests}: these tests do not pass without any fault, or there are none")));
        }
        let began = Instant::now();
        let ended = tested(&binaries[binary], tests, Some(mutant.name), (took * PATIENCE_TIMES).max(PATIENCE_LEAST))?;
        let verdict = match ended {
            Ended::Failed => "seen",
            Ended::Waited => "seen: a test waits for ever",
            Ended::Passed | Ended::NoTest => "NOT SEEN",
        };
        println!("{verdict:<10} {:>6.1} s  {:<42} {binary} {tests}", began.elapsed().as_secs_f64(), mutant.name);
        match ended {
            Ended::Failed | Ended::Waited => seen += 1,
            Ended::Passed | Ended::NoTest => unseen.push(mutant.name),
        }
    }
    println!("{seen} of {} planted faults are seen", chosen.len());
    unseen.iter().for_each(|name| println!("not seen: {name}"));
    Ok(unseen.is_empty())
}

fn tested(binary: &Path, tests: &str, fault: Option<&str>, patience: Duration) -> io::Result<Ended> {
    let mut command = Command::new(binary);
    command.current_dir(target().join("mutants")).arg(tests).env_remove(SWITCH).stdin(Stdio::null()).stderr(Stdio::null());
    if let Some(fault) = fault {
        command.env(SWITCH, fault);
    }
    let out = target().join("mutants-said");
    let mut child = command.stdout(fs::File::create(&out)?).spawn()?;
    let began = Instant::now();
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            break if status.success() { Ended::Passed } else { Ended::Failed };
        }
        if began.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            break Ended::Waited;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let none = fs::read_to_string(&out)?.contains("running 0 tests");
    Ok(if none { Ended::NoTest } else { ended })
}

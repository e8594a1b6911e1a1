//! A running `cutover sim`, and what it has printed for its users.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

/// Dropping it ends the program.
pub(crate) struct Simulation {
    child: Child,
    /// Google, the cluster, the front door and the two backends, in the order of their ports.
    pub addresses: Vec<String>,
    sections: Vec<Section>,
}

struct Section {
    title: String,
    lines: Vec<String>,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Simulation {
    pub(crate) fn start(speed: u32) -> Simulation {
        Simulation::with(&["--speed", &speed.to_string()]).expect("the simulation starts on free ports")
    }

    /// On five ports in a row, as `cutover host --simulated=PORT` wants them.
    pub(crate) fn in_a_row() -> (Simulation, u16) {
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // Another process may have one of the five; then others are tried.
            if let Some(simulation) = Simulation::with(&["--port", &port.to_string()]) {
                return (simulation, port);
            }
        }
        panic!("no five free ports in a row");
    }

    fn with(arguments: &[&str]) -> Option<Simulation> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.arg("sim").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut sections: Vec<Section> = Vec::new();
        let mut addresses = Vec::new();
        // The last section ends with an empty line like every other, and the program does not end: its last command is known.
        while let Some(Ok(line)) = lines.next() {
            match line.strip_prefix("# ") {
                Some(ports) if ports.starts_with("google ") => {
                    addresses = ports.split_whitespace().filter(|word| word.contains(':')).map(str::to_owned).collect();
                }
                Some(title) => sections.push(Section { title: title.to_owned(), lines: Vec::new() }),
                None if line.is_empty() => {}
                None => sections.last_mut().unwrap().lines.push(line.clone()),
            }
            if line.starts_with("curl") && line.ends_with("/urlMaps/hexproperty-lb") {
                return Some(Simulation { child, addresses, sections });
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    /// The commands under the title that begins so.
    pub(crate) fn commands(&self, title: &str) -> &[String] {
        let section = self.sections.iter().find(|section| section.title.starts_with(title));
        &section.unwrap_or_else(|| panic!("nothing is printed about {title:?}")).lines
    }

    /// What makes `gcloud` come here as this person, for the head of a script.
    pub(crate) fn environment(&self, person: &str) -> String {
        format!("set -eu\nUSER={person}\n{}\n", self.commands("gcloud").join("\n"))
    }

    /// Runs every command under the title, in one shell; each must succeed and print its words.
    pub(crate) fn pasted(&self, environment: &str, title: &str, wanted: &[(&str, &str)]) {
        let folder = crate::Folder::new();
        let commands = self.commands(title);
        let mut script = environment.to_owned();
        for (place, command) in commands.iter().enumerate() {
            script.push_str(&format!("printf '\\n<<<%s>>>\\n' {place}\n{command}\n"));
        }
        let printed = crate::done(crate::shell(&folder.0, &format!("exec 2>&1\n{script}")));
        for (command, words) in wanted {
            let place = commands.iter().position(|line| line.starts_with(command));
            let place = place.unwrap_or_else(|| panic!("{command:?} is not among the printed commands {commands:#?}"));
            let from = printed.split(&format!("<<<{place}>>>\n")).nth(1).unwrap_or_default();
            let answer = from.split("<<<").next().unwrap_or_default();
            assert!(answer.contains(words), "{command:?} did not say {words:?} but\n{answer}");
        }
    }
}

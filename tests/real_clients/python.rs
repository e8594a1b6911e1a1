//! Google's own Python clients, which know the APIs by Google's own discovery documents and generated types, and the Kubernetes client.
//!
//! They live in a folder that `tests/run` makes; `CUTOVER_TEST_PYTHON` names its interpreter.

use std::path::Path;

use crate::{Folder, done, shell, simulation::Simulation, skipped};

const SPEED: u32 = 20;

#[test]
fn generated_clients_read_and_change_the_simulated_world() {
    let Some(python) = std::env::var_os("CUTOVER_TEST_PYTHON").filter(|path| Path::new(path).is_file()) else {
        return skipped("no CUTOVER_TEST_PYTHON, which tests/run sets: Google's and Kubernetes' Python clients were not tried");
    };
    let simulation = Simulation::start(SPEED);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_clients/clients.py");
    let command = format!(
        "exec '{}' '{}' {} {} 2>&1",
        Path::new(&python).display(),
        script.display(),
        simulation.addresses[0],
        simulation.addresses[1]
    );
    let folder = Folder::new();
    let printed = done(shell(&folder.0, &command));
    assert!(printed.contains("all clients are served"), "{printed}");
}

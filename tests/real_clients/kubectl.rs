//! The real `kubectl`, by the commands that `cutover sim` prints, and by the chain that a real cluster's user goes: GKE, credentials, TLS.

use crate::{is_here, simulation::Simulation};

/// A rollout takes a minute of the world's time.
const SPEED: u32 = 10;

#[test]
fn kubectl_takes_every_command_that_is_printed_for_it() {
    if !is_here("kubectl", "its view of the cluster was not checked") {
        return;
    }
    Simulation::start(SPEED).pasted(
        "set -eu\n",
        "the cluster",
        &[
            ("k get deployments", "deployment.apps/frontend"),
            ("k describe deployment", "RollingUpdateStrategy"),
            ("k logs", "GET /ready 200"),
            ("k scale", "scaled"),
            ("k rollout status", "successfully rolled out"),
        ],
    );
}

#[test]
fn a_cluster_is_had_from_gke_with_its_authority_and_a_token() {
    let lost = "the way from GKE to the cluster was not gone by real programs";
    if !["gcloud", "kubectl", "gke-gcloud-auth-plugin"].into_iter().all(|program| is_here(program, lost)) {
        return;
    }
    let simulation = Simulation::start(SPEED);
    let wanted = [("gcloud container clusters get-credentials", "kubeconfig entry generated"), ("kubectl get namespaces", "hexproperty")];
    simulation.pasted(&simulation.environment("ana"), "the cluster as GKE gives it", &wanted);
}

//! The real `kubectl`, by the commands that `cutover sim` prints, and by the chain that a real cluster's user goes: GKE, credentials, TLS.

use cutover::domain::{
    by_hand::{Kubectl, Leg, Lever, command},
    http_route::Rule,
    weight::PerMille,
};

use crate::{Folder, done, is_here, shell, simulation::Simulation};

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

#[test]
fn kubectl_takes_every_command_that_is_printed_for_the_http_route() {
    if !is_here("kubectl", "its view of the HTTPRoute was not checked") {
        return;
    }
    Simulation::start(SPEED).pasted(
        "set -eu\n",
        "the HTTPRoute",
        &[
            ("k get httproute", "[\"api.internal.hexproperty.com\"]"),
            ("k patch httproute", "httproute.gateway.networking.k8s.io/api patched"),
            ("k get httproute api -o yaml", "manager: kubectl-patch"),
        ],
    );
}

/// The command that every face shows when a rollback does not come, in a shell, between two writers of whom one declares the rules.
#[test]
fn the_command_by_hand_brings_an_http_route_home_as_it_is_printed() {
    if !is_here("kubectl", "the command by hand for an HTTPRoute was not run") {
        return;
    }
    let simulation = Simulation::start(SPEED);
    let legs = [Leg { name: "api-1", share: PerMille::ALL }, Leg { name: "api-2", share: PerMille::ZERO }];
    let kubectl = Kubectl::Gke { project: "hexproperty".into(), location: "us-central1".into(), cluster: "hexproperty-prod".into() };
    let lever = Lever::HttpRoute { kubectl: &kubectl, namespace: "hexproperty", http_route: "api", rule: &Rule::At { index: 1 } };
    let home = command(lever, &legs);
    let folder = Folder::new();
    let context = "gke_hexproperty_us-central1_hexproperty-prod";
    let script = format!(
        "set -eu\nexport KUBECONFIG=$PWD/config\n\
         kubectl config set-cluster here --server=http://{} >made\nkubectl config set-context {context} --cluster=here --namespace=hexproperty >made\n\
         k() {{ kubectl --context={context} \"$@\"; }}\n\
         weights() {{ k get httproute api -o jsonpath='{{range .spec.rules[1].backendRefs[*]}}{{.name}}={{.weight}} {{end}}'; }}\n\
         k get httproute api -o yaml | grep -v resourceVersion | sed 's/weight: 100$/weight: 30/; s/weight: 0$/weight: 70/' >route.yaml\n\
         k apply --server-side --field-manager=argocd-controller --force-conflicts -f route.yaml\n\
         echo \"<<<away>>> $(weights)\"\n{home}\necho \"<<<home>>> $(weights)\"\n\
         if k apply --server-side --field-manager=argocd-controller -f route.yaml 2>refused; then echo '<<<taken>>>'; fi\n\
         cat refused\n",
        simulation.addresses[1]
    );
    let printed = done(shell(&folder.0, &format!("exec 2>&1\n{script}")));
    assert!(printed.contains("<<<away>>> api-1=30 api-2=70"), "{printed}");
    assert!(printed.contains("<<<home>>> api-1=1000 api-2=0"), "{printed}");
    let refusal = "conflict with \"kubectl-patch\"";
    assert!(printed.contains(refusal) && printed.contains(".spec.rules") && !printed.contains("<<<taken>>>"), "{printed}");
}

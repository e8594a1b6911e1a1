//! NetworkPolicies against the ranges from which Google's load balancers send requests and health checks.
//!
//! With groups of pods as backends nothing else stands between: what a policy shuts out never becomes healthy, and no probe from inside of the
//! cluster shows it.

use std::net::Ipv4Addr;

use crate::{
    cli::check::{
        finding::{Finding, Id, Severity},
        manifests::{
            book::{Book, Doc, Workload},
            traffic,
        },
    },
    plan::document::Node,
};

/// From where load balancers and their health checks come, by Google's documentation.
const RANGES: [&str; 2] = ["130.211.0.0/22", "35.191.0.0/16"];

pub(super) fn look(book: &Book<'_>, found: &mut Vec<Finding>) {
    let policies: Vec<Doc<'_>> = book.of_kind("NetworkPolicy").filter(|policy| is_for_ingress(*policy)).collect();
    for policy in &policies {
        let selected: Vec<Workload<'_>> = book.workloads().filter(|workload| selects(*policy, *workload)).collect();
        let selector = policy.root().at(&["spec", "podSelector"]);
        let Some(selector) = selector.filter(|_| selected.is_empty()) else {
            let mut balanced = selected.iter().filter(|workload| book.is_balanced(**workload));
            // What one policy lets in, none of the others shuts out.
            let is_shut = |workload: &&Workload<'_>| shut_out(policies.iter().filter(|other| selects(**other, **workload))).is_some();
            if let Some(workload) = balanced.find(is_shut) {
                found.push(blocks(*policy, Severity::Error, &format!("{}, to which a load balancer is to send,", workload.doc.called())));
            }
            continue;
        };
        let has_workloads = book.workloads().any(|workload| workload.doc.is_beside(*policy));
        found.push(traffic::nothing(*policy, selector, has_workloads));
        if shut_out(std::iter::once(policy)).is_some() {
            found.push(blocks(*policy, Severity::Warning, "the pods that it selects, if a load balancer is to send to them,"));
        }
    }
}

fn blocks(policy: Doc<'_>, severity: Severity, whom: &str) -> Finding {
    let [one, other] = RANGES;
    let why = format!(
        "it lets nobody from {one} and {other} reach {whom} and that is where the load balancer's requests and health checks come from: no pod \
         is ever healthy"
    );
    let fix =
        format!("ingress: [ {{ from: [ {{ ipBlock: {{ cidr: {one} }} }}, {{ ipBlock: {{ cidr: {other} }} }} ] }} ] beside what it lets in");
    policy.find(Id::PolicyBlocksHealthChecks, policy.nearest(&["spec", "ingress"]), why).graver(severity).mend(fix)
}

/// A policy is for what comes in unless it says that it is for what goes out alone.
fn is_for_ingress(policy: Doc<'_>) -> bool {
    let types = policy.root().at(&["spec", "policyTypes"]);
    types.is_none_or(|types| types.items().iter().any(|kind| kind.text() == Some("Ingress")))
}

fn selects(policy: Doc<'_>, workload: Workload<'_>) -> bool {
    let selector = policy.root().at(&["spec", "podSelector"]);
    policy.is_beside(workload.doc) && selector.is_some_and(|selector| workload.labels().fit(selector))
}

/// The first of the load balancer's ranges that none of these policies lets in.
fn shut_out<'a, 'd: 'a>(policies: impl Iterator<Item = &'a Doc<'d>> + Clone) -> Option<&'static str> {
    let lets_in = |range: &str| {
        policies.clone().any(|policy| {
            let rules = policy.root().at(&["spec", "ingress"]).map(Node::items).unwrap_or_default();
            rules.iter().any(|rule| {
                let from = rule.get("from").map(Node::items).unwrap_or_default();
                from.is_empty() || from.iter().any(|peer| peer.get("ipBlock").is_some_and(|block| covers(block, range)))
            })
        })
    };
    RANGES.into_iter().find(|range| !lets_in(range))
}

/// Whether all of `range` is in a block of addresses.
fn covers(block: &Node, range: &str) -> bool {
    let Some(range) = Block::read(range) else { return false };
    let own = block.get("cidr").and_then(Node::text).and_then(Block::read);
    let excepted = block.get("except").map(Node::items).unwrap_or_default();
    let is_cut = excepted.iter().filter_map(|except| Block::read(except.text()?)).any(|except| except.holds(range) || range.holds(except));
    own.is_some_and(|own| own.holds(range)) && !is_cut
}

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    address: u32,
    /// How many bits they share.
    bits: u32,
}

impl Block {
    fn read(text: &str) -> Option<Block> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits) = (u32::from(address.parse::<Ipv4Addr>().ok()?), bits.parse().ok()?);
        if bits <= 32 { Some(Block { address, bits }) } else { None }
    }

    fn holds(self, other: Block) -> bool {
        let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or_default();
        self.bits <= other.bits && self.address & mask == other.address & mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document;

    #[test]
    fn a_block_lets_a_range_in_only_whole() {
        let covers = |block: &str, range| covers(&document::read(block).unwrap(), range);
        let [old, new] = RANGES;
        for block in ["{ cidr: 130.211.0.0/22 }", "{ cidr: 130.211.0.0/16 }", "{ cidr: 0.0.0.0/0 }"] {
            assert!(covers(block, old), "{block}");
        }
        for block in ["{ cidr: 130.211.0.0/23 }", "{ cidr: 130.212.0.0/22 }", "{ cidr: 10.0.0.0/8 }", "{ cidr: '::/0' }", "{}"] {
            assert!(!covers(block, old), "{block}");
        }
        assert!(!covers("{ cidr: 0.0.0.0/0, except: [35.191.1.0/24] }", new));
        assert!(!covers("{ cidr: 0.0.0.0/0, except: [35.0.0.0/8] }", new));
        assert!(covers("{ cidr: 0.0.0.0/0, except: [10.0.0.0/8] }", new));
    }
}

//! What may be the matter with the Gateway before two clusters and its HTTPRoute. In a world without one it does nothing.

use super::{Choice, Fault};

/// One thing that goes wrong there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GatewayFault {
    /// The Gateway answers this share of requests itself with a 500, before it chooses where to send them; nothing marks such an answer.
    Errors { rate: f64 },
    /// Somebody gives the rule that users follow another name.
    RuleRenamed,
    /// Somebody puts a rule for other users before all others.
    RuleBefore,
    /// A controller writes so many times a second into an annotation when it has last looked at the route.
    Annotated { per_s: f64 },
}

/// Those that can be picked by name.
pub(super) fn choices() -> Vec<Choice> {
    let choice = |name, what, fault| Choice { name, what, fault: Fault::Gateway(fault) };
    vec![
        choice("gateway-errors", "the Gateway answers 5 % of all requests with a 500 of its own", GatewayFault::Errors { rate: 0.05 }),
        choice("rule-renamed", "somebody renames the HTTPRoute's rule that users follow", GatewayFault::RuleRenamed),
        choice("rule-before", "somebody puts a rule before the HTTPRoute's others", GatewayFault::RuleBefore),
        choice("route-annotated", "a controller annotates the HTTPRoute 120 times a second", GatewayFault::Annotated { per_s: 120.0 }),
    ]
}

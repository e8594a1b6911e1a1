//! I24, I25: home is said only where all of the split is accepted there, strangers included, and nobody is seen elsewhere.

use cutover::{
    core::home::{Home, home},
    domain::weight::Weights,
};

use super::{Check, Seen, require};

pub(super) fn look(seen: &Seen) -> Check {
    for route in &seen.plan.routes {
        let known = &seen.after.routes[&route.id];
        let told = home(seen.after, route);
        if !told.is_reached() {
            continue;
        }
        let everything = Weights::all_on(&route.home, route.backend_ids());
        let accepted = known.accepted.as_ref().map(|accepted| &accepted.weights);
        require(accepted == Some(&everything), "I25", || format!("{} is said to be home and stands at {accepted:?}", route.id))?;
        require(!known.motion.is_returning(), "I25", || format!("{} is said to be home, and is on its way there", route.id))?;
        if let Home::Seen { .. } = told {
            let elsewhere =
                known.observed.iter().flat_map(|observed| &observed.shares).find(|(id, share)| **id != route.home && share.fraction > 0.0);
            require(elsewhere.is_none(), "I24", || format!("{} is seen at home, and requests meet {elsewhere:?}", route.id))?;
        }
    }
    Ok(())
}

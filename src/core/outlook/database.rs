//! What somebody should know of the plan's database: each instance that is not as it should be.

use super::Attention;
use crate::{
    core::{
        replication::{self, DatabaseStanding, Soundness},
        state::State,
    },
    domain::time::Timestamp,
    plan::model::Database,
};

pub(super) fn attention(database: &Database, state: &State, now: Timestamp) -> Vec<Attention> {
    let unsound = database.instances().filter_map(|instance| {
        let standing = replication::standing(database, instance, state.replication.get(instance), now);
        (standing.soundness() == Soundness::Unsound).then(|| (instance.clone(), standing))
    });
    let each = unsound.map(|(instance, standing)| {
        if instance == database.primary || standing == DatabaseStanding::Promoted {
            Attention::WritesAtRisk { instance, standing }
        } else {
            Attention::ReplicaUnsound { instance, standing }
        }
    });
    each.collect()
}

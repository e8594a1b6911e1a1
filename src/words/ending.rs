//! What speaks against ending a session, in words.

use crate::core::ending::Unwatched;

/// Why a route must not be left alone, as what stands behind its name.
pub fn unwatched(why: &Unwatched) -> String {
    match why {
        Unwatched::Unread => "where its traffic is was never read".to_owned(),
        Unwatched::Moving => "its traffic is moving".to_owned(),
        Unwatched::Split(weights) => format!("its traffic is split ({weights})"),
        Unwatched::HomeNotSeen => "home is accepted, and requests have not shown yet that everybody is there".to_owned(),
    }
}

//! That nobody would start the host again, in words.

use crate::domain::time::Millis;

/// What happened.
pub fn supervisor_gone(process: u32) -> String {
    format!("process {process}, which would have started this host again, is gone; nobody does now if the host dies")
}

/// How things stand since, and what to do about it.
pub(super) fn unsupervised(process: u32, lasted: Millis) -> String {
    format!(
        "nobody would start this host again if it died, for {lasted}: process {process}, which would have, is gone; triggers watch and the way home \
         is open; to have the like again, end the host's process at a quiet moment (`cutover sessions` names it), and open the plan again"
    )
}

//! Under which id a request goes, for APIs that do what has the same id once.

use sha2::{Digest, Sha256};

use crate::port::Intent;

/// A UUID of the intent: the same intent, the same id, on any machine and after any restart. `beside` tells apart what the intent alone does
/// not.
pub(super) fn of(intent: &Intent, beside: &str) -> String {
    let hash = Sha256::digest(format!("{}/{}{beside}", intent.session, intent.first));
    let mut bytes: [u8; 16] = std::array::from_fn(|place| hash[place]);
    bytes[6] = bytes[6] & 0x0f | 0x50; // version 5: named by a hash
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

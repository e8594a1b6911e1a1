//! Times of the day, as every face prints them.

use crate::domain::time::Timestamp;

/// `22:41:07`, in UTC: two people in two time zones read the same clock.
pub fn clock(at: Timestamp) -> String {
    let seconds = at.0.div_euclid(1000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

//! How often something may happen: a bucket of tokens that refills steadily.
//!
//! Time is handed in. It says how long to wait and never waits itself.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Clone)]
pub struct Bucket {
    every: Duration,
    burst: u32,
    /// When the bucket would have been empty; each token taken moves it on by `every`.
    empty_at: Option<Instant>,
}

impl Bucket {
    /// `per_second` tokens a second, at most `burst` saved up; both at least 1.
    pub fn new(per_second: u32, burst: u32) -> Bucket {
        Bucket { every: Duration::from_secs(1) / per_second.max(1), burst: burst.max(1), empty_at: None }
    }

    /// Takes a token and says how long to wait until it is really there; zero while some are saved up.
    pub fn take(&mut self, now: Instant) -> Duration {
        let full = now.checked_sub(self.every * self.burst).unwrap_or(now);
        let before = self.empty_at.map_or(full, |at| at.max(full));
        let after = before + self.every;
        self.empty_at = Some(after);
        after.saturating_duration_since(now)
    }

    /// Takes a token if it is there. Whoever finds none leaves no debt behind.
    pub fn has_one(&mut self, now: Instant) -> bool {
        let before = self.clone();
        let has = self.take(now).is_zero();
        if !has {
            *self = before;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_the_rest_waits_its_turn() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut bucket = Bucket::new(20, 3);
        let waits: Vec<u64> = (0..6).map(|_| bucket.take(start).as_millis() as u64).collect();
        assert_eq!(waits, [0, 0, 0, 50, 100, 150]);
        assert_eq!(bucket.take(start + Duration::from_secs(9)), Duration::ZERO, "an idle second fills it again");
    }

    #[test]
    fn who_finds_no_token_leaves_no_debt() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut bucket = Bucket::new(20, 3);
        let had = (0..10_000).filter(|_| bucket.has_one(start)).count();
        assert_eq!(had, 3);
        assert!(bucket.has_one(start + Duration::from_millis(50)));
        assert!(!bucket.has_one(start + Duration::from_millis(50)));
    }
}

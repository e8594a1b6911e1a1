//! What an object was before its newest changes: reads that lag behind tell it.

use std::collections::VecDeque;

/// Changes that are remembered; a read lags behind by seconds, and nobody writes more often than that.
const KEPT: usize = 32;

/// The former states of one object, oldest first.
#[derive(Debug, Clone)]
pub struct Former<T> {
    /// Each with the virtual time at which the next one took its place.
    states: VecDeque<(i64, T)>,
}

impl<T> Default for Former<T> {
    fn default() -> Self {
        Self { states: VecDeque::new() }
    }
}

impl<T> Former<T> {
    /// This stood until now.
    pub fn replaced(&mut self, now_ms: i64, state: T) {
        self.states.push_back((now_ms, state));
        if self.states.len() > KEPT {
            self.states.pop_front();
        }
    }

    /// What stood then; nothing, where that still stands.
    #[must_use]
    pub fn as_of(&self, at_ms: i64) -> Option<&T> {
        self.states.iter().find(|(until_ms, _)| *until_ms > at_ms).map(|(_, state)| state)
    }
}

#[cfg(test)]
mod tests {
    use super::Former;

    #[test]
    fn what_stood_then_is_told_until_its_time_is_over() {
        let mut former = Former::default();
        former.replaced(10, "first");
        former.replaced(20, "second");
        assert_eq!(
            [5, 9, 10, 19, 20].map(|at_ms| former.as_of(at_ms).copied()),
            [Some("first"), Some("first"), Some("second"), Some("second"), None]
        );
    }
}

//! How a change is waited for on which somebody else works: an operation, a service that reconciles, gateways that follow.

use std::time::Duration;

use tokio::time::Instant;

/// The pause between two looks grows from `first` by doubling to `most`; after `total` no further look is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub first: Duration,
    pub most: Duration,
    pub total: Duration,
}

impl Patience {
    pub(super) fn begin(self) -> Waiting {
        Waiting { patience: self, pause: self.first, deadline: Instant::now() + self.total }
    }
}

/// One wait, from its beginning.
#[derive(Debug)]
pub(super) struct Waiting {
    patience: Patience,
    pause: Duration,
    deadline: Instant,
}

impl Waiting {
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Until the next look is due.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(self.patience.most);
    }

    /// What is waited for next has just begun; the end stays where it is.
    pub(super) fn next_stage(&mut self) {
        self.pause = self.patience.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_and_the_end_stays() {
        let seconds = Duration::from_secs;
        let mut waiting = Patience { first: seconds(1), most: seconds(3), total: seconds(10) }.begin();
        let began = Instant::now();
        let mut looked = Vec::new();
        while !waiting.is_over() {
            waiting.pause().await;
            looked.push(began.elapsed().as_secs());
            if looked.len() == 3 {
                waiting.next_stage();
            }
        }
        assert_eq!(looked, [1, 3, 6, 7, 9, 12]);
    }
}

//! Trying again: with pauses that double, until a deadline.

use std::time::{Duration, Instant};

/// How often and for how long something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct Patience {
    /// The first pause; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// Nothing is begun after this time.
    pub deadline: Duration,
}

impl Patience {
    /// Tried once.
    pub(in crate::client) const NONE: Patience = Patience {
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::ZERO,
        deadline: Duration::ZERO,
    };

    /// As long as `deadline`, with pauses of 1 to 30 seconds: a whole rack that waits for one server
    /// must not keep it from coming back.
    pub(in crate::client) const fn lasting(deadline: Duration) -> Patience {
        Patience {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            deadline,
        }
    }
}

/// Something that did not work, and whether it may work later.
pub(in crate::client) trait Transient {
    /// Whether to try again.
    fn may_pass(&self) -> bool;
}

/// The tries of one thing.
#[derive(Debug)]
pub(in crate::client) struct Tries {
    patience: Patience,
    started: Instant,
    pause: Duration,
}

impl Tries {
    /// None was made yet.
    pub(in crate::client) fn new(patience: Patience) -> Tries {
        Tries {
            pause: patience.first_pause,
            started: Instant::now(),
            patience,
        }
    }

    /// How long to wait before the next try after this error; none where it is the last word.
    pub(in crate::client) fn pause_after(&mut self, error: &impl Transient) -> Option<Duration> {
        let pause = self.pause;
        if !error.may_pass() || self.started.elapsed() + pause > self.patience.deadline {
            return None;
        }
        self.pause = (pause * 2).min(self.patience.longest_pause);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True where it may pass.
    impl Transient for bool {
        fn may_pass(&self) -> bool {
            *self
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_with_longer_pauses() {
        let mut tries = Tries::new(Patience::lasting(Duration::from_secs(3600)));
        let pauses: Vec<u64> = (0..7)
            .map(|_| tries.pause_after(&true).unwrap().as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(tries.pause_after(&false), None);
    }

    #[test]
    fn what_would_be_late_is_given_up() {
        assert_eq!(Tries::new(Patience::NONE).pause_after(&false), None);
        let mut tries = Tries::new(Patience::lasting(Duration::from_millis(900)));
        assert_eq!(tries.pause_after(&true), None);
    }
}

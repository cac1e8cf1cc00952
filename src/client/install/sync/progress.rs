//! How far a transfer is, said every few seconds.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

/// How often progress is said. Often enough to see that something moves, not so often that a rack of
/// machines drowns its server.
pub(super) const INTERVAL: Duration = Duration::from_secs(3);

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(in crate::client) struct Progress {
    /// Bytes that are here. Of an image as it is packed, of a tree as its files are.
    pub bytes: u64,
    /// All bytes, where that is known exactly.
    pub total_bytes: Option<u64>,
    /// From 0 to 100, where that is known.
    pub percent: Option<u64>,
    /// Bytes in a second, lately.
    pub bytes_per_second: u64,
}

impl Progress {
    /// So many bytes of a known or unknown number.
    pub(in crate::client) fn of(bytes: u64, total_bytes: Option<u64>) -> Progress {
        let total = total_bytes.filter(|total| *total > 0);
        Progress {
            bytes,
            total_bytes,
            percent: total.map(|total| share(bytes, total)),
            bytes_per_second: 0,
        }
    }

    /// At this rate.
    fn seconds_left(&self) -> Option<u64> {
        let left = match (self.total_bytes, self.percent?) {
            (Some(total), _) => total.saturating_sub(self.bytes),
            (None, 0) => return None,
            (None, percent) => self.bytes / percent * (100 - percent.min(100)),
        };
        left.checked_div(self.bytes_per_second)
    }
}

/// How many hundredths a part is, in whole numbers below the truth.
pub(super) fn share(part: u64, whole: u64) -> u64 {
    let hundredths = u128::from(part.min(whole)) * 100 / u128::from(whole.max(1));
    u64::try_from(hundredths).unwrap_or(100)
}

/// Such as `120.5 MB of 339.1 MB (35 %), 25.3 MB/s, 9 s left`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Megabytes(self.bytes))?;
        if let Some(total) = self.total_bytes {
            write!(f, " of {}", Megabytes(total))?;
        }
        if let Some(percent) = self.percent {
            write!(f, " ({percent} %)")?;
        }
        if self.bytes_per_second > 0 {
            write!(f, ", {}/s", Megabytes(self.bytes_per_second))?;
        }
        match self.seconds_left() {
            Some(seconds) if seconds > 0 => write!(f, ", {seconds} s left"),
            _ => Ok(()),
        }
    }
}

/// A number of bytes in millions.
struct Megabytes(u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} MB", self.0 / 1_000_000, self.0 / 100_000 % 10)
    }
}

/// Decides when progress is to be said, and how fast it is.
#[derive(Debug)]
pub(super) struct Meter {
    interval: Duration,
    said_at: Instant,
    said_bytes: u64,
}

impl Meter {
    /// Progress that begins now, with so many bytes.
    pub(super) fn new(interval: Duration, now: Instant, bytes: u64) -> Meter {
        Meter {
            interval,
            said_at: now,
            said_bytes: bytes,
        }
    }

    /// The same progress with its rate, if it is time to say it.
    pub(super) fn due(&mut self, now: Instant, progress: Progress) -> Option<Progress> {
        let since = now.saturating_duration_since(self.said_at);
        if since < self.interval {
            return None;
        }
        let moved = u128::from(progress.bytes.saturating_sub(self.said_bytes));
        let rate = moved * 1000 / since.as_millis().max(1);
        (self.said_at, self.said_bytes) = (now, progress.bytes);
        Some(Progress {
            bytes_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
            ..progress
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_said_with_what_is_known() {
        let exact = Progress {
            bytes_per_second: 25_300_000,
            ..Progress::of(120_560_000, Some(339_100_000))
        };
        assert_eq!(
            exact.to_string(),
            "120.5 MB of 339.1 MB (35 %), 25.3 MB/s, 8 s left"
        );
        let by_percent = Progress {
            total_bytes: None,
            ..exact
        };
        assert_eq!(
            by_percent.to_string(),
            "120.5 MB (35 %), 25.3 MB/s, 8 s left"
        );
        let unknown = Progress {
            percent: None,
            ..by_percent
        };
        assert_eq!(unknown.to_string(), "120.5 MB, 25.3 MB/s");
        assert_eq!(Progress::default().to_string(), "0.0 MB");
        assert_eq!(Progress::of(5, Some(0)).percent, None);
    }

    #[test]
    fn progress_is_said_once_in_each_interval_with_its_rate() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let of = |bytes| Progress::of(bytes, Some(10_000));
        let mut meter = Meter::new(Duration::from_secs(3), start, 1_000);
        assert_eq!(meter.due(at(2), of(9_000)), None);
        let said = meter.due(at(4), of(9_000)).unwrap();
        assert_eq!((said.bytes_per_second, said.percent), (2_000, Some(90)));
        assert_eq!(meter.due(at(5), of(9_500)), None);
        assert_eq!(meter.due(at(7), of(9_600)).unwrap().bytes_per_second, 200);
    }
}

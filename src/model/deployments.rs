//! How the attempts to install one machine have gone.

use serde::{Deserialize, Serialize};

/// How the deployments (attempts to install) of one machine have gone: what decides whether it may begin
/// another. Records of earlier versions have none of it, which reads as its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployments {
    /// Begun since the machine was last installed or told to reinstall.
    pub begun: u32,
    /// What became of the latest.
    pub latest: LatestDeployment,
}

/// What became of the latest deployment of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatestDeployment {
    /// None was begun since the machine was told to reinstall, or it is not known.
    #[default]
    None,
    /// It was begun, and nothing was heard of its end.
    Begun,
    /// The machine reported that it failed.
    Failed,
    /// The machine reported that it is installed.
    Installed,
}

impl Deployments {
    /// Whether nothing is known, as after a `reinstall`.
    pub fn is_none(&self) -> bool {
        *self == Deployments::default()
    }

    /// Whether the machine reported that it is installed, and has begun nothing since.
    pub fn is_installed(&self) -> bool {
        self.latest == LatestDeployment::Installed
    }

    /// One more has begun.
    #[must_use]
    pub fn with_another_begun(self) -> Deployments {
        Deployments {
            begun: self.begun.saturating_add(1),
            latest: LatestDeployment::Begun,
        }
    }

    /// The latest failed. It stays counted.
    #[must_use]
    pub fn with_latest_failed(self) -> Deployments {
        Deployments {
            latest: LatestDeployment::Failed,
            ..self
        }
    }

    /// The latest succeeded: those that it took count no more.
    pub fn installed() -> Deployments {
        Deployments {
            begun: 0,
            latest: LatestDeployment::Installed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stay_counted_until_one_succeeds() {
        let failed = Deployments::default()
            .with_another_begun()
            .with_latest_failed();
        let again = failed.with_another_begun();
        assert_eq!((failed.begun, again.begun), (1, 2));
        assert_eq!(again.latest, LatestDeployment::Begun);
        assert_eq!(Deployments::installed().begun, 0);
        assert!(Deployments::installed().is_installed() && !again.is_installed());
    }

    #[test]
    fn what_an_earlier_version_did_not_write_reads_as_nothing_known() {
        let read: Deployments = serde_json::from_str("{}").unwrap();
        assert!(read.is_none());
    }
}

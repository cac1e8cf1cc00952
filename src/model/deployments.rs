//! How the attempts to install one machine have gone.

use serde::{Deserialize, Serialize};

use super::BootId;

/// How the deployments (attempts to install) of one machine have gone: what decides whether it may begin
/// another. Records of earlier versions have none of it, which reads as its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployments {
    /// Begun since the machine was last installed or told to reinstall.
    pub begun: u32,
    /// What became of the latest.
    pub latest: LatestDeployment,
    /// The start of the machine in which the latest was begun, where the machine told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<BootId>,
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

    /// One more has begun, in this start of the machine where that is known. A machine asks again when an
    /// answer is lost: in the same start that is the deployment which has begun already.
    #[must_use]
    pub fn with_another_begun(self, boot_id: Option<BootId>) -> Deployments {
        let is_asked_again =
            self.latest == LatestDeployment::Begun && boot_id.is_some() && self.boot_id == boot_id;
        if is_asked_again {
            return self;
        }
        Deployments {
            begun: self.begun.saturating_add(1),
            latest: LatestDeployment::Begun,
            boot_id,
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
            boot_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stay_counted_until_one_succeeds() {
        let failed = Deployments::default()
            .with_another_begun(None)
            .with_latest_failed();
        let again = failed.with_another_begun(None);
        assert_eq!((failed.begun, again.begun), (1, 2));
        assert_eq!(again.latest, LatestDeployment::Begun);
        assert_eq!(Deployments::installed().begun, 0);
        assert!(Deployments::installed().is_installed() && !again.is_installed());
    }

    #[test]
    fn one_start_begins_one_deployment_until_it_fails() {
        let [first, second] = [1, 2].map(|digit| {
            let text = format!("0b3c5f0e-6a1d-4f6e-9d0a-00e1c2d3a4b{digit}");
            text.parse().ok()
        });
        let begun = Deployments::default().with_another_begun(first);
        assert_eq!(begun.with_another_begun(first), begun);
        assert_eq!(begun.with_another_begun(second).begun, 2);
        assert_eq!(begun.with_another_begun(None).begun, 2);
        let tried_by_hand = begun.with_latest_failed().with_another_begun(first);
        assert_eq!(tried_by_hand.begun, 2);
        // Old ramdisks tell of no start: each of their uploads counts.
        let old = Deployments::default().with_another_begun(None);
        assert_eq!(old.with_another_begun(None).begun, 2);
    }

    #[test]
    fn what_an_earlier_version_did_not_write_reads_as_nothing_known() {
        let read: Deployments = serde_json::from_str("{}").unwrap();
        assert!(read.is_none());
    }
}

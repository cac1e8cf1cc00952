//! Why a report was not kept, or a question not answered.

use std::path::PathBuf;

/// Why a report was not kept, or a question not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened, read or written.
    #[error("the store of events `{}`: {problem}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite or the operating system said.
        problem: String,
        /// Whether there is no room on the disk.
        is_full: bool,
        /// Whether the file is damaged.
        is_damaged: bool,
    },
    /// There are too many machines that nobody knows.
    #[error(
        "events of {0} machines are kept, and of no more machines that are not known by their hardware"
    )]
    TooManyMachines(usize),
    /// The store is being closed.
    #[error("the server is stopping")]
    Stopping,
}

impl StoreError {
    /// An error of SQLite about the file.
    pub(super) fn of(path: &std::path::Path, error: &rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode;
        let code = error.sqlite_error_code();
        StoreError::Database {
            path: path.to_owned(),
            problem: error.to_string(),
            is_full: code == Some(ErrorCode::DiskFull),
            is_damaged: matches!(
                code,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ),
        }
    }

    /// Whether the file is damaged.
    pub(super) fn is_damaged(&self) -> bool {
        matches!(
            self,
            StoreError::Database {
                is_damaged: true,
                ..
            }
        )
    }
}

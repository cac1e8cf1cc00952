//! Fills the profile directory of a server without settings with the examples, once.

use std::io;
use std::path::Path;

use crate::system::{Durability, Existing, replace_file};

macro_rules! example {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../config-examples/", $name)),
        )
    };
}
/// The examples in the native form, as they stand in `config-examples/`.
const EXAMPLES: [(&str, &str); 13] = [
    example!("raid1-server.cmdb.ron"),
    example!("raid1-server.configure"),
    example!("raid1-server.specs.ron"),
    example!("smart-array.cmdb.ron"),
    example!("smart-array.configure"),
    example!("smart-array.specs.ron"),
    example!("state.ron"),
    example!("storage-node.cmdb.ron"),
    example!("storage-node.configure"),
    example!("storage-node.specs.ron"),
    example!("vm.cmdb.ron"),
    example!("vm.configure"),
    example!("vm.specs.ron"),
];

/// Makes `directory` with the examples in it, unless it is there already. Says whether it did.
pub(super) fn seed(directory: &Path) -> io::Result<bool> {
    if directory.exists() {
        return Ok(false);
    }
    let parent = directory.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    // Made aside and renamed, so that a start cut short does not leave half of the examples.
    let aside = tempfile::Builder::new()
        .prefix(".examples-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in(parent)?;
    for (name, text) in EXAMPLES {
        let path = aside.path().join(name);
        replace_file(&path, Existing::Keep, Durability::Synced, |out| {
            out.write_all(text.as_bytes())
        })?;
    }
    match std::fs::rename(aside.path(), directory) {
        Ok(()) => {
            // It has moved: there is nothing left to remove.
            let _moved = aside.keep();
            Ok(true)
        }
        // Another server was faster.
        Err(_) if directory.exists() => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_repository_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config-examples");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            // The server's own settings and the page of the helpers are no profile's.
            .filter(|name| !["server.toml", "HELPERS.md"].contains(&name.as_str()))
            .collect();
        files.sort();
        assert_eq!(files, EXAMPLES.map(|(name, _)| name));
    }

    #[test]
    fn a_directory_that_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("state/config");
        assert!(seed(&config).unwrap());
        std::fs::remove_file(config.join("vm.configure")).unwrap();
        assert!(!seed(&config).unwrap());
        assert!(!config.join("vm.configure").exists());
        assert_eq!(
            std::fs::read_dir(dir.path().join("state")).unwrap().count(),
            1
        );
    }
}

//! The image of a tree: one file, for HTTP and media.

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use crate::model::{RoleName, RoleVersion};
use crate::system::{Command, Real, Runner};

use super::super::answer::{Exit, Failure};

/// The packing of a large tree.
const TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// How an image is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Image {
    Gzip,
    Zstd,
    Both,
    None,
}

const GZIP: (&str, &str) = ("", "gzip -n");
const ZSTD: &str = "zstd -q -T0";

impl Image {
    /// What ends the names of the images, and what packs them.
    fn packers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Image::Gzip => &[GZIP],
            Image::Zstd => &[("", ZSTD)],
            // Our client asks for this one first.
            Image::Both => &[GZIP, (".zst", ZSTD)],
            Image::None => &[],
        }
    }
}

/// Packs the tree `home/ROLE` into `home/ROLE-VERSION.edeploy`, with the words that make it the same for the same tree
/// (reproducible-builds.org).
pub(super) fn pack(
    image: Image,
    home: &Path,
    role: &RoleName,
    version: &RoleVersion,
) -> Result<(), Failure> {
    let script = r#"cd "$1/$2" && tar --sort=name --format=posix --xattrs --xattrs-include='*' --acls --numeric-owner \
        --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -I "$4" -cf "../$3" . &&
        cd .. && sha256sum "$3" >"$3.sha256""#;
    let home = home.display().to_string();
    for (ending, packer) in image.packers() {
        let name = format!("{role}-{version}.edeploy{ending}");
        let words = ["-ec", script, "sh", &home, role.as_str(), &name, packer];
        let command = Command::new("sh", words).mutating().with_timeout(TIMEOUT);
        Real.run(&command).map_err(|error| {
            Failure::new(Exit::Environment, "the image cannot be packed").because(&error)
        })?;
    }
    Ok(())
}

//! Where a role comes from, and that it comes.

use std::path::Path;
use std::sync::OnceLock;

use crate::roles::Signed;
use crate::system::Runner;

use super::super::agent;
use super::super::files::Choice;
use super::super::log::Log;
use super::super::retry::Patience;
use super::super::settings::Settings;
use super::super::writer::show;
use super::came::{Came, bytes_of};
use super::digest::{self, Hasher, Kind, Sum};
use super::download::{Download, is_there, text_file};
use super::error::SyncError;
use super::image::{self, Incoming};
use super::medium::{FileImage, Found, Medium};
use super::tree;

/// Which files go where.
#[derive(Debug, Clone, Copy)]
pub(in crate::client::install) struct Source<'a> {
    /// Where they come from.
    pub settings: &'a Settings,
    /// Which role in which version.
    pub choice: &'a Choice,
    /// Where they go.
    pub target: &'a Path,
    /// How long a broken connection is waited for, within an image.
    pub patience: Patience,
    /// Whether nothing is fetched, only shown.
    pub is_rehearsal: bool,
}

impl Source<'_> {
    /// The address of the tree or of the image; of a medium, its label.
    pub(in crate::client::install) fn url(&self) -> String {
        let (role, version) = (&self.choice.role, &self.choice.version);
        let directory = self.directory_url();
        match (&self.settings.embedded, &self.settings.hserv) {
            (Some(label), _) => format!("the medium `{label}`"),
            (None, Some(_)) => format!("{directory}{role}-{version}.edeploy"),
            (None, None) => format!("{directory}{role}/"),
        }
    }

    /// The address of the directory that has all of this version, by HTTP or by rsync.
    pub(super) fn directory_url(&self) -> String {
        let (settings, version) = (self.settings, &self.choice.version);
        match settings.hserv_url() {
            Some(url) => format!("{url}/{version}/"),
            None => {
                let (rserv, port) = (&settings.rserv, settings.rserv_port);
                format!("rsync://{rserv}:{port}/{}/{version}/", settings.rpath)
            }
        }
    }

    /// Looks whether a disk is mounted where the files go.
    pub(in crate::client::install) fn expect_mounted(&self) -> Result<(), SyncError> {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        if is_mounted(&mounts, self.target) {
            Ok(())
        } else {
            Err(SyncError::NotMounted(self.target.to_owned()))
        }
    }

    /// Brings the role, and sees that it is the one that was signed. `came` is what former tries brought, and
    /// grows; what a broken transfer left is used.
    pub(in crate::client::install) fn fetch(
        &self,
        runner: &dyn Runner,
        log: &mut Log,
        came: &mut Came,
    ) -> Result<(), SyncError> {
        let signed = self.signed_manifest(runner)?;
        if let Some((manifest, _)) = &signed {
            came.total_bytes.get_or_init(|| bytes_of(manifest));
        }
        let is_tree = self.settings.embedded.is_none() && self.settings.hserv.is_none();
        if is_tree && !self.is_rehearsal && signed.is_none() && came.unsigned.is_none() {
            self.fetch_with_texts(runner, log, came)?;
        } else {
            self.fetch_files(runner, log, came)?;
        }
        self.finish(runner, log, signed, came)
    }

    /// Brings the tree, and meanwhile what lies beside it: that is many small files, and this is one, so that
    /// neither waits for the other.
    fn fetch_with_texts(
        &self,
        runner: &dyn Runner,
        log: &mut Log,
        came: &mut Came,
    ) -> Result<(), SyncError> {
        let (bytes, total_bytes) = (&mut came.bytes, &came.total_bytes);
        let (brought, texts) = std::thread::scope(|scope| {
            let texts = scope.spawn(|| self.texts_and_total(runner, total_bytes));
            let url = self.url();
            let brought = tree::fetch(runner, &url, self.target, log, bytes, total_bytes);
            let texts = texts.join();
            (
                brought,
                texts.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            )
        });
        came.unsigned = texts;
        brought
    }

    /// What lies beside the role, if it can be had now, and how much the role is.
    fn texts_and_total(
        &self,
        runner: &dyn Runner,
        total_bytes: &OnceLock<u64>,
    ) -> Option<Result<Signed, String>> {
        let read = self.read_texts(self.texts(runner).ok()?);
        let total = match &read {
            Ok((manifest, _)) => Some(bytes_of(manifest)),
            Err(_) => tree::size(runner, &self.url()),
        };
        if let Some(total) = total {
            total_bytes.get_or_init(|| total);
        }
        Some(read.map(|(_, signed)| signed))
    }

    fn fetch_files(
        &self,
        runner: &dyn Runner,
        log: &mut Log,
        came: &mut Came,
    ) -> Result<(), SyncError> {
        let (bytes, total_bytes) = (&mut came.bytes, &came.total_bytes);
        let url = self.url();
        match (&self.settings.embedded, &self.settings.hserv) {
            (None, None) => tree::fetch(runner, &url, self.target, log, bytes, total_bytes),
            _ if self.is_rehearsal => {
                show(&format!("unpack {url} into {}", self.target.display()));
                Ok(())
            }
            (Some(label), _) => {
                let medium = Medium::mount(runner, label)?;
                match medium.find(&self.choice.role, &self.choice.version)? {
                    Found::Image(path) => self.file_image(runner, &path, log),
                    Found::Tree(path) => {
                        let from = format!("{}/", path.display());
                        if total_bytes.get().is_none()
                            && let Some(total) = tree::size(runner, &from)
                        {
                            total_bytes.get_or_init(|| total);
                        }
                        tree::fetch(runner, &from, self.target, log, bytes, total_bytes)
                    }
                }
            }
            (None, Some(_)) => self.http_image(runner, &url, log),
        }
    }

    fn http_image(&self, runner: &dyn Runner, url: &str, log: &mut Log) -> Result<(), SyncError> {
        let agent = agent::for_images(self.settings);
        // `role build --image both` leaves one that is smaller and sooner unpacked.
        let better = format!("{url}.zst");
        let url = match is_there(&agent, &better)? {
            true => &better,
            false => url,
        };
        let expected = expected(url, |file| text_file(&agent, file, digest::LONGEST_FILE))?;
        let hasher = hasher(expected.as_ref());
        let mut download = Download::open(&agent, url, hasher, self.patience, log)?;
        image::unpack(runner, url, &mut download, self.target)?;
        let found = download.sum();
        verify(url, expected, found, log)
    }

    fn file_image(&self, runner: &dyn Runner, path: &Path, log: &mut Log) -> Result<(), SyncError> {
        let url = path.display().to_string();
        let unread = |source| SyncError::Read {
            url: url.clone(),
            source,
        };
        let expected = expected(&url, |file| match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(unread(source)),
        })?;
        let mut file = FileImage::open(path, hasher(expected.as_ref()), log).map_err(unread)?;
        image::unpack(runner, &url, &mut file, self.target)?;
        let found = file.sum();
        verify(&url, expected, found, log)
    }
}

/// The strongest sum that lies beside an image, and in which file.
fn expected<E: Into<SyncError>>(
    url: &str,
    read: impl Fn(&str) -> Result<Option<String>, E>,
) -> Result<Option<(String, Sum)>, SyncError> {
    let name = url.rsplit('/').next().unwrap_or(url);
    for kind in Kind::ALL {
        let file = format!("{url}{}", kind.suffix());
        let Some(text) = read(&file).map_err(Into::into)? else {
            continue;
        };
        return match digest::parse(kind, &text, name) {
            Some(sum) => Ok(Some((file, sum))),
            None => Err(SyncError::NoChecksum { file, kind }),
        };
    }
    Ok(None)
}

/// With nothing to compare, the strongest sum tells whether an image is the same when it is read again.
fn hasher(expected: Option<&(String, Sum)>) -> Hasher {
    Hasher::new(expected.map_or(Kind::Sha256, |(_, sum)| sum.kind))
}

fn verify(
    url: &str,
    expected: Option<(String, Sum)>,
    found: Sum,
    log: &mut Log,
) -> Result<(), SyncError> {
    let said = format!("{} {}", found.kind, found.hex);
    match expected {
        Some((file, expected)) if expected != found => Err(SyncError::Checksum {
            url: url.to_owned(),
            file,
            expected,
            found,
        }),
        Some(_) => {
            log.say(&format!("the image has the {said}, as it should"));
            Ok(())
        }
        None => {
            log.say(&format!(
                "the image has the {said}; no checksum lies beside it"
            ));
            Ok(())
        }
    }
}

/// Whether a mount table (proc(5)) names this mount point, which has no blanks in its path.
fn is_mounted(mounts: &str, target: &Path) -> bool {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    points.into_iter().any(|point| Path::new(point) == target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(line: &str) -> String {
        let choice = Choice {
            role: "mysql".to_owned(),
            version: "D7-F.1.0.0".to_owned(),
            profile: "vm".to_owned(),
            machine: None,
            token: None,
        };
        let source = Source {
            settings: &Settings::parse(line).unwrap(),
            choice: &choice,
            target: Path::new("/chroot"),
            patience: Patience::NONE,
            is_rehearsal: false,
        };
        source.url()
    }

    #[test]
    fn trees_images_and_media_are_where_the_original_has_them() {
        assert_eq!(
            url("SERV=10.1.0.1"),
            "rsync://10.1.0.1:873/install/D7-F.1.0.0/mysql/"
        );
        assert_eq!(
            url("HSERV=h HSERV_PORT=8080"),
            "http://h:8080/install/D7-F.1.0.0/mysql-D7-F.1.0.0.edeploy"
        );
        assert_eq!(
            url("HSERV=https://h CA=/ca HPATH=i"),
            "https://h:443/i/D7-F.1.0.0/mysql-D7-F.1.0.0.edeploy"
        );
        assert_eq!(url("HSERV=h EMBEDDED=roles"), "the medium `roles`");
        assert_eq!(url("EMBEDDED=1"), "the medium `edeploy_boot`");
    }

    #[test]
    fn a_target_that_nothing_is_mounted_on_is_seen() {
        let mounts = "rootfs / rootfs rw 0 0\n/dev/vda3 /chroot ext4 rw 0 0\n";
        assert!(is_mounted(mounts, Path::new("/chroot")));
        assert!(is_mounted(mounts, Path::new("/chroot/")));
        assert!(!is_mounted(mounts, Path::new("/chroot/boot")));
    }

    #[test]
    fn the_strongest_sum_counts_and_a_wrong_one_is_told_with_both() {
        let (weak, strong) = ("0".repeat(32), "1".repeat(64));
        let read = |file: &str| -> Result<Option<String>, SyncError> {
            Ok(match file {
                "h/a.md5" => Some(weak.clone()),
                "h/a.sha256" => Some(format!("{strong}  a\n")),
                "h/b.md5" => Some("<html>".to_owned()),
                _ => None,
            })
        };
        let (file, sum) = expected("h/a", read).unwrap().unwrap();
        assert_eq!(
            (file.as_str(), sum.hex.as_str()),
            ("h/a.sha256", strong.as_str())
        );
        assert!(
            expected("h/b", read)
                .unwrap_err()
                .to_string()
                .contains("`h/b.md5` holds no MD5")
        );
        assert_eq!(expected("h/c", read).unwrap(), None);
        let found = Sum {
            hex: "2".repeat(64),
            ..sum.clone()
        };
        let mut log = Log::new(crate::client::install::Whole::installation(), None, None).unwrap();
        let error = verify("h/a", Some((file, sum)), found, &mut log).unwrap_err();
        assert!(error.to_string().contains(&"2".repeat(64)));
        assert!(error.to_string().contains(&strong));
    }
}

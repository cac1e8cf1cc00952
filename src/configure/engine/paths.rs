//! Paths as scripts give them, made plain without a look at any disk.

use super::stop::{Stop, refused};

/// A path below `basedir`, as eDeploy's `config` stages it.
///
/// # Errors
///
/// The name leaves the directory.
pub(super) fn staged(basedir: &str, name: &str) -> Result<String, Stop> {
    let base = normal(basedir);
    let base = format!("{}/", base.trim_end_matches('/'));
    let path = normal(&format!("{base}{}", name.trim_start_matches('/')));
    if path.starts_with(&base) {
        Ok(path)
    } else {
        refused(
            format!("the name `{}` leaves `{base}`", shown(name)),
            Some("a file elsewhere is written with open(path, 'w')"),
        )
    }
}

/// The same path, for who has no script: one in another language asks for it with `edeploy helper`.
///
/// # Errors
/// The name leaves the directory; the text says so.
pub fn staged_path(basedir: &str, name: &str) -> Result<String, String> {
    staged(basedir, name).map_err(|stop| stop.to_string())
}

/// A path for `open`: whole, and without a way up in it, which a variable could bring along.
///
/// # Errors
///
/// The path is not absolute, or has `..` in it.
pub(super) fn direct(path: &str) -> Result<String, Stop> {
    if path.split('/').any(|part| part == "..") {
        return refused(format!("`..` in the path `{}`", shown(path)), None);
    }
    if !path.starts_with('/') || path.ends_with('/') {
        return refused(
            format!("`{}` is no absolute path of a file", shown(path)),
            None,
        );
    }
    Ok(path.to_owned())
}

fn shown(path: &str) -> String {
    path.chars()
        .take(80)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// The path without `.`, `..`, doubled and last slashes.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if path.starts_with('/') || parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_file_stays_below_its_directory() {
        assert_eq!(
            staged("/post_rsync", "/etc//x").unwrap(),
            "/post_rsync/etc/x"
        );
        assert_eq!(staged("/post_rsync/", "a/../b").unwrap(), "/post_rsync/b");
        assert!(staged("/post_rsync", "../etc/shadow").is_err());
        assert!(staged("/post_rsync", "/").is_err());
        assert!(staged("/post_rsync", "..//post_rsync_2/x").is_err());
    }

    #[test]
    fn a_direct_path_is_whole_and_goes_no_way_up() {
        assert!(direct("/interfaces").is_ok());
        for path in ["interfaces", "/a/../b", "/a/", ""] {
            assert!(direct(path).is_err(), "{path}");
        }
    }
}

//! `edeployctl role build`: from a role file to the tree that is served, its image and its manifest.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, utimensat};

use crate::model::{RoleName, RoleVersion};
use crate::roles::{self, Filter, Ids, Node, RoleFile};
use crate::system::{Ownership, Real, Runner, put_file};

use super::super::answer::{Answer, Exit, Failure, Style};
use super::super::input;
use super::image::{self, Image};
use super::{bootstrap, devices, host_keys, manifest, namespace, pkgmngr, tree};

/// A role that inherits from itself would go on for ever.
const MOST_ANCESTORS: usize = 16;

/// A script of a role may take long.
const TIMEOUT: Duration = Duration::from_secs(2 * 3600);

/// Build a version of a role from its role file: the tree, its image, its manifest, its packages
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  edeployctl role build roles/base.toml --vers D12-1.0 --out install --add-ids

writes install/D12-1.0/base/, base.manifest and base.packages beside it, and the image base-D12-1.0.edeploy with its
.sha256. The role is called as its file. It takes mmdebstrap (dnf and rpm where
the role file has base = \"dnf\"), and root; without root, newuidmap, and no tree is left.
The same packages and files give the same manifest: times are not later than SOURCE_DATE_EPOCH, or 0. A version that is there is never built over.

Users and groups have the numbers of ids.toml beside the role file, in every version and role; --add-ids writes new names
into it, and without that they are refused.")]
pub(super) struct Build {
    /// The role file, ROLE.toml
    pub(super) file: PathBuf,
    /// The version
    #[arg(long, value_name = "VERSION")]
    pub(super) vers: RoleVersion,
    /// The directory of all versions, which rsync serves
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// How the image is packed; ramdisks of eDeploy itself know gzip alone, `both` makes ROLE-VERSION.edeploy.zst besides
    #[arg(long, value_enum, default_value = "gzip")]
    pub(super) image: Image,
    /// The table of numbers of users and groups
    #[arg(long, value_name = "FILE")]
    pub(super) ids: Option<PathBuf>,
    /// Take new names into the table
    #[arg(long)]
    pub(super) add_ids: bool,
    /// Leave no tree, only its image and manifest; without root it is always so
    #[arg(long)]
    no_tree: bool,
}

impl Build {
    /// Builds all of it beside its place, and moves it there when it is whole.
    pub(super) fn answer(&self) -> Result<Answer, Failure> {
        let name = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let role = RoleName::new(&name).map_err(|error| {
            Failure::new(Exit::Input, format!("`{name}` is no name of a role")).because(&error)
        })?;
        let recipe = load(&self.file)?;
        (recipe.check()).map_err(|error| {
            Failure::new(Exit::Input, "the role cannot be built").because(&error)
        })?;
        let home = self.out.join(self.vers.as_str());
        let place = home.join(role.as_str());
        if place.exists() || tree::beside(&place, tree::MANIFEST).exists() {
            let sentence = format!("`{}` is there: a version is built once", place.display());
            return Err(Failure::new(Exit::Input, sentence));
        }
        if !rustix::process::geteuid().is_root() {
            return namespace::build(self);
        }
        // What is made here is the same whoever builds.
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let io = |verb, path: &Path| {
            let path = input::name_of(path);
            move |error: io::Error| Failure::io(verb, &path, &error)
        };
        std::fs::create_dir_all(&home).map_err(io("write", &home))?;
        let work = tempfile::Builder::new().prefix(".build-").tempdir_in(&home);
        let work = work.map_err(io("write", &home))?;
        let built = work.path().join("built");
        std::fs::create_dir(&built).map_err(io("write", &built))?;
        let root = built.join(role.as_str());
        let epoch = epoch();
        let ids_file = self
            .ids
            .clone()
            .unwrap_or_else(|| self.file.with_file_name("ids.toml"));
        let mut ids = read_ids(&ids_file)?;
        bootstrap::bootstrap(&recipe, &ids, self.add_ids, epoch, work.path(), &root)?;
        self.fill(&recipe, &role, &root)?;
        self.check_ids(&mut ids, &ids_file, &root)?;
        clamp(&root, epoch).map_err(io("write", &root))?;
        let written = manifest::write(&root, self.vers.clone(), role.clone())?;
        image::pack(self.image, &built, &role, &self.vers)?;
        let written = written.moved_to(&home);
        // What vouched for another build of this version does not for this one.
        manifest::forget_signature(&tree::beside(&place, tree::MANIFEST), "")?;
        publish(&built, &home, &root, self.no_tree).map_err(io("write", &home))?;
        let mut answer = Answer::new(Exit::Done, &written)?;
        answer.say(Style::Plain, &written.sentence());
        Ok(answer)
    }

    /// What the tree has besides its packages.
    fn fill(&self, recipe: &RoleFile, role: &RoleName, root: &Path) -> Result<(), Failure> {
        let version = &self.vers;
        let exclude = recipe.exclude.iter().map(|rule| format!("{rule}\n"));
        let exclude: String = exclude.collect();
        Filter::parse(exclude.as_bytes()).map_err(|error| {
            Failure::new(Exit::Input, "`exclude` has a rule that is none").because(&error)
        })?;
        // What the original's build writes into each tree (`*.install`).
        for (path, text) in [
            ("etc/hostname".to_owned(), format!("{role}\n")),
            (
                "var/lib/edeploy/conf".to_owned(),
                format!("VERS={version}\nROLE={role}\n"),
            ),
            (format!("var/lib/edeploy/{version}/exclude"), exclude),
        ] {
            put(root, &path, text.as_bytes(), 0o644, (0, 0))?;
        }
        for (path, file) in &recipe.files {
            let content = match (&file.text, &file.from) {
                (Some(text), _) => text.clone().into_bytes(),
                (None, from) => input::read(Path::new(from.as_deref().unwrap_or_default()))?,
            };
            let mode = file.mode().unwrap_or(0o644);
            put(root, path, &content, mode, (file.uid, file.gid))?;
        }
        for script in &recipe.scripts {
            run_in(root, Path::new(script), &epoch().to_string())?;
        }
        // Last: the scripts of the role may install packages.
        host_keys::forget(root, recipe)?;
        pkgmngr::hold_back(root, recipe.keep_pkgmngr.unwrap_or(false))
    }

    fn check_ids(&self, ids: &mut Ids, file: &Path, root: &Path) -> Result<(), Failure> {
        let before = ids.clone();
        let read = |name: &str| input::read_text(&root.join(name));
        ids.check(&read("etc/passwd")?, &read("etc/group")?, self.add_ids)
            .map_err(|error| {
                let sentence = "a number would not be the same in every version";
                Failure::new(Exit::Input, sentence).because(&error)
            })?;
        if *ids == before {
            return Ok(());
        }
        let text = toml::to_string(ids).map_err(|error| {
            Failure::new(Exit::Environment, "the table cannot be written").because(&error)
        })?;
        tree::write(file, &text)
    }
}

/// Moves what was built to where it is served from, the tree last: where it is, this version is there.
fn publish(built: &Path, home: &Path, tree: &Path, without_tree: bool) -> io::Result<()> {
    let places = std::fs::read_dir(built)?.map(|entry| entry.map(|entry| entry.path()));
    let mut places = places.collect::<io::Result<Vec<_>>>()?;
    places.retain(|place| place != tree);
    places.extend((!without_tree).then(|| tree.to_owned()));
    for place in places {
        let name = place.file_name().unwrap_or_default();
        std::fs::rename(&place, home.join(name))?;
    }
    Ok(())
}

/// A role file with all that it inherits, its paths made those of files here.
fn load(file: &Path) -> Result<RoleFile, Failure> {
    let mut role = RoleFile::default();
    let mut next = Some(file.to_owned());
    for _ in 0..MOST_ANCESTORS {
        let Some(file) = next else { return Ok(role) };
        let parent = RoleFile::parse(&input::read_text(&file)?).map_err(|error| {
            let sentence = format!("`{}` is no role file", file.display());
            Failure::new(Exit::Input, sentence).because(&error)
        })?;
        let beside = |name: &String| file.with_file_name(name).display().to_string();
        let parent = RoleFile {
            scripts: parent.scripts.iter().map(beside).collect(),
            key: parent.key.as_ref().map(beside),
            files: (parent.files.into_iter())
                .map(|(path, mut file)| {
                    file.from = file.from.as_ref().map(beside);
                    (path, file)
                })
                .collect(),
            ..parent
        };
        next = parent
            .inherit
            .as_ref()
            .map(|name| file.with_file_name(name));
        role = role.on(parent);
    }
    let sentence = format!("`{}` inherits from itself", file.display());
    Err(Failure::new(Exit::Input, sentence))
}

fn read_ids(file: &Path) -> Result<Ids, Failure> {
    if !file.exists() {
        return Ok(Ids::default());
    }
    toml::from_str(&input::read_text(file)?).map_err(|error| {
        let sentence = format!("`{}` is no table of numbers", file.display());
        Failure::new(Exit::Input, sentence).because(&error)
    })
}

/// The time that nothing in a tree is later than, in seconds since 1970
/// (reproducible-builds.org, SOURCE_DATE_EPOCH).
fn epoch() -> u64 {
    let value = std::env::var("SOURCE_DATE_EPOCH").ok();
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Puts a file into the tree, and not outside of it.
pub(super) fn put(
    root: &Path,
    path: &str,
    content: &[u8],
    mode: u32,
    owner: (u32, u32),
) -> Result<(), Failure> {
    let place = root.join(path);
    let (uid, gid) = owner;
    // A link of the tree would lead to a file of this machine.
    let linked = place
        .ancestors()
        .take_while(|above| *above != root)
        .any(Path::is_symlink);
    if linked {
        let sentence = format!("`{path}` is behind a symbolic link of the tree");
        return Err(Failure::new(Exit::Input, sentence));
    }
    put_file(&place, content, false, Ownership { mode, uid, gid })
        .map_err(|error| Failure::io("write", &input::name_of(&place), &error))
}

/// Runs a script with the tree as its root.
fn run_in(root: &Path, script: &Path, epoch: &str) -> Result<(), Failure> {
    const NAME: &str = ".edeploy-script";
    put(root, NAME, &input::read(script)?, 0o700, (0, 0))?;
    let root_name = root.display().to_string();
    let script_name = format!("/{NAME}");
    let mut command = devices::with(root, ["chroot", &root_name, &script_name]);
    command = command.with_timeout(TIMEOUT);
    command.env = vec![("SOURCE_DATE_EPOCH".to_owned(), epoch.to_owned())];
    Real.run(&command).map_err(|error| {
        let sentence = format!("the script `{}` failed", script.display());
        Failure::new(Exit::Input, sentence).because(&error)
    })?;
    let place = root.join(NAME);
    std::fs::remove_file(&place)
        .map_err(|error| Failure::io("remove", &input::name_of(&place), &error))
}

/// Sets back the times that are later than `epoch`, directories last: what is done in them sets theirs.
fn clamp(root: &Path, epoch: u64) -> io::Result<()> {
    let entries = roles::walk(root, |_| true).map_err(io::Error::other)?;
    let seconds = i64::try_from(epoch).unwrap_or(i64::MAX);
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    for entry in entries
        .iter()
        .rev()
        .filter(|entry| entry.node != Node::Socket)
    {
        let place = entry.path.below(root);
        if std::fs::symlink_metadata(&place)?.mtime() > seconds {
            utimensat(CWD, &place, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    Ok(())
}

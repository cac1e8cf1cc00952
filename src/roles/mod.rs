//! Roles as data: what a tree of files holds, how two of them differ, who vouches for it.
//!
//! A **manifest** names every path of a role's tree with all that makes it what it is; its SHA-256 is the
//! identity of that version of the role. The same values come from the admin's tree, from a manifest and
//! from the disk of a machine, and are compared by one function. Only `walk` touches the file system;
//! nothing here changes a file.

mod checked;
mod compare;
mod entry;
mod filter;
mod fresh;
mod ids;
mod kernels;
mod manifest;
mod metadata;
mod own;
mod packages;
mod path;
mod plan;
#[cfg(test)]
mod properties;
mod recipe;
mod signature;
mod signed;
mod text;
mod verify;
mod walk;

pub use checked::{Checked, Stamp};
pub use compare::{Aspect, Difference, Outermost, compare, is_given, outermost};
pub use entry::{Digest, Entry, Node, Xattrs};
pub use filter::{Filter, FilterError};
pub use fresh::compare_fresh;
pub use ids::{Ids, IdsError};
pub use kernels::Kernels;
pub use manifest::{Identity, Manifest, ManifestError};
pub use metadata::{Metadata, Release};
pub use own::Rules;
pub use packages::{PackageChange, Packages};
pub use path::{PathError, TreePath};
pub use plan::{Action, Change, InTheWay, Plan, There, Trees, plan};
pub use recipe::{RecipeError, RoleFile, RoleFileEntry};
pub use signature::{Keys, PublicKey, SignatureError, sign};
pub use signed::Signed;
pub use verify::{Depth, Verification, look, verify};
pub use walk::{Found, WalkError, hash_file, hash_files, mount_points, walk};

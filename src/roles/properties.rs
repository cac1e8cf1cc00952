//! What holds of every manifest and every text.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::model::{RoleName, RoleVersion};

use super::*;

/// A name with all that a line, a path or an escape could stumble over.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::sample::select(b"a.\\ \n\t#=\x00\xff/0\"~\x7f".to_vec());
    vec(prop_oneof![odd, any::<u8>()], 1..6)
}

fn node() -> impl Strategy<Value = Node> {
    let file = (any::<u64>(), any::<i64>(), any::<[u8; 32]>()).prop_map(|(size, mtime, digest)| {
        let digest = Some(Digest(digest));
        Node::File {
            size,
            mtime,
            digest,
        }
    });
    prop_oneof![
        Just(Node::Directory),
        file,
        vec(any::<u8>(), 0..9).prop_map(Node::Symlink),
        any::<(u32, u32)>().prop_map(|(major, minor)| Node::Character(major, minor)),
        any::<(u32, u32)>().prop_map(|(major, minor)| Node::Block(major, minor)),
        Just(Node::Fifo),
        Just(Node::Socket),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let xattrs = btree_map(vec(any::<u8>(), 0..4), vec(any::<u8>(), 0..4), 0..3);
    (0..0o10000_u32, any::<u32>(), any::<u32>(), xattrs, node()).prop_map(
        |(mode, uid, gid, xattrs, node)| Entry {
            path: TreePath::root(),
            mode,
            uid,
            gid,
            xattrs,
            hardlink: None,
            node,
        },
    )
}

prop_compose! {
    /// A tree: each entry is put into one of the directories that are there.
    fn manifest()(
        root in entry(),
        rest in vec((any::<prop::sample::Index>(), name(), entry(), any::<bool>()), 0..20),
    ) -> Manifest {
        let mut entries = vec![Entry { node: Node::Directory, ..root }];
        for (place, name, entry, is_link) in rest {
            let place = place.get(&entries);
            let directory = match place.node {
                Node::Directory => place.path.clone(),
                _ => TreePath::root(),
            };
            let Ok(path) = directory.join(&name) else { continue };
            if name.contains(&b'/') || entries.iter().any(|entry| entry.path == path) {
                continue;
            }
            let can_link = !place.is_directory() && place.hardlink.is_none() && place.path < path;
            entries.push(match is_link && can_link {
                true => Entry { path, hardlink: Some(place.path.clone()), ..place.clone() },
                false => Entry { path, ..entry },
            });
        }
        let (role, version) = (RoleName::new("base").unwrap(), RoleVersion::new("D12-1.0").unwrap());
        Manifest::new(role, version, entries).unwrap()
    }
}

proptest! {
    #[test]
    fn a_manifest_is_read_as_it_was_written(manifest in manifest()) {
        let text = manifest.render();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(text.lines().count(), manifest.entries().len() + 3);
        let read = Manifest::parse(&text).unwrap();
        prop_assert_eq!(&read, &manifest);
        prop_assert_eq!(Identity::of(&read.render()), Identity::of(&text));
    }

    #[test]
    fn no_text_makes_the_reader_fall(text in "\\PC*", line in "(\\./[a-z\\\\0-9/.]*|[a-z]*=[0-9a-f\\\\./]*| )*") {
        Manifest::parse(&text).ok();
        let text = format!("#edeploy-manifest 1\n#role a\n#version b\n. type=dir mode=0755 uid=0 gid=0\n{line}\n");
        if let Ok(manifest) = Manifest::parse(&text) {
            Manifest::parse(&manifest.render()).unwrap();
        }
    }

    #[test]
    fn a_tree_differs_from_itself_in_nothing_and_from_none_in_all(manifest in manifest()) {
        prop_assert_eq!(compare(manifest.entries(), manifest.entries()), vec![]);
        let gone = compare(manifest.entries(), &[]);
        prop_assert_eq!(gone.len(), manifest.entries().len());
        prop_assert!(gone.iter().all(|one| one.aspect == Aspect::Missing));
        let come = compare(&[], manifest.entries());
        prop_assert!(come.iter().all(|one| one.aspect == Aspect::Extra));
    }
}

#[test]
fn a_manifest_that_makes_no_tree_is_refused() {
    let head = "#edeploy-manifest 1\n#role base\n#version 1.0\n";
    let root = ". type=dir mode=0755 uid=0 gid=0\n";
    let file = format!(
        "mode=0644 uid=0 gid=0 size=1 time=2 sha256={}",
        "0".repeat(64)
    );
    for (body, problem) in [
        (String::new(), "`.` must be there"),
        (
            format!("{root}./a/b type=fifo mode=0644 uid=0 gid=0\n"),
            "`./a/b` is in no directory",
        ),
        (
            format!(
                "{root}./a type=link mode=0777 uid=0 gid=0 link=/etc\n./a/b type=file {file}\n"
            ),
            "is in no directory",
        ),
        (
            format!("{root}./a type=file {file}\n./a type=file {file}\n"),
            "line 6: the paths are not in order",
        ),
        (
            format!("{root}./b type=file {file}\n./a type=file {file}\n"),
            "not in order",
        ),
        (
            format!("{root}./a type=file {file} hardlink=./0\n"),
            "hard link",
        ),
        (
            format!("{root}./a type=file {file} hardlink=./a\n"),
            "hard link",
        ),
        (
            format!("{root}./a type=file {file} more=1\n"),
            "`more=1` does not belong",
        ),
        (
            format!("{root}./a type=file mode=644 uid=0 gid=0\n"),
            "four octal digits",
        ),
        (
            format!("{root}./a type=fifo mode=0644 uid=007 gid=0\n"),
            "not `007`",
        ),
        (format!("{root}./../a type=file {file}\n"), "`..`"),
        (root.trim_end().to_owned(), "ends within a line"),
    ] {
        let error = Manifest::parse(&format!("{head}{body}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(problem), "{body}: {error}");
    }
}

#[test]
fn a_manifest_says_what_it_is_a_manifest_of() {
    let root = ". type=dir mode=0755 uid=0 gid=0\n";
    for head in [
        "",
        "\n",
        "#edeploy-manifest 2\n",
        "#edeploy-manifest 1\n#role ..\n#version 1\n",
    ] {
        assert!(Manifest::parse(&format!("{head}{root}")).is_err(), "{head}");
    }
}

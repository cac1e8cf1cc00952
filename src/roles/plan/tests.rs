use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::roles::{Aspect, Digest, Filter, compare};

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

fn entry(text: &str, node: Node) -> Entry {
    Entry {
        path: path(text),
        mode: 0o755,
        uid: 0,
        gid: 0,
        xattrs: BTreeMap::new(),
        hardlink: None,
        node,
    }
}

fn file(text: &str, content: u8) -> Entry {
    let node = Node::File {
        size: 1,
        mtime: 0,
        digest: Some(Digest([content; 32])),
    };
    entry(text, node)
}

fn directory(text: &str) -> Entry {
    entry(text, Node::Directory)
}

fn tree(entries: &[Entry]) -> Vec<Entry> {
    let mut tree = entries.to_vec();
    tree.push(directory(""));
    tree.sort_by(|a, b| a.path.cmp(&b.path));
    tree
}

/// Does what a plan says, with all that a file system would refuse.
fn apply(found: &[Entry], target: &[Entry], changes: &[Change]) -> Vec<Entry> {
    let mut tree: BTreeMap<TreePath, Entry> = found
        .iter()
        .map(|one| (one.path.clone(), one.clone()))
        .collect();
    let wanted = by_path(target);
    for Change { action, path } in changes {
        let has_below = tree
            .keys()
            .any(|other| other.parent().as_ref() == Some(path));
        let is_directory = tree.get(path).map(Entry::is_directory);
        if let Some(parent) = path.parent() {
            assert!(tree[&parent].is_directory(), "{path} has no place");
        }
        match action {
            Action::Remove => assert_eq!(is_directory, Some(false), "{path}"),
            Action::RemoveDirectory => assert!(is_directory == Some(true) && !has_below, "{path}"),
            Action::MakeDirectory => assert_eq!(is_directory, None, "{path}"),
            Action::Put => assert_ne!(is_directory, Some(true), "{path}"),
            Action::Attributes => assert_eq!(is_directory, Some(true), "{path}"),
        }
        match action {
            Action::Remove | Action::RemoveDirectory => drop(tree.remove(path)),
            _ => drop(tree.insert(path.clone(), wanted[path].clone())),
        }
    }
    tree.into_values().collect()
}

fn there(found: &[Entry], path: &TreePath) -> There {
    let entry = found.iter().find(|entry| entry.path == *path);
    entry.map_or(There::Nothing, |entry| match entry.is_directory() {
        true => There::Directory,
        false => There::Other,
    })
}

fn planned(found: &[Entry], base: &[Entry], target: &[Entry], exclude: &str) -> Plan {
    let trees = Trees {
        found,
        base,
        target,
    };
    let rules = Rules {
        exclude: Filter::parse(exclude.as_bytes()).unwrap(),
        add_only: Filter::parse(b"+ /var/\n+ /var/**\n- *\n").unwrap(),
    };
    plan(&trees, &rules, |path| there(found, path)).unwrap()
}

fn said(changes: &[Change]) -> Vec<String> {
    let say = |one: &Change| format!("{} {}", one.action.name(), one.path);
    changes.iter().map(say).collect()
}

#[test]
fn only_what_the_former_version_had_is_removed() {
    let base = tree(&[
        directory("a"),
        file("a/old", 1),
        directory("b"),
        file("b/x", 1),
    ]);
    let found = tree(&[
        directory("a"),
        file("a/mine", 9),
        file("a/old", 1),
        directory("b"),
        file("b/x", 1),
    ]);
    let plan = planned(&found, &base, &tree(&[]), "");
    assert_eq!(
        said(&plan.changes),
        ["remove ./b/x", "remove directory ./b", "remove ./a/old"]
    );
    assert_eq!(plan.overwritten, []);
}

#[test]
fn what_was_changed_by_hand_is_replaced_and_told() {
    let base = tree(&[file("a", 1), file("b", 1)]);
    let found = tree(&[file("a", 7), file("b", 1)]);
    let plan = planned(&found, &base, &tree(&[file("a", 2), file("b", 2)]), "");
    assert_eq!(said(&plan.changes), ["put ./a", "put ./b"]);
    assert_eq!(plan.overwritten, [path("a")]);
}

#[test]
fn excluded_paths_stay_and_are_only_added_where_they_are_missing() {
    let found = tree(&[
        directory("etc"),
        file("etc/hosts", 7),
        directory("var"),
        file("var/db", 7),
    ]);
    let target = tree(&[
        directory("etc"),
        file("etc/hosts", 1),
        file("etc/new", 1),
        directory("var"),
        file("var/db", 1),
        directory("var/spool"),
        file("var/spool/new", 1),
    ]);
    let plan = planned(&found, &found, &target, "/etc/*\n/var/\n");
    assert_eq!(
        said(&plan.changes),
        ["make directory ./var/spool", "put ./var/spool/new"]
    );
}

#[test]
fn a_kernel_that_leaves_stays_until_the_next_one_has_started() {
    let kernel = |version: &str| {
        [
            directory("boot"),
            file(&format!("boot/vmlinuz-{version}"), 1),
            directory("lib"),
            directory("lib/modules"),
            directory(&format!("lib/modules/{version}")),
            file(&format!("lib/modules/{version}/a.ko"), 1),
        ]
    };
    let (old, new) = (tree(&kernel("6.1")), tree(&kernel("6.2")));
    let mut found = old.clone();
    // Made on the machine.
    found.push(file("boot/initrd.img-6.1", 3));
    found.push(file("lib/modules/6.1/modules.dep", 3));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let plan = planned(&found, &old, &new, "/boot/initrd.img-*\n");
    assert_eq!(
        said(&plan.changes),
        [
            "make directory ./lib/modules/6.2",
            "put ./boot/vmlinuz-6.2",
            "put ./lib/modules/6.2/a.ko"
        ]
    );
    assert_eq!(
        said(&plan.later),
        [
            "remove ./lib/modules/6.1/modules.dep",
            "remove ./lib/modules/6.1/a.ko",
            "remove directory ./lib/modules/6.1",
            "remove ./boot/vmlinuz-6.1",
            "remove ./boot/initrd.img-6.1",
        ]
    );
}

#[test]
fn a_kernel_of_the_machines_own_stays() {
    let kernel = tree(&[directory("boot"), file("boot/vmlinuz-6.1", 1)]);
    let mut found = kernel.clone();
    found.push(file("boot/vmlinuz-6.9-mine", 1));
    let plan = planned(&found, &kernel, &kernel, "");
    assert!(plan.is_empty(), "{plan:?}");
}

#[test]
fn no_directory_of_programs_becomes_a_link_or_the_other_way_round() {
    let link = entry("lib", Node::Symlink(b"usr/lib".to_vec()));
    let (old, new) = (
        tree(&[directory("lib"), file("lib/libc.so", 1)]),
        tree(&[link]),
    );
    for [old, new] in [[&old, &new], [&new, &old]] {
        let trees = Trees {
            found: old,
            base: old,
            target: new,
        };
        let error = plan(&trees, &Rules::default(), |_| There::Nothing).unwrap_err();
        assert_eq!(error, InTheWay::Programs(path("lib")));
    }
}

#[test]
fn a_directory_with_something_of_the_machines_own_is_in_the_way_of_a_file() {
    let base = tree(&[directory("opt"), file("opt/x", 1)]);
    let found = tree(&[directory("opt"), file("opt/mine", 1), file("opt/x", 1)]);
    let target = tree(&[file("opt", 1)]);
    let trees = Trees {
        found: &found,
        base: &base,
        target: &target,
    };
    let error = plan(&trees, &Rules::default(), |_| There::Directory).unwrap_err();
    assert_eq!(error, InTheWay::Own(path("opt")));
    let plan = planned(&base, &base, &target, "");
    assert_eq!(
        said(&plan.changes),
        ["remove ./opt/x", "remove directory ./opt", "put ./opt"]
    );
}

/// Trees of few names, so that kinds change and directories are shared.
fn any_tree() -> impl Strategy<Value = Vec<Entry>> {
    let part = prop::sample::select(vec!["a", "b", "a-b"]);
    let paths = proptest::collection::vec((proptest::collection::vec(part, 1..4), 0..6_u8), 0..12);
    paths.prop_map(|paths| {
        let mut found: BTreeMap<TreePath, Entry> = BTreeMap::new();
        found.insert(TreePath::root(), directory(""));
        for (parts, kind) in paths {
            let name = path(&parts.join("/"));
            let mut above = name.parent();
            let mut missing = Vec::new();
            while let Some(one) = above.filter(|one| !found.contains_key(one)) {
                above = one.parent();
                missing.push(one);
            }
            let has_place = missing
                .last()
                .unwrap_or(&name)
                .parent()
                .is_none_or(|one| found[&one].is_directory());
            if !has_place || found.contains_key(&name) {
                continue;
            }
            for one in missing {
                found.insert(
                    one.clone(),
                    Entry {
                        path: one,
                        ..directory("")
                    },
                );
            }
            let node = match kind {
                0 => Node::Directory,
                1 => Node::Symlink(b"x".to_vec()),
                content => file("x", content).node,
            };
            found.insert(
                name.clone(),
                Entry {
                    path: name,
                    ..entry("x", node)
                },
            );
        }
        found.into_values().collect()
    })
}

proptest! {
    /// The law of plans: each change is possible, and what they make is the version with what is the machine's own.
    #[test]
    fn what_a_plan_makes_is_the_target(found in any_tree(), base in any_tree(), target in any_tree()) {
        let trees = Trees { found: &found, base: &base, target: &target };
        let Ok(plan) = plan(&trees, &Rules::default(), |_| There::Nothing) else {
            return Ok(());
        };
        let made = apply(&found, &target, &plan.changes);
        for one in compare(&target, &made) {
            let entry = found.iter().find(|entry| entry.path == one.path).unwrap();
            let is_own = base.iter().all(|other| other.path != one.path);
            prop_assert!(one.aspect == Aspect::Extra && (is_own || entry.is_directory()), "{one:?}");
        }
        let again = Trees { found: &made, base: &base, target: &target };
        let again = super::plan(&again, &Rules::default(), |_| There::Nothing).unwrap();
        prop_assert_eq!(again.changes, vec![]);
    }
}

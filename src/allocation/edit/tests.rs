use super::*;

fn state_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    store::write_new(&path, text.as_bytes(), None).unwrap();
    (dir, path)
}

#[test]
fn a_text_that_does_not_parse_is_shown_and_never_installed() {
    let (_dir, path) = state_file("[('vm', 1)]\n");
    let mut refusals = Vec::new();
    let edited = edit_file(&path, Duration::ZERO, |copy, refused| {
        refusals.extend(refused.map(str::to_owned));
        let text: &[u8] = if refused.is_none() {
            b"[('vm', 1"
        } else {
            b"[('vm', 2)]\n"
        };
        store::write_new(copy, text, None).unwrap();
        EditStep::Saved
    });
    assert_eq!(edited.unwrap(), Edited::Installed);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[('vm', 2)]\n");
    assert!(refusals[0].contains('^'), "{refusals:?}");
}

#[test]
fn a_discarded_text_is_kept_beside_the_file() {
    let (_dir, path) = state_file("[('vm', 1)]\n");
    let edited = edit_file(&path, Duration::ZERO, |copy, refused| {
        if refused.is_some() {
            return EditStep::Discard;
        }
        store::write_new(copy, b"[('vm', one)]\n", None).unwrap();
        EditStep::Saved
    });
    let Edited::Discarded { kept: Some(kept) } = edited.unwrap() else {
        panic!("it was refused")
    };
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "[('vm', one)]\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[('vm', 1)]\n");
}

#[test]
fn the_lock_is_held_while_somebody_edits() {
    let (dir, path) = state_file("[('vm', 1)]\n");
    let edited = edit_file(&path, Duration::ZERO, |_, _| {
        assert!(lock(&lock_file(dir.path()), Duration::ZERO).is_err());
        EditStep::Discard
    });
    assert_eq!(edited.unwrap(), Edited::Discarded { kept: None });
    drop(lock(&lock_file(dir.path()), Duration::ZERO).unwrap());
}

//! The documents for people: what they point at is there.

use std::path::Path;

use regex::Regex;

/// What GitHub makes of a heading: small letters, no punctuation, dashes for blanks.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn what_a_document_points_at_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = Regex::new(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)").unwrap();
    let mut seen = 0;
    for name in [
        "README.md",
        "BENCHMARKS.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        let text = std::fs::read_to_string(here.join(name)).unwrap();
        for found in link.captures_iter(&text) {
            let target = match &found[1] {
                "" => name,
                other if other.contains("://") => continue,
                other => other,
            };
            assert!(here.join(target).exists(), "{name}: {target}");
            if let Some(place) = found.get(2) {
                let of_target = std::fs::read_to_string(here.join(target)).unwrap();
                let there = anchors(&of_target);
                let place = place.as_str().to_owned();
                assert!(there.contains(&place), "{name}: {target}#{place}");
            }
            seen += 1;
        }
    }
    assert!(seen > 0);
}

//! The page of the helpers is what the code says of them. `make snapshots` writes it anew.

use crate::examples::examples;

#[test]
fn the_page_of_the_helpers_is_up_to_date() {
    let path = examples().join("HELPERS.md");
    let page = edeploy::configure::reference_page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        crate::support::write(&path, &page);
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == page,
        "run `make snapshots` and read the difference"
    );
}

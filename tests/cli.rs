//! The documented `edeployctl` sessions, run as they stand. `make snapshots` rewrites them.

#[test]
fn documented_sessions_are_as_they_say() {
    trycmd::TestCases::new()
        .env("COLUMNS", "100")
        .case("tests/cli/*.trycmd");
}

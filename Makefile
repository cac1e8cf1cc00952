# The commands of CONTRIBUTING.md by name.
.PHONY: all demo test lab ramdisk fmt lint doc deny snapshots

all:            ; cargo build --locked --release --bins
demo:           ; packaging/demo
test:           ; packaging/test
lab:            ; packaging/lab
ramdisk:        ; packaging/ramdisk
fmt:            ; cargo fmt
lint:           ; cargo clippy --locked --all-targets -- -D warnings
doc:            ; RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
deny:           ; cargo deny --locked check
snapshots:      ; TRYCMD=overwrite cargo test --locked --test cli; INSTA_UPDATE=always cargo test --locked --test it -- golden_plans reference library::

//! No file of this crate imports one that stands above it.

#[test]
fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
    rooms::check(
        env!("CARGO_MANIFEST_DIR"),
        &[
            "error.rs",
            "limits.rs",
            "name.rs",
            "names.rs",
            "skip.rs",
            "inflate.rs",
            "read.rs",
            "pack.rs",
            "lib.rs",
        ],
        &[],
    )
}

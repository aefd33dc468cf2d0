//! No file of this crate imports one that stands above it.

#[test]
fn no_file_imports_one_above_it() -> Result<(), rooms::Faults> {
    rooms::check(
        env!("CARGO_MANIFEST_DIR"),
        &[
            "proto.rs",
            "resource.rs",
            "id.rs",
            "json.rs",
            "time.rs",
            "slug.rs",
            "secret.rs",
            "validate.rs",
            "validate/agent.rs",
            "validate/environment.rs",
            "validate/execution.rs",
            "validate/skill.rs",
            "manifest/types.rs",
            "manifest/problem.rs",
            "manifest/file.rs",
            "manifest/node.rs",
            "manifest/schema.rs",
            "manifest/check.rs",
            "manifest/kind.rs",
            "manifest/environment.rs",
            "manifest/agent.rs",
            "manifest/instance.rs",
            "manifest/document.rs",
            "manifest/project.rs",
            "manifest.rs",
            "lib.rs",
        ],
        &[],
    )
}

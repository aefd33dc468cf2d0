//! The files of this crate in a line, the ground first: none imports a later one.

const ROOMS: &[&str] = &[
    "address.rs",
    "model.rs",
    "ollama.rs",
    "choose.rs",
    "tools/manifest.rs",
    "tools/cache.rs",
    "tools/clean.rs",
    "tools/job.rs",
    "tools/pip.rs",
    "tools/progress.rs",
    "tools/source.rs",
    "tools/stage.rs",
    "tools/install.rs",
    "tools/mod.rs",
    "programs.rs",
    "python_tools.rs",
    "binaries.rs",
    "images/component.rs",
    "images/layout.rs",
    "images/present.rs",
    "images/registry.rs",
    "images/binaries.rs",
    "images/build_context.rs",
    "images/layer.rs",
    "images/tag.rs",
    "images/build.rs",
    "images/wanted.rs",
    "images/mod.rs",
    "model_plan.rs",
    "build.rs",
    "prereqs/finding.rs",
    "prereqs/fix.rs",
    "prereqs/provided.rs",
    "prereqs/checks.rs",
    "prereqs/table.rs",
    "prereqs.rs",
    "lib.rs",
];

#[test]
fn no_file_imports_a_later_one() -> Result<(), rooms::Faults> {
    rooms::check(env!("CARGO_MANIFEST_DIR"), ROOMS, &[])
}

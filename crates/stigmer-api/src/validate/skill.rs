//! The rules of skills; those of their archives are the server's.

use super::{Checker, Validate, is_version};
use crate::skill::Skill;

impl Validate for Skill {
    fn check_spec(&self, check: &mut Checker) {
        let spec = self.spec.clone().unwrap_or_default();
        check.required("spec.skill_md", &spec.skill_md);
        check.that("spec.tag", is_version(&spec.tag), || {
            "must be of letters, digits, `.`, `_` and `-`".to_owned()
        });
    }
}

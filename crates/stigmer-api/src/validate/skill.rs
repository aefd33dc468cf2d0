//! The rules of skills; those of their archives are the server's.

use super::{Checker, Validate};
use crate::proto::skill::Skill;

impl Validate for Skill {
    fn check_spec(&self, check: &mut Checker) {
        let spec = self.spec.clone().unwrap_or_default();
        check.required("spec.skill_md", &spec.skill_md);
        check.version("spec.tag", &spec.tag);
    }
}

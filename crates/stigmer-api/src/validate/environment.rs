//! The rules of environments.

use super::{Checker, Validate};
use crate::proto::environment::Environment;

impl Validate for Environment {
    fn check_spec(&self, check: &mut Checker) {
        let data = self.spec.iter().flat_map(|spec| spec.data.keys());
        check.variables("spec.data", data);
    }
}

//! The rules of environments.

use super::{Checker, Validate};
use crate::proto::environment::Environment;

impl Validate for Environment {
    fn check_spec(&self, check: &mut Checker) {
        if let Some(spec) = &self.spec {
            check.variables("spec.data", &spec.data, |it| &it.value);
        }
    }
}

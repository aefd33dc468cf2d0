//! Environment documents.

use super::{kind, node::Node, problem::Report, schema::ENVIRONMENT};
use crate::proto::environment::Environment;

pub(super) fn read(
    node: &Node,
    organization: &str,
    report: &mut Report<'_>,
) -> Option<Environment> {
    kind::read(node, &ENVIRONMENT, organization, report, |_, _| (), |_| ())
}

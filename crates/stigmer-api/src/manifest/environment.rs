//! Environment documents.

use super::{document, node::Node, problem::Report, schema::ENVIRONMENT};
use crate::environment::Environment;

pub(super) fn read(
    node: &Node,
    organization: &str,
    report: &mut Report<'_>,
) -> Option<Environment> {
    document::read(node, &ENVIRONMENT, organization, report, |_, _| (), |_| ())
}

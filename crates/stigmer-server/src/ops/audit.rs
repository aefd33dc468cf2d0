//! Who did what to a resource, and when.

use chrono::Utc;
use stigmer_api::{
    apiresource::{ApiResourceAuditActor, ApiResourceAuditInfo},
    resource::Resource,
};

/// Now, as who did something to a resource.
pub(super) fn stamp() -> ApiResourceAuditInfo {
    let system = ApiResourceAuditActor {
        id: "system".to_owned(),
        avatar: String::new(),
    };
    let now = pbjson_types::Timestamp::from(Utc::now());
    ApiResourceAuditInfo {
        created_by: Some(system.clone()),
        created_at: Some(now),
        updated_by: Some(system),
        updated_at: Some(now),
        event: "created".to_owned(),
    }
}

/// Notes in the audit that the spec changes now.
pub(super) fn updated<R: Resource>(resource: &mut R) {
    if let Some(spec) = &mut resource.audit_mut().spec_audit {
        let now = stamp();
        spec.updated_by = now.updated_by;
        spec.updated_at = now.updated_at;
        "updated".clone_into(&mut spec.event);
    }
}

/// Says in an answer that nothing was done.
pub(super) fn unchanged<R: Resource>(resource: &mut R) {
    if let Some(spec) = &mut resource.audit_mut().spec_audit {
        "unchanged".clone_into(&mut spec.event);
    }
}

//! Reading of `Stigmer.yaml` and agent documents.

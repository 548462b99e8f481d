//! JSON Schemas of the documents, for editors: draft-07, because YAML language servers read nothing newer.
//!
//! Neighbours: `workflow` is made from the lists of keys in `graph` and from the descriptors of `nodes`, `template` from
//! the grammar of `fenta-templates`; `values` are their common parts. A schema sees one value at a time: whether names
//! and types fit each other is for the compiler to say. What the compiler takes, the schema takes too.

mod params;
mod template;
mod values;
mod workflow;

use serde_json::Value as Json;

/// The schema of workflows.
pub fn workflow() -> Json {
    workflow::schema()
}

/// The schema of templates.
pub fn template() -> Json {
    template::schema()
}

#[cfg(test)]
mod tests;

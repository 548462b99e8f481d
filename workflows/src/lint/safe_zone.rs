//! Captions and texts of a template that reach under the buttons and titles of the platforms.
//!
//! The template engine measures; this rule says it where the template is used.

use super::Linted;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    for used in linted.used_templates() {
        for problem in used.template.warnings() {
            let warning = Diagnostic::warning(
                codes::TEMPLATE_SAFE_ZONE,
                used.span,
                format!("template `{}`: {}", used.template.name(), problem.message),
            )
            .at(problem.path.clone());
            found.push(match problem.hint.as_str() {
                "" => warning.hint("move it into the safe zone, or write `safe_zone: none` in the template when that is meant"),
                hint => warning.hint(hint),
            });
        }
    }
}

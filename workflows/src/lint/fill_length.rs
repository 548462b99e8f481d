//! Texts of any length for a place on the screen that holds only so many characters: a run fails late, with an input
//! that was fine.

use fenta_templates::template::PlaceholderKind;

use super::Linted;
use crate::diagnostic::{Diagnostic, codes};
use crate::expr::DynamicKind;
use crate::value::PortType;

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    for used in linted.used_templates() {
        let Some(DynamicKind::Record(fields)) =
            used.node.with.get("fill").map(|fill| &fill.expr.kind)
        else {
            continue;
        };
        for (name, _, value) in fields {
            let placeholder = used
                .template
                .placeholders()
                .iter()
                .find(|one| one.name == *name);
            let Some(PlaceholderKind::Text {
                max_chars: Some(most),
                ..
            }) = placeholder.map(|one| &one.kind)
            else {
                continue;
            };
            let DynamicKind::Expression(expression) = &value.kind else {
                continue;
            };
            let ["inputs", input] = expression
                .references
                .first()
                .map_or(&[][..], |one| &one.path[..])
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()[..]
            else {
                continue;
            };
            let Some(spec) = linted
                .workflow
                .inputs()
                .get(input)
                .filter(|_| expression.bare)
            else {
                continue;
            };
            let is_text = spec.input_type.port_type() == PortType::Text && spec.of.is_empty();
            if is_text && spec.max_length.is_none_or(|length| length > *most as usize) {
                found.push(
                    Diagnostic::warning(
                        codes::FILL_LENGTH,
                        expression.references[0].span,
                        format!("`{name}` holds at most {most} characters, but the input `{input}` may be longer"),
                    )
                    .label(spec.span, "declared here")
                    .hint(format!("declare `max_length: {most}`, or write ${{{{ truncate(inputs.{input}, {most}) }}}}")),
                );
            }
        }
    }
}

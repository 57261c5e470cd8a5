//! Definitions: whatever comes in is answered; what is wrong is in what came in; what is taken is stored and read back as it was.

use serde_json::Value;
use workflow_core::definition::{Definition, Severity};
use workflow_core::json::Json;
use workflow_core::limits::Limits;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(source) = Json::parse(text) else { return };
    match Definition::check(&source, &Limits::default()) {
        Ok(checked) => {
            assert!(checked.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error));
            let stored = checked.definition.to_stored();
            let read = Definition::from_stored(&stored).expect("what was stored is read");
            assert!(read == checked.definition, "it was stored as {}", stored.text());
            assert!(read.same_as(&checked.definition));
            for step in &read.steps {
                assert!(step.reads.iter().all(|read| step.visible.contains(read)), "{:?} reads what it does not see", step.id);
            }
        }
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error), "refused without a reason");
            // A name that occurs twice, or half a character, is something else to serde.
            if let Ok(value) = serde_json::from_str::<Value>(source.text()) {
                let lost = |pointer: &str| value.pointer(pointer).is_none() && is_plain(&value, source.text());
                let lost: Vec<_> = diagnostics.iter().filter(|diagnostic| lost(&diagnostic.pointer)).collect();
                assert!(lost.is_empty(), "about nothing: {lost:?}");
            }
        }
    }
}

/// Whether the text holds nothing that reading it into a tree loses.
fn is_plain(value: &Value, text: &str) -> bool {
    fn colons(value: &Value) -> usize {
        match value {
            Value::Object(fields) => fields.iter().map(|(key, field)| key.matches(':').count() + 1 + colons(field)).sum(),
            Value::Array(items) => items.iter().map(colons).sum(),
            Value::String(text) => text.matches(':').count(),
            _ => 0,
        }
    }
    !text.contains('\\') && colons(value) == text.matches(':').count()
}

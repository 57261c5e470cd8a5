//! The keys that payloads are encrypted with at rest, from where a person has put them: never from the command line itself, which
//! others can read.

use std::path::Path;

use workflow_store::{KEYS_VARIABLE, Keys};

use crate::error::Error;

/// From the variable, or from a file. None given: payloads are plain text.
pub fn given(file: Option<&Path>) -> Result<Keys, Error> {
    let variable = std::env::var_os(KEYS_VARIABLE);
    let (from, text) = match (variable, file) {
        (None, None) => return Ok(Keys::default()),
        (Some(_), Some(file)) => {
            let file = file.display();
            return Err(Error::usage(format!(
                "encryption keys are given twice, by {KEYS_VARIABLE} and by the file {file}: give them in one place"
            )));
        }
        (Some(text), None) => {
            let text = text.into_string().map_err(|_| Error::usage(format!("{KEYS_VARIABLE} is not UTF-8")))?;
            (KEYS_VARIABLE.to_owned(), text)
        }
        (None, Some(file)) => {
            let from = file.display().to_string();
            let text = std::fs::read_to_string(file);
            (from.clone(), text.map_err(|error| Error::usage(format!("cannot read the encryption keys in {from}: {error}")))?)
        }
    };
    Keys::parse(&text).map_err(|error| Error::usage(format!("{from}: {error}")))
}

//! `workflow reencrypt`: everything in a database file under the first encryption key, in this process.

use serde_json::json;
use workflow_store::{Options, Reencrypted, reencrypt};

use super::database;
use crate::args::Reencrypt;
use crate::error::Error;
use crate::keys;
use crate::output;
use crate::render::{clean, counted, look};

pub fn run(arguments: &Reencrypt, json: bool) -> Result<(), Error> {
    let instead = "move it to an empty database, with both keys and the new one first";
    database::expect_file(&arguments.file, "reencrypt", instead)?;
    let keys = keys::given(arguments.keys.encryption_key_file.as_deref())?;
    let (first, others) = {
        let mut ids = keys.ids().map(str::to_owned);
        (ids.next().unwrap_or_default(), ids.collect::<Vec<_>>())
    };
    let done = reencrypt(&arguments.file, Options { keys, ..Options::default() });
    let done = done.map_err(|error| Error::failed("store", error.to_string()))?;
    let file = arguments.file.display().to_string();
    if json {
        let answer = json!({
            "file": file, "key": first, "ok": done.unreadable == 0, "rewritten": done.rewritten, "unreadable": done.unreadable,
            "reasons": done.reasons,
        });
        output::line(&answer.to_string())?;
    } else {
        output::print(&told(&file, &first, &others, &done))?;
    }
    if done.unreadable == 0 { Ok(()) } else { Err(Error::Reported) }
}

fn told(file: &str, first: &str, others: &[String], done: &Reencrypted) -> String {
    let rows = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "row");
    let mut text = String::new();
    for reason in &done.reasons {
        text += &format!("error: {}\n", clean(reason));
    }
    if done.unreadable > 0 {
        text += &format!(
            "{} {} could not be read and stayed as they were; all keys are still needed\n",
            look("failed").painted_glyph(),
            rows(done.unreadable)
        );
        return text;
    }
    let others = match others {
        [] => String::new(),
        [one] => format!("; key `{one}` is not needed for it any more"),
        many => format!("; the keys `{}` are not needed for it any more", many.join("`, `")),
    };
    text + &format!(
        "{} {} is encrypted with key `{first}` ({} rewritten){others}\n",
        look("completed").painted_glyph(),
        clean(file),
        rows(done.rewritten)
    )
}

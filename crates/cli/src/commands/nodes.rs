//! `workflow nodes`.

use super::Context;
use super::definitions::{array, read_all};
use crate::client::model::{Node, Nodes};
use crate::error::Error;
use crate::output;
use crate::render::{self, Clock};

pub async fn list(context: &Context) -> Result<(), Error> {
    let answer = context.client.get(&["nodes"]).send().await?;
    let nodes: Nodes = answer.read()?;
    let texts = || nodes.nodes.iter().map(|node| node.get());
    if context.json {
        return output::json(&array(texts()));
    }
    output::print(&render::nodes(&read_all::<Node>(texts())?, &Clock::here(), output::width()))
}

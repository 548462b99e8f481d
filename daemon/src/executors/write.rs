//! `Write`: keeps a text as a blob.

use std::collections::BTreeMap;

use fenta_workflows::action::{ActionFacts, ActionResult, WriteRequest};
use fenta_workflows::worker::WorkerFailure;

use super::Tools;
use super::failure::{blocking, io_failure};

/// The output's name.
const OUTPUT: &str = "file";

pub(super) async fn run(
    tools: &Tools,
    request: &WriteRequest,
) -> Result<ActionResult, WorkerFailure> {
    let (cas, text) = (tools.cas.clone(), request.text.clone());
    let digest = blocking("keeping a text", move || {
        cas.put_bytes(text.as_bytes())
            .map_err(|error| io_failure("write into", cas.root(), &error))
    })
    .await?;
    Ok(ActionResult {
        outputs: BTreeMap::from([(OUTPUT.to_owned(), digest)]),
        facts: ActionFacts::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executors::testing;

    #[tokio::test]
    async fn the_text_is_a_blob() {
        let test = testing::tools();
        let request = WriteRequest {
            name: "a.srt".to_owned(),
            text: "1\n00:00".to_owned(),
        };
        let result = run(&test.tools, &request).await.unwrap();
        let digest = result.outputs["file"];
        let bytes = std::fs::read(test.tools.cas.path(&digest)).unwrap();
        assert_eq!(bytes, b"1\n00:00");
    }
}

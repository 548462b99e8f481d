//! Runs a workflow on a server and fetches what it made.
//!
//!     cargo run -p fenta-client --example run_workflow -- http://127.0.0.1:7788 workflow.yaml
//!
//! The token is read from standard input: `fenta daemon token --show | cargo run ...`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::io::Read as _;
use std::path::PathBuf;

use fenta_client::api::workflows::{RunWorkflow, WriteDocument};
use fenta_client::credentials::Secret;
use fenta_client::{Client, ClientConfig, Endpoint, EventStream, Followed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: run_workflow URL FILE".into());
    };
    let mut token = String::new();
    std::io::stdin().read_to_string(&mut token)?;
    let config =
        ClientConfig::new(Endpoint::Url(url), "example/1").with_token(Secret::new(token.trim())?);
    let client = Client::new(&config)?;

    let workflow = client
        .create_workflow(&WriteDocument {
            text: std::fs::read_to_string(file)?,
            ..WriteDocument::default()
        })
        .await?;
    let how = RunWorkflow::default();
    let price = client.estimate_workflow(&workflow.info.id, &how).await?;
    println!("estimate: {:?}", price.total.money.expected_usd);

    let job = client.run_workflow(&workflow.info.id, &how).await?;
    let mut events = EventStream::new(client.clone(), job.id.clone(), 0, async || {
        Client::new(&config)
    });
    while let Some(next) = events.next().await? {
        match next {
            Followed::Event(event) => println!("{:>4} {:?}", event.seq, event.kind),
            Followed::Lost { reason } => println!("lost: {reason}"),
        }
    }
    for artifact in client.artifacts(&job.id).await?.items {
        let target = PathBuf::from(&artifact.file);
        let bytes = client.fetch_file(&artifact.url, &target).await?;
        println!("{} ({bytes} bytes)", target.display());
    }
    Ok(())
}

//! Sends a file to a server. Interrupted and started again, it sends what is missing; sent again, nothing.
//!
//!     cargo run -p fenta-client --example send_file -- http://127.0.0.1:7788 clip.mp4 < token
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::io::Read as _;
use std::path::Path;

use fenta_client::credentials::Secret;
use fenta_client::{Client, ClientConfig, Endpoint};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: send_file URL FILE".into());
    };
    let mut token = String::new();
    std::io::stdin().read_to_string(&mut token)?;
    let config =
        ClientConfig::new(Endpoint::Url(url), "example/1").with_token(Secret::new(token.trim())?);
    let sent = Client::new(&config)?.send_file(Path::new(&file)).await?;
    println!("{} is {}", file, sent.asset.id);
    println!("{} bytes were sent", sent.sent);
    if let Some(path) = sent.asset.path {
        println!("workflows run there find it at {path}");
    }
    Ok(())
}

//! The API under schemathesis: it reads `/v1/openapi.json` and sends what fits it and what does not, and holds every
//! answer against the description. `setup.sh` installs it.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::PathBuf;
use std::process::Command;

use fenta_tests::env::FentaEnv;
use fenta_tests::house::workspace_root;
use fenta_tests::http::{Place, Server};

/// Routes that are not asked: a log that is followed ends with its job, one ends the daemon, and two ask other programs of
/// this machine.
const LEFT_OUT: [&str; 4] = ["followJob", "stopDaemon", "detectProviders", "testProvider"];

/// What is held against the description. That whatever fits the description is accepted cannot be asked: which workflows
/// compile and which jobs exist is not said in a schema.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    unsupported_method,allow_header_conformance,ignored_auth,use_after_free";

fn program() -> PathBuf {
    let program = workspace_root().join("target/schemathesis/bin/schemathesis");
    assert!(
        program.is_file(),
        "schemathesis is not installed: run ./setup.sh"
    );
    program
}

#[test]
fn no_request_gets_an_answer_that_is_not_described() {
    let env = FentaEnv::new()
        .unwrap()
        .with_variable("FENTA_LISTEN", "127.0.0.1:0");
    let server = Server::port_of(&env).unwrap();
    let Place::Tcp(address) = &server.place else {
        unreachable!("a server on a port");
    };
    let token = server.token.clone().unwrap();
    let mut command = Command::new(program());
    command
        .args(["run", &format!("http://{address}/v1/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "8", "--seed", "7", "--workers", "2"])
        .args(["--continue-on-failure", "--no-shrink", "--warnings", "off"])
        .args(["--request-timeout", "20", "--suppress-health-check", "all"])
        .env("NO_COLOR", "1")
        .current_dir(env.work());
    for id in LEFT_OUT {
        command.args(["--exclude-operation-id", id]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let end: Vec<&str> = said.lines().rev().take(25).collect();
    for line in end.iter().rev() {
        println!("{line}");
    }
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The same daemon is still there, and well.
    assert_eq!(server.get("/v1/health").unwrap().status, 204);
}

//! `fenta`: the command line. Everything is in the modules; this starts them and ends with their code.

mod app;
mod command_error;
mod commands;
mod config;
mod document;
mod follow;
mod input_flags;
mod lock_file;
mod replace_file;
mod session;
mod settings;
mod template_file;
mod trace;
mod ui;

fn main() -> std::process::ExitCode {
    app::main(std::env::args_os().collect())
}

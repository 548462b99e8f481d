//! What schedules and watches have in common on the command line: whom to tell, words, costs, and what makes them last.

use fenta_client::Client;
use fenta_client::api::notices::{Notice, NoticeState};
use fenta_client::api::schedules::{Notify, NotifyOn};
use serde::Serialize;

use super::Context;
use super::service::is_installed;
use crate::command_error::CommandError;
use crate::ui::Ui;
use crate::ui::table::{Row, Table, Tint};

/// Notices shown beside runs.
const NOTICES: u32 = 5;

/// Whom to tell how runs end.
#[derive(Debug, Default, clap::Args)]
pub(super) struct NotifyArgs {
    /// Tell this address how runs end (Standard Webhooks), instead of whom the workflow tells
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// Sign those messages with this secret of `fenta webhook secret`
    #[arg(long, value_name = "NAME", requires = "notify")]
    notify_secret: Option<String>,
    /// Show it on the desktop of this machine too
    #[arg(long)]
    notify_desktop: bool,
    /// Of what to tell: completed, failed, paused; failures and pauses by default
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', value_parser = word::<NotifyOn>)]
    notify_on: Vec<NotifyOn>,
}

impl NotifyArgs {
    /// Whom, where the command line says anything about it.
    pub(super) fn read(&self, context: &Context) -> Result<Option<Notify>, CommandError> {
        let notify = Notify {
            webhook: self.notify.clone(),
            secret_ref: self.notify_secret.clone(),
            desktop: self.notify_desktop,
            on: self.notify_on.clone(),
        };
        if notify == Notify::default() {
            return Ok(None);
        }
        if notify.is_nobody() {
            return Err(CommandError::usage(
                "`--notify-on` tells nobody",
                "say whom: `--notify URL`, `--notify-desktop` or both",
            ));
        }
        if let Some((message, hint)) = notify.complaint() {
            return Err(CommandError::usage(message, hint));
        }
        if notify.desktop && !has_desktop_program() {
            context.ui.warn(
                "nothing will be seen on the desktop: the program notify-send is not here\n  \
                 help: install libnotify, or use `--notify URL`",
            );
        }
        Ok(Some(notify))
    }
}

fn has_desktop_program() -> bool {
    let asked = std::process::Command::new("notify-send")
        .arg("--version")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    asked.is_ok()
}

/// A word of the API or of the language, with `-` or `_` in it.
pub(super) fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let value = serde_json::Value::String(text.replace('-', "_"));
    serde_json::from_value(value).map_err(|error| {
        let error = error.to_string();
        error.replace("unknown variant", "there is no")
    })
}

/// The word a value is called by.
pub(super) fn word_of<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Dollars for people.
pub(super) fn cost(usd: Option<&str>) -> String {
    match usd {
        None => String::new(),
        Some("0") => "free".to_owned(),
        Some(usd) => format!("${usd}"),
    }
}

/// Whom `notify` tells, in words; nothing where it is nobody.
pub(super) fn tells(notify: &Notify) -> Option<String> {
    if notify.is_nobody() {
        return None;
    }
    let mut whom: Vec<String> = notify.webhook.clone().into_iter().collect();
    if notify.desktop {
        whom.push("this machine's desktop".to_owned());
    }
    let all = [NotifyOn::Completed, NotifyOn::Failed, NotifyOn::Paused];
    let of: Vec<&str> = all
        .into_iter()
        .filter(|what| notify.wants(*what))
        .map(NotifyOn::as_str)
        .collect();
    Some(format!("{} of {}", whom.join(" and "), of.join(", ")))
}

/// Prints what was told lately, where anything was.
pub(super) async fn show_notices(
    context: &Context,
    client: &Client,
    of: &str,
) -> Result<(), CommandError> {
    let items = client.notices(of, NOTICES).await?.items;
    let ui = &context.ui;
    if ui.is_json() {
        return items.iter().try_for_each(|one| ui.json(one));
    }
    if ui.is_quiet() {
        return Ok(());
    }
    let mut table = Table::new(&["TOLD", "WHAT", "HOW", "STATE", "DETAIL"]);
    for one in &items {
        table.row(notice(one));
    }
    ui.table(&table)
}

fn notice(one: &Notice) -> Row {
    let tint = match one.state {
        NoticeState::Told => Tint::Good,
        NoticeState::Waiting => Tint::Busy,
        NoticeState::GivenUp => Tint::Bad,
    };
    let detail = match &one.next_at {
        Some(next) if one.tries > 0 => format!("{}; again at {next}", one.detail),
        _ => one.detail.clone(),
    };
    Row::new()
        .cell(&one.created_at)
        .cell(&one.event)
        .cell(one.channel.as_str())
        .tinted(
            one.state.as_str().replace('_', " "),
            one.state.as_str(),
            tint,
        )
        .cell(detail)
}

/// Something with the mark that says whether it outlives a start of the machine.
#[derive(Serialize)]
pub(super) struct Marked<'a, T> {
    #[serde(flatten)]
    one: &'a T,
    durable: bool,
}

/// Items for programs, each marked.
pub(super) fn marked_json<T: Serialize>(
    ui: &Ui,
    items: &[T],
    durable: bool,
) -> Result<(), CommandError> {
    let marked = |one| ui.json(&Marked { one, durable });
    items.iter().try_for_each(marked)
}

/// The mark for people.
pub(super) const fn mark(durable: bool) -> &'static str {
    if durable { "yes" } else { "no" }
}

/// Says that schedules and watches need somebody who is there, where nobody sees to that.
pub(super) fn warn_of_durability(context: &Context) {
    if !is_installed(context) {
        context.ui.warn(
            "not durable: the daemon ends with this machine, and nothing starts it again but the next command\n  \
             help: `fenta daemon install` makes it a service that is there after every start",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenta_client::api::schedules::{CatchUp, Overlap};

    #[test]
    fn words_are_those_of_the_language() {
        assert_eq!(word::<Overlap>("buffer-one"), Ok(Overlap::BufferOne));
        assert_eq!(word::<CatchUp>("latest"), Ok(CatchUp::Latest));
        assert_eq!(word_of(&Overlap::BufferOne), "buffer_one");
        let wrong = word::<Overlap>("both").unwrap_err();
        assert!(
            wrong.contains("there is no `both`") && wrong.contains("allow_all"),
            "{wrong}"
        );
    }

    #[test]
    fn whom_it_tells_is_told() {
        assert_eq!(tells(&Notify::default()), None);
        let notify = Notify {
            webhook: Some("https://example.org/h".to_owned()),
            desktop: true,
            ..Notify::default()
        };
        assert_eq!(
            tells(&notify).unwrap(),
            "https://example.org/h and this machine's desktop of failed, paused"
        );
        assert_eq!(
            [cost(None), cost(Some("0")), cost(Some("0.06"))],
            ["", "free", "$0.06"]
        );
    }
}

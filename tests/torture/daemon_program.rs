//! The daemon under torture: the real one, with failpoints, a clock that can be put wrong, and the provider of [`crate::shop`].

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use fenta_daemon::clock::{Clock, SystemClock};
use fenta_daemon::daemon::{self, Outside};
use fenta_daemon::failpoint;
use fenta_daemon::logging::{self, LogTarget};
use fenta_daemon::settings::{Flags, Machine, Settings};

use crate::adapter::Adapter;

/// The machine's clock, put wrong by as many milliseconds as a file says.
#[derive(Debug)]
struct WrongClock {
    file: PathBuf,
}

impl Clock for WrongClock {
    fn now(&self) -> jiff::Timestamp {
        let wrong = std::fs::read_to_string(&self.file)
            .ok()
            .and_then(|text| text.trim().parse::<i64>().ok())
            .unwrap_or(0);
        SystemClock
            .now()
            .saturating_add(jiff::SignedDuration::from_millis(wrong))
            .unwrap_or(jiff::Timestamp::MAX)
    }

    fn local_date(&self) -> jiff::civil::Date {
        self.now().to_zoned(jiff::tz::TimeZone::system()).date()
    }

    fn fresh_id(&self, prefix: &str) -> String {
        SystemClock.fresh_id(prefix)
    }
}

/// `torture daemon SHOP CLOCK_FILE FAILPOINT`: everything else comes from the variables that `fentad` obeys.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [shop, clock, number] = arguments else {
        anyhow::bail!("expected the address of the shop, the file of the clock and a failpoint");
    };
    failpoint::arm(number.parse()?);
    let settings = Settings::resolve(
        Flags::default(),
        Machine {
            variable: &|name| std::env::var_os(name),
            executable: &std::env::current_exe()?,
            processors: 2,
        },
    )?;
    logging::start(&LogTarget::Stderr, "warn,refinery_core=warn")?;
    let outside = Outside {
        clock: Arc::new(WrongClock { file: clock.into() }),
        providers: vec![Arc::new(Adapter {
            address: shop.parse().context("the address of the shop")?,
        })],
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(16 << 20)
        .build()?;
    let outcome = runtime.block_on(daemon::run_with(settings, outside));
    runtime.shutdown_background();
    Ok(outcome?)
}

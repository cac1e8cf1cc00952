//! What `edeploy-server` does once its command line is read: check, print or serve.

use std::io::{self, Write};

use crate::system::with_causes;

use super::settings::{self, Args, Loaded, LogFormat, SettingsError};
use super::startup::{Application, StartError};

/// The exit code for settings that are wrong.
const SETTINGS_WRONG: u8 = 1;

/// Runs the program to its end and returns its exit code: 0 done, 1 the settings are wrong, 4 busy,
/// 5 the environment does not fit. `start_log` is called once it is known how log lines are written.
pub fn run(args: &Args, start_log: impl FnOnce(LogFormat)) -> u8 {
    let loaded = match settings::load(args, std::env::vars_os()) {
        Ok(loaded) => loaded,
        Err(error) => return failed(&error.to_string(), SETTINGS_WRONG),
    };
    if args.print_settings || args.check_settings {
        return match show(args, &loaded) {
            Ok(()) => 0,
            Err(error) => failed(&error.to_string(), SETTINGS_WRONG),
        };
    }
    start_log(loaded.settings.log_format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    match actix_web::rt::System::new().block_on(serve(loaded)) {
        Ok(()) => 0,
        Err(error) => failed(&with_causes(&error), error.exit_code()),
    }
}

async fn serve(loaded: Loaded) -> Result<(), StartError> {
    let application = Application::build(loaded.settings)?;
    if let Some(address) = application.addresses().first() {
        let said = say(&format!("listening on http://{address}\n"));
        said.map_err(StartError::Run)?;
    }
    application.run().await
}

fn show(args: &Args, loaded: &Loaded) -> Result<(), SettingsError> {
    for warning in &loaded.warnings {
        complain(&format!("warning: {warning}"));
    }
    if args.check_settings {
        loaded.settings.check_directories()?;
    }
    let text = if args.print_settings {
        settings::render(&loaded.settings)?
    } else {
        "the settings are right\n".to_owned()
    };
    say(&text).map_err(|error| SettingsError::Value(format!("cannot write the answer: {error}")))
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn complain(text: &str) {
    // Nobody is there to be told that nobody can be told.
    writeln!(io::stderr(), "edeploy-server: {text}").ok();
}

fn failed(text: &str, code: u8) -> u8 {
    complain(text);
    code
}

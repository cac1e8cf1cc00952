//! The helpers of eDeploy's `upload.py`, and ours. Each docstring is its page of the reference.

use starlark::collections::SmallMap;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value as Starlark;
use starlark::values::float::UnpackFloat;
use starlark::values::none::{NoneOr, NoneType};
use starlark::values::tuple::UnpackTuple;

use crate::configure::engine::facts_yaml;
use crate::configure::engine::paths;
use crate::configure::engine::recorder::Opening;
use crate::configure::engine::stop::{Stop, refused};
use crate::configure::plan::What;
use crate::configure::quoted;

use super::evaluate::{acting, check_limits, is_failure, recorded, stop};
use super::file::opened;
use super::values::{command_of, str_of, value_of};

/// Where the files of the installed system are staged (eDeploy `upload.py`).
const BASE: &str = "/post_rsync";
/// The longest `sleep` in seconds.
const LONGEST_SLEEP: f64 = 86_400.0;

/// The names of the helpers.
pub(super) const NAMES: [&str; 11] = [
    "run",
    "output",
    "set_role",
    "config",
    "open",
    "grub_options",
    "inject_facts",
    "attempt",
    "sleep",
    "quote",
    "uuid_for",
];

/// Adds the helpers.
pub(super) fn add(builder: &mut GlobalsBuilder) {
    commands(builder);
    files(builder);
    control(builder);
}

/// A text for an action; a value that cannot be one stops the script.
pub(super) fn text(value: Starlark<'_>) -> starlark::Result<String> {
    match str_of(value) {
        Ok(text) => Ok(text),
        Err(error) => stop(error),
    }
}

#[starlark_module]
fn commands(builder: &mut GlobalsBuilder) {
    /// Runs a command; if it fails, the script ends there.
    ///
    /// `cmd` is a list of a program and its arguments, which no shell reads, or a text for the shell.
    /// Its standard input is empty. A text that holds a value of `var` with characters that mean
    /// something to the shell is refused: use a list, or `quote`. Gives nothing: what a command
    /// prints is asked for with `output`.
    fn run<'v>(cmd: Starlark<'v>, eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<NoneType> {
        let command = command_of(cmd)?;
        acting(eval, |recorder, line| recorder.run(line, command))?;
        Ok(NoneType)
    }

    /// Runs a command as `run` does and gives what it prints, without the last line end.
    ///
    /// In a plan this is the text given as `plan`; without one it is a placeholder such as
    /// `⟨output-1⟩`, and the plan is partial.
    fn output<'v>(
        cmd: Starlark<'v>,
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<&str>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<String> {
        let command = command_of(cmd)?;
        let planned = plan.into_option().map(str::to_owned);
        acting(eval, |recorder, line| {
            recorder.output(line, command, planned)
        })
    }

    /// Chooses the role to install, its version, and the disk that it boots from.
    fn set_role<'v>(
        role: Starlark<'v>,
        version: Starlark<'v>,
        disk: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let (role, version, disk) = (text(role)?, text(version)?, text(disk)?);
        acting(eval, |recorder, line| {
            let profile = recorder.profile().to_owned();
            recorder.act(
                line,
                What::SetRole {
                    role,
                    version,
                    disk,
                    profile,
                },
            )
        })?;
        Ok(NoneType)
    }

    /// Sets boot arguments of the installed system, in place of any set before.
    fn grub_options<'v>(
        opts: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let options = text(opts)?;
        acting(eval, |recorder, line| {
            recorder.act(line, What::GrubOptions { options })
        })?;
        Ok(NoneType)
    }
}

#[starlark_module]
fn files(builder: &mut GlobalsBuilder) {
    /// Opens a file that is copied over the installed system; write with `.write(text)`.
    ///
    /// `name` is its path there. `mode` is `w` for a new file or `a` to add to the staged one, `fmod`
    /// its permissions, `uid` and `gid` its owner and group by number. It is staged below `basedir`,
    /// and a name that leaves that directory is refused. A directory of the role keeps its mode and owner, and
    /// a link of the role to a directory is no directory for it.
    fn config<'v>(
        name: &str,
        #[starlark(default = "w")] mode: &str,
        #[starlark(default = BASE)] basedir: &str,
        #[starlark(default = 0o644)] fmod: u32,
        #[starlark(default = 0)] uid: u32,
        #[starlark(default = 0)] gid: u32,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let path = recorded(|_| paths::staged(basedir, name))?;
        let opening = Opening {
            path,
            mode,
            bits: fmod & 0o7777,
            uid,
            gid,
        };
        opened(eval, opening)
    }

    /// Opens a file of the running ramdisk for writing, `mode` being `w` or `a`.
    ///
    /// What is written is on the disk before the script's next action. Nothing is read: what is in a
    /// file is asked for with `output`.
    fn open<'v>(
        path: &str,
        #[starlark(default = "r")] mode: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let path = recorded(|_| paths::direct(path))?;
        let opening = Opening {
            path,
            mode,
            bits: 0o644,
            uid: 0,
            gid: 0,
        };
        opened(eval, opening)
    }

    /// Gives variables to facter on the installed system, in `/etc/facter/facts.d/edeploy.yaml`.
    ///
    /// `vars` is a dict such as `var`; each name gets `prefix` before it.
    fn inject_facts<'v>(
        vars: Starlark<'v>,
        #[starlark(default = BASE)] basedir: &str,
        #[starlark(default = "hw_")] prefix: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let facts = recorded(|_| value_of(vars, 0))?;
        acting(eval, |recorder, line| {
            let path = paths::staged(basedir, "/etc/facter/facts.d/edeploy.yaml")?;
            let Some(content) = facts_yaml::render(&facts, prefix) else {
                return refused("inject_facts takes a dict such as `var`", None);
            };
            let number = recorder.open(
                line,
                Opening {
                    path,
                    mode: "w",
                    bits: 0o644,
                    uid: 0,
                    gid: 0,
                },
            )?;
            recorder.write(line, number, &content)?;
            recorder.close(number)
        })?;
        Ok(NoneType)
    }
}

#[starlark_module]
fn control(builder: &mut GlobalsBuilder) {
    /// Calls `f` with the other arguments and gives two values: its result, and an error.
    ///
    /// The error is a text, and the result `None`, where the call failed; otherwise the error is
    /// `None`. It takes the place of `try`. What is refused, or ended by a limit, ends the script
    /// all the same.
    fn attempt<'v>(
        #[starlark(require = pos)] f: Starlark<'v>,
        #[starlark(args)] args: UnpackTuple<Starlark<'v>>,
        #[starlark(kwargs)] kwargs: SmallMap<String, Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<(Starlark<'v>, NoneOr<String>)> {
        let named: Vec<(&str, Starlark<'v>)> = kwargs
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        match eval.eval_function(f, &args.items, &named) {
            Ok(value) => Ok((value, NoneOr::None)),
            Err(error) => {
                if let Some(limit) = check_limits(eval, &error) {
                    return stop(Stop::Limit(limit));
                }
                let failed = is_failure(&error);
                // A script that was stopped is not handed back to itself.
                recorded(|recorder| {
                    if failed {
                        recorder.caught();
                    }
                    Ok(())
                })?;
                let said = error.without_diagnostic().to_string();
                let said = said.strip_prefix("fail:").unwrap_or(&said).trim();
                Ok((Starlark::new_none(), NoneOr::Other(said.to_owned())))
            }
        }
    }

    /// Waits for a number of seconds.
    fn sleep<'v>(
        seconds: UnpackFloat,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let seconds = seconds.0;
        acting(eval, |recorder, line| {
            if (0.0..=LONGEST_SLEEP).contains(&seconds) {
                recorder.act(line, What::Sleep { seconds })
            } else {
                refused(
                    format!("sleep takes 0 to {LONGEST_SLEEP} seconds, not {seconds}"),
                    None,
                )
            }
        })?;
        Ok(NoneType)
    }

    /// Gives a UUID for what `text` names, as 36 characters in lower case.
    ///
    /// It is a function of the text and of the machine's profile and variables (RFC 9562, version 8): a
    /// plan knows it, another machine gets another one, and the same machine the same one again.
    fn uuid_for(#[starlark(require = pos)] text: Starlark<'_>) -> starlark::Result<String> {
        let text = self::text(text)?;
        recorded(|recorder| Ok(recorder.seed().uuid(&text)))
    }

    /// Gives a text as one word of a shell command.
    fn quote(text: Starlark<'_>) -> starlark::Result<String> {
        Ok(quoted(&self::text(text)?))
    }
}

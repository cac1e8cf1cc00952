//! The calls of a Smart Array controller: asked of its program, answered as values for a script.

use std::path::Path;

use crate::model::Value;
use crate::system::hpacucli::{self, Array};
use crate::system::{Command, Runner};

/// Why a call gave nothing, in one line for the script.
#[derive(Debug)]
pub(super) struct CallError {
    pub(super) said: String,
    pub(super) report: String,
}

/// The controllers of this machine.
#[derive(Debug, Default)]
pub(super) struct Controllers {
    program: Option<&'static str>,
}

impl Controllers {
    /// Makes a call with its arguments as the plan names them.
    pub(super) fn call(
        &mut self,
        runner: &dyn Runner,
        call: &str,
        arguments: &[String],
    ) -> Result<Value, CallError> {
        let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
        let (selector, second) = (argument(0), argument(1));
        if call == "launch" {
            return Ok(Value::Bool(self.launch(runner)));
        }
        let send = |line: &str| self.send(runner, line, false);
        Ok(match call {
            "ctrl_all_show" => {
                let found = hpacucli::controllers(&send("ctrl all show")?);
                let row = |(slot, name, serial): (u32, String, String)| {
                    let slot = Value::Int(slot.into());
                    Value::Tuple(vec![slot, Value::Text(name), Value::Text(serial)])
                };
                Value::List(found.into_iter().map(row).collect())
            }
            "ctrl_show" => {
                let answer = send(&format!("ctrl {selector} show"))?;
                mapping(hpacucli::fields(&answer, &["slot"]))
            }
            "ctrl_pd_all_show" => {
                let answer = send(&format!("ctrl {selector} pd all show"))?;
                drives(hpacucli::arrays(&answer, "physicaldrive"))
            }
            "ctrl_pd_disk_show" => {
                let answer = send(&format!("ctrl {selector} pd {second} show"))?;
                let mut fields = hpacucli::fields(&answer, &["port", "box", "bay"]);
                fields.extend(hpacucli::array_of(&answer).map(|name| ("array".to_owned(), name)));
                mapping(fields)
            }
            "ctrl_ld_all_show" => {
                let answer = send(&format!("ctrl {selector} ld all show"))?;
                drives(hpacucli::arrays(&answer, "logicaldrive"))
            }
            "ctrl_ld_show" => {
                let answer = send(&format!("ctrl {selector} ld {second} show"))?;
                mapping(hpacucli::volume_fields(&answer))
            }
            "ctrl_delete" => {
                self.send(runner, &format!("ctrl {selector} delete forced"), true)?;
                Value::Bool(true)
            }
            "ctrl_create_ld" => self.create(runner, selector, second, argument(2))?,
            other => return Err(told(format!("there is no call `{other}`"))),
        })
    }

    fn launch(&mut self, runner: &dyn Runner) -> bool {
        // Without this module the program sees no controller; where it is built in there is none.
        let loaded = runner.run(&Command::new("modprobe", ["sg"]).mutating());
        if let Err(error) = loaded {
            tracing::debug!(%error, "the module sg is not loaded");
        }
        let there = |program: &&str| Path::new(program).exists();
        self.program = hpacucli::PROGRAMS.into_iter().find(there);
        self.program.is_some()
    }

    /// Makes a logical drive and gives its device.
    fn create(
        &self,
        runner: &dyn Runner,
        selector: &str,
        drives: &str,
        raid: &str,
    ) -> Result<Value, CallError> {
        let line = format!("ctrl {selector} create type=ld drives={drives} raid={raid}");
        self.send(runner, &line, true)?;
        let all = self.send(runner, &format!("ctrl {selector} ld all show"), false)?;
        let arrays = hpacucli::arrays(&all, "logicaldrive");
        let Some([name, ..]) = arrays.last().and_then(|(_, drives)| drives.last()) else {
            return Err(told("the new logical drive is not listed".to_owned()));
        };
        let shown = self.send(runner, &format!("ctrl {selector} ld {name} show"), false)?;
        let fields = hpacucli::volume_fields(&shown);
        let disk = fields.into_iter().find(|(name, _)| name == "Disk Name");
        match disk {
            Some((_, disk)) => Ok(Value::Text(disk)),
            None => Err(told("the new logical drive has no device name".to_owned())),
        }
    }

    fn send(&self, runner: &dyn Runner, line: &str, mutates: bool) -> Result<String, CallError> {
        let Some(program) = self.program else {
            return Err(told(
                "no controller program: call launch() first".to_owned(),
            ));
        };
        let mut command = hpacucli::command(program, line);
        command.mutates = mutates;
        let output = runner.run(&command).map_err(|error| CallError {
            said: error.last_output(),
            report: error.to_string(),
        })?;
        let answer = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        match hpacucli::error_of(&answer) {
            None => Ok(answer),
            Some(error) => Err(CallError {
                said: error.to_owned(),
                report: format!("`{command}` answered: {error}"),
            }),
        }
    }
}

fn told(said: String) -> CallError {
    CallError {
        report: said.clone(),
        said,
    }
}

fn mapping(fields: Vec<(String, String)>) -> Value {
    let pair = |(name, value)| (name, Value::Text(value));
    Value::Map(fields.into_iter().map(pair).collect())
}

fn drives(arrays: Vec<Array>) -> Value {
    let row = |(name, drives): Array| {
        let drive = |fields: [String; 4]| Value::Tuple(fields.map(Value::Text).into());
        let drives = drives.into_iter().map(drive).collect();
        Value::Tuple(vec![Value::Text(name), Value::List(drives)])
    };
    Value::List(arrays.into_iter().map(row).collect())
}

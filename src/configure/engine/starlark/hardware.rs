//! The management board and the Smart Array controllers, with the names of eDeploy's `ipmi.py` and
//! `hpacucli.py`.

use std::sync::LazyLock;

use starlark::environment::{Globals, GlobalsBuilder};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value as Starlark;
use starlark::values::list::AllocList;
use starlark::values::none::{NoneOr, NoneType};
use starlark::values::structs::AllocStruct;
use starlark::values::tuple::AllocTuple;

use crate::configure::engine::stop::refused;
use crate::configure::plan::What;

use super::evaluate::{acting, hidden, stop};
use super::functions::text;
use super::values::{allocate, command_of};
use crate::configure::plan::CommandText;
use crate::configure::run::Reply;
use crate::model::Value;

fn texts(values: &[Starlark<'_>]) -> starlark::Result<Vec<String>> {
    values.iter().map(|value| text(*value)).collect()
}

fn ipmi(
    eval: &Evaluator<'_, '_, '_>,
    call: &str,
    arguments: Vec<String>,
) -> starlark::Result<NoneType> {
    let call = call.to_owned();
    acting(eval, |recorder, line| {
        recorder.act(line, What::Ipmi { call, arguments })
    })?;
    Ok(NoneType)
}

#[starlark_module]
pub(super) fn add_ipmi(builder: &mut GlobalsBuilder) {
    /// Makes user 1 of the management board an administrator with this name and password.
    fn setup_user<'v>(
        channel: Starlark<'v>,
        user: Starlark<'v>,
        password: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let arguments = texts(&[channel, user, password])?;
        ipmi(eval, "setup_user", arguments)
    }

    /// Gives the management board a fixed address; `vlan_id` -1 is no VLAN.
    fn setup_network<'v>(
        channel: Starlark<'v>,
        ip: Starlark<'v>,
        netmask: Starlark<'v>,
        gateway: Starlark<'v>,
        #[starlark(default = -1)] vlan_id: i32,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let mut arguments = texts(&[channel, ip, netmask, gateway])?;
        arguments.push(vlan_id.to_string());
        ipmi(eval, "setup_network", arguments)
    }

    /// Restarts the management board, which then takes its new settings.
    fn restart_bmc<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<NoneType> {
        ipmi(eval, "restart_bmc", Vec::new())
    }
}

#[starlark_module]
pub(super) fn add_hpacucli(builder: &mut GlobalsBuilder) {
    /// Gives an object that talks to the Smart Array controllers; call its `launch()` first.
    fn Cli<'v>(
        #[starlark(default = false)] debug: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        // Asked for by old scripts: the client logs every call anyway.
        let _: bool = debug;
        let methods: Result<Vec<_>, _> = METHODS
            .iter()
            .map(|(name, _)| Ok::<_, starlark::Error>((name, hidden(&format!("hpacucli.{name}"))?)))
            .collect();
        Ok(eval.heap().alloc(AllocStruct(methods?)))
    }
}

/// Adds what the object of `hpacucli.Cli()` is made of, under names that no script can write.
pub(super) fn add_methods(builder: &mut GlobalsBuilder) {
    builder.frozen_heap().add_reference(METHODS.heap());
    for (name, value) in METHODS.iter() {
        builder.set(&format!("hpacucli.{name}"), value);
    }
}

static METHODS: LazyLock<Globals> = LazyLock::new(|| GlobalsBuilder::new().with(methods).build());

/// What a call gives: what the machine answers, where it was asked, or else placeholders.
struct Given {
    placeholders: Vec<String>,
    real: Option<Value>,
}

/// Makes a call and gives its answer; the first of the placeholders of `kinds` is what it gives.
fn called(
    eval: &Evaluator<'_, '_, '_>,
    call: &str,
    arguments: Vec<String>,
    kinds: &[&str],
) -> starlark::Result<Given> {
    acting(eval, |recorder, line| {
        let from = format!("hpacucli {call} {}", arguments.join(" "));
        let placeholders: Result<Vec<String>, _> = kinds
            .iter()
            .map(|kind| recorder.placeholder(line, kind, from.trim_end()))
            .collect();
        let placeholders = placeholders?;
        let gives = placeholders
            .first()
            .map(|text| text.trim_matches(['⟨', '⟩']).to_owned());
        let call = call.to_owned();
        let what = What::Hpacucli {
            call,
            arguments,
            gives,
        };
        let real = match recorder.act(line, what)? {
            Reply::Value(value) => Some(value),
            Reply::Text(text) => Some(Value::Text(text)),
            Reply::Nothing => None,
        };
        if let Some(real) = &real {
            // `launch` gives what a plan takes for granted; all else a plan cannot know.
            recorder.answered(*real == Value::Bool(true));
        }
        Ok(Given { placeholders, real })
    })
}

/// A call whose answer is a mapping, which a plan cannot make up.
fn looked_up<'v>(
    eval: &Evaluator<'v, '_, '_>,
    call: &str,
    arguments: Vec<String>,
    plan: NoneOr<Starlark<'v>>,
) -> starlark::Result<Starlark<'v>> {
    let Some(planned) = plan.into_option() else {
        let Err(error) = refused::<()>(
            format!("what {call} gives is known on the machine only"),
            Some("say what to plan with: plan={'status': 'OK'}"),
        ) else {
            return Ok(Starlark::new_none());
        };
        return stop(error);
    };
    let given = called(eval, call, arguments, &[])?;
    Ok(given
        .real
        .map_or(planned, |real| allocate(eval.heap(), &real)))
}

#[starlark_module]
fn methods(builder: &mut GlobalsBuilder) {
    /// Finds the program of the controllers on the machine. A plan takes it to be there.
    fn launch<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<bool> {
        let given = called(eval, "launch", Vec::new(), &[])?;
        Ok(given.real.is_none_or(|real| real == Value::Bool(true)))
    }

    /// Gives the controllers as a list of (slot, name, serial number).
    ///
    /// A plan gives `plan`, or one row of placeholders that stands for all.
    fn ctrl_all_show<'v>(
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let call = "ctrl_all_show";
        if let NoneOr::Other(planned) = plan {
            return looked_up(eval, call, Vec::new(), NoneOr::Other(planned));
        }
        let given = called(eval, call, Vec::new(), &["slot", "controller", "serial"])?;
        if let Some(real) = given.real {
            return Ok(allocate(eval.heap(), &real));
        }
        let row = given.placeholders;
        let row = (row[0].as_str(), row[1].as_str(), row[2].as_str());
        Ok(eval.heap().alloc(AllocList([row])))
    }

    /// Gives what is said of one controller, as a dict. A plan gives `plan`.
    fn ctrl_show<'v>(
        selector: &str,
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        looked_up(eval, "ctrl_show", vec![selector.to_owned()], plan)
    }

    /// Gives the physical drives as a list of (array, [(name, kind, size, status)]).
    ///
    /// A plan gives `plan`, or one row of placeholders that stands for all.
    fn ctrl_pd_all_show<'v>(
        selector: &str,
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        drives(eval, "ctrl_pd_all_show", selector, plan)
    }

    /// Gives what is said of one physical drive, as a dict. A plan gives `plan`.
    fn ctrl_pd_disk_show<'v>(
        selector: &str,
        disk: &str,
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let arguments = vec![selector.to_owned(), disk.to_owned()];
        looked_up(eval, "ctrl_pd_disk_show", arguments, plan)
    }

    /// Gives the logical drives as a list of (array, [(name, size, level, status)]).
    ///
    /// A plan gives `plan`, or one row of placeholders that stands for all.
    fn ctrl_ld_all_show<'v>(
        selector: &str,
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        drives(eval, "ctrl_ld_all_show", selector, plan)
    }

    /// Gives what is said of one logical drive, as a dict. A plan gives `plan`.
    fn ctrl_ld_show<'v>(
        selector: &str,
        ldid: Starlark<'v>,
        #[starlark(require = named, default = NoneOr::None)] plan: NoneOr<Starlark<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Starlark<'v>> {
        let arguments = vec![selector.to_owned(), text(ldid)?];
        looked_up(eval, "ctrl_ld_show", arguments, plan)
    }

    /// Deletes a controller's logical drives, and with them all data on its disks.
    fn ctrl_delete<'v>(
        selector: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        called(eval, "ctrl_delete", vec![selector.to_owned()], &[])?;
        Ok(NoneType)
    }

    /// Makes a logical drive of `drives` with `raid` `0`, `1`, `1+0` or `5`, and gives its device.
    ///
    /// Which device it becomes only the machine knows: a plan gives a placeholder, `⟨disk-1⟩`.
    fn ctrl_create_ld<'v>(
        selector: &str,
        drives: Starlark<'v>,
        raid: Starlark<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<String> {
        let CommandText::List(drives) = command_of(drives)? else {
            let wrong = anyhow::anyhow!("ctrl_create_ld takes a list of drives");
            return Err(starlark::Error::new_other(wrong));
        };
        let arguments = vec![selector.to_owned(), drives.join(","), text(raid)?];
        let mut given = called(eval, "ctrl_create_ld", arguments, &["disk"])?;
        match given.real {
            Some(Value::Text(disk)) => Ok(disk),
            _ => Ok(given.placeholders.swap_remove(0)),
        }
    }
}

fn drives<'v>(
    eval: &Evaluator<'v, '_, '_>,
    call: &str,
    selector: &str,
    plan: NoneOr<Starlark<'v>>,
) -> starlark::Result<Starlark<'v>> {
    let arguments = vec![selector.to_owned()];
    if let NoneOr::Other(planned) = plan {
        return looked_up(eval, call, arguments, NoneOr::Other(planned));
    }
    let given = called(eval, call, arguments, &["array", "drive"])?;
    let heap = eval.heap();
    if let Some(real) = given.real {
        return Ok(allocate(heap, &real));
    }
    let given = given.placeholders;
    let unknown = "⟨unknown⟩";
    let drive = [given[1].as_str(), unknown, unknown, unknown];
    let drive = heap.alloc(AllocTuple(drive));
    let all = heap.alloc(AllocList([drive]));
    let row = heap.alloc((given[0].as_str(), all));
    Ok(heap.alloc(AllocList([row])))
}

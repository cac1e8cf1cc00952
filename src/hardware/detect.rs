//! All sources together, in the order of the reference's rows.

use super::dmi::{self, Tables};
use super::report::Report;
use super::root::Sysroot;
use super::tools::{Tools, finished};
use super::{
    ahci, cpu, disk, hpa, infiniband, ipmi, kernel, megaraid, memory, network, numa, sensors,
};
use crate::model::Facts;
use crate::system::Runner;

/// What was found on a machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detected {
    /// The rows, in the order of the reference's.
    pub facts: Facts,
    /// What could not be found out, and why: one sentence each, for people.
    pub warnings: Vec<String>,
}

/// Finds out what a machine is made of.
///
/// Programs are run by `runner`, each with a timeout, and only those that are below `root`; sources
/// that have to wait for one wait at the same time. Nothing is ever an error: what cannot be read is
/// a warning, and its rows are not there.
pub fn detect(root: &Sysroot, runner: &dyn Runner) -> Detected {
    let tools = Tools { root, runner };
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let smart_array = scope.spawn(move || hpa::detect(tools));
        let megaraid = scope.spawn(move || megaraid::detect(tools));
        let disks = scope.spawn(move || disk::detect(tools));
        let network = scope.spawn(move || network::detect(tools));
        let board = scope.spawn(move || ipmi::detect(tools));
        let board_sensors = scope.spawn(move || ipmi::detect_sensors(tools));
        let own = scope.spawn(move || firmware(root));
        let rest = scope.spawn(move || processors(root));
        report.append(finished(smart_array.join()));
        report.append(finished(megaraid.join()));
        report.append(finished(disks.join()));
        report.append(finished(own.join()));
        report.append(finished(network.join()));
        dmi::replace_fake_serial(&mut report);
        report.append(finished(rest.join()));
        report.append(finished(board.join()));
        report.append(finished(scope.spawn(move || sensors(root)).join()));
        report.append(finished(board_sensors.join()));
        report.append(finished(scope.spawn(move || last(root)).join()));
    });
    Detected {
        facts: report.facts,
        warnings: report.warnings,
    }
}

fn firmware(root: &Sysroot) -> Report {
    let mut report = Report::default();
    let tables = Tables::read(root, &mut report);
    dmi::detect(root, &tables, &mut report);
    memory::detect(root, &tables.structures(), &mut report);
    report
}

fn processors(root: &Sysroot) -> Report {
    let mut report = Report::default();
    cpu::detect(root, &mut report);
    numa::detect(root, &mut report);
    kernel::detect(root, &mut report);
    report
}

fn sensors(root: &Sysroot) -> Report {
    let mut report = Report::default();
    infiniband::detect(root, &mut report);
    sensors::detect(root, &mut report);
    report
}

fn last(root: &Sysroot) -> Report {
    let mut report = Report::default();
    kernel::detect_clock(root, &mut report);
    kernel::detect_auxiliary(root, &mut report);
    ahci::detect(root, &mut report);
    report
}

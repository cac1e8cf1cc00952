//! What changed on a machine where nothing did.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::lab::{Lab, VERSION, run};

const ROUNDS: usize = 15;

/// Seconds of processor time, user and system, that the children of a process took that have ended.
fn processor_time(process: &str) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    // proc_pid_stat(5): cutime and cstime are the fields 16 and 17, the state behind the name is the third.
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / TICKS_A_SECOND
}

/// What one way of doing a thing took, of all rounds.
struct Way<'a> {
    name: &'a str,
    command: Command,
    /// A file that is removed before each round.
    forgotten: Option<PathBuf>,
    took: Vec<Duration>,
    processor: f64,
}

impl Way<'_> {
    fn new(name: &str, command: Command) -> Way<'_> {
        Way {
            name,
            command,
            forgotten: None,
            took: Vec::new(),
            processor: 0.0,
        }
    }

    fn least(&self) -> Duration {
        self.took.iter().min().copied().unwrap()
    }

    fn median(&self) -> Duration {
        let mut took = self.took.clone();
        took.sort();
        took[took.len() / 2]
    }
}

/// Times all ways in turns.
fn compare(lab: &Lab, ways: &mut [Way<'_>]) {
    let daemon = lab.daemon().to_string();
    let processor = || processor_time("self") + processor_time(&daemon);
    for round in 0..=ROUNDS {
        for way in &mut *ways {
            if let Some(file) = &way.forgotten {
                // In the first round it is not there.
                fs::remove_file(file).ok();
            }
            let before = processor();
            let began = Instant::now();
            run(&mut way.command);
            let took = began.elapsed();
            // The first round fills the caches.
            if round > 0 {
                way.took.push(took);
                way.processor += processor() - before;
            }
        }
    }
    let first = &ways[0];
    for way in &*ways {
        #[expect(clippy::cast_precision_loss, reason = "a few rounds")]
        let rounds = ROUNDS as f64;
        println!(
            "{:>8.1?} at least, {:>8.1?} median, {:>4.0} ms of processor, {:.1} times as fast as the first: {}",
            way.least(),
            way.median(),
            way.processor / rounds * 1_000.0,
            first.median().as_secs_f64() / way.median().as_secs_f64(),
            way.name
        );
    }
}

/// What changed, asked of a machine where nothing did.
pub(super) fn verify(lab: &Lab) {
    let exclude = format!(
        "--exclude-from={}/var/lib/edeploy/{VERSION}/exclude",
        lab.machine().display()
    );
    let checked = format!("var/lib/edeploy/{VERSION}/checked");
    let checked = lab.machine().join(checked);
    let original = ["--dry-run", "-aviX", "--delete-after", &exclude];
    compare(
        lab,
        &mut [
            Way::new(
                "rsync --dry-run -aviX --delete-after, as the original's verify",
                lab.rsync(&original),
            ),
            Way::new("rsync -n -aX", lab.rsync(&["-n", "-aX"])),
            Way {
                forgotten: Some(checked),
                ..Way::new("edeploy verify, the first time", lab.verify(&[]))
            },
            Way::new("edeploy verify, each further time", lab.verify(&[])),
            Way::new("edeploy verify --full", lab.verify(&["--full"])),
        ],
    );
}

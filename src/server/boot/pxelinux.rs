//! The decision as a configuration of PXELINUX (lpxelinux.0, which speaks HTTP).

use super::decision::Decision;
use super::files::{KERNEL, RAMDISK};
use super::{HOLD_SECONDS, RETRY_SECONDS, Scene, screen};

/// Most lines of a reason on the screen.
const MOST_LINES: usize = 12;

/// The configuration of a decision; `name` is the file that PXELINUX asked for.
pub(in crate::server) fn configuration(
    decision: &Decision,
    scene: &Scene<'_>,
    name: &str,
) -> String {
    // Time is counted in tenths of a second, and keys stop the first one only.
    let wait = |seconds: u32| {
        format!(
            "PROMPT 1\nTIMEOUT {0}0\nTOTALTIMEOUT {0}0\nNOESCAPE 1\n",
            seconds
        )
    };
    match decision {
        Decision::Install { section } => {
            let words = scene.ramdisk_words(section.as_ref());
            let (kernel, ramdisk) = (
                scene.url(&format!("boot/{KERNEL}")),
                scene.url(&format!("boot/{RAMDISK}")),
            );
            format!(
                "SAY edeploy: this machine is going to be installed\nDEFAULT install\nPROMPT 0\nTIMEOUT {RETRY_SECONDS}0\n\
                 LABEL install\nKERNEL {kernel}\nINITRD {ramdisk}\nAPPEND {words}\n"
            )
        }
        Decision::LocalBoot { .. } => {
            "SAY edeploy: this machine is installed, it boots from its disk\n\
             DEFAULT disk\nPROMPT 0\nLABEL disk\nLOCALBOOT 0\n"
                .to_owned()
        }
        Decision::Hold(hold) => {
            let said: String = screen::lines(&hold.text(), MOST_LINES)
                .iter()
                .map(|line| format!("SAY {line}\n"))
                .collect();
            format!(
                "SAY edeploy: this machine is held, nothing is changed on it.\n{said}\
                 SAY It asks again every {HOLD_SECONDS} seconds.\nDEFAULT again\n{}LABEL again\nCONFIG {}\n",
                wait(HOLD_SECONDS),
                scene.url(&format!("pxelinux.cfg/{name}"))
            )
        }
    }
}

//! The decision as a configuration of PXELINUX (lpxelinux.0, which speaks HTTP).
//!
//! `SYSAPPEND 2` adds `BOOTIF`, the card it boots from. Times are tenths of a second. `CONFIG` reads the configuration anew; a `boot:` prompt with a timeout
//! stands before it, and is what PXELINUX comes to as well when a kernel did not come. Where the server
//! is away just then, PXELINUX resets the machine after some minutes, and it begins again.

use super::decision::Decision;
use super::files::{KERNEL, RAMDISK};
use super::{HOLD_SECONDS, RETRY_SECONDS, Scene, screen};

/// Most lines of a reason on the screen.
const MOST_LINES: usize = 12;

/// The configuration of a decision; `path` is what PXELINUX asked for.
pub(in crate::server) fn configuration(
    decision: &Decision,
    scene: &Scene<'_>,
    path: &str,
) -> String {
    let again = format!("LABEL again\nCONFIG {}\n", scene.url(path));
    match decision {
        Decision::Install { section } => {
            let words = scene.ramdisk_words(section.as_ref());
            let (kernel, ramdisk) = (
                scene.url(&format!("boot/{KERNEL}")),
                scene.url(&format!("boot/{RAMDISK}")),
            );
            format!(
                "SAY edeploy: this machine is going to be installed\nDEFAULT install\nPROMPT 0\n\
                 TIMEOUT {RETRY_SECONDS}0\nONTIMEOUT again\n\
                 LABEL install\nKERNEL {kernel}\nINITRD {ramdisk}\nAPPEND {words}\nSYSAPPEND 2\n{again}"
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
                 SAY It asks again every {HOLD_SECONDS} seconds.\n\
                 DEFAULT again\nPROMPT 1\nTIMEOUT {HOLD_SECONDS}0\nTOTALTIMEOUT {HOLD_SECONDS}0\n{again}"
            )
        }
    }
}

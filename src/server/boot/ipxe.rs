//! The decision as a script for iPXE.
//!
//! A step that fails is never the end of a script: iPXE would go on to the next boot device, and a
//! machine that is to be installed would start whatever is on its disk.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::decision::Decision;
use super::files::{KERNEL, RAMDISK};
use super::{HOLD_SECONDS, RETRY_SECONDS, Scene, screen};

/// Which card it boots from, in PXELINUX's words: iPXE itself puts the MAC in.
const BOOT_CARD: &str = "BOOTIF=01-${mac:hexhyp}";

/// Most lines of a reason on the screen.
const MOST_LINES: usize = 12;

/// What asks again: with what iPXE itself says of the machine, not with what was asked.
fn ask(scene: &Scene<'_>) -> String {
    let section = scene.section.map(|section| {
        let encoded = utf8_percent_encode(section.as_str(), NON_ALPHANUMERIC);
        format!("section={encoded}&")
    });
    let query = format!(
        "boot.ipxe?{}uuid=${{uuid}}&serial=${{serial:uristring}}&mac=${{mac}}",
        section.unwrap_or_default()
    );
    format!("chain --replace {} || goto again", scene.url(&query))
}

/// The script for a machine that has not said who it is: it asks again and says so.
pub(in crate::server) fn introduction(scene: &Scene<'_>) -> String {
    let ask = ask(scene);
    format!(
        "#!ipxe\ngoto ask\n:again\necho edeploy: no answer, asking again\nsleep {RETRY_SECONDS}\n:ask\n{ask}\n"
    )
}

/// The script of a decision.
pub(in crate::server) fn script(decision: &Decision, scene: &Scene<'_>) -> String {
    let ask = ask(scene);
    match decision {
        Decision::Install { section } => {
            let words = scene.ramdisk_words(section.as_ref());
            let (kernel, ramdisk) = (
                scene.url(&format!("boot/{KERNEL}")),
                scene.url(&format!("boot/{RAMDISK}")),
            );
            format!(
                "#!ipxe\necho edeploy: this machine is going to be installed\n\
                 kernel {kernel} initrd={RAMDISK} {BOOT_CARD} {words} || goto again\n\
                 initrd --name {RAMDISK} {ramdisk} || goto again\n\
                 boot || goto again\n\
                 :again\necho edeploy: the ramdisk did not come, asking again\nimgfree ||\nsleep {RETRY_SECONDS}\n{ask}\n"
            )
        }
        // The firmware of UEFI goes on to the next boot device only after an error.
        Decision::LocalBoot { .. } => {
            "#!ipxe\necho edeploy: this machine is installed, it boots from its disk\n\
             iseq ${platform} efi && exit 1 ||\nexit\n"
                .to_owned()
        }
        Decision::Hold(hold) => {
            let said: String = screen::lines(&hold.text(), MOST_LINES)
                .iter()
                .map(|line| format!("echo {line}\n"))
                .collect();
            format!(
                "#!ipxe\necho\necho edeploy: this machine is held, nothing is changed on it.\n{said}\
                 echo It asks again every {HOLD_SECONDS} seconds.\n:again\nsleep {HOLD_SECONDS}\n{ask}\n"
            )
        }
    }
}

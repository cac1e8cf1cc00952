//! What the SATA controllers can do, as the kernel said when it found them.

use std::io::Read;

use super::report::Report;
use super::root::Sysroot;

/// How many messages of the kernel are looked at.
const MOST_MESSAGES: usize = 100_000;

/// The rows of `ahci`, one for each controller. An instance ends in a colon, as in the reference.
pub(super) fn detect(root: &Sysroot, report: &mut Report) {
    for message in messages(root).lines() {
        let mut words = message.split_whitespace();
        // `ahci 0000:00:1f.2: flags: 64bit ncq sntf pm led clo pio slum part ems`
        let found = words.by_ref().any(|word| word.ends_with("ahci"));
        let (Some(controller), Some("flags:")) = (words.next(), words.next()) else {
            continue;
        };
        let mut flags: Vec<&str> = words.collect();
        flags.sort_unstable();
        if found && controller.ends_with(':') {
            report.of("ahci", controller).text("flags", flags.join(" "));
        }
    }
}

/// The kernel's messages. Each read of the device gives one; without more it would wait.
fn messages(root: &Sysroot) -> String {
    let mut text = String::new();
    let Ok(mut file) = root.without_waiting("/dev/kmsg") else {
        return text;
    };
    let mut buffer = vec![0_u8; 8192];
    for _ in 0..MOST_MESSAGES {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                // `6,339,5140900,-;message`
                let message = String::from_utf8_lossy(&buffer[..length]);
                let message = message.split_once(';').map_or(&*message, |(_, text)| text);
                if message.contains("ahci") {
                    text.push_str(message);
                    text.push('\n');
                }
            }
            // The kernel has overwritten the message that was next.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            Err(_) => break,
        }
    }
    text
}

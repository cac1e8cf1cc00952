//! Who a boot loader says that it runs on: the query of `/boot.ipxe`, PXELINUX's file name and cookie.
//!
//! Nothing of it goes further than into an [`Identity`].

use percent_encoding::percent_decode_str;

use crate::model::Identity;

/// What a machine says of itself.
#[derive(Debug, Default)]
pub(in crate::server) struct Told {
    uuid: Option<String>,
    serial: Option<String>,
    macs: Vec<String>,
    /// The section that it asks for.
    pub(in crate::server) section: Option<String>,
}

/// What a name below `/pxelinux.cfg/` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Named {
    /// The machine's uuid: the first name that is asked for.
    Uuid,
    /// Its MAC: the second one.
    Mac,
    /// Whoever has no file of its own: the last one.
    Default,
    /// Anything else, such as its address in hexadecimal.
    Other,
}

impl Told {
    /// Reads a query such as `uuid=…&serial=…&mac=…`, and whether it has any of the three at all.
    pub(in crate::server) fn from_query(query: &str) -> (Told, bool) {
        let mut told = Told::default();
        let mut is_introduced = false;
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || decoded(value);
            match key {
                "uuid" => told.uuid = Some(value()),
                "serial" => told.serial = Some(value()),
                "mac" => told.macs.push(value()),
                "section" => told.section = Some(value()),
                _ => continue,
            }
            is_introduced |= key != "section";
        }
        (told, is_introduced)
    }

    /// What PXELINUX says: the name of the file that it asks for, and its cookie (wire-formats 9.2).
    pub(in crate::server) fn from_pxelinux(name: &str, cookie: &str) -> (Told, Named) {
        let mut told = Told::default();
        for (key, value) in cookies(cookie) {
            match key {
                "_Syslinux_SYSUUID" => told.uuid = Some(decoded(value)),
                "_Syslinux_SYSSERIAL" => told.serial = Some(decoded(value)),
                "_Syslinux_BOOTIF" => told.macs.extend(ethernet(&decoded(value))),
                _ => {}
            }
        }
        let by_name = Identity::told(Some(name), None, ethernet(name).as_deref());
        let named = match name {
            "default" => Named::Default,
            _ if by_name.uuid.is_some() => Named::Uuid,
            _ if !by_name.macs.is_empty() => Named::Mac,
            _ => Named::Other,
        };
        match named {
            Named::Uuid => told.uuid = Some(name.to_owned()),
            Named::Mac => told.macs.extend(ethernet(name)),
            Named::Default | Named::Other => {}
        }
        (told, named)
    }

    /// Whether a MAC is among it: what every machine that boots from a network has.
    pub(in crate::server) fn has_mac(&self) -> bool {
        !self.identity().macs.is_empty()
    }

    /// What of it identifies the machine.
    pub(in crate::server) fn identity(&self) -> Identity {
        let macs = self.macs.iter().map(String::as_str);
        Identity::told(self.uuid.as_deref(), self.serial.as_deref(), macs)
    }
}

/// The names and values of a `Cookie` header.
fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = header.split(';');
    pairs.filter_map(|pair| pair.trim().split_once('='))
}

/// The MAC in `01-52-54-00-12-34-56`, where 01 says Ethernet (RFC 1700).
fn ethernet(name: &str) -> Option<String> {
    let mac = name.strip_prefix("01-")?;
    (mac.len() == 17).then(|| mac.to_owned())
}

fn decoded(value: &str) -> String {
    let spaced = value.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

//! The SMBIOS tables (DMTF DSP0134) as the kernel shows them: bytes in, structures out.
//!
//! Offsets are those of the standard, from the structure's first byte. A table that lies about its
//! lengths ends early; it is never read past its end.

/// The version of the standard from which on a UUID's first three fields are little-endian.
const SWAPPED_UUID: (u8, u8) = (2, 6);

/// The most structures that are read: real tables have some hundred.
const MOST_STRUCTURES: usize = 4096;

/// One structure of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Structure<'a> {
    pub(super) kind: u8,
    pub(super) handle: u16,
    /// The formatted part, its header of four bytes included.
    data: &'a [u8],
    strings: Vec<&'a [u8]>,
}

impl Structure<'_> {
    pub(super) fn byte(&self, offset: usize) -> Option<u8> {
        self.data.get(offset).copied()
    }

    pub(super) fn word(&self, offset: usize) -> Option<u16> {
        let bytes = self.data.get(offset..offset + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn double_word(&self, offset: usize) -> Option<u32> {
        let bytes = self.data.get(offset..offset + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The text whose number stands at `offset`; none for number 0 and for a text of blanks.
    pub(super) fn text(&self, offset: usize) -> Option<String> {
        let number = usize::from(self.byte(offset)?);
        let text = String::from_utf8_lossy(self.strings.get(number.checked_sub(1)?)?);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The UUID at `offset`, in lower case; none where all bits are the same, which says "not set".
    pub(super) fn uuid(&self, offset: usize, version: (u8, u8)) -> Option<String> {
        let bytes = self.data.get(offset..offset + 16)?;
        if bytes.iter().all(|byte| *byte == 0) || bytes.iter().all(|byte| *byte == 0xff) {
            return None;
        }
        let order = if version < SWAPPED_UUID {
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        } else {
            [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
        };
        let mut text = String::new();
        for (at, from) in order.into_iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                text.push('-');
            }
            text.push_str(&format!("{:02x}", bytes[from]));
        }
        Some(text)
    }
}

/// The version in an entry point of either form, major and minor.
pub(super) fn version(entry_point: &[u8]) -> Option<(u8, u8)> {
    let at = if entry_point.starts_with(b"_SM3_") {
        7
    } else if entry_point.starts_with(b"_SM_") {
        6
    } else {
        return None;
    };
    Some((*entry_point.get(at)?, *entry_point.get(at + 1)?))
}

/// The structures of a table, up to its end mark or to where it is broken.
pub(super) fn structures(table: &[u8]) -> Vec<Structure<'_>> {
    let mut found = Vec::new();
    let mut rest = table;
    while let Some((structure, after)) = first(rest) {
        let end = structure.kind == 127;
        found.push(structure);
        if end || found.len() == MOST_STRUCTURES {
            break;
        }
        rest = after;
    }
    found
}

fn first(table: &[u8]) -> Option<(Structure<'_>, &[u8])> {
    let (&kind, &length) = (table.first()?, table.get(1)?);
    let length = usize::from(length);
    if length < 4 || length > table.len() {
        return None;
    }
    let (data, mut rest) = table.split_at(length);
    let mut strings = Vec::new();
    // The texts end with an empty one; where there is none at all, two zero bytes stand.
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else {
            rest = &[];
            break;
        };
        let text = &rest[..end];
        rest = &rest[end + 1..];
        if text.is_empty() {
            if strings.is_empty() && rest.first() == Some(&0) {
                rest = &rest[1..];
            }
            break;
        }
        strings.push(text);
    }
    let structure = Structure {
        kind,
        handle: u16::from_le_bytes([data[2], data[3]]),
        data,
        strings,
    };
    Some((structure, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: [u8; 16] = [
        0x4c, 0x4c, 0x45, 0x44, 0x00, 0x51, 0x58, 0x10, 0x80, 0x33, 0xb7, 0xc0, 0x4f, 0x52, 0x4b,
        0x32,
    ];

    fn table() -> Vec<u8> {
        let mut bytes = vec![1, 24, 0x00, 0x01, 1, 2, 0, 3];
        bytes.extend(UUID);
        bytes.extend(b"QEMU\0 \0  s1 \0\0");
        bytes.extend([16, 4, 0x10, 0x10, 0, 0, 127, 4, 0xff, 0xfe, 0, 0, 9, 9]);
        bytes
    }

    #[test]
    fn structures_are_read_up_to_the_end_mark() {
        let bytes = table();
        let found = structures(&bytes);
        let kinds: Vec<_> = found.iter().map(|one| (one.kind, one.handle)).collect();
        assert_eq!(kinds, [(1, 0x100), (16, 0x1010), (127, 0xfeff)]);
        let texts = [4, 5, 6, 7, 99].map(|offset| found[0].text(offset));
        let texts = texts.map(|text| text.unwrap_or_default());
        assert_eq!(texts, ["QEMU", "", "", "s1", ""]);
    }

    #[test]
    fn a_uuid_is_read_as_its_version_says() {
        let bytes = table();
        let found = &structures(&bytes)[0];
        let swapped = "44454c4c-5100-1058-8033-b7c04f524b32";
        assert_eq!(found.uuid(8, (3, 2)).unwrap(), swapped);
        let plain = "4c4c4544-0051-5810-8033-b7c04f524b32";
        assert_eq!(found.uuid(8, (2, 5)).unwrap(), plain);
        assert_eq!(found.uuid(9, (3, 2)), None);
    }

    #[test]
    fn the_version_stands_in_both_forms_of_the_entry_point() {
        assert_eq!(version(b"_SM3_\0\x18\x03\x02"), Some((3, 2)));
        assert_eq!(version(b"_SM_\0\x1f\x02\x08"), Some((2, 8)));
        assert_eq!(version(b"_SM3_"), None);
        assert_eq!(version(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..80) {
            let mut broken = table();
            broken.truncate(cut);
            broken.extend(&bytes);
            for table in [&bytes, &broken] {
                for one in structures(table) {
                    one.uuid(8, (3, 0));
                    for offset in 0..300 {
                        one.text(offset);
                        one.double_word(offset);
                    }
                }
                version(table);
            }
        }
    }
}

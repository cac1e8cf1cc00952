use super::*;

fn machine(uuid: &str, serial: &str, macs: &[&str]) -> Identity {
    let mut facts = vec![
        Fact::new("system", "product", "uuid", uuid),
        Fact::new("system", "product", "serial", serial),
        Fact::new("disk", "sda", "size", "8"),
    ];
    for (at, mac) in macs.iter().enumerate() {
        facts.push(Fact::new("network", &format!("eth{at}"), "serial", *mac));
    }
    Identity::of(&facts)
}

const UUID_A: &str = "4c4c4544-0039-4b10-8039-b9c04f503032";
const UUID_B: &str = "4c4c4544-0039-4b10-8039-b9c04f503033";
const MAC_A: &str = "52:54:00:00:00:0a";
const MAC_B: &str = "52:54:00:00:00:0b";
const MAC_C: &str = "52:54:00:00:00:0c";

fn are_one(a: &Identity, b: &Identity) -> bool {
    assert_eq!(a.compare(b), b.compare(a), "comparing is symmetric");
    a.compare(b) != Evidence::Different
}

#[test]
fn rubbish_is_no_identity() {
    for serial in [
        "0123456789",
        "0000000000",
        "To be filled by O.E.M.",
        "Not Specified",
        " ",
        "N/A",
    ] {
        let zeros = "00000000-0000-0000-0000-000000000000";
        let identity = machine(zeros, serial, &["00:00:00:00:00:00"]);
        assert!(identity.is_weak(), "{serial}: {identity:?}");
    }
}

#[test]
fn equal_serials_with_disjoint_macs_are_two_machines() {
    assert!(!are_one(
        &machine("", "CZ1", &[MAC_A]),
        &machine("", "CZ1", &[MAC_B])
    ));
    assert!(!are_one(
        &machine(UUID_A, "CZ1", &[MAC_A]),
        &machine(UUID_B, "CZ1", &[MAC_B])
    ));
}

#[test]
fn one_nic_swapped_is_the_same_machine() {
    assert!(are_one(
        &machine("", "CZ1", &[MAC_A, MAC_B]),
        &machine("", "CZ1", &[MAC_A, MAC_C])
    ));
    assert!(are_one(
        &machine(UUID_A, "", &[MAC_A]),
        &machine(UUID_A, "", &[MAC_B])
    ));
    assert!(are_one(
        &machine("", "", &[MAC_A, MAC_B]),
        &machine("", "", &[MAC_B, MAC_C])
    ));
}

#[test]
fn a_nic_that_moved_does_not_merge_two_machines() {
    let first = machine(UUID_A, "CZ1", &[MAC_A, MAC_B]);
    assert!(!are_one(&first, &machine(UUID_B, "CZ2", &[MAC_B, MAC_C])));
}

#[test]
fn a_new_board_with_the_old_serial_and_nic_is_the_same_machine() {
    assert!(are_one(
        &machine(UUID_A, "CZ1", &[MAC_A]),
        &machine(UUID_B, "CZ1", &[MAC_A])
    ));
}

#[test]
fn a_uuid_read_in_the_other_byte_order_is_the_same_uuid() {
    let swapped = "44454c4c-3900-104b-8039-b9c04f503032";
    assert!(are_one(
        &machine(UUID_A, "", &[]),
        &machine(swapped, "", &[])
    ));
}

#[test]
fn a_boot_loader_tells_the_identity_that_the_facts_tell() {
    let facts = machine(UUID_A, "CZ1", &[MAC_A, MAC_B]);
    let upper = UUID_A.to_uppercase();
    let told = Identity::told(Some(&upper), Some("CZ1 "), ["52-54-00-00-00-0A"]);
    assert_eq!(facts.compare(&told), Evidence::Same { agreeing: 3 });
    let rubbish = Identity::told(Some("${uuid}"), Some("None"), ["", "../../x"]);
    assert!(rubbish.is_weak());
    let weak = Identity::of(&[Fact::new("disk", "vda", "size", "8")]);
    assert!(!are_one(&weak, &rubbish), "nothing speaks for it");
}

#[test]
fn a_machine_without_any_identity_is_known_by_all_its_facts() {
    let facts = vec![Fact::new("disk", "vda", "size", "8")];
    let other = vec![Fact::new("disk", "vda", "size", "9")];
    assert!(are_one(&Identity::of(&facts), &Identity::of(&facts)));
    assert!(!are_one(&Identity::of(&facts), &Identity::of(&other)));
}

#[test]
fn whatever_is_one_machine_shares_a_lookup_key() {
    let known = machine(UUID_A, "CZ1", &[MAC_A]);
    for other in [
        machine(UUID_A, "", &[MAC_B]),
        machine("", "CZ1", &[]),
        machine("", "", &[MAC_A]),
    ] {
        assert!(are_one(&known, &other));
        let keys = known.lookup_keys();
        assert!(other.lookup_keys().iter().any(|key| keys.contains(key)));
    }
}

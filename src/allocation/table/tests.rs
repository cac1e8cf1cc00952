use super::*;
use crate::format::Form;
use crate::model::Identity;

fn table(text: &str) -> Table {
    Table::new(
        CmdbDocument::parse("vm.cmdb", text, Form::Edeploy).unwrap(),
        [],
    )
}

fn machine(name: &str) -> MachineId {
    serde_json::from_value(name.into()).unwrap()
}

fn bindings(pairs: &[(&str, &str)]) -> Bindings {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect()
}

fn holding(name: &str, held: HeldEntry) -> Allocation {
    Allocation {
        machine: machine(name),
        identity: Identity::default(),
        profile: crate::model::ProfileName::new("vm").unwrap(),
        bindings: Bindings::new(),
        entry: Some(held),
        place: crate::model::Place::Uncounted,
        deployments: crate::model::Deployments::default(),
    }
}

const TWO: &str = "[{'ip': '10.0.0.1'}, {'ip': '10.0.0.2'}]\n";

#[test]
fn the_first_free_entry_is_given_and_then_no_longer_free() {
    let mut table = table(TWO);
    for (name, position) in [("a", 0), ("b", 1)] {
        let mac = bindings(&[("mac", name)]);
        let chosen = table.choose(Some(&machine(name)), &mac, &Bindings::new());
        assert_eq!(chosen, Ok(position));
        table.give(position, &machine(name), &mac, None);
    }
    let none = Bindings::new();
    assert_eq!(
        table.choose(Some(&machine("c")), &none, &none),
        Err(NoEntry::NoneFree)
    );
    assert_eq!(
        table.choose(Some(&machine("a")), &none, &none),
        Ok(0),
        "its own stays its own"
    );
}

#[test]
fn an_entry_that_includes_the_machines_values_is_preferred_though_it_is_used() {
    let mut table = table("[{'ip': '1'}, {'ip': '2', 'mac': 'x', 'used': 1}]");
    let mac = bindings(&[("mac", "x")]);
    assert_eq!(
        table.choose(Some(&machine("a")), &mac, &Bindings::new()),
        Ok(1)
    );
    table.give(1, &machine("a"), &mac, None);
    assert_eq!(
        table.choose(Some(&machine("b")), &mac, &Bindings::new()),
        Ok(0),
        "a holds it now"
    );
}

#[test]
fn key_bindings_alone_select_the_entry() {
    let mut table = table("[{'tag': 'A'}, {'tag': 'B'}]");
    let (all, key) = (
        bindings(&[("tag", "B"), ("mac", "x")]),
        bindings(&[("tag", "B")]),
    );
    assert_eq!(table.choose(Some(&machine("a")), &all, &key), Ok(1));
    table.give(1, &machine("a"), &all, None);
    let held = Err(NoEntry::HeldBy(machine("a")));
    assert_eq!(table.choose(Some(&machine("b")), &all, &key), held);
    let unknown = bindings(&[("tag", "C")]);
    assert_eq!(
        table.choose(Some(&machine("b")), &unknown, &unknown),
        Err(NoEntry::NoneForKey)
    );
}

#[test]
fn a_number_of_the_hardware_selects_the_text_that_denotes_it() {
    let mut table = table("[{'channel': '1'}, {'channel': '2'}, {'channel': 3}]");
    for (value, position) in [(Value::Int(2), 1), ("3".into(), 2), (Value::Float(1.0), 0)] {
        let key = Bindings::from_iter([("channel".to_owned(), value)]);
        assert_eq!(table.choose(None, &key, &key), Ok(position));
    }
}

#[test]
fn a_release_puts_back_what_the_admin_wrote_and_keeps_later_edits() {
    let mut first = table("[{'ip': '10.0.0.1', 'mac': 'declared'}]");
    let held = first.give(
        0,
        &machine("a"),
        &bindings(&[("mac", "x"), ("eth", "eth0")]),
        None,
    );
    let edited = first.document().text().replace("10.0.0.1", "10.9.9.9");
    let document = CmdbDocument::parse("vm.cmdb", &edited, Form::Edeploy).unwrap();
    let allocation = holding("a", held.clone());
    let mut table = Table::new(document, [&allocation]);
    assert_eq!(
        table.position_of(&machine("a")),
        Some(0),
        "found though it was edited"
    );
    table.take_back(&machine("a"), &held);
    assert_eq!(
        table.entry(0),
        &CmdbEntry::from(bindings(&[("ip", "10.9.9.9"), ("mac", "declared")]))
    );
    assert_eq!(table.count_free(), 1);
}

#[test]
fn an_entry_that_was_put_back_by_hand_still_belongs_to_its_machine() {
    let mut first = table(TWO);
    let held = first.give(0, &machine("a"), &bindings(&[("mac", "x")]), None);
    let document = CmdbDocument::parse("vm.cmdb", TWO, Form::Edeploy).unwrap();
    let allocation = holding("a", held);
    let mut table = Table::new(document, [&allocation]);
    let none = Bindings::new();
    assert_eq!(table.choose(Some(&machine("b")), &none, &none), Ok(1));
    assert_eq!(table.choose(Some(&machine("a")), &none, &none), Ok(0));
}

#[test]
fn a_second_upload_keeps_what_stood_in_the_entry_before_the_first() {
    let mut table = table(TWO);
    let first = table.give(0, &machine("a"), &bindings(&[("disk", "sda")]), None);
    let second = table.give(
        0,
        &machine("a"),
        &bindings(&[("disk", "sdb")]),
        Some(&first),
    );
    assert_eq!(second.before, first.before);
    assert_eq!(second.after.get("disk"), Some(&"sdb".into()));
}

/// Steps recorded from the original: which entry it chose and how it merged.
fn follows_the_original(vectors: &[serde_json::Value]) {
    for vector in vectors {
        let entries: Vec<CmdbEntry> = serde_json::from_value(vector["cmdb"].clone()).unwrap();
        let text = crate::format::render_cmdb(&entries, Form::Edeploy);
        let mut table = table(&text);
        for (at, step) in vector["steps"].as_array().unwrap().iter().enumerate() {
            let case = format!("{} step {at}", vector["id"]);
            let bindings: Bindings = serde_json::from_value(step["bindings"].clone()).unwrap();
            let key: Bindings = serde_json::from_value(step["key"].clone()).unwrap();
            let chosen = if step["key_only"] == true {
                table.choose(None, &bindings, &key)
            } else {
                table.choose(None, &key, &Bindings::new())
            };
            if step["expect"]["exhausted"] == true {
                assert!(chosen.is_err(), "{case}");
                continue;
            }
            let stranger = machine(&case);
            let position = chosen.unwrap_or_else(|none| panic!("{case}: {none:?}"));
            let held = table.give(position, &stranger, &bindings, None);
            // The original knew no machines: whoever had the same values had the same entry.
            table.position_of.remove(&stranger);
            table.held_by.remove(&position);
            let expected: Vec<CmdbEntry> =
                serde_json::from_value(step["expect"]["cmdb_after"].clone()).unwrap();
            let after = table.document().entries();
            assert!(
                after.iter().zip(&expected).all(|(a, b)| a.same(b)),
                "{case}: {after:?}"
            );
            let variables: CmdbEntry =
                serde_json::from_value(step["expect"]["var_after"].clone()).unwrap();
            assert!(held.after.same(&variables), "{case}: {:?}", held.after);
        }
    }
}

#[test]
fn entries_are_chosen_and_merged_as_the_original_did() {
    follows_the_original(&crate::corpus::own_vectors("choose_entry.jsonl"));
}

#[test]
fn entries_are_chosen_and_merged_as_the_original_did_in_the_whole_corpus() {
    if let Some(vectors) = crate::corpus::corpus_vectors("choose_entry.jsonl") {
        follows_the_original(&vectors);
    }
}

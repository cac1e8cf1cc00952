use super::*;
use crate::format::{CmdbDocument, Form};
use crate::model::{Bindings, CmdbEntry, Fact, Value};

/// Profiles with what each binds, their counts and their CMDBs, and machines that ask.
struct Room {
    quotas: Vec<Quota>,
    tables: HashMap<ProfileName, TableState>,
}

fn name(text: &str) -> ProfileName {
    ProfileName::new(text).unwrap()
}

fn room(quotas: &[(&str, Remaining)], cmdbs: &[(&str, &str)]) -> Room {
    let quota = |(profile, remaining): &(&str, Remaining)| Quota {
        profile: name(profile),
        remaining: *remaining,
    };
    let table = |(profile, text): &(&str, &str)| {
        let document = CmdbDocument::parse(profile, text, Form::Edeploy).map_err(|e| e.to_string());
        (
            name(profile),
            Some(document.map(|document| Table::new(document, []))),
        )
    };
    Room {
        quotas: quotas.iter().map(quota).collect(),
        tables: cmdbs.iter().map(table).collect(),
    }
}

/// A machine that matches all of `profiles`, binding its disk and MAC.
fn machine(serial: &str, disk: &str, profiles: &[&str]) -> Request {
    let facts = [Fact::new("system", "product", "serial", serial)];
    let identity = Identity::of(&facts);
    let bindings = Bindings::from_iter([
        ("disk".to_owned(), Value::from(disk)),
        ("mac".to_owned(), Value::from(serial)),
    ]);
    let found = Match {
        bindings,
        key_bindings: Bindings::new(),
        facts: Vec::new(),
    };
    let judged = profiles.iter().map(|profile| {
        (
            name(profile),
            Judged::Verdict(Verdict::Matched(found.clone())),
        )
    });
    let judged = Arc::new(judged.collect());
    Request {
        name: MachineId::of(&facts, &identity),
        identity,
        judged,
    }
}

impl Room {
    fn ask(&mut self, request: &Request, current: Option<&Allocation>) -> Choice {
        Stock {
            quotas: &mut self.quotas,
            tables: &mut self.tables,
        }
        .choose(request, current)
    }

    fn holds(&mut self, request: &Request, current: Option<&Allocation>) -> Allocation {
        match self.ask(request, current) {
            Choice::Holds { allocation, .. } => *allocation,
            Choice::Refused(refusal) => panic!("{refusal}"),
        }
    }

    fn left(&self, profile: &str) -> Remaining {
        let mut quotas = self.quotas.iter();
        quotas
            .find(|quota| quota.profile == name(profile))
            .unwrap()
            .remaining
    }
}

const TWO: &str = "[{'ip': '10.0.0.1'}, {'ip': '10.0.0.2'}]";

#[test]
fn the_same_machine_is_counted_once_and_keeps_its_entry() {
    let mut room = room(&[("hp", Remaining::Limited(2))], &[("hp", TWO)]);
    let first = room.holds(&machine("A1", "sda", &["hp"]), None);
    let again = room.holds(&machine("A1", "sdb", &["hp"]), Some(&first));
    assert_eq!(room.left("hp"), Remaining::Limited(1));
    assert_eq!(again.variables().get("ip"), Some(&"10.0.0.1".into()));
    assert_eq!(
        again.variables().get("disk"),
        Some(&"sdb".into()),
        "the hardware as it is now"
    );
}

#[test]
fn a_spent_count_and_a_spent_cmdb_both_lead_to_the_next_profile() {
    let quotas = [
        ("spent", Remaining::Limited(0)),
        ("full", Remaining::Unlimited),
        ("vm", Remaining::Unlimited),
    ];
    let mut room = room(&quotas, &[("full", "[{'ip': '1', 'used': 1}]")]);
    let given = room.holds(&machine("A1", "sda", &["spent", "full", "vm"]), None);
    assert_eq!(given.profile, name("vm"));
}

#[test]
fn a_refusal_names_the_reason_of_every_profile() {
    let mut room = room(
        &[("hp", Remaining::Limited(0)), ("vm", Remaining::Unlimited)],
        &[],
    );
    let mut request = machine("A1", "sda", &["hp"]);
    let broken = Judged::Broken("`vm.specs` line 3".to_owned());
    Arc::make_mut(&mut request.judged).insert(name("vm"), broken);
    let Choice::Refused(refusal) = room.ask(&request, None) else {
        panic!("nothing is left")
    };
    assert_eq!(refusal.kind, RefusalKind::Exhausted);
    let text = refusal.to_string();
    assert!(
        text.contains("hp: matches, but its count") && text.contains("`vm.specs` line 3"),
        "{text}"
    );
}

#[test]
fn a_place_given_back_is_taken_again_with_the_same_entry() {
    let mut room = room(&[("hp", Remaining::Limited(1))], &[("hp", TWO)]);
    let first = room.holds(&machine("A1", "sda", &["hp"]), None);
    let mut stock = Stock {
        quotas: &mut room.quotas,
        tables: &mut room.tables,
    };
    assert!(stock.give_place_back(&first));
    let failed = Allocation {
        place: Place::GivenBack,
        ..first
    };
    assert!(!stock.give_place_back(&failed), "only once");
    let retried = room.holds(&machine("A1", "sda", &["hp"]), Some(&failed));
    assert_eq!(
        (room.left("hp"), retried.place),
        (Remaining::Limited(0), Place::Counted)
    );
    assert_eq!(retried.variables().get("ip"), Some(&"10.0.0.1".into()));
}

#[test]
fn the_place_of_a_failed_machine_may_be_gone_and_its_entry_then_goes_back() {
    let quotas = [("hp", Remaining::Limited(1)), ("vm", Remaining::Unlimited)];
    let mut room = room(&quotas, &[("hp", TWO)]);
    let first = room.holds(&machine("A1", "sda", &["hp", "vm"]), None);
    Stock {
        quotas: &mut room.quotas,
        tables: &mut room.tables,
    }
    .give_place_back(&first);
    let failed = Allocation {
        place: Place::GivenBack,
        ..first
    };
    room.holds(&machine("B2", "sda", &["hp"]), None);
    let moved = room.holds(&machine("A1", "sda", &["hp", "vm"]), Some(&failed));
    assert_eq!(moved.profile, name("vm"));
    let Some(Some(Ok(table))) = room.tables.get(&name("hp")) else {
        panic!("hp has a table")
    };
    assert_eq!(
        table.count_free(),
        1,
        "one entry is B2's, the other is free again"
    );
}

#[test]
fn a_machine_whose_profile_is_broken_is_not_moved_to_another_one() {
    let quotas = [("hp", Remaining::Limited(2)), ("vm", Remaining::Unlimited)];
    let mut room = room(&quotas, &[]);
    let first = room.holds(&machine("A1", "sda", &["hp", "vm"]), None);
    let mut request = machine("A1", "sda", &["vm"]);
    Arc::make_mut(&mut request.judged).insert(name("hp"), Judged::Broken("a typo".to_owned()));
    assert!(matches!(
        room.ask(&request, Some(&first)),
        Choice::Refused(_)
    ));
    assert_eq!(room.left("hp"), Remaining::Limited(1));
}

#[test]
fn a_machine_that_no_longer_matches_moves_and_gives_back_what_it_held() {
    let quotas = [("hp", Remaining::Limited(2)), ("vm", Remaining::Unlimited)];
    let mut room = room(&quotas, &[("hp", TWO)]);
    let first = room.holds(&machine("A1", "sda", &["hp", "vm"]), None);
    let mut request = machine("A1", "sda", &["vm"]);
    let undecided = Judged::Verdict(Verdict::Undecided { steps: 1 });
    Arc::make_mut(&mut request.judged).insert(name("hp"), undecided);
    let moved = room.holds(&request, Some(&first));
    assert_eq!(
        (moved.profile, room.left("hp")),
        (name("vm"), Remaining::Limited(2))
    );
}

#[test]
fn a_profile_without_cmdb_hands_out_its_bindings() {
    let mut room = room(&[("vm", Remaining::Unlimited)], &[]);
    let given = room.holds(&machine("A1", "sda", &["vm"]), None);
    let expected = [("disk", "sda"), ("mac", "A1")];
    let expected: CmdbEntry = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect();
    assert_eq!(given.variables(), expected);
}

#[test]
fn a_machine_whose_profile_is_no_longer_listed_gets_another_one() {
    let mut both = room(
        &[("hp", Remaining::Unlimited), ("vm", Remaining::Unlimited)],
        &[],
    );
    let first = both.holds(&machine("A1", "sda", &["hp", "vm"]), None);
    let mut without = room(&[("vm", Remaining::Unlimited)], &[]);
    let moved = without.holds(&machine("A1", "sda", &["vm"]), Some(&first));
    assert_eq!(moved.profile, name("vm"));
}

//! Inputs that are hard for a matcher: for the tests here and for the bench, which includes this file.
//!
//! Plain data without types of the crate, so that both can make their own of it. Where chance is needed
//! it comes from a fixed seed.

/// A rule: four patterns.
pub(crate) type Row = [String; 4];

/// One hard input.
pub(crate) struct Shape {
    /// What is hard about it.
    pub(crate) name: &'static str,
    pub(crate) rules: Vec<Row>,
    /// Facts; a value that begins with `#` is the number after it.
    pub(crate) facts: Vec<Row>,
    /// Whether an assignment exists; none where that need not be decided.
    pub(crate) solvable: Option<bool>,
}

fn row(a: &str, b: impl ToString, c: impl ToString, d: impl ToString) -> Row {
    [a.to_owned(), b.to_string(), c.to_string(), d.to_string()]
}

fn shape(name: &'static str, solvable: bool, rules: Vec<Row>, facts: Vec<Row>) -> Shape {
    Shape {
        name,
        rules,
        facts,
        solvable: Some(solvable),
    }
}

/// Numbers below `below` from a linear congruential generator.
fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// All shapes; none has more than 2,000 facts or 40 rules.
pub(crate) fn shapes() -> Vec<Shape> {
    let mut all = disks();
    all.extend(equal_things());
    all.extend(graphs());
    all.extend(mixtures());
    all
}

/// `count` disks with three rows each.
pub(crate) fn disk_rows(count: usize) -> Vec<Row> {
    (0..count)
        .flat_map(|disk| {
            [
                row("disk", format!("sd{disk}"), "size", 300),
                row("disk", format!("sd{disk}"), "type", "SAS"),
                row("disk", format!("sd{disk}"), "slot", disk),
            ]
        })
        .collect()
}

fn pairs(count: usize, value: &str) -> Vec<Row> {
    (0..count)
        .flat_map(|pair| {
            let name = format!("$d{pair}");
            [
                row("disk", &name, "size", "gt(4)"),
                row("disk", &name, "type", value),
            ]
        })
        .collect()
}

fn disks() -> Vec<Shape> {
    let five = || (0..5).map(|disk| row("disk", format!("$d{disk}"), "size", "gt(4)"));
    let mut no_such_slot: Vec<Row> = five().collect();
    no_such_slot.push(row("disk", "$d4", "slot", "gt(23)"));
    let mut no_such_fact: Vec<Row> = five().collect();
    no_such_fact.push(row("raid", "$r", "level", "1"));
    let mut join_fails: Vec<Row> = five().collect();
    join_fails.push(row("disk", "$d4", "slot", "$s"));
    join_fails.push(row("slot", "$s", "empty", "no"));
    let mut with_slots = disk_rows(24);
    with_slots.extend((24..48).map(|slot| row("slot", slot, "empty", "no")));
    let two_sizes = || {
        let mut rows = disk_rows(12);
        rows.extend(disk_rows(12).into_iter().filter(|row| row[2] == "size"));
        rows
    };
    let three_rows = (0..8).flat_map(|disk| (0..3).map(move |key| row("disk", disk, key, "x")));
    let two_of_three = (0..9).flat_map(|pair| {
        (0..2).map(move |key| row("disk", format!("$d{pair}"), format!("$k{pair}_{key}"), "x"))
    });
    vec![
        shape(
            "24 disks, 5 rules, no such slot",
            false,
            no_such_slot,
            disk_rows(24),
        ),
        shape(
            "24 disks, 5 rules, no such fact",
            false,
            no_such_fact,
            disk_rows(24),
        ),
        shape(
            "24 disks, 5 rules, a join fails",
            false,
            join_fails,
            with_slots,
        ),
        shape(
            "13 pairs for 12 disks",
            false,
            pairs(13, "SAS"),
            disk_rows(12),
        ),
        shape(
            "12 pairs for 12 disks",
            true,
            pairs(12, "SAS"),
            disk_rows(12),
        ),
        shape(
            "13 pairs for 12 disks with two sizes",
            false,
            pairs(13, "$t"),
            two_sizes(),
        ),
        shape(
            "20 pairs for 666 disks",
            true,
            pairs(20, "SAS"),
            disk_rows(666),
        ),
        Shape {
            solvable: None,
            ..shape(
                "9 pairs for 8 disks of 3 rows",
                false,
                two_of_three.collect(),
                three_rows.collect(),
            )
        },
    ]
}

fn equal_things() -> Vec<Shape> {
    let equal = |count: usize| vec![row("a", "b", "c", "d"); count];
    let different = || {
        (0..2_000)
            .map(|n| row("a", n / 50, n % 50, n))
            .collect::<Vec<_>>()
    };
    let free = (0..40).map(|n| {
        row(
            &format!("$a{n}"),
            format!("$b{n}"),
            format!("$c{n}"),
            format!("$d{n}"),
        )
    });
    let star = |keys: usize| {
        (0..50 * keys)
            .map(|n| row("a", n / keys, n, "v"))
            .collect::<Vec<_>>()
    };
    let star_rules = || {
        (0..40)
            .map(|n| row("a", "$d", format!("$k{n}"), "v"))
            .collect::<Vec<_>>()
    };
    vec![
        shape(
            "40 equal rules, 2,000 equal facts",
            true,
            equal(40),
            equal(2_000),
        ),
        shape(
            "40 equal rules, 39 equal facts",
            false,
            equal(40),
            equal(39),
        ),
        shape(
            "40 rules $a $b $c $d, 2,000 equal facts",
            true,
            vec![row("$a", "$b", "$c", "$d"); 40],
            equal(2_000),
        ),
        shape(
            "40 rules $a $b $c $d, 2,000 facts",
            false,
            vec![row("$a", "$b", "$c", "$d"); 40],
            different(),
        ),
        shape(
            "40 rules of different names, 2,000 facts",
            true,
            free.collect(),
            different(),
        ),
        shape(
            "40 rules $d $k, 2,000 facts",
            false,
            vec![row("a", "$d", "$k", "$v"); 40],
            different(),
        ),
        shape(
            "40 rules share $d, which has 40 facts",
            true,
            star_rules(),
            star(40),
        ),
        shape(
            "40 rules share $d, which has 39 facts",
            false,
            star_rules(),
            star(39),
        ),
        shape(
            "40 rules $a $b $c $d of which 2 are shared",
            true,
            (0..40)
                .map(|n| row("$a", "$b", format!("$c{n}"), format!("$d{n}")))
                .collect(),
            different(),
        ),
    ]
}

/// `count` different edges between `nodes` nodes.
fn edges(count: usize, nodes: u64, seed: u64, keep: impl Fn(u64, u64) -> bool) -> Vec<Row> {
    let mut chance = chance(seed);
    let mut seen = std::collections::BTreeSet::new();
    let mut rows = Vec::new();
    for _ in 0..count * 20 {
        let (from, to) = (chance(nodes), chance(nodes));
        if rows.len() < count && keep(from, to) && seen.insert((from, to)) {
            rows.push(row("edge", from, "to", to));
        }
    }
    rows
}

fn edge(from: impl std::fmt::Display, to: impl std::fmt::Display) -> Row {
    row("edge", format!("$n{from}"), "to", format!("$n{to}"))
}

fn graphs() -> Vec<Shape> {
    let triangle = || vec![edge(0, 1), edge(1, 2), edge(2, 0)];
    let path = || (0..40).map(|n| edge(n, n + 1)).collect::<Vec<_>>();
    let clique = |size: u64| {
        (0..size)
            .flat_map(|a| (0..a).map(move |b| edge(b, a)))
            .collect::<Vec<_>>()
    };
    let mut colours = Vec::new();
    for n in 0..1_998_u64 {
        colours.push(row("edge", n % 3, "to", (n % 3 + 1 + n / 3 % 2) % 3));
    }
    let mut chance = chance(11);
    let mut colouring = clique(4);
    colouring.extend((0..30).map(|n| edge(n % 15, n % 15 + 1 + chance(7))));
    vec![
        shape(
            "a triangle among 2,000 edges without one",
            false,
            triangle(),
            edges(2_000, 90, 1, |a, b| a % 2 != b % 2),
        ),
        shape(
            "a triangle among 2,000 edges",
            true,
            triangle(),
            edges(2_000, 90, 2, |a, b| a != b),
        ),
        shape(
            "a two-way edge where there is none",
            false,
            vec![edge(0, 1), edge(1, 0)],
            edges(2_000, 90, 3, |a, b| a < b),
        ),
        shape(
            "a path of 40 edges",
            true,
            path(),
            edges(2_000, 90, 4, |a, b| a != b),
        ),
        shape(
            "a path of 40 edges where the longest is 39",
            false,
            path(),
            edges(2_000, 40, 5, |a, b| a < b),
        ),
        Shape {
            solvable: None,
            ..shape(
                "9 nodes, all joined",
                true,
                clique(9),
                edges(2_000, 100, 6, |a, b| a < b),
            )
        },
        Shape {
            solvable: None,
            ..shape(
                "9 nodes, all joined, dense",
                true,
                clique(9),
                edges(2_000, 66, 7, |a, b| a < b),
            )
        },
        Shape {
            solvable: None,
            ..shape(
                "6 nodes, all joined, sparse",
                true,
                clique(6),
                edges(2_000, 200, 8, |a, b| a < b),
            )
        },
        shape(
            "colouring with 3 of a graph that needs 4",
            false,
            colouring,
            colours,
        ),
    ]
}

fn mixtures() -> Vec<Shape> {
    let spelled = (0..1_000).map(|n| row("a", n, "k", format!("2.{}", "0".repeat(n % 97 + 1))));
    let numbers = (0..1_000).map(|n| row("a", n + 1_000, "k", "#2"));
    let mut mixed: Vec<Row> = spelled.collect();
    mixed.extend(numbers);
    let long = (0..2_000).map(|n| row("a", n, "k", format!("{n} {}", "abc def ".repeat(12))));
    let regexps = (0..40).map(|n| {
        row(
            "a",
            format!("$i{n}"),
            "k",
            format!("regexp({n}.*[cd]+.*f {{2}}x)"),
        )
    });
    let mut chance = chance(9);
    let fields = (0..2_000).map(|_| {
        let mut field = || chance(7);
        row(&field().to_string(), field(), field(), field())
    });
    let mut which = self::chance(10);
    let shuffled = (0..40).map(|_| {
        let mut name = || format!("$n{}", which(12));
        row(&name(), name(), name(), name())
    });
    vec![
        Shape {
            solvable: None,
            ..shape(
                "40 rules share one number in 98 spellings",
                true,
                (0..40)
                    .map(|n| row("a", format!("$i{n}"), "k", "$v"))
                    .collect(),
                mixed,
            )
        },
        Shape {
            solvable: None,
            ..shape(
                "40 regular expressions, 2,000 long values",
                false,
                regexps.collect(),
                long.collect(),
            )
        },
        Shape {
            solvable: None,
            ..shape(
                "40 rules of 12 names at random, 2,000 facts of 7 values",
                true,
                shuffled.collect(),
                fields.collect(),
            )
        },
    ]
}

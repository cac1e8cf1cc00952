//! Inputs that are hard for a matcher: for the tests here and for the bench, which includes this file.
//!
//! Plain data without types of the crate, so that both can make their own of it. Where chance is needed
//! it comes from a fixed seed.

use std::collections::BTreeSet;

/// A rule or a fact: four texts.
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

/// All shapes; none has more than 2,000 facts or 40 rules.
pub(crate) fn shapes() -> Vec<Shape> {
    [
        disks(),
        pigeons(),
        equals(),
        stars(),
        paths(),
        cliques(),
        mixtures(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn possible(name: &'static str, rules: Vec<Row>, facts: Vec<Row>) -> Shape {
    Shape {
        name,
        rules,
        facts,
        solvable: Some(true),
    }
}

fn impossible(name: &'static str, rules: Vec<Row>, facts: Vec<Row>) -> Shape {
    Shape {
        name,
        rules,
        facts,
        solvable: Some(false),
    }
}

fn open(name: &'static str, rules: Vec<Row>, facts: Vec<Row>) -> Shape {
    Shape {
        name,
        rules,
        facts,
        solvable: None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "texts and numbers alike")]
fn row(a: &str, b: impl ToString, c: impl ToString, d: impl ToString) -> Row {
    [a.to_owned(), b.to_string(), c.to_string(), d.to_string()]
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

/// `count` disks with three rows each.
pub(crate) fn disk_rows(count: usize) -> Vec<Row> {
    let rows = |disk: usize| {
        let name = format!("sd{disk}");
        [
            row("disk", &name, "size", 300),
            row("disk", &name, "type", "SAS"),
            row("disk", &name, "slot", disk),
        ]
    };
    (0..count).flat_map(rows).collect()
}

fn disks() -> Vec<Shape> {
    let five = |more: &[Row]| {
        let disk = |disk: usize| row("disk", format!("$d{disk}"), "size", "gt(4)");
        let mut rules: Vec<Row> = (0..5).map(disk).collect();
        rules.extend_from_slice(more);
        rules
    };
    let slot = five(&[row("disk", "$d4", "slot", "gt(23)")]);
    let fact = five(&[row("raid", "$r", "level", "1")]);
    let join = five(&[
        row("disk", "$d4", "slot", "$s"),
        row("slot", "$s", "empty", "no"),
    ]);
    let mut with_slots = disk_rows(24);
    with_slots.extend((24..48).map(|slot| row("slot", slot, "empty", "no")));
    vec![
        impossible("24 disks, 5 rules, no such slot", slot, disk_rows(24)),
        impossible("24 disks, 5 rules, no such fact", fact, disk_rows(24)),
        impossible("24 disks, 5 rules, a join fails", join, with_slots),
    ]
}

fn pigeons() -> Vec<Shape> {
    let pairs = |count: usize, kind: &str| -> Vec<Row> {
        let pair = |pair: usize| {
            let name = format!("$d{pair}");
            [
                row("disk", &name, "size", "gt(4)"),
                row("disk", &name, "type", kind),
            ]
        };
        (0..count).flat_map(pair).collect()
    };
    let mut two_sizes = disk_rows(12);
    two_sizes.extend(disk_rows(12).into_iter().filter(|row| row[2] == "size"));
    let three = |disk: usize| (0..3).map(move |key| row("disk", disk, key, "x"));
    let two = |pair: usize| {
        (0..2).map(move |key| row("disk", format!("$d{pair}"), format!("$k{pair}_{key}"), "x"))
    };
    let of_three = (0..8).flat_map(three).collect();
    vec![
        impossible("13 pairs for 12 disks", pairs(13, "SAS"), disk_rows(12)),
        possible("12 pairs for 12 disks", pairs(12, "SAS"), disk_rows(12)),
        impossible(
            "13 pairs for 12 disks with two sizes",
            pairs(13, "$t"),
            two_sizes,
        ),
        possible("20 pairs for 666 disks", pairs(20, "SAS"), disk_rows(666)),
        open(
            "9 pairs for 8 disks of 3 rows",
            (0..9).flat_map(two).collect(),
            of_three,
        ),
    ]
}

/// 2,000 facts of 40 instances, each with its own value.
fn different() -> Vec<Row> {
    (0..2_000).map(|n| row("a", n / 50, n % 50, n)).collect()
}

fn equals() -> Vec<Shape> {
    let equal = |count: usize| vec![row("a", "b", "c", "d"); count];
    let same = || vec![row("$a", "$b", "$c", "$d"); 40];
    let name = |letter: char, n: usize| format!("${letter}{n}");
    let free = |n| row(&name('a', n), name('b', n), name('c', n), name('d', n));
    let half = |n| row("$a", "$b", name('c', n), name('d', n));
    let free = (0..40).map(free).collect();
    let half = (0..40).map(half).collect();
    vec![
        possible("40 equal rules, 2,000 equal facts", equal(40), equal(2_000)),
        impossible("40 equal rules, 39 equal facts", equal(40), equal(39)),
        possible(
            "40 rules $a $b $c $d, 2,000 equal facts",
            same(),
            equal(2_000),
        ),
        impossible("40 rules $a $b $c $d, 2,000 facts", same(), different()),
        possible(
            "40 rules of different names, 2,000 facts",
            free,
            different(),
        ),
        possible(
            "40 rules $a $b $c $d of which 2 are shared",
            half,
            different(),
        ),
    ]
}

fn stars() -> Vec<Shape> {
    let facts = |each: usize| (0..50 * each).map(|n| row("a", n / each, n, "v")).collect();
    let rules = || {
        (0..40)
            .map(|n| row("a", "$d", format!("$k{n}"), "v"))
            .collect()
    };
    let same = vec![row("a", "$d", "$k", "$v"); 40];
    vec![
        impossible("40 rules $d $k $v, 2,000 facts", same, different()),
        possible("40 rules share $d, which has 40 facts", rules(), facts(40)),
        impossible("40 rules share $d, which has 39 facts", rules(), facts(39)),
    ]
}

/// `count` different edges between `nodes` nodes.
fn edges(count: usize, nodes: u64, seed: u64, keep: fn(u64, u64) -> bool) -> Vec<Row> {
    let mut chance = chance(seed);
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for _ in 0..count * 20 {
        let (from, to) = (chance(nodes), chance(nodes));
        if rows.len() < count && keep(from, to) && seen.insert((from, to)) {
            rows.push(row("edge", from, "to", to));
        }
    }
    rows
}

/// The rule for an edge between two nodes that have names.
fn edge(from: u64, to: u64) -> Row {
    row("edge", format!("$n{from}"), "to", format!("$n{to}"))
}

fn paths() -> Vec<Shape> {
    let triangle = || vec![edge(0, 1), edge(1, 2), edge(2, 0)];
    let path = || (0..40).map(|n| edge(n, n + 1)).collect();
    let any = |seed| edges(2_000, 90, seed, |a, b| a != b);
    let two_sided = edges(2_000, 90, 1, |a, b| a % 2 != b % 2);
    let upwards = |nodes, seed| edges(2_000, nodes, seed, |a, b| a < b);
    let both_ways = vec![edge(0, 1), edge(1, 0)];
    vec![
        impossible(
            "a triangle among 2,000 edges without one",
            triangle(),
            two_sided,
        ),
        possible("a triangle among 2,000 edges", triangle(), any(2)),
        impossible(
            "a two-way edge where there is none",
            both_ways,
            upwards(90, 3),
        ),
        possible("a path of 40 edges", path(), any(4)),
        impossible(
            "a path of 40 edges where the longest is 39",
            path(),
            upwards(40, 5),
        ),
    ]
}

fn cliques() -> Vec<Shape> {
    let clique = |size: u64| -> Vec<Row> {
        let pairs = (0..size).flat_map(|a| (0..a).map(move |b| (b, a)));
        pairs.map(|(a, b)| edge(a, b)).collect()
    };
    let upwards = |nodes, seed| edges(2_000, nodes, seed, |a, b| a < b);
    let three_colours = |n: u64| row("edge", n % 3, "to", (n % 3 + 1 + n / 3 % 2) % 3);
    let colours = (0..1_998).map(three_colours).collect();
    let mut chance = chance(11);
    let mut colouring = clique(4);
    colouring.extend((0..30).map(|n| edge(n % 15, n % 15 + 1 + chance(7))));
    vec![
        open("9 nodes, all joined", clique(9), upwards(100, 6)),
        open("9 nodes, all joined, dense", clique(9), upwards(66, 7)),
        open("6 nodes, all joined, sparse", clique(6), upwards(200, 8)),
        impossible(
            "colouring with 3 of a graph that needs 4",
            colouring,
            colours,
        ),
    ]
}

fn mixtures() -> Vec<Shape> {
    let spelled = |n: usize| row("a", n, "k", format!("2.{}", "0".repeat(n % 97 + 1)));
    let mut numbers: Vec<Row> = (0..1_000).map(spelled).collect();
    numbers.extend((1_000..2_000).map(|n| row("a", n, "k", "#2")));
    let one_number = (0..40)
        .map(|n| row("a", format!("$i{n}"), "k", "$v"))
        .collect();
    let long = |n| row("a", n, "k", format!("{n} {}", "abc def ".repeat(12)));
    let long = (0..2_000).map(long).collect();
    let regexp = |n| {
        row(
            "a",
            format!("$i{n}"),
            "k",
            format!("regexp({n}.*[cd]+.*f {{2}}x)"),
        )
    };
    let regexps = (0..40).map(regexp).collect();
    let mut chance = chance(9);
    let mut field = move |below| chance(below).to_string();
    let few = (0..2_000).map(|_| row(&field(7), field(7), field(7), field(7)));
    let few = few.collect();
    let mut which = self::chance(10);
    let mut name = move || format!("$n{}", which(12));
    let names = (0..40).map(|_| row(&name(), name(), name(), name()));
    vec![
        open(
            "40 rules share one number in 98 spellings",
            one_number,
            numbers,
        ),
        impossible("40 regular expressions, 2,000 long values", regexps, long),
        open(
            "40 rules of 12 names, 2,000 facts of 7 values",
            names.collect(),
            few,
        ),
    ]
}

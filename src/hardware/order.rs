//! The natural order of names: `eth2` before `eth10`.

use std::cmp::Ordering;

/// Sorts names so that numbers in them count as numbers.
pub(super) fn sort(names: &mut [String]) {
    names.sort_by(|a, b| compare(a, b));
}

/// Compares two names part by part, digits as numbers, all else as text.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (one, rest_of_left) = part(left);
        let (two, rest_of_right) = part(right);
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let order = if digits(one) && digits(two) {
            let (one, two) = (one.trim_start_matches('0'), two.trim_start_matches('0'));
            one.len().cmp(&two.len()).then_with(|| one.cmp(two))
        } else {
            one.cmp(two)
        };
        if order != Ordering::Equal {
            return order;
        }
        if rest_of_left.is_empty() || rest_of_right.is_empty() {
            let order = rest_of_left.len().cmp(&rest_of_right.len());
            // `07` and `7` are the same number, but not the same name.
            return order.then_with(|| a.cmp(b));
        }
        (left, right) = (rest_of_left, rest_of_right);
    }
}

/// The first run of digits or of other characters, and what follows it.
fn part(text: &str) -> (&str, &str) {
    let is_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_digit);
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = [
            "sdb",
            "eth10",
            "eth2",
            "sda",
            "0000:0a:00.0",
            "eth02",
            "",
            "eth",
        ];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            [
                "",
                "0000:0a:00.0",
                "eth",
                "eth02",
                "eth2",
                "eth10",
                "sda",
                "sdb"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn it_is_an_order(a in ".{0,8}", b in ".{0,8}", c in ".{0,8}") {
            let mut names = [a, b, c];
            sort(&mut names);
            proptest::prop_assert!(compare(&names[0], &names[2]) != Ordering::Greater);
            proptest::prop_assert_eq!(compare(&names[0], &names[1]), compare(&names[1], &names[0]).reverse());
        }
    }
}

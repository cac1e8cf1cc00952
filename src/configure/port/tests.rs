use super::*;

fn ported(text: &str) -> String {
    port("x.configure", text).text
}

#[test]
fn show() {
    let text = std::fs::read_to_string(std::env::var("SHOW").unwrap()).unwrap();
    let result = port("x.configure", &text);
    println!("{}", result.text);
    for change in &result.changes {
        println!(
            "{} {} {}",
            change.line,
            if change.look { "LOOK" } else { "" },
            change.what
        );
    }
    for left in &result.left {
        println!("{left:?}");
    }
    let again = port("x.configure", &result.text);
    assert_eq!(again.text, result.text);
}

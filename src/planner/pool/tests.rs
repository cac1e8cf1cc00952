use super::*;
use crate::system::Recorded;

const LINE: &str = "/proc/self/exe plan-worker";
const SUMMARY: &str = r#"{"done":{"hash":"ab","actions":1,"partial":false,"destroys":[]}}"#;

/// A planner whose workers print these texts, one after the other, and what they were asked.
fn planner(texts: &[String]) -> (Planner, Arc<Recorded>) {
    let output = |text: &String| Output {
        stdout: text.clone().into_bytes(),
        stderr: Vec::new(),
    };
    let answers = texts.iter().map(|text| (LINE.to_owned(), output(text)));
    let recorded = Arc::new(Recorded::new(answers));
    (Planner::new(recorded.clone()).with_workers(1), recorded)
}

fn ask(planner: &Planner, texts: &[&str]) -> Vec<Result<Summary, PlanError>> {
    let profile = ProfileName::new("vm").unwrap();
    let variables = CmdbEntry::default();
    let request = |text| Request {
        script: Script { name: "x", text },
        profile: &profile,
        variables: &variables,
    };
    let requests: Vec<Request<'_>> = texts.iter().map(|text| request(*text)).collect();
    planner.summarize_all(&requests)
}

fn lines_of(command: &Command) -> Vec<serde_json::Value> {
    let text = std::str::from_utf8(&command.stdin).unwrap();
    let parse = |line| serde_json::from_str(line).unwrap();
    text.lines().map(parse).collect()
}

#[test]
fn a_script_for_many_machines_is_sent_once() {
    let all = format!("\"ready\"\n{}", format!("{SUMMARY}\n").repeat(4));
    let (planner, recorded) = planner(&[all]);
    let results = ask(&planner, &["a", "b", "a", "a"]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let lines = lines_of(&recorded.asked()[0]);
    assert_eq!(lines[0]["scripts"].as_array().unwrap().len(), 2);
    let scripts: Vec<_> = lines[1..].iter().map(|line| &line["script"]).collect();
    assert_eq!(scripts, [0, 1, 0, 0]);
}

#[test]
fn where_a_worker_has_written_its_share_the_next_one_goes_on() {
    let two = format!("\"ready\"\n{SUMMARY}\n{SUMMARY}\n");
    let (planner, recorded) = planner(&[two.clone(), two]);
    let results = ask(&planner, &["a", "b", "c", "d"]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(lines_of(&recorded.asked()[1]).len(), 3);
}

#[test]
fn an_answer_that_is_cut_off_is_none() {
    let whole = format!("\"ready\"\n{SUMMARY}\n");
    let cut = "\"ready\"\n{\"done\":{\"hash\":\"ab".to_owned();
    let (planner, _) = planner(&[whole.clone() + "{\"do", cut, whole]);
    let results = ask(&planner, &["a", "b", "c"]);
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert!(matches!(&results[1], Err(PlanError::Exceeded { script, .. }) if script == "x"));
}

#[test]
fn what_is_no_worker_blames_no_script() {
    for text in ["", "\"ready\"", "ready\n", "{}\n", "\"ready\"\n{}\n"] {
        let (planner, _) = planner(&[text.to_owned()]);
        let results = ask(&planner, &["a"]);
        assert!(
            matches!(&results[..], [Err(PlanError::NoWorker { .. })]),
            "{text:?}: {results:?}"
        );
    }
}

#[test]
fn what_a_worker_is_given_is_bounded() {
    let text = "#".repeat(MOST_BYTES);
    let ready = format!("\"ready\"\n{SUMMARY}\n");
    let (planner, recorded) = planner(&[ready.clone(), ready]);
    let other = text.clone() + "#";
    assert!(ask(&planner, &[&text, &other]).iter().all(Result::is_ok));
    assert_eq!(recorded.asked().len(), 2);
    assert_eq!(parts(1000, 2)[1], MOST_TASKS..2 * MOST_TASKS);
    assert_eq!(parts(3, 8), [0..1, 1..2, 2..3]);
    assert!(parts(0, 8).is_empty());
}

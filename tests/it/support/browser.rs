//! A headless Chromium, driven by its own driver (W3C WebDriver).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

/// A browser with one window; it ends with the value.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; none where there is no Chromium, which is said.
    pub(crate) fn start(width: u32, height: u32) -> Option<Browser> {
        let mut driver = super::command("chromedriver");
        driver.arg("--port=0").stdout(Stdio::piped());
        let Ok(mut driver) = driver.stderr(Stdio::null()).spawn() else {
            println!("skipped: there is no chromedriver (Debian: chromium chromium-driver)");
            return None;
        };
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let started = lines.map(Result::unwrap).find_map(|line| {
            let port = line.split("successfully on port ").nth(1)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let base = format!("http://127.0.0.1:{}/session", started.unwrap());
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        let window = format!("--window-size={width},{height}");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            &window,
            &data,
        ];
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let answer = post(&base, &wanted);
        let id = answer["sessionId"].as_str().unwrap();
        Some(Browser {
            driver,
            session: format!("{base}/{id}"),
            _profile: profile,
        })
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        post(&format!("{}/url", self.session), &json!({ "url": url }));
    }

    /// What a script in the page returns.
    pub(crate) fn script(&self, text: &str) -> Value {
        post(
            &format!("{}/execute/sync", self.session),
            &json!({"script": text, "args": []}),
        )
    }

    /// What a reader sees.
    pub(crate) fn text(&self) -> String {
        let text = self.script("return document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    /// Keeps a picture of the page below `target/screenshots`.
    pub(crate) fn picture(&self, name: &str) {
        let url = format!("{}/screenshot", self.session);
        let mut answer = ureq::get(&url).call().unwrap();
        let answer: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        let picture = answer["value"].as_str().unwrap();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, picture);
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        super::write(directory.join(format!("{name}.png")), bytes.unwrap());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        ureq::delete(&self.session).call().ok();
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

fn post(url: &str, body: &Value) -> Value {
    let request = ureq::post(url).header("Content-Type", "application/json");
    let mut answer = request.send(body.to_string()).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["value"].clone()
}

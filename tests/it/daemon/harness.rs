//! A place to live for the agent, and the agent in it: the program itself, started as a service manager would.

#![expect(
    clippy::disallowed_methods,
    reason = "the program is a process of its own, and is waited for by the real clock"
)]

use git2::{Oid, Repository, Signature, Time, build::TreeUpdateBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks again and again until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "in vain waited for {what}");
        thread::sleep(PAUSE);
    }
}

/// How long something took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = work();
    (done, begin.elapsed())
}

/// A runbook; `triggers` and `steps` are YAML in one line.
pub(super) fn runbook(name: &str, triggers: &str, steps: &str) -> (String, String) {
    let text = format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: {name} }}\nspec:\n  triggers: {triggers}\n  steps: {steps}\n"
    );
    (format!("{name}.yaml"), text)
}

/// A runbook that does nothing, each second.
pub(super) fn ticking(name: &str) -> (String, String) {
    runbook(
        name,
        "[{ every: 1s }]",
        r#"[{ name: nothing, uses: command, with: { argv: ["true"] } }]"#,
    )
}

/// A runbook that nothing starts but people.
pub(super) fn resting(name: &str) -> (String, String) {
    runbook(
        name,
        "[]",
        r#"[{ name: nothing, uses: command, with: { argv: ["true"] } }]"#,
    )
}

/// A home, a repository and a state folder.
pub(super) struct Place {
    folder: TempDir,
    repository: Repository,
    state: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main");
        let repository = Repository::init_opts(folder.path().join("origin.git"), &options).unwrap();
        let state = folder.path().join("state");
        fs::create_dir(folder.path().join("home")).unwrap();
        Self {
            folder,
            repository,
            state,
        }
    }

    /// The same, with the state somewhere else.
    pub(super) fn with_state(state: PathBuf) -> Self {
        Self {
            state,
            ..Self::new()
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Writes a file beside the repository.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Commits runbooks beside those that are there; an empty text removes a file.
    pub(super) fn commit(&self, files: &[(String, String)]) -> String {
        let parent = self
            .repository
            .find_reference("refs/heads/main")
            .ok()
            .map(|head| head.peel_to_commit().unwrap());
        let empty = self.repository.treebuilder(None).unwrap().write().unwrap();
        let base = match &parent {
            Some(parent) => parent.tree().unwrap(),
            None => self.repository.find_tree(empty).unwrap(),
        };
        let mut changes = TreeUpdateBuilder::new();
        for (name, text) in files {
            let path = format!("runbooks/{name}");
            if text.is_empty() {
                changes.remove(path);
            } else {
                let blob = self.repository.blob(text.as_bytes()).unwrap();
                changes.upsert(path, blob, git2::FileMode::Blob);
            }
        }
        let tree = changes.create_updated(&self.repository, &base).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        self.commit_tree(tree, &parents)
    }

    fn commit_tree(&self, tree: Oid, parents: &[&git2::Commit<'_>]) -> String {
        let tree = self.repository.find_tree(tree).unwrap();
        let who = Signature::new("Ada", "ada@example.org", &Time::new(1_800_000_000, 0)).unwrap();
        self.repository
            .commit(
                Some("refs/heads/main"),
                &who,
                &who,
                "runbooks",
                &tree,
                parents,
            )
            .unwrap()
            .to_string()
    }

    /// The repository goes away.
    pub(super) fn lose_source(&self) {
        fs::rename(self.path("origin.git"), self.path("lost.git")).unwrap();
    }

    /// And comes back.
    pub(super) fn find_source(&self) {
        fs::rename(self.path("lost.git"), self.path("origin.git")).unwrap();
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_orderly"));
        program
            .env_clear()
            .env("HOME", self.path("home"))
            .current_dir(self.path("home"))
            .stdin(Stdio::null())
            .arg("--state-dir")
            .arg(&self.state);
        program
    }

    fn serving(&self, arguments: &[&str]) -> Command {
        let origin = self.path("origin.git");
        self.serving_from(origin.to_str().unwrap(), arguments)
    }

    fn serving_from(&self, source: &str, arguments: &[&str]) -> Command {
        let mut program = self.program();
        let config = self.path("orderly.yaml");
        if config.exists() {
            program.arg("--config").arg(config);
        }
        program
            .args(["serve", "--listen", "127.0.0.1:0", "--source", source])
            .args(["--set", "source.path=runbooks"])
            .args(arguments);
        program
    }

    /// Starts the agent, and waits until it is up.
    pub(super) fn start(&self, arguments: &[&str]) -> Agent {
        let mut agent = self.launch(arguments);
        agent.wait_up();
        agent.read_token(self);
        agent
    }

    /// Starts the agent, and does not wait.
    pub(super) fn launch(&self, arguments: &[&str]) -> Agent {
        self.launched(self.serving(arguments))
    }

    /// Starts the agent, waits until it is up, and never reads what it says on standard error.
    pub(super) fn start_unheard(&self, arguments: &[&str]) -> Agent {
        let mut agent = self.launched_with(self.serving(arguments), Some(Stdio::piped()));
        agent.wait_up();
        agent.read_token(self);
        agent
    }

    /// Starts the agent with another source, and does not wait.
    pub(super) fn launch_from(&self, source: &str, arguments: &[&str]) -> Agent {
        self.launched(self.serving_from(source, arguments))
    }

    fn launched(&self, program: Command) -> Agent {
        self.launched_with(program, None)
    }

    /// Standard error goes to a file, or there.
    fn launched_with(&self, mut program: Command, errors_to: Option<Stdio>) -> Agent {
        let errors = self.path("stderr.log");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&errors)
            .unwrap();
        let before = log.metadata().unwrap().len();
        let errors_to = errors_to.unwrap_or_else(|| log.into());
        let child = program
            .stdout(Stdio::piped())
            .stderr(errors_to)
            .spawn()
            .unwrap();
        Agent {
            child,
            address: None,
            token: String::new(),
            errors,
            before,
        }
    }

    /// Starts an agent that is expected to refuse.
    pub(super) fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let done = self.serving(arguments).output().unwrap();
        (done.status.code(), text(&done.stderr))
    }

    /// A command that speaks to the agent.
    pub(super) fn cli(&self, agent: &Agent, arguments: &[&str]) -> Output {
        self.program()
            .arg("--server")
            .arg(format!("http://{}", agent.address.unwrap()))
            .arg("--token-file")
            .arg(self.state.join("admin.token"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// A command that looks at files.
    pub(super) fn offline(&self, arguments: &[&str]) -> Output {
        self.program().args(arguments).output().unwrap()
    }
}

/// The bytes as text.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running agent; killed when it is dropped.
pub(super) struct Agent {
    child: Child,
    address: Option<SocketAddr>,
    token: String,
    errors: PathBuf,
    before: u64,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What the agent answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Agent {
    fn read_token(&mut self, place: &Place) {
        let token = fs::read_to_string(place.state.join("admin.token")).unwrap();
        token.trim().clone_into(&mut self.token);
    }

    fn wait_up(&mut self) {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let mut greeting = String::new();
        let page = lines.by_ref().map_while(Result::ok).find_map(|line| {
            writeln!(greeting, "{line}").unwrap();
            let address = line.trim().strip_prefix("page")?.trim();
            let address = address.strip_prefix("http://")?.trim_end_matches('/');
            Some(address.replace("localhost", "127.0.0.1"))
        });
        let page = page.unwrap_or_else(|| panic!("no greeting: {greeting}{}", self.errors()));
        self.address = Some(page.parse().unwrap());
        // Somebody must read what is said, or the agent would wait for a reader.
        thread::spawn(move || lines.map_while(Result::ok).count());
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error.
    pub(super) fn errors(&self) -> String {
        let all = fs::read(&self.errors).unwrap();
        let before = usize::try_from(self.before).unwrap();
        text(all.get(before..).unwrap_or_default())
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How often a thread of it has waited for something.
    pub(super) fn waits_of(&self, thread: &str) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let found = tasks.flatten().map(|task| task.path()).find(|task| {
            fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == thread)
        });
        let status = fs::read_to_string(found.unwrap().join("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(super) fn ended(&mut self) -> ExitStatus {
        until("the agent's end", || self.child.try_wait().unwrap())
    }

    /// Asks it to stop, and gives the exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.ended().code()
    }

    /// One request on a connection of its own; `None` where nobody answers.
    pub(super) fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        self.try_ask_within(PATIENCE, method, path, headers, body)
    }

    /// Whether several requests, one after the other, are answered soon.
    pub(super) fn answers(&self) -> bool {
        let soon = Duration::from_secs(1);
        let asked = || self.try_ask_within(soon, "GET", "/healthz", &[], "");
        (0..3).any(|_| asked().is_some())
    }

    fn try_ask_within(
        &self,
        patience: Duration,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address?).ok()?;
        stream.set_read_timeout(Some(patience)).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        stream
            .write_all(format!("{head}\r\n{body}").as_bytes())
            .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = text(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer {
            status,
            body: body.to_owned(),
        })
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        self.try_ask(method, path, &[("Authorization", &bearer)], body)
            .unwrap_or_else(|| panic!("{method} {path}: nobody answers; {}", self.errors()))
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// JSON of an answer that must be good.
    pub(super) fn read(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// The items of a list.
    pub(super) fn list(&self, path: &str) -> Vec<Value> {
        self.read(path)["items"].as_array().unwrap().clone()
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &body.to_string())
    }

    /// Looks at the source now.
    pub(super) fn sync(&self) -> Value {
        let answer = self.post("/api/v1/sync", &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Starts a run by hand, and gives its id.
    pub(super) fn start(&self, name: &str) -> String {
        let answer = self.post(&format!("/api/v1/runbooks/{name}/runs"), &json!({}));
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json()["run"].as_str().unwrap().to_owned()
    }

    /// The newest run of a runbook that `is` so.
    pub(super) fn run_that(&self, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/runs?limit=100&runbook={name}");
        until(&format!("a run of {name} that {what}"), || {
            self.list(&path).into_iter().find(&is)
        })
    }

    /// The newest run of a runbook that has ended so.
    pub(super) fn run_ended(&self, name: &str, outcome: &str) -> Value {
        self.run_that(name, outcome, |run| run["outcome"] == outcome)
    }

    /// The question that a runbook's run waits with.
    pub(super) fn question(&self, name: &str) -> Value {
        until(&format!("a question of {name}"), || {
            let open = self.list("/api/v1/approvals");
            open.into_iter().find(|one| one["runbook"] == name)
        })
    }

    /// Says yes to it.
    pub(super) fn approve(&self, question: &Value) -> Answer {
        let id = question["id"].as_str().unwrap();
        let vote = json!({"verdict": "approve", "digest": question["digest"]});
        self.post(&format!("/api/v1/approvals/{id}/vote"), &vote)
    }

    /// Waits until a step of the run has printed this.
    pub(super) fn printed(&self, run: &Value, word: &str) {
        let id = run["id"].as_str().unwrap();
        until(&format!("`{word}` in the log"), || {
            let answer = self.get(&format!("/api/v1/runs/{id}/logs"));
            answer.body.contains(word).then_some(())
        });
    }

    /// The sum of those series of a metric that have this label.
    pub(super) fn metric(&self, name: &str, label: &str) -> f64 {
        let answer = self.get("/metrics");
        assert_eq!(answer.status, 200);
        let series = answer.body.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(label))
        });
        series
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// What `/health` says about a dependency.
    pub(super) fn dependency(&self, name: &str) -> Value {
        let health = self.get("/health").json();
        let all = health["dependencies"].as_array().unwrap();
        let found = all.iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {health}")).clone()
    }
}

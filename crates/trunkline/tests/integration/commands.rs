//! `trunkline send` and `trunkline tail` against a live gateway.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Child;
use trunkline_client::{Client, SessionState};

use crate::process::{Folder, PythonWorker, Serving, counted, within};

#[tokio::test]
async fn send_prints_the_answer_and_exits_with_0() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let url = gateway.url("/ws");
    let send = ["send", "--url", &url, "--service", "count"];
    let snapshot = folder.snapshot(&[&send[..], &["[3]"]].concat()).await;
    assert!(snapshot.starts_with("exit code 1\n") && snapshot.contains("[run_failed] bad_request"), "{snapshot}");
    let program = folder.command(&[&send[..], &["--json", "[1]"]].concat()).output();
    assert_eq!(within(program).await.expect("it runs").status.code(), Some(1));
    let snapshot = folder.snapshot(&["send", "--url", &url, "--service", "builtin:echo", "hello"]).await;
    assert_eq!(snapshot, "exit code 0\n-- stdout\n[echo] {\"message\":\"hello\"}\n-- stderr\n");
}

#[tokio::test]
async fn send_tells_what_went_wrong_and_exits_with_1() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let address = gateway.address.to_string();
    for (path, arguments, told) in [
        ("/ws", &["hello"][..], "[error] unknown_type"),
        (
            "/wz",
            &["hello"],
            "trunkline: the connection was refused with 404 Not Found: no route has this path; the nearest is /ws\n",
        ),
        (
            "/ws?token=x",
            &["hello"],
            "trunkline: the connection was refused with 400 Bad Request: token_in_query: this route takes no token",
        ),
        ("/ws", &["{\"half\":"], "the payload looks like JSON but is not"),
        ("/ws", &["--deadline-ms", "0", "--service", "count", "hello"], "[error] deadline_exceeded"),
        ("/ws", &["--deadline-ms", "50", "--service", "count", "hello"], "[run_expired] deadline_exceeded"),
    ] {
        let url = gateway.url(path);
        let snapshot = folder.snapshot(&[&["send", "--url", &url][..], arguments].concat()).await;
        assert!(snapshot.starts_with("exit code 1\n") && snapshot.contains(told), "{arguments:?}: {snapshot}");
    }
    let snapshot = folder.snapshot(&["send", "--url", &format!("{address}/ws"), "hello"]).await;
    let told = format!("trunkline: --url: expected an address that begins with ws:// or wss://, got {address}/ws\n");
    assert!(snapshot.starts_with("exit code 1\n") && snapshot.contains(&told), "{snapshot}");
    gateway.kill().await;
    let snapshot = folder.snapshot(&["send", "--url", &format!("ws://{address}/ws?token=x"), "hello"]).await;
    assert!(snapshot.contains(&format!("trunkline: ws://{address}/ws: the connection failed: ")), "{snapshot}");
    assert!(snapshot.starts_with("exit code 1\n") && snapshot.contains("Connection refused"), "{snapshot}");
}

#[tokio::test]
async fn a_gateway_that_takes_no_such_client_says_how_to_change_that() {
    let folder = Folder::with("server.allow_missing_origin = false\n");
    let gateway = Serving::start(&folder).await;
    let arguments = ["send", "--url", &gateway.url("/ws"), "hello"];
    assert_eq!(
        folder.snapshot(&arguments).await,
        "\
exit code 1
-- stdout
-- stderr
trunkline: the connection was refused with 403 Forbidden: pages of this origin may not connect; add it to server.allowed_origins
"
    );
}

#[tokio::test]
async fn an_error_is_told_on_one_line_with_what_helps_to_act_on_it() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let url = gateway.url("/ws");
    let snapshot = folder.snapshot(&["send", "--url", &url, "--service", "refuse", "hello"]).await;
    let told = "\n[run_failed] upstream_error: not today (details {\"asked\":\"hello\"})\n-- stderr\n";
    assert!(snapshot.ends_with(told), "{snapshot}");
    let snapshot = folder.snapshot(&["send", "--url", &url, "--service", "refuse", &"long ".repeat(2_000)]).await;
    assert!(snapshot.len() < 800 && snapshot.contains("long  …)\n"), "{snapshot}");
    let snapshot = folder.snapshot(&["send", "--url", &url, "--service", "break", "hello"]).await;
    let trace_id = snapshot.split_once(" (trace_id ").and_then(|(_, rest)| rest.split_once(")\n"));
    let (trace_id, _) = trace_id.unwrap_or_else(|| panic!("a trace id in {snapshot}"));
    let log = std::fs::read_to_string(folder.path().join("worker.log")).expect("a log");
    assert!(log.contains(trace_id), "{log}");
    assert!(!snapshot.contains("secret"), "{snapshot}");
}

/// The words of the command that `send` says the question is answered with.
fn command_in(snapshot: &str) -> Vec<String> {
    let command = snapshot.lines().find_map(|line| line.strip_prefix("  trunkline ")).expect("a command");
    command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[tokio::test]
async fn a_question_that_nobody_is_there_to_answer_is_told_with_the_command_that_answers_it() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let asked = folder.snapshot(&["send", "--url", &gateway.url("/ws"), "--service", "tidy", "{}"]).await;
    assert!(asked.starts_with("exit code 3\n"), "{asked}");
    let told = "trunkline: the run waits for an answer: Delete it? [delete_file]\n\
        there is no terminal to ask at; answer it (approve or deny) with\n  trunkline answer --url ";
    assert!(asked.contains(told), "{asked}");
    let answer = command_in(&asked);
    let answer: Vec<&str> = answer.iter().map(String::as_str).collect();
    let answered = folder.snapshot(&answer).await;
    assert_eq!(answered, "exit code 0\n-- stdout\n{\"result\":\"1 - True\"}\n-- stderr\n");
    let again = folder.snapshot(&answer).await;
    assert!(again.starts_with("exit code 1\n") && again.contains("[error] already_answered"), "{again}");
    let position = answer.iter().position(|word| *word == "--session").expect("a session");
    let without = folder.snapshot(&[&answer[..position], &answer[position + 4..]].concat()).await;
    assert!(without.starts_with("exit code 2\n") && without.contains("--session is missing"), "{without}");
}

#[tokio::test]
async fn ctrl_c_asks_the_run_to_stop_and_a_second_one_leaves() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let interrupt = |send: &Child| {
        let pid = send.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).expect("it runs");
        kill_process(pid, Signal::INT).expect("signalled");
    };
    let (send, _) = sending(&folder, &gateway, "100000").await;
    interrupt(&send);
    let output = within(send.wait_with_output()).await.expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let told = "\ntrunkline: the run is asked to stop; Ctrl-C again leaves at once\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), told);
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("\n[run_cancelled]\n"), "it says how it ended");

    let (mut send, _) = sending(&folder, &gateway, "100000").await;
    // It cannot answer any more.
    gateway.signal(Signal::STOP);
    interrupt(&send);
    let mut said = BufReader::new(send.stderr.take().expect("piped")).lines();
    while !within(said.next_line()).await.expect("it speaks").expect("a line").contains("asked to stop") {}
    interrupt(&send);
    assert_eq!(within(send.wait()).await.expect("it ends").code(), Some(130));
}

/// `trunkline send` that has printed the beginning of its answer.
pub(crate) async fn sending(folder: &Folder, gateway: &Serving, upto: &str) -> (Child, Vec<u8>) {
    let arguments = ["send", "--url", &gateway.url("/ws"), "--service", "count_to", upto];
    let mut send = folder.command(&arguments).spawn().expect("it starts");
    let mut begun = vec![0; counted(5).len()];
    let out = send.stdout.as_mut().expect("piped");
    within(out.read_exact(&mut begun)).await.expect("it begins");
    (send, begun)
}

#[tokio::test]
async fn send_goes_on_after_the_gateway_was_killed() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let (send, mut printed) = sending(&folder, &gateway, "300").await;
    let address = gateway.address;
    gateway.kill().await;
    let _gateway = Serving::again(&folder, address).await;
    let output = within(send.wait_with_output()).await.expect("it ends");
    printed.extend(output.stdout);
    assert_eq!(String::from_utf8_lossy(&printed), counted(300) + "\n");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("\ntrunkline: ") && said.contains("; reconnecting\n"), "{said}");
}

#[tokio::test]
async fn send_says_that_a_session_was_lost_and_exits_with_1() {
    let folder = Folder::with("broker.kind = \"memory\"\n");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let (send, _) = sending(&folder, &gateway, "100000").await;
    let address = gateway.address;
    gateway.kill().await;
    let _gateway = Serving::again(&folder, address).await;
    let output = within(send.wait_with_output()).await.expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.ends_with("trunkline: the session is unknown, has expired, or its secret is wrong\n"), "{said}");
}

#[tokio::test]
async fn a_wrong_token_is_told() {
    let folder = Folder::with("[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"alice\"\n");
    let gateway = Serving::start(&folder).await;
    let url = gateway.url("/ws");
    let send = ["send", "--url", &url, "--service", "builtin:echo", "hello"];
    for token in ["", "--token=wrong-0123456789"] {
        let arguments: Vec<_> = send.into_iter().chain((!token.is_empty()).then_some(token)).collect();
        let snapshot = folder.snapshot(&arguments).await;
        assert!(snapshot.starts_with("exit code 1\n") && snapshot.contains("refused the connection"), "{snapshot}");
    }
    let snapshot = folder.snapshot(&[&send[..], &["--token=0123456789abcdef"]].concat()).await;
    assert!(snapshot.starts_with("exit code 0\n"), "{snapshot}");
}

#[tokio::test]
async fn tail_prints_a_session_as_it_goes_and_refuses_one_that_is_not_ours() {
    let folder = Folder::with("");
    let gateway = Serving::start(&folder).await;
    let _worker = PythonWorker::start(&folder);
    let mut client = Client::connect(&gateway.options(), SessionState::default()).await.expect("welcome");
    let state = client.state().clone();
    let (session, secret) = (state.id.expect("an id"), state.secret.expect("a secret"));
    let url = gateway.url("/ws");
    let refused = folder.snapshot(&["tail", "--url", &url, "--session", &session, "--secret", "wrong"]).await;
    assert!(refused.starts_with("exit code 1\n") && refused.contains("its secret is wrong"), "{refused}");

    let arguments = ["tail", "--url", &url, "--session", &session, "--secret", &secret];
    let mut tail = folder.command(&arguments).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(tail.stderr.take().expect("piped"));
    let mut first = String::new();
    within(said.read_line(&mut first)).await.expect("read");
    assert_eq!(first, format!("session {session}\n"));
    client.send(&crate::crash::count("m1", 20)).await.expect("sent");
    let mut out = tail.stdout.take().expect("piped");
    let mut printed = Vec::new();
    let expected = counted(20);
    within(async {
        while !String::from_utf8_lossy(&printed).contains(&expected) {
            printed.push(out.read_u8().await.expect("it goes on"));
        }
    })
    .await;
    tail.start_kill().expect("killed");
}

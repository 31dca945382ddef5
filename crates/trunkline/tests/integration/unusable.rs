//! What keeps a gateway from starting: exit code and output together.

use tokio::net::TcpListener;

use crate::process::{Folder, Serving};

const SERVE: [&str; 3] = ["serve", "--config", "trunkline.toml"];

#[tokio::test]
async fn every_mistake_is_told_at_once_and_no_port_is_opened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let folder = Folder::with(&format!(
        "[server]\nlisten = \"{address}\"\nlissten = \"x\"\ndrain = \"soon\"\n\n[limits]\ndepth = 0\n\n\
         [[route]]\npath = \"/ws\"\nservice = \"chat\"\n\n[[route]]\npath = \"/ws\"\nservice = \"other\"\n\n\
         [[worker]]\nname = \"agent\"\ncommand = [\"no-such-program\"]\n"
    ));
    // The port is taken: were it tried, that would be told instead.
    let snapshot = folder.snapshot(&SERVE).await;
    assert_eq!(
        snapshot,
        "\
exit code 2
-- stdout
-- stderr
warning: trunkline.toml:3:1: server.lissten: unknown key, it has no effect
  hint: did you mean \"listen\"?
trunkline.toml:4:9: server.drain: expected a duration such as \"500ms\", \"30s\", \"5m\", \"2h\" or \"7d\", got \"soon\"
trunkline.toml:7:9: limits.depth: expected a number from 1 to 128, got 0
trunkline.toml:14:8: route[1].path: \"/ws\" fits the same paths as \"/ws\" at trunkline.toml:10:8
  hint: remove one of the two routes, or change its path
trunkline.toml:19:11: worker[0].command: expected a program in PATH, got \"no-such-program\"
"
    );
    assert_eq!(folder.snapshot(&["check", "--config", "trunkline.toml"]).await, snapshot, "`check` says the same");
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn a_syntax_error_and_a_missing_file_are_told() {
    let folder = Folder::with("[server\nlisten = 1\n");
    assert_eq!(
        folder.snapshot(&SERVE).await,
        "\
exit code 2
-- stdout
-- stderr
trunkline.toml:1:8: unclosed table, expected `]`
"
    );
    let folder = Folder::new();
    assert_eq!(
        folder.snapshot(&SERVE).await,
        "\
exit code 2
-- stdout
-- stderr
trunkline.toml: cannot be read: No such file or directory (os error 2)
"
    );
}

#[tokio::test]
async fn arguments_that_cannot_be_used_exit_with_2() {
    let folder = Folder::new();
    for arguments in [&["serve", "--no-such-flag"][..], &["no-such-command"], &[], &["serve", "--listen", "nowhere"]] {
        let output = folder.run(arguments).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let folder = Folder::with(&format!("server.listen = \"{address}\"\n"));
    let snapshot = folder.snapshot(&SERVE).await.replace(&address.to_string(), "[address]");
    assert_eq!(
        snapshot,
        "exit code 1\n-- stdout\n-- stderr\ntrunkline: cannot listen on [address]: Address already in use (os error 98); \
         is another gateway running? choose another port with server.listen or --listen\n"
    );
}

#[tokio::test]
async fn a_folder_that_another_gateway_holds_is_told() {
    let folder = Folder::with("");
    let _other = Serving::start(&folder).await;
    let snapshot = folder.snapshot(&["serve", "--config", "trunkline.toml", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(
        snapshot,
        "\
exit code 1
-- stdout
-- stderr
trunkline: cannot open the store: data folder [folder]/data is in use by another process; choose another folder with broker.path
"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told() {
    // Root may write anywhere, but not below a file.
    let folder = Folder::with("server.listen = \"127.0.0.1:0\"\nbroker.path = \"taken/data\"\n");
    std::fs::write(folder.path().join("taken"), "a file").expect("written");
    assert_eq!(
        folder.snapshot(&SERVE).await,
        "\
exit code 1
-- stdout
-- stderr
trunkline: cannot open the store: data folder [folder]/taken/data cannot be written: Not a directory (os error 20); choose another folder with broker.path
"
    );
}

#[tokio::test]
async fn a_section_with_a_wrong_name_keeps_a_gateway_from_starting_without_it() {
    let folder = Folder::with("[[auht.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"alice\"\n");
    assert_eq!(
        folder.snapshot(&SERVE).await,
        "\
exit code 2
-- stdout
-- stderr
trunkline.toml:1:3: auht: unknown section
  hint: did you mean \"auth\"?
"
    );
}

#[tokio::test]
async fn a_missing_worker_command_is_told() {
    let folder = Folder::with("[[worker]]\nname = \"agent\"\ncommand = [\"./no-such-program\"]\n");
    assert_eq!(
        folder.snapshot(&SERVE).await,
        "\
exit code 2
-- stdout
-- stderr
trunkline.toml:3:11: worker[0].command: expected a program that can be executed, got \"./no-such-program\"
  hint: paths are relative to the worker's directory
"
    );
}

#[tokio::test]
async fn check_says_that_a_configuration_can_be_used() {
    let folder = Folder::with("server.listen = \"127.0.0.1:8123\"\n");
    assert_eq!(
        folder.snapshot(&["check", "--config", "trunkline.toml"]).await,
        "\
exit code 0
-- stdout
the configuration can be used; it listens on 127.0.0.1:8123
-- stderr
"
    );
    assert_eq!(
        folder.snapshot(&["check"]).await,
        "\
exit code 0
-- stdout
the configuration can be used; it listens on 127.0.0.1:8001
-- stderr
"
    );
}

//! Whole files, and everything that is said about them.

use super::*;

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let file = r#"[server]
listen = "foo"
allowed_origins = ["null", "https://chat.example.com/", "https://ok.example.com"]
drain = 10

[auth]
tokens = [{ token = "hunter2", subject = "alice" }]

[broker]
kind = "embeded"
retention = { records = -1, bytes = "64MB" }

[bridge]
zeromq = "tcp://0.0.0.0:8002"

[[worker]]
name = "agent"
command = "python3 agent.py"

[[worker]]
name = "chat"

[[worker]]
name = "other"
command = ["no-such-program"]
transport = "zeromq"

[[route]]
path = "/ws"
service = "agent"
deadline = "2h"

[[route]]
path = "/ws/{room"
dialect = "nativ"
service = "builtin:ecco"

[[route]]
path = "/ws"

[[route]]
path = "/ws/health"
services = ["*"]

[limits]
depth = "deep"
message_bytes_before_auth = "2MiB"

[telemetry]
level = "inof"
"#;
    let expected = r#"
trunkline.toml:2:10: server.listen: expected an address such as "127.0.0.1:8001", got "foo"
trunkline.toml:3:20: server.allowed_origins[0]: expected an origin such as "https://chat.example.com", got "null"
  hint: "null" is what any sandboxed page sends; it cannot be allowed
trunkline.toml:3:28: server.allowed_origins[1]: expected an origin such as "https://chat.example.com", got "https://chat.example.com/"
  hint: write "https://chat.example.com", without the slash at its end
trunkline.toml:4:9: server.drain: expected a duration such as "500ms", "30s", "5m", "2h" or "7d", got 10
  hint: add a unit, such as "10s"
trunkline.toml:7:21: auth.tokens[0].token: expected a text of at least 16 characters, got one of 7
  hint: make one: openssl rand -base64 32
trunkline.toml:10:8: broker.kind: expected "embedded" or "memory", got "embeded"
  hint: did you mean "embedded"?
trunkline.toml:11:25: broker.retention.records: expected a number from 1 to 1000000000, got -1
trunkline.toml:11:37: broker.retention.bytes: expected a size such as "64KiB" or "1MiB", or a number of bytes, got "64MB"
trunkline.toml:14:10: bridge.zeromq: expected an endpoint on this machine such as "ipc:///run/trunkline.sock" or "tcp://127.0.0.1:8002", got "tcp://0.0.0.0:8002"
  hint: only loopback addresses: workers' messages are not encrypted
trunkline.toml:18:11: worker[0].command: expected a list such as ["python3", "agent.py"], got "python3 agent.py"
  hint: write ["python3", "agent.py"]; no shell is involved
trunkline.toml:20:1: worker[1].command: is missing
  hint: for example: command = ["python3", "agent.py"]
trunkline.toml:25:11: worker[2].command: expected a program in PATH, got "no-such-program"
trunkline.toml:31:12: route[0].deadline: expected a duration from "100ms" to "1h", got "2h"
trunkline.toml:34:8: route[1].path: expected a path such as "/ws/{room}", got "/ws/{room"
  hint: `{room` is no segment: a parameter is a whole segment, `{name}`, named by letters, digits and `_`
trunkline.toml:35:11: route[1].dialect: expected "native" or "payload" or "data" or "flat" or "open", got "nativ"
  hint: did you mean "native"?
trunkline.toml:36:11: route[1].service: expected the name of a service, got "builtin:ecco"
  hint: did you mean "builtin:echo"?
trunkline.toml:38:1: route[2].service: the route leads to no service
  hint: set service, types or services; services = ["*"] allows any
trunkline.toml:39:8: route[2].path: "/ws" fits the same paths as "/ws" at trunkline.toml:29:8
  hint: remove one of the two routes, or change its path
trunkline.toml:42:8: route[3].path: "/ws/health" is served by the gateway itself
trunkline.toml:46:9: limits.depth: expected a number from 1 to 128, got "deep"
trunkline.toml:47:29: limits.message_bytes_before_auth: expected at most limits.message_bytes, 1048576 bytes, got 2097152 bytes
trunkline.toml:50:9: telemetry.level: expected a level or a filter such as "info,trunkline_bridge=debug", got "inof"
  hint: did you mean "info"?"#;
    assert_eq!(format!("\n{}", mistakes(file)), expected);
}

#[test]
fn syntax_errors_come_alone_and_all() {
    let file = "[server]\nlisten = \nlisten = \"foo\"\ndrain = \"10s\n";
    let expected = "\
trunkline.toml:2:10: string values must be quoted, expected literal string
trunkline.toml:3:1: duplicate key
trunkline.toml:4:13: invalid basic string, expected `\"`";
    assert_eq!(mistakes(file), expected);
}

#[test]
fn unknown_keys_are_warnings_with_the_nearest_known_key() {
    let file = "servers = 1\n[server]\nlisen = \"127.0.0.1:1\"\n[limits]\ncolour = 1\n";
    let expected = r#"
trunkline.toml:1:1: servers: unknown key, it has no effect
  hint: did you mean "server"?
trunkline.toml:3:1: server.lisen: unknown key, it has no effect
  hint: did you mean "listen"?
trunkline.toml:5:1: limits.colour: unknown key, it has no effect
  hint: known here: message_bytes, message_bytes_before_auth, depth, in_flight, connections, buffer_bytes, handshake, auth_wait, heartbeat, write_stall"#;
    assert_eq!(format!("\n{}", warnings(file)), expected.trim_end());
}

#[test]
fn unknown_sections_are_mistakes_with_the_nearest_known_section() {
    let file = "[auht]\ntokens = []\n[[routes]]\npath = \"/x\"\n[terminals.shell]\nservr.listen = 1\n";
    let expected = r#"
trunkline.toml:1:2: auht: unknown section
  hint: did you mean "auth"?
trunkline.toml:3:3: routes: unknown section
  hint: did you mean "route"?
trunkline.toml:5:2: terminals: unknown section
  hint: known here: server, auth, broker, bridge, worker, route, topic, limits, telemetry"#;
    assert_eq!(format!("\n{}", mistakes(file)), expected);
}

#[test]
fn something_else_than_a_table_is_told_how_one_is_written() {
    let expected = r#"
trunkline.toml:1:10: server: expected a table, got a number
  hint: write [server], and its fields below
trunkline.toml:2:20: broker.retention: expected a table, got a number
  hint: for example: retention = { records = 100000, bytes = "64MiB" }"#;
    assert_eq!(format!("\n{}", mistakes("server = 5\nbroker.retention = 5\n")), expected);
    let example = "broker.retention = { records = 100000, bytes = \"64MiB\" }";
    assert_eq!(config(example).broker.retention, Retention { records: 100_000, bytes: 64 << 20 });
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let missing = Config::load(Some(Path::new("no/such.toml")), std::iter::empty(), Overrides::default());
    let missing = missing.expect_err("a mistake").to_string();
    assert_eq!(missing, "no/such.toml: cannot be read: No such file or directory (os error 2)");
    let large = mistakes(&"#".repeat(FILE_BYTES_MAX + 1));
    assert_eq!(large, "trunkline.toml: cannot be read: it has more than 1048576 bytes");
}

#[test]
fn columns_count_characters() {
    let said = mistakes("broker = { path = \"été\", kind = \"x\" }\n");
    assert!(said.starts_with("trunkline.toml:1:33: broker.kind: "), "{said}");
}

#[test]
fn a_whole_file_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trunkline.toml");
    let text = r#"
[server]
listen = "127.0.0.1:0"
allowed_hosts = ["Chat.Example.com:8443"]
allowed_origins = ["HTTPS://Chat.example.com:443", "tauri://localhost"]
allow_missing_origin = false
page = "."
drain = "1m"

[[auth.tokens]]
token = "0123456789abcdef"
subject = "alice"
realm = "city"

[broker]
kind = "memory"
path = "store"
durability = "disk"
retention = { records = 5, bytes = 4096 }
keep = "1h"

[bridge]
unix = "w.sock"
zeromq = "ipc:///tmp/x.sock"

[[worker]]
name = "agent"
command = ["sh", "-c", "exit"]
environment = { KEY = "a secret value" }
transport = "zeromq"

[[route]]
path = "/ws/{room}"
dialect = "native"
realm = "city"
service = "agent"
types = { "file.*" = "files", "file.big*" = "big", "file.read" = "reader" }
services = ["more"]
deadline = "5m"
compress = true

[limits]
message_bytes = "2MiB"
connections = 10

[telemetry]
format = "json"
level = "warn,trunkline_bridge=debug"
"#;
    std::fs::write(&file, text).expect("a file");
    let environment = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
    let loaded = Config::load(Some(&file), environment.into_iter(), Overrides::default());
    let Loaded { config, warnings } = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(warnings, []);
    let seconds = std::time::Duration::from_secs;
    let expected = Server {
        listen: "127.0.0.1:0".parse().expect("an address"),
        allowed_hosts: vec!["chat.example.com:8443".to_owned()],
        allowed_origins: vec!["https://chat.example.com".to_owned(), "tauri://localhost".to_owned()],
        allow_missing_origin: false,
        page: Some(folder.path().join(".")),
        drain: seconds(60),
    };
    assert_eq!(config.server, expected);
    let token = Secret::new("0123456789abcdef");
    let expected =
        StaticToken { token, subject: "alice".to_owned(), realm: Some("city".to_owned()), scopes: Vec::new() };
    assert_eq!(config.auth.tokens, [expected]);
    let expected = Broker {
        kind: BrokerKind::Memory,
        path: folder.path().join("store"),
        durability: Durability::Disk,
        retention: Retention { records: 5, bytes: 4096 },
        keep: seconds(3600),
    };
    assert_eq!(config.broker, expected);
    let expected = Bridge { unix: folder.path().join("w.sock"), zeromq: Some("ipc:///tmp/x.sock".to_owned()) };
    assert_eq!(config.bridge, expected);
    let worker = &config.workers[0];
    assert_eq!((worker.name.as_str(), worker.transport), ("agent", Transport::Zeromq));
    assert!(Path::new(&worker.command[0]).is_absolute() && worker.command[0].ends_with("/sh"), "{worker:?}");
    assert_eq!(worker.command[1..], ["-c", "exit"]);
    assert_eq!(worker.directory, folder.path());
    assert_eq!(worker.environment["KEY"].reveal(), "a secret value");
    let route = &config.routes[0];
    let services = ["file.read", "file.bigger", "file.write", "other"].map(|name| route.service_for(name));
    assert_eq!(services, [Some("reader"), Some("big"), Some("files"), Some("agent")]);
    assert_eq!(["more", "files", "agent", "unheard"].map(|name| route.allows(name)), [true, true, true, false]);
    assert_eq!((route.realm.as_str(), route.deadline, route.compress), ("city", seconds(300), true));
    assert_eq!(route.place.to_string(), format!("{}:33:8", file.display()));
    let found = config.routes_table().find("/ws/a").expect("a route");
    assert_eq!((found.route, found.params), (0, vec![("room", "a".to_owned())]));
    assert_eq!((config.limits.message_bytes, config.limits.connections), (2 << 20, 10));
    assert_eq!(config.telemetry.level, "warn,trunkline_bridge=debug");
    let shown = format!("{config:?}");
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("a secret value"), "{shown}");
}

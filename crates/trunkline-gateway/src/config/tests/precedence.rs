//! What wins over what, and how variables are read.

use super::*;

fn listen(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str, &str)]) -> String {
    match load(file, environment, flags) {
        Ok(loaded) => loaded.config.server.listen.to_string(),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let file = "[server]\nlisten = \"[::1]:1\"";
    let port = ("WEBSOCKET_PORT", "2");
    let variable = ("TRUNKLINE_SERVER__LISTEN", "127.0.0.1:3");
    let flag = ("--listen", "server.listen", "127.0.0.1:4");
    assert_eq!(listen("", &[], &[]), "127.0.0.1:8001");
    assert_eq!(listen(file, &[], &[]), "[::1]:1");
    assert_eq!(listen("", &[port], &[]), "127.0.0.1:2");
    assert_eq!(listen(file, &[port], &[]), "[::1]:2");
    assert_eq!(listen(file, &[variable, port], &[]), "127.0.0.1:3");
    assert_eq!(listen(file, &[variable, port], &[flag]), "127.0.0.1:4");
    assert_eq!(listen(file, &[("TRUNKLINE_SERVER__LISTEN", "")], &[]), "[::1]:1", "empty counts as not set");
}

#[test]
fn mistakes_name_the_variable_or_flag() {
    let environment = [("WEBSOCKET_PORT", "70000"), ("TRUNKLINE_LIMITS__DEPTH", "deep")];
    let flags = [("--log", "telemetry.format", "jsn")];
    let expected = r#"
TRUNKLINE_LIMITS__DEPTH: limits.depth: expected a number from 1 to 128, got "deep"
WEBSOCKET_PORT: server.listen: expected a port from 0 to 65535, got "70000"
--log: telemetry.format: expected "text" or "json", got "jsn"
  hint: did you mean "json"?"#;
    let mistakes = load("", &environment, &flags).expect_err("mistakes");
    assert_eq!(format!("\n{mistakes}"), expected);
}

#[test]
fn a_variable_can_be_of_any_kind() {
    let environment = [
        ("TRUNKLINE_SERVER__ALLOWED_HOSTS", "a.example, b.example"),
        ("TRUNKLINE_SERVER__ALLOW_MISSING_ORIGIN", "false"),
        ("TRUNKLINE_AUTH__TOKENS", r#"[{ token = "0123456789abcdef", subject = "alice" }]"#),
        ("TRUNKLINE_BROKER__RETENTION__RECORDS", "7"),
        ("TRUNKLINE_LIMITS__MESSAGE_BYTES", "2048"),
        ("TRUNKLINE_LIMITS__MESSAGE_BYTES_BEFORE_AUTH", "2KiB"),
        ("TRUNKLINE_LIMITS__HEARTBEAT", "500ms"),
    ];
    let file = "[broker]\nretention = { records = 5, bytes = 5000 }";
    let Config { server, auth, broker, limits, .. } =
        load(file, &environment, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}")).config;
    assert_eq!(server.allowed_hosts, ["a.example", "b.example"]);
    assert!(!server.allow_missing_origin);
    assert_eq!(auth.tokens[0].subject, "alice");
    assert_eq!(broker.retention, Retention { records: 7, bytes: 5000 });
    assert_eq!((limits.message_bytes, limits.message_bytes_before_auth), (2048, 2048));
    assert_eq!(limits.heartbeat.as_millis(), 500);
}

#[test]
fn unknown_variables_of_ours_are_warnings() {
    let environment = [
        ("TRUNKLINE_SERVER__LISTE", "x"),
        ("TRUNKLINE_SEVER__LISTEN", "x"),
        ("TRUNKLINE_ROUTE__PATH", "x"),
        ("TRUNKLINE_GENERATION", "is no setting"),
        ("HOME", "/"),
    ];
    let warnings = load("", &environment, &[]).expect("no mistakes").warnings;
    let expected = r#"
TRUNKLINE_ROUTE__PATH: route.path: no section of this name can be set by a variable
TRUNKLINE_SERVER__LISTE: server.liste: unknown key, it has no effect
  hint: did you mean "listen"?
TRUNKLINE_SEVER__LISTEN: sever.listen: no section of this name can be set by a variable
  hint: did you mean "server"?"#;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(format!("\n{}", warnings.join("\n")), expected);
}

#[test]
fn without_a_file_there_are_defaults() {
    let loaded = Config::load(None, std::iter::empty(), Overrides::default()).expect("no mistakes");
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    let here = std::env::current_dir().expect("a folder");
    assert_eq!(config.broker.path, here.join("data"));
    assert_eq!(config.bridge.unix, here.join("data/worker.sock"));
    assert_eq!(config.routes_table().find("/ws").map(|found| found.route), Ok(0));
    let route = &config.routes[0];
    assert_eq!((route.service_for("user_message"), route.allows("anything")), (None, true));
    assert_eq!(route.place, Place::Default);
    assert_eq!(super::config("[server]\n").routes.len(), 1, "a file without routes has the same one");
}

//! Each field's refusals: one line of the file each, and what its mistake begins with.

use super::*;

/// Loads each text, and checks that its only mistake is about `field` and says `said`.
#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    for (text, field, said) in cases {
        let Err(mistakes) = load(text, &[], &[]) else { panic!("no mistake in {text}") };
        let [mistake] = mistakes.mistakes.as_slice() else { panic!("{text}\n{mistakes}") };
        assert_eq!(mistake.field, *field, "{text}\n{mistake}");
        let shown = mistake.to_string();
        assert!(shown.contains(said), "{text}\n{shown}\nlacks {said}");
    }
}

#[test]
fn server() {
    check(&[
        ("server = 1", "server", "expected a table, got a number"),
        ("server.listen = \"localhost:1\"", "server.listen", "write \"127.0.0.1:1\""),
        ("server.listen = \":1\"", "server.listen", "write \"0.0.0.0:1\""),
        ("server.listen = \"127.0.0.1\"", "server.listen", "add a port: \"127.0.0.1:8001\""),
        ("server.listen = 8001", "server.listen", "got 8001"),
        ("server.allowed_hosts = \"a\"", "server.allowed_hosts", "put the value between brackets"),
        ("server.allowed_hosts = [\"https://a/\"]", "server.allowed_hosts[0]", "write \"a\", without the scheme"),
        ("server.allowed_hosts = [\"a\", \"*.b\"]", "server.allowed_hosts[1]", "wildcards"),
        ("server.allowed_hosts = [\"a b\"]", "server.allowed_hosts[0]", "expected a host"),
        ("server.allowed_origins = [\"https://*.b\"]", "server.allowed_origins[0]", "wildcards"),
        (
            "server.allowed_origins = [\"a.example\"]",
            "server.allowed_origins[0]",
            "add the scheme: \"https://a.example\"",
        ),
        (
            "server.allowed_origins = [\"http://localhost:3000/\"]",
            "server.allowed_origins[0]",
            "write \"http://localhost:3000\", without the slash at its end",
        ),
        (
            "server.allowed_origins = [\"localhost:3000/app\"]",
            "server.allowed_origins[0]",
            "add the scheme: \"http://localhost:3000\"",
        ),
        ("server.allowed_origins = [\"https://u@a\"]", "server.allowed_origins[0]", "expected an origin"),
        ("server.allowed_origins = [\"https://a:0\"]", "server.allowed_origins[0]", "expected an origin"),
        ("server.allowed_origins = [\"https://bücher\"]", "server.allowed_origins[0]", "expected an origin"),
        ("server.allow_missing_origin = \"true\"", "server.allow_missing_origin", "expected true or false"),
        ("server.page = \"missing\"", "server.page", "expected a folder that exists"),
        ("server.drain = \"11m\"", "server.drain", "expected a duration from \"0s\" to \"10m\""),
        ("server.drain = \"1 week\"", "server.drain", "expected a duration such as"),
        ("server.drain = \"99999999999999999d\"", "server.drain", "expected a duration such as"),
    ]);
}

#[test]
fn auth() {
    check(&[
        ("auth.tokens = \"a secret that must not be shown\"", "auth.tokens", "expected a list, got a text"),
        ("auth.tokens = [1234567890123456]", "auth.tokens[0]", "expected a table, got a number"),
        ("[[auth.tokens]]\nsubject = \"a\"", "auth.tokens[0].token", "is missing"),
        ("[[auth.tokens]]\nsubject = \"a\"\ntoken = 1234567890123456", "auth.tokens[0].token", "got a number"),
        ("[[auth.tokens]]\ntoken = \"0123456789abcdef\"", "auth.tokens[0].subject", "is missing"),
        (
            "[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"a\"\nrealm = \"a/b\"",
            "auth.tokens[0].realm",
            "expected a name",
        ),
        (
            "auth.anonymous_scopes = [\"news.*\"]",
            "auth.anonymous_scopes[0]",
            "begins with subscribe:, publish: or presence:",
        ),
        (
            "auth.anonymous_scopes = [\"subscribe:user:a\"]",
            "auth.anonymous_scopes[0]",
            "user: stands after publish: only",
        ),
        ("auth.anonymous_scopes = [\"publish:a b\"]", "auth.anonymous_scopes[0]", "for example \"subscribe:news.*\""),
        (
            "[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"a\"\nscopes = [\"publish:\"]",
            "auth.tokens[0].scopes[0]",
            "1 to 256 bytes",
        ),
        (
            "[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"a\"\n\
             [[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"b\"",
            "auth.tokens",
            "the same token stands at trunkline.toml:2:9",
        ),
    ]);
    let shown = mistakes("auth.tokens = [{ token = \"hunter2\", subject = \"a\" }]\n");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn topics() {
    check(&[
        ("[[topic]]\nkeep = \"1h\"", "topic[0].pattern", "is missing"),
        ("[[topic]]\npattern = \"a/b\"", "topic[0].pattern", "expected a pattern"),
        ("[[topic]]\npattern = \"a\"\nkeep_records = 0", "topic[0].keep_records", "from 1"),
        ("[[topic]]\npattern = \"a\"\nkeep_bytes = \"1KiB\"", "topic[0].keep_bytes", "from 4096"),
        ("[[topic]]\npattern = \"a\"\nkeep = \"1s\"", "topic[0].keep", "expected a duration from \"1m\""),
    ]);
    let shown = warnings(
        "auth.anonymous_scopes = [\"subscribe:*\"]\n[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"a\"\n",
    );
    assert!(shown.contains("auth.anonymous_scopes: has no effect"), "{shown}");
}

#[test]
fn broker_and_bridge() {
    let long = format!("bridge.unix = \"/{}\"", "a".repeat(107));
    check(&[
        ("broker.path = \"\"", "broker.path", "expected a text"),
        ("broker.durability = \"dsk\"", "broker.durability", "did you mean \"disk\"?"),
        ("broker.retention.records = 0", "broker.retention.records", "from 1"),
        ("broker.retention.records = 9223372036854775808", "broker.retention.records", "got a number out of range"),
        ("broker.retention.bytes = 1.5", "broker.retention.bytes", "expected a size"),
        ("broker.retention.bytes = \"1KiB\"", "broker.retention.bytes", "from 4096"),
        ("broker.keep = \"1s\"", "broker.keep", "expected a duration from \"1m\""),
        (&long, "bridge.unix", "expected a path of at most 107 bytes, got one of 108"),
        ("bridge.zeromq = \"udp://127.0.0.1:1\"", "bridge.zeromq", "expected an endpoint"),
        ("bridge.zeromq = \"ipc://\"", "bridge.zeromq", "expected an endpoint"),
        ("bridge.zeromq = \"ipc://@name\"", "bridge.zeromq", "abstract"),
        ("bridge.zeromq = \"tcp://10.0.0.1:1\"", "bridge.zeromq", "only loopback"),
    ]);
    assert_eq!(config("bridge.zeromq = \"tcp://localhost:1\"").bridge.zeromq.as_deref(), Some("tcp://localhost:1"));
    assert_eq!(config(&long.replacen("aa", "a", 1)).bridge.unix.as_os_str().len(), 107);
}

#[test]
fn worker() {
    let worker = |line: &str| format!("[[worker]]\nname = \"a\"\ncommand = [\"sh\"]\n{line}");
    check(&[
        ("worker = {}", "worker", "expected a list, got a table"),
        ("[[worker]]\ncommand = [\"sh\"]", "worker[0].name", "is missing"),
        ("[[worker]]\nname = \"a b\"\ncommand = [\"sh\"]", "worker[0].name", "expected a name"),
        ("[[worker]]\nname = \"a\"\ncommand = []", "worker[0].command", "got no program"),
        ("[[worker]]\nname = \"a\"\ncommand = [\"sh\", 1]", "worker[0].command", "got 1 in it"),
        ("[[worker]]\nname = \"a\"\ncommand = [\"./sh\"]", "worker[0].command", "relative to the worker's directory"),
        ("[[worker]]\nname = \"a\"\ncommand = [\"./trunkline.toml\"]", "worker[0].command", "can be executed"),
        (
            "[[worker]]\nname = \"a\"\ndirectory = \"/usr/bin\"\nenvironment.PATH = \"/\"\ncommand = [\"env\"]",
            "worker[0].command",
            "write \"./env\" for the one in its directory",
        ),
        (&worker("directory = \"missing\""), "worker[0].directory", "expected a folder that exists"),
        (&worker("environment = { A = 1 }"), "worker[0].environment.A", "put the value between quotes"),
        (&worker("environment = { \"A=B\" = \"\" }"), "worker[0].environment.A=B", "expected a variable's name"),
        (&worker("transport = \"tcp\""), "worker[0].transport", "expected \"unix\" or \"zeromq\""),
        (&worker("transport = \"zeromq\""), "worker[0].transport", "needs bridge.zeromq"),
        (&format!("{0}{0}", worker("")), "worker", "is taken by the worker at trunkline.toml:2:8"),
    ]);
    let relative = "[[worker]]\nname = \"a\"\ndirectory = \"/usr/bin\"\ncommand = [\"./env\"]";
    assert_eq!(config(relative).workers[0].command, ["/usr/bin/./env"]);
}

#[test]
fn route() {
    let route = |line: &str| format!("[[route]]\npath = \"/a\"\nservices = [\"*\"]\n{line}");
    check(&[
        ("[[route]]\nservice = \"a\"", "route[0].path", "is missing"),
        ("[[route]]\npath = \"ws\"\nservice = \"a\"", "route[0].path", "begins with `/`"),
        ("[[route]]\npath = \"/ws%2Dtest\"\nservice = \"a\"", "route[0].path", "is served by the gateway itself"),
        ("[[route]]\npath = \"/a\"", "route[0].service", "leads to no service"),
        (&route("realm = \"\""), "route[0].realm", "expected a name"),
        (&route("service = \"a b\""), "route[0].service", "expected the name of a service"),
        (&route("service = \"builtin:files\""), "route[0].service", "built in are: builtin:echo"),
        (&route("types = { \"a*b\" = \"x\" }"), "route[0].types.a*b", "expected a message type"),
        (&route("types = { a = 1 }"), "route[0].types.a", "expected a text, got 1"),
        (&route("while_busy = \"interupt\""), "route[0].while_busy", "did you mean \"interrupt\"?"),
        (&route("on_leave = \"stop\""), "route[0].on_leave", "expected \"continue\" or \"cancel\""),
        (&route("deadline = \"1ms\""), "route[0].deadline", "expected a duration from \"100ms\" to \"1h\""),
        (&route("compress = \"yes\""), "route[0].compress", "expected true or false"),
        ("[[route]]\npath = \"/a\"\nservices = [\"*\", \"b\"]", "route[0].services", "got both"),
        ("[[route]]\npath = \"/a\"\nservices = [\"\"]", "route[0].services[0]", "expected a text"),
        (
            &format!(
                "{}[[route]]\npath = \"/b/{{x}}\"\nservice = \"a\"\n[[route]]\npath = \"/b/{{y}}\"\nservice = \"a\"",
                route("")
            ),
            "route[2].path",
            "\"/b/{y}\" fits the same paths as \"/b/{x}\" at trunkline.toml:5:8",
        ),
    ]);
}

#[test]
fn limits_and_telemetry() {
    check(&[
        ("limits.message_bytes = \"1MB\"", "limits.message_bytes", "expected a size"),
        ("limits.message_bytes = 100", "limits.message_bytes", "from 1024 to 67108864 bytes"),
        ("limits.depth = 0", "limits.depth", "from 1 to 128"),
        ("limits.in_flight = 0", "limits.in_flight", "from 1"),
        ("limits.connections = 1979-05-27", "limits.connections", "got a date"),
        ("limits.handshake = \"1ms\"", "limits.handshake", "from \"100ms\""),
        ("limits.auth_wait = \"\"", "limits.auth_wait", "expected a duration"),
        ("limits.heartbeat = \"25\"", "limits.heartbeat", "expected a duration"),
        ("limits.write_stall = true", "limits.write_stall", "got true"),
        ("telemetry.format = \"\"", "telemetry.format", "expected \"text\" or \"json\""),
        ("telemetry.level = \"a=b=c\"", "telemetry.level", "expected a level or a filter"),
        ("telemetry.level = \"debg,hyper=info\"", "telemetry.level", "did you mean \"debug\"?"),
        ("telemetry.level = \"loud\"", "telemetry.level", "levels are off, error, warn"),
        ("telemetry.level = \"hyper,off\"", "telemetry.level", "as in \"hyper=info\""),
    ]);
    assert_eq!(config("telemetry.level = \"hyper=info,OFF\"").telemetry.level, "hyper=info,OFF");
}

#[test]
fn an_open_port_without_hosts_is_a_warning() {
    let said = warnings("server.listen = \"0.0.0.0:1\"");
    assert!(said.starts_with("trunkline.toml:1:17: server.listen: 0.0.0.0:1 can be reached"), "{said}");
    assert!(said.contains("only under names of this one"), "{said}");
    assert_eq!(warnings("server = { listen = \"0.0.0.0:1\", allowed_hosts = [\"a\"] }"), "");
    assert_eq!(warnings("server.listen = \"[::1]:1\""), "");
}

#[test]
fn what_is_quoted_is_short_and_plain() {
    let said = mistakes(&format!("server.listen = \"\\u001b[31m{}\"", "a".repeat(1000)));
    assert!(said.len() < 200 && !said.contains('\u{1b}'), "{said}");
    let said = mistakes("server.listen = \"localhost:\\u001b[31m\"");
    assert!(said.contains("hint: write") && !said.contains('\u{1b}'), "{said}");
    let said = warnings("server.\"\\u001b[31m\" = 1");
    assert!(said.contains("unknown key") && !said.contains('\u{1b}'), "{said}");
}

/// An unknown key in each section makes the reader say which ones it knows.
#[test]
fn every_field_stands_in_the_reference() {
    let sections = [
        "",
        "[server]",
        "[auth]",
        "[[auth.tokens]]\ntoken = \"0123456789abcdef\"\nsubject = \"a\"",
        "[broker]",
        "[broker.retention]",
        "[bridge]",
        "[[worker]]\nname = \"a\"\ncommand = [\"sh\"]",
        "[[route]]\npath = \"/a\"\nservice = \"a\"",
        "[[topic]]\npattern = \"a\"",
        "[limits]",
        "[telemetry]",
    ];
    let page = include_str!("../../../../../docs/reference/configuration.md");
    let cells = page.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('|').skip(1).take(2));
    let words: Vec<&str> =
        cells.flat_map(|cell| cell.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')).collect();
    for section in sections {
        let said = warnings(&format!("{section}\nno-such-key-xyz = 1"));
        let (_, known) = said.split_once("known here: ").unwrap_or_else(|| panic!("{section}\n{said}"));
        for field in known.lines().next().unwrap_or_default().trim_end_matches(')').split(", ") {
            assert!(words.contains(&field), "{section} {field} is missing in docs/reference/configuration.md");
        }
    }
}

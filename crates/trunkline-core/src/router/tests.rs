//! The router against its precedence rule spelled out over a plain list, and against hostile paths.

use proptest::prelude::*;

use super::*;

fn router(paths: &[&str]) -> Router {
    let patterns = paths.iter().map(|path| Pattern::parse(path).expect("a pattern")).collect();
    Router::new(patterns).expect("no ties")
}

/// Finds `path` and writes the outcome as `<pattern> name=value …` or the reason.
fn find(router: &Router, path: &str) -> String {
    match router.find(path) {
        Ok(Match { route, params }) => {
            let params = params.iter().map(|(name, value)| format!(" {name}={value}"));
            std::iter::once(router.patterns()[route].to_string()).chain(params).collect()
        }
        Err(miss) => format!("{miss:?}"),
    }
}

#[track_caller]
fn check(patterns: &[&str], cases: &[(&str, &str)]) {
    let router = router(patterns);
    for (path, expected) in cases {
        assert_eq!(find(&router, path), *expected, "{path}");
    }
}

#[test]
fn the_leftmost_static_segment_decides() {
    check(
        &["/{a}/{b}", "/a/{b}", "/{a}/b", "/a/b", "/a/{b}/c", "/{x}/b/d"],
        &[
            ("/a/b", "/a/b"),
            ("/a/x", "/a/{b} b=x"),
            ("/x/b", "/{a}/b a=x"),
            ("/x/y", "/{a}/{b} a=x b=y"),
            ("/a/b/c", "/a/{b}/c b=b"),
            ("/a/b/d", "/{x}/b/d x=a"),
            ("/a", "Unknown"),
            ("/a/b/c/d", "Unknown"),
        ],
    );
}

#[test]
fn slashes_and_case_count() {
    check(
        &["/", "/ws", "/files/", "/a/{b}"],
        &[
            ("/", "/"),
            ("/ws", "/ws"),
            ("/ws/", "Unknown"),
            ("/WS", "Unknown"),
            ("/files", "Unknown"),
            ("/files/", "/files/"),
            ("/a/", "Unknown"),
            ("//", "Unknown"),
            ("ws", "Malformed"),
            ("", "Malformed"),
        ],
    );
}

#[test]
fn segments_are_decoded_once() {
    check(
        &["/caf%C3%A9/{what}", "/a b"],
        &[
            ("/caf%c3%a9/x%20y", "/caf%C3%A9/{what} what=x y"),
            ("/café/%2525", "/caf%C3%A9/{what} what=%25"),
            ("/a%20b", "/a b"),
        ],
    );
}

#[test]
fn what_could_mislead_is_malformed() {
    let router = router(&["/{a}", "/a/{b}"]);
    for path in [
        "/%2F",
        "/%2f",
        "/a/%00",
        "/a/\0",
        "/a/..",
        "/a/%2e%2e",
        "/a/.",
        "/a/.%2E",
        "/%",
        "/%2",
        "/%zz",
        "/%FF",
        "/%0A",
    ] {
        assert_eq!(router.find(path), Err(Miss::Malformed), "{path:?}");
    }
    assert_eq!(router.find(&format!("/{}", "a".repeat(PATH_BYTES_MAX))), Err(Miss::Malformed));
    assert_eq!(router.find("/...").map(|found| found.params), Ok(vec![("a", "...".to_owned())]));
    assert_eq!(router.find(&"/a".repeat(SEGMENTS_MAX + 1)), Err(Miss::Unknown));
}

#[test]
fn every_tie_is_named() {
    let patterns = ["/a/{x}", "/b", "/a/{y}", "/c/{x}/d", "/b", "/c/{z}/e"];
    let patterns = patterns.iter().map(|path| Pattern::parse(path).expect("a pattern")).collect();
    let ties = Router::new(patterns).expect_err("two ties");
    assert_eq!(ties, [Tie { first: 0, second: 2 }, Tie { first: 1, second: 4 }]);
}

#[test]
fn what_is_no_pattern_is_refused() {
    use PatternError as E;
    let long = "/a".repeat(SEGMENTS_MAX + 1);
    let cases = [
        ("ws", E::NotAbsolute),
        ("", E::NotAbsolute),
        (&long, E::TooLong),
        ("/a//b", E::EmptySegment),
        ("/a?b", E::NotAPath),
        ("/{a", E::BadParameter("{a".to_owned())),
        ("/{}", E::BadParameter("{}".to_owned())),
        ("/{rest*}", E::BadParameter("{rest*}".to_owned())),
        ("/{x}.json", E::BadParameter("{x}.json".to_owned())),
        ("/{a}/{a}", E::RepeatedParameter("a".to_owned())),
        ("/a/../b", E::BadSegment("..".to_owned())),
        ("/a%2Fb", E::BadSegment("a%2Fb".to_owned())),
    ];
    for (text, expected) in cases {
        assert_eq!(Pattern::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn near_paths_are_suggested() {
    let router =
        router(&["/ws", "/ws/vision", "/ws/voice", "/api/ws/guide", "/api/ws/liaison/{pillar}", "/ws/automation"]);
    let cases = [
        ("/ws/", Some("/ws")),
        ("/WS/Vision/", Some("/ws/vision")),
        ("/ws/vison", Some("/ws/vision")),
        ("/vision/ws/vision", Some("/ws/vision")),
        ("/api/ws/liason/content", Some("/api/ws/liaison/{pillar}")),
        ("/ws/automatoin", Some("/ws/automation")),
        ("/api/guide", Some("/api/ws/guide")),
        ("/completely/different", None),
        ("/ws/%2F", None),
    ];
    for (path, expected) in cases {
        assert_eq!(router.nearest(path, 1).first().copied(), expected, "{path}");
    }
    assert_eq!(router.nearest("/ws/vice", 2), ["/ws/voice", "/ws"]);
    assert!(router.nearest("/ws/vision", 0).is_empty());
}

#[test]
fn a_table_of_a_thousand_routes_finds_each() {
    let paths: Vec<String> = (0..1000).map(|number| format!("/api/{}/{{a}}/r{number}", number % 7)).collect();
    let router = router(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    for number in 0..1000 {
        let found = router.find(&format!("/api/{}/value/r{number}", number % 7)).expect("a route");
        assert_eq!((found.route, found.params), (number, vec![("a", "value".to_owned())]));
    }
}

/// A pattern or path over a small alphabet, so that patterns, paths and ties meet often.
fn segments(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    let segments = proptest::collection::vec(proptest::sample::select(choices), 1..5);
    segments.prop_map(|segments| format!("/{}", segments.join("/")))
}

/// The rule, spelled out without a tree: of all patterns that fit, the one whose list of "is a parameter" is smallest.
fn find_slowly(patterns: &[Pattern], path: &[&str]) -> Option<usize> {
    let fits = |pattern: &&(usize, &Pattern)| {
        let segments = pattern.1.segments();
        segments.len() == path.len()
            && segments.iter().zip(path).all(|(segment, &text)| match segment {
                Segment::Static(known) => known == text,
                Segment::Parameter(_) => !text.is_empty(),
            })
    };
    let shape = |pattern: &&(usize, &Pattern)| -> Vec<bool> {
        pattern.1.segments().iter().map(|segment| matches!(segment, Segment::Parameter(_))).collect()
    };
    let numbered: Vec<(usize, &Pattern)> = patterns.iter().enumerate().collect();
    numbered.iter().filter(fits).min_by_key(shape).map(|(route, _)| *route)
}

proptest! {
    #[test]
    fn the_tree_agrees_with_the_rule(
        texts in proptest::collection::vec(segments(&["a", "b", "c", "{x}", "{y}"]), 1..20),
        paths in proptest::collection::vec(segments(&["a", "b", "c", "d", ""]), 1..20),
    ) {
        let mut patterns: Vec<Pattern> = texts.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        if let Err(ties) = Router::new(patterns.clone()) {
            for tie in ties.iter().rev() {
                patterns.remove(tie.second);
            }
        }
        let router = Router::new(patterns.clone()).expect("ties were removed");
        for path in &paths {
            let segments: Vec<&str> = path[1..].split('/').collect();
            prop_assert_eq!(router.find(path).ok().map(|found| found.route), find_slowly(&patterns, &segments));
        }
    }

    #[test]
    fn no_text_upsets_the_router(texts in proptest::collection::vec("/?[a-z{}/%.2fF]{0,12}", 0..8), path in ".{0,64}") {
        let patterns = texts.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        if let Ok(router) = Router::new(patterns) {
            for path in texts.iter().chain([&path]) {
                if router.find(path) == Err(Miss::Malformed) {
                    prop_assert!(router.nearest(path, 3).is_empty());
                }
                prop_assert!(router.nearest(path, 3).len() <= 3);
            }
        }
    }

    #[test]
    fn a_known_path_is_its_own_nearest(texts in proptest::collection::vec(segments(&["alpha", "beta", "gamma"]), 1..8)) {
        let mut texts = texts;
        texts.sort();
        texts.dedup();
        let router = router(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        for text in &texts {
            prop_assert_eq!(router.nearest(text, 1), [text.as_str()]);
        }
    }
}

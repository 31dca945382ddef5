//! What ends with time: values and idempotency keys. And what goes bit by bit: long channels.

use std::time::Duration;

use trunkline_broker::{Append, Expect, Metrics, Op, Options, Refusal};
use trunkline_core::log::Retention;

use crate::support::{Kind, World, append, channel, on_each, once, plain, position, put, short_retention};

#[tokio::test]
async fn an_append_may_say_how_much_of_its_channel_is_kept() {
    on_each(short_retention(1_000), async |world| {
        let (topic, other) = (channel("topic"), channel("other"));
        let retention = Some(Retention { records_max: 32, bytes_max: 1 << 20 });
        for number in 0..100 {
            let kept = Append { retention, ..plain(&topic, &number.to_string()) };
            world.commit([Op::Append(kept), append(&other, "x")]).await.unwrap();
        }
        let head = world.broker().head(&topic).await.unwrap().unwrap();
        assert!((32..=34).contains(&head.retained()), "{head:?}");
        assert_eq!(world.broker().head(&other).await.unwrap().unwrap().retained(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_value_is_gone_when_its_time_has_passed() {
    on_each(Options::default(), async |world| {
        world.commit([put("acme/k", "v", Expect::Anything, Some(100))]).await.unwrap();
        world.commit([put("acme/stays", "v", Expect::Anything, None)]).await.unwrap();
        world.advance(99);
        assert_eq!(world.broker().get("acme/k").await, Ok(Some("v".into())));
        world.advance(1);
        // Swept or not, nobody sees it.
        for _ in 0..2 {
            assert_eq!(world.broker().get("acme/k").await, Ok(None));
            let listed = world.broker().list("acme/", None, 10).await.unwrap();
            assert_eq!(listed, [("acme/stays".to_owned(), "v".into())]);
            world.sweep().await;
        }
        world.commit([put("acme/k", "w", Expect::Absent, None)]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_value_that_was_set_again_lives_as_long_as_the_last_time_said() {
    on_each(Options::default(), async |world| {
        world.commit([put("acme/k", "v", Expect::Anything, Some(100))]).await.unwrap();
        world.commit([put("acme/k", "w", Expect::Anything, Some(200))]).await.unwrap();
        world.commit([put("acme/other", "v", Expect::Anything, Some(100))]).await.unwrap();
        world.commit([put("acme/other", "w", Expect::Anything, None)]).await.unwrap();
        world.advance(150);
        world.sweep().await;
        assert_eq!(world.broker().get("acme/k").await, Ok(Some("w".into())));
        world.advance(50);
        world.sweep().await;
        assert_eq!(world.broker().get("acme/k").await, Ok(None));
        assert_eq!(world.broker().get("acme/other").await, Ok(Some("w".into())));
    })
    .await;
}

#[tokio::test]
async fn only_the_last_time_counts_whenever_a_value_was_set_and_swept() {
    on_each(Options::default(), async |world| {
        let set = |key: &str, keep_ms| put(key, "v", Expect::Anything, keep_ms);
        let delete = |key: &str| Op::Delete { key: key.to_owned() };
        // Each key in batches of its own, and all in one.
        for prefix in ["acme/apart", "acme/at_once"] {
            let key = |name: &str| format!("{prefix}/{name}");
            let ops = [
                set(&key("longer"), Some(100)),
                set(&key("longer"), Some(300)),
                set(&key("shorter"), Some(300)),
                set(&key("shorter"), Some(100)),
                set(&key("for_ever"), Some(100)),
                set(&key("for_ever"), None),
                set(&key("same"), Some(200)),
                set(&key("same"), Some(100)),
                set(&key("same"), Some(200)),
                set(&key("deleted"), Some(100)),
                delete(&key("deleted")),
                set(&key("deleted_and_set"), Some(100)),
                delete(&key("deleted_and_set")),
                set(&key("deleted_and_set"), Some(300)),
            ];
            if prefix == "acme/apart" {
                for op in ops {
                    world.commit([op]).await.unwrap();
                }
            } else {
                world.commit(ops).await.unwrap();
            }
        }
        let all = ["deleted_and_set", "for_ever", "longer", "same", "shorter"];
        let until_200 = ["deleted_and_set", "for_ever", "longer", "same"];
        let until_300 = ["deleted_and_set", "for_ever", "longer"];
        for (advance, left) in
            [(99, &all[..]), (1, &until_200), (99, &until_200), (1, &until_300), (99, &until_300), (1, &["for_ever"])]
        {
            world.advance(advance);
            world.sweep().await;
            world.reopen();
            for prefix in ["acme/apart/", "acme/at_once/"] {
                let listed = world.broker().list(prefix, None, 10).await.unwrap();
                let listed: Vec<_> = listed.iter().filter_map(|(key, _)| key.strip_prefix(prefix)).collect();
                assert_eq!(listed, left);
            }
            // In memory, a batch sweeps.
            world.commit([]).await.unwrap();
        }
        // Nothing that was outdated then takes what is set now.
        for name in all {
            world.commit([put(&format!("acme/apart/{name}"), "new", Expect::Anything, Some(1))]).await.unwrap();
        }
        world.sweep().await;
        assert_eq!(world.broker().list("acme/apart/", None, 10).await.unwrap().len(), all.len());
    })
    .await;
}

#[tokio::test]
async fn a_value_that_expires_at_once_is_swept_and_can_be_set_again() {
    on_each(Options::default(), async |world| {
        for value in ["a", "b"] {
            world.commit([put("acme/k", value, Expect::Absent, Some(0))]).await.unwrap();
            assert_eq!(world.broker().get("acme/k").await, Ok(None));
            world.sweep().await;
        }
        world.commit([put("acme/k", "c", Expect::Absent, Some(1))]).await.unwrap();
        world.sweep().await;
        assert_eq!(world.broker().get("acme/k").await, Ok(Some("c".into())));
    })
    .await;
}

#[tokio::test]
async fn outdated_times_are_swept_in_bounded_passes() {
    let world = World::new(Kind::Embedded, Options::default());
    // More than one pass does, all for one value.
    for keep_ms in 1..=3_000 {
        world.commit([put("acme/k", "v", Expect::Anything, Some(keep_ms))]).await.unwrap();
    }
    world.commit([put("acme/k", "w", Expect::Anything, None)]).await.unwrap();
    world.advance(3_000);
    world.sweep().await;
    assert_eq!(Metrics::get(&world.embedded().metrics().swept), 3_000);
    assert_eq!(world.broker().get("acme/k").await, Ok(Some("w".into())));
    world.sweep().await;
    assert_eq!(Metrics::get(&world.embedded().metrics().swept), 3_000);
}

#[tokio::test]
async fn an_idempotency_key_is_forgotten_after_its_window() {
    let options = Options { idempotency: Duration::from_secs(1), ..Options::default() };
    on_each(options, async |world| {
        let run = channel("r1");
        assert_eq!(world.broker().capabilities().idempotency_ms, 1_000);
        let first = position(&world.commit([once(&run, "a", "m1", 1)]).await.unwrap());
        world.advance(999);
        assert!(matches!(world.refusal([once(&run, "a", "m1", 1)]).await, Refusal::Duplicate(_)));
        world.advance(1);
        let again = position(&world.commit([once(&run, "a", "m1", 1)]).await.unwrap());
        assert_eq!(again.offset, first.offset + 1);
        world.sweep().await;
        // The sweep took the first one's memory and left the second one's.
        assert!(matches!(world.refusal([once(&run, "a", "m1", 1)]).await, Refusal::Duplicate(_)));
    })
    .await;
}

#[tokio::test]
async fn a_long_channel_is_trimmed_and_still_whole() {
    on_each(short_retention(32), async |world| {
        let run = channel("r1");
        for number in 0..200 {
            world.append(&run, &number.to_string()).await;
            let retained = world.broker().head(&run).await.unwrap().unwrap().retained();
            assert!(retained <= 34, "{retained}");
        }
        let page = world.page(&run, None).await;
        assert!(page.records.len() >= 32);
        assert_eq!(page.records.last().map(|record| record.position), Some(page.head.top));
        assert_eq!(page.records[0].position.offset, page.head.oldest);
    })
    .await;
}

#[tokio::test]
async fn the_sweep_removes_what_is_left_of_channels_and_keys() {
    let options = Options { idempotency: Duration::from_secs(1), ..Options::default() };
    let mut world = World::new(Kind::Embedded, options);
    let (run, keyed) = (channel("r1"), channel("r2"));
    // More than one pass does.
    world.commit(vec![append(&run, "x"); 3_000]).await.unwrap();
    world.commit([once(&keyed, "a", "m1", 1)]).await.unwrap();
    world.commit([put("acme/k", "v", Expect::Anything, Some(10))]).await.unwrap();
    world.commit([Op::Remove { channel: run.clone(), expected: None }]).await.unwrap();
    let before = world.embedded().metrics();
    // A removal goes on after a restart.
    world.reopen();
    let after = world.embedded().metrics();
    world.advance(1_000);
    // 3,000 records and their removal, an idempotency key and a value; then nothing is left.
    for _ in 0..2 {
        world.sweep().await;
        assert_eq!(Metrics::get(&before.swept) + Metrics::get(&after.swept), 3_003);
    }
}

//! Calls that go well: streams, credit, cancel, latest state, balance, calls between workers.

use bytes::Bytes;
use trunkline_bridge::frame::{CallFrame, Frame, WorkerError};
use trunkline_bridge::{CallEvent, CallFailure, FailureReason, Outcome};
use trunkline_protocol::Codec;

use crate::double::{Double, hello};
use crate::harness::{Gateway, end, next, text, within};

#[tokio::test]
async fn a_call_is_streamed_and_forgotten_once_it_is_stored() {
    let gateway = Gateway::start().await;
    let (mut worker, welcome) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    assert_eq!((welcome.epoch.as_str(), welcome.window), ("epoch-1", 64));

    let mut call = gateway.call_with("chat", "run-1", "{\"message\":\"hi\"}");
    let frame = worker.receive_call().await;
    assert_eq!(
        (frame.service.as_str(), frame.run.as_str(), &frame.payload[..]),
        ("chat", "run-1", &b"{\"message\":\"hi\"}"[..])
    );
    assert_eq!(frame.corr % 2, 0);
    worker.chunk(frame.corr, 0, "Hel").await;
    worker.chunk(frame.corr, 1, "lo").await;
    worker.result(frame.corr, 2, "{\"sum\":6}").await;

    assert_eq!(next(&mut call).await, CallEvent::Started { worker: "worker of chat".into(), idempotent: false });
    assert_eq!(next(&mut call).await, text(0, "Hel"));
    assert_eq!(next(&mut call).await, text(1, "lo"));
    let outcome = Outcome::Result { codec: Codec::Json, payload: Bytes::from_static(b"{\"sum\":6}") };
    assert_eq!(next(&mut call).await, CallEvent::Ended { seq: 2, outcome });
    assert_eq!(within(call.next()).await, None);

    call.stored(2);
    worker.receive_credit(frame.corr, 2).await;
    call.stored(1);
    call.stored(99);
    worker.receive_credit(frame.corr, 3).await;
    gateway.stop().await;
}

#[tokio::test]
async fn only_the_newest_progress_waits() {
    let gateway = Gateway::start().await;
    let (mut worker, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let mut call = gateway.call("chat", "run-1");
    let corr = worker.receive_call().await.corr;
    for step in ["1", "2", "3"] {
        let payload = Bytes::copy_from_slice(step.as_bytes());
        worker.send(Frame::Event { corr, name: "progress".into(), key: None, payload }).await;
    }
    worker.send(Frame::End { corr, seq: 0 }).await;
    let mut latest = None;
    loop {
        match next(&mut call).await {
            CallEvent::Latest { payload, .. } => latest = Some(payload),
            CallEvent::Started { .. } => {}
            terminal => break assert_eq!(terminal, CallEvent::Ended { seq: 0, outcome: Outcome::End }),
        }
    }
    assert_eq!(latest, Some(Bytes::from_static(b"3")));
}

#[tokio::test]
async fn cancel_reaches_the_worker_and_its_answer_ends_the_call() {
    let gateway = Gateway::start().await;
    let (mut worker, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let mut call = gateway.call("chat", "run-1");
    let corr = worker.receive_call().await.corr;
    call.cancel();
    call.cancel();
    assert_eq!(worker.receive().await, Frame::Cancel { corr });
    let error = WorkerError { code: "cancelled".into(), ..WorkerError::default() };
    worker.send(Frame::Error { corr, seq: Some(0), error: error.clone() }).await;
    assert_eq!(end(&mut call).await, CallEvent::Ended { seq: 0, outcome: Outcome::Error(error) });
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_and_its_late_frames_are_released() {
    let gateway = Gateway::start().await;
    let (mut worker, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let call = gateway.call("chat", "run-1");
    let corr = worker.receive_call().await.corr;
    drop(call);
    assert_eq!(worker.receive().await, Frame::Cancel { corr });
    worker.receive_credit(corr, 0).await;
    worker.chunk(corr, 0, "late").await;
    worker.receive_credit(corr, 1).await;
    worker.send(Frame::End { corr, seq: 1 }).await;
    worker.receive_credit(corr, 2).await;
    assert_eq!(gateway.bridge.metrics().late_frames.get(), 2);
    gateway.until(|services| services[0].workers[0].outstanding == 0).await;
}

#[tokio::test]
async fn a_worker_never_has_more_than_its_concurrency() {
    let gateway = Gateway::start().await;
    let (mut worker, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let mut calls: Vec<_> = (0..5).map(|run| gateway.call("chat", &format!("run-{run}"))).collect();
    let mut corrs = Vec::new();
    for _ in 0..4 {
        corrs.push(worker.receive_call().await.corr);
    }
    gateway.until(|services| services[0].queued == 1 && services[0].workers[0].outstanding == 4).await;
    // The fifth CALL comes after, and because of, the first end.
    worker.send(Frame::End { corr: corrs[0], seq: 0 }).await;
    assert_eq!(worker.receive_call().await.run, "run-4");
    assert!(matches!(end(&mut calls[0]).await, CallEvent::Ended { .. }));
}

#[tokio::test]
async fn calls_go_to_the_worker_with_the_fewest() {
    let gateway = Gateway::start().await;
    let (mut first, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    // Two workers with one name are two workers.
    let (mut second, _) = Double::join(&gateway.unix, hello("i2", "chat")).await;
    let _calls: Vec<_> = (0..4).map(|run| gateway.call("chat", &format!("run-{run}"))).collect();
    for worker in [&mut first, &mut second] {
        worker.receive_call().await;
        worker.receive_call().await;
    }
    gateway.until(|services| services[0].workers.iter().all(|worker| worker.outstanding == 2)).await;
}

#[tokio::test]
async fn a_call_waits_for_a_worker_and_not_for_ever() {
    let gateway = Gateway::with(|config| config.dispatch_wait = std::time::Duration::from_millis(300)).await;
    let mut hopeless = gateway.call("nobody", "run-1");
    let reason = FailureReason::NoWorker;
    assert_eq!(end(&mut hopeless).await, CallEvent::Failed(CallFailure { reason, handed_over: false }));

    let mut waiting = gateway.call("chat", "run-2");
    let (mut worker, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let corr = worker.receive_call().await.corr;
    worker.send(Frame::End { corr, seq: 0 }).await;
    assert!(matches!(end(&mut waiting).await, CallEvent::Ended { .. }));
}

#[tokio::test]
async fn too_many_waiting_calls_are_refused_at_once() {
    let gateway = Gateway::with(|config| config.pending_calls_max = 2).await;
    let waiting = [gateway.call("chat", "run-1"), gateway.call("chat", "run-2")];
    let mut refused = gateway.call("chat", "run-3");
    let reason = FailureReason::QueueFull;
    assert_eq!(end(&mut refused).await, CallEvent::Failed(CallFailure { reason, handed_over: false }));
    assert_eq!(gateway.bridge.metrics().queue_full.get(), 1);
    // Cancelled before anybody had it: no worker ever sees it.
    for mut call in waiting {
        call.cancel();
        let reason = FailureReason::Cancelled;
        assert_eq!(end(&mut call).await, CallEvent::Failed(CallFailure { reason, handed_over: false }));
    }
    gateway.until(<[_]>::is_empty).await;
}

#[tokio::test]
async fn a_worker_calls_another_through_the_gateway() {
    let gateway = Gateway::start().await;
    let (mut agent, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let (mut embedder, _) = Double::join(&gateway.unix, hello("i2", "embed")).await;
    let mut call = gateway.call("chat", "run-1");
    let outer = agent.receive_call().await;

    let payload = Bytes::from_static(b"[1]");
    let inner = CallFrame {
        corr: 1,
        service: "embed".into(),
        run: "run-1".into(),
        window: Some(2),
        payload,
        ..CallFrame::default()
    };
    agent.send(Frame::Call(inner)).await;
    let passed = embedder.receive_call().await;
    assert_eq!(
        (passed.session.as_str(), passed.realm.as_str(), &passed.payload[..]),
        ("session-1", "default", &b"[1]"[..])
    );
    assert_eq!(passed.window, Some(2));
    embedder.chunk(passed.corr, 0, "a").await;
    let Frame::Chunk(chunk) = agent.receive().await else { panic!("a chunk") };
    assert_eq!((chunk.corr, chunk.seq, &chunk.payload[..]), (1, 0, &b"a"[..]));
    agent.send(Frame::Credit { corr: 1, ack: 1 }).await;
    embedder.receive_credit(passed.corr, 1).await;
    embedder.result(passed.corr, 1, "2").await;
    assert_eq!(
        agent.receive().await,
        Frame::Result { corr: 1, seq: 1, codec: Codec::Json, payload: Bytes::from_static(b"2"), buffers: vec![] }
    );
    embedder.receive_credit(passed.corr, 2).await;

    agent.result(outer.corr, 0, "3").await;
    assert!(matches!(end(&mut call).await, CallEvent::Ended { .. }));
}

#[tokio::test]
async fn calls_of_a_worker_end_with_their_caller() {
    let gateway = Gateway::start().await;
    let (mut agent, _) = Double::join(&gateway.unix, hello("i1", "chat")).await;
    let (mut embedder, _) = Double::join(&gateway.unix, hello("i2", "embed")).await;
    let _call = gateway.call("chat", "run-1");
    let outer = agent.receive_call().await;
    let inner = |corr, run: &str| {
        Frame::Call(CallFrame { corr, service: "embed".into(), run: run.into(), ..CallFrame::default() })
    };
    agent.send(inner(1, "run-1")).await;
    let passed = embedder.receive_call().await;
    agent.send(Frame::End { corr: outer.corr, seq: 0 }).await;
    assert_eq!(embedder.receive().await, Frame::Cancel { corr: passed.corr });

    // And nobody acts for a run that he does not execute.
    agent.send(inner(3, "another's run")).await;
    match agent.receive().await {
        Frame::Error { corr: 3, seq: Some(0), error } => assert_eq!(error.code, "permission_denied"),
        other => panic!("{other:?}"),
    }
}

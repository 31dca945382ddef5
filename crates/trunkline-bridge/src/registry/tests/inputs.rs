//! Further messages for calls: each reaches a worker that takes input until it is taken.

use super::*;
use crate::frame::Input;

/// A worker whose calls take input.
fn takes_input(instance: &str) -> Hello {
    let mut hello = hello(instance);
    hello.services.iter_mut().for_each(|service| service.takes_input = true);
    hello
}

fn input(message: &str) -> Input {
    let payload = Bytes::from_static(b"1");
    Input { message: message.into(), kind: "user_message".into(), payload, ..Input::default() }
}

/// The messages that a worker is sent as input, with their calls.
fn inputs(worker: &Peer) -> Vec<(u64, String)> {
    let read = |frame| match frame {
        Frame::Input(input) => Some((input.corr, input.message)),
        _ => None,
    };
    worker.take().into_iter().filter_map(read).collect()
}

fn taken(corr: u64, seq: u64, message: &str) -> Frame {
    Frame::Taken { corr, seq, message: message.into() }
}

#[test]
fn an_input_waits_for_a_worker_and_comes_behind_its_call() {
    let mut world = World::new();
    let (id, _inbox) = world.call("run-1");
    world.registry.input(id, input("m2"), world.now);
    let worker = world.join(takes_input("i1"));
    world.registry.input(id, input("m3"), world.now);
    world.registry.input(id, input("m3"), world.now);
    let sent = worker.take();
    let [Frame::Welcome(_), Frame::Call(call), Frame::Input(first), Frame::Input(second)] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(
        [(first.corr, &*first.message), (second.corr, &*second.message)],
        [(call.corr, "m2"), (call.corr, "m3")]
    );
}

#[test]
fn a_worker_that_comes_back_is_sent_what_it_has_not_taken() {
    let mut world = World::new();
    let worker = world.join(takes_input("i1"));
    let (id, inbox) = world.call("run-1");
    let corr = worker.take_calls()[0].corr;
    for message in ["m2", "m3"] {
        world.registry.input(id, input(message), world.now);
    }
    assert_eq!(inputs(&worker).len(), 2);
    world.says(&worker, taken(corr, 0, "m2"));
    world.registry.disconnected(worker.link, world.now);
    world.registry.input(id, input("m4"), world.now);
    let offer = Offer { run: "run-1".into(), next: 1, ..Offer::default() };
    let back = world.join(Hello { open: vec![offer], ..takes_input("i1") });
    let again = inputs(&back);
    let messages: Vec<_> = again.iter().map(|(_, message)| &**message).collect();
    assert_eq!(messages, ["m3", "m4"]);
    let corr = again[0].0;
    // What it took stands in its stream, and is sent again as any event is.
    world.says(&back, taken(corr, 0, "m2"));
    world.says(&back, taken(corr, 1, "m3"));
    let took = |event| if let CallEvent::TookInput { seq, message } = event { Some((seq, message)) } else { None };
    let took: Vec<_> = drain(&inbox).into_iter().filter_map(took).collect();
    assert_eq!(took, [(0, "m2".to_owned()), (1, "m3".to_owned())]);
}

#[test]
fn a_worker_whose_calls_take_no_input_is_not_sent_any() {
    let mut world = World::new();
    assert!(world.registry.takes_input("chat"), "nobody says otherwise");
    let worker = world.join(hello("i1"));
    assert!(!world.registry.takes_input("chat"));
    let (id, _inbox) = world.call("run-1");
    world.registry.input(id, input("m2"), world.now);
    assert!(inputs(&worker).is_empty());
    let _other = world.join(takes_input("i2"));
    assert!(!world.registry.takes_input("chat"), "all of them have to");
}

#[test]
fn an_input_cannot_be_taken_in_a_call_between_workers() {
    let mut world = World::new();
    let worker = world.join(takes_input("i1"));
    let (_, inbox) = world.call("run-1");
    let corr = worker.take_calls()[0].corr;
    let call = CallFrame { corr: 1, service: "chat".into(), run: "run-1".into(), ..CallFrame::default() };
    world.says(&worker, Frame::Call(call));
    let inner = worker.take_calls()[0].corr;
    world.says(&worker, taken(inner, 0, "m2"));
    assert!(worker.take().iter().any(|frame| matches!(frame, Frame::Cancel { corr } if *corr == inner)));
    world.says(&worker, Frame::End { corr, seq: 0 });
    assert!(drain(&inbox).iter().any(CallEvent::is_terminal), "the outer call goes on");
}

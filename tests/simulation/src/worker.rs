//! A worker: answers each call with the words that its message asks for, at its own pace, and sometimes is no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;
use trunkline_bridge::Link;
use trunkline_bridge::frame::{
    Ask, CallFrame, Chunk, ChunkKind, Frame, Hello, Load, Offer, Service, Welcome, WorkerError,
};
use trunkline_protocol::Codec;

use crate::chance::Chance;
use crate::client::Surroundings;
use crate::history::{Fault, History, What};
use crate::store::{Sabotage, lock};

/// Each of these events is no text.
pub(crate) const OTHER_EVENT_EVERY: u64 = 7;

/// The one question of a run.
const QUESTION: &str = "q1";

/// The service that may be called twice.
pub(crate) const IDEMPOTENT: &str = "lookup";

/// How often a worker looks what is due.
const LOOKS_EVERY: Duration = Duration::from_millis(50);

/// The words of one event.
pub(crate) fn text(message: &str, number: u64, bytes: usize) -> String {
    let mut text = format!("{message}.{number}");
    while text.len() < bytes {
        text.push('.');
    }
    text.push(' ');
    text
}

/// Whether an event of this number is no text.
pub(crate) fn is_other(number: u64) -> bool {
    number % OTHER_EVENT_EVERY == OTHER_EVENT_EVERY - 1
}

/// What a worker has, as long as its process lives.
#[derive(Debug)]
pub struct Worker {
    number: usize,
    lives: u64,
    calls: BTreeMap<String, Work>,
    chance: Chance,
}

/// One call.
#[derive(Debug)]
struct Work {
    corr: u64,
    message: String,
    /// Events that another call of the run has told of.
    base: u64,
    events: u64,
    bytes: usize,
    pace: Duration,
    end: String,
    next: u64,
    /// The number of the terminal message, once it was produced.
    ended: Option<u64>,
    ack: u64,
    window: u64,
    cancelled: bool,
    due: Instant,
    /// The number of the event that is a question, if one is.
    asks_at: Option<u64>,
    answered: bool,
    attempt: Option<u64>,
}

/// What a worker's connection comes to.
enum Parted {
    Cut,
    Drained,
}

impl Worker {
    /// The worker of this number.
    pub fn new(number: usize, seed: u64) -> Arc<Mutex<Self>> {
        let chance = Chance::new(seed, 300 + number as u64);
        Arc::new(Mutex::new(Self { number, lives: 0, calls: BTreeMap::new(), chance }))
    }

    /// Connects again and again.
    pub(crate) async fn live(worker: Arc<Mutex<Self>>, around: Surroundings) {
        loop {
            let pause = lock(&worker).chance.between(100, 2000);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let Some(link) = around.handle.worker() else { continue };
            match Self::serve(&worker, &link, &around).await {
                Parted::Cut => {}
                Parted::Drained => return,
            }
            if around.sabotage == Some(Sabotage::ForgetfulWorker) {
                lock(&worker).calls.clear();
            }
        }
    }

    async fn serve(worker: &Mutex<Self>, link: &Link, around: &Surroundings) -> Parted {
        let history = &around.history;
        link.send(Frame::Hello(lock(worker).hello()));
        let mut draining = false;
        let mut look = tokio::time::interval(LOOKS_EVERY);
        loop {
            let frames = tokio::select! {
                biased;
                frames = link.receive() => frames,
                _ = look.tick() => Some(Vec::new()),
            };
            let Some(frames) = frames else { return Parted::Cut };
            for frame in frames {
                match frame {
                    Frame::Ping => link.send(Frame::Pong(Load::default())),
                    Frame::Drain => draining = true,
                    Frame::Call(call) => {
                        let answer = lock(worker).called(&call, draining, around);
                        if let Some(answer) = answer {
                            link.send(answer);
                        }
                    }
                    frame => lock(worker).take(frame, history),
                }
            }
            let due = lock(worker).due();
            for frame in due {
                link.send(frame);
            }
            if draining && lock(worker).calls.is_empty() {
                link.send(Frame::Drain);
                return Parted::Drained;
            }
            let fault = if around.is_calm() { None } else { lock(worker).draw_fault() };
            if let Some(fault) = fault {
                history.fault(fault);
                match fault {
                    Fault::WorkerFrozen => {
                        let while_ms = lock(worker).chance.between(500, 20_000);
                        tokio::time::sleep(Duration::from_millis(while_ms)).await;
                    }
                    Fault::WorkerKilled => {
                        let mut worker = lock(worker);
                        worker.lives += 1;
                        let runs = std::mem::take(&mut worker.calls).into_keys().collect();
                        history.add(What::WorkerDied { runs });
                        return Parted::Cut;
                    }
                    _ => return Parted::Cut,
                }
            }
        }
    }

    fn draw_fault(&mut self) -> Option<Fault> {
        match self.chance.between(1, 20_000) {
            1..=4 => Some(Fault::WorkerKilled),
            5..=10 => Some(Fault::WorkerFrozen),
            11..=20 => Some(Fault::WorkerCut),
            _ => None,
        }
    }

    /// What it says first on a connection.
    pub fn hello(&self) -> Hello {
        let offer = |(run, work): (&String, &Work)| Offer {
            run: run.clone(),
            next: work.next + u64::from(work.ended.is_some()),
            ack: work.ack,
            ended: work.ended.is_some(),
            attempt: work.attempt,
            asks: if work.waits() { vec![QUESTION.to_owned()] } else { Vec::new() },
        };
        Hello {
            name: format!("worker {}", self.number),
            instance: format!("worker {} life {}", self.number, self.lives),
            sdk: "simulation".to_owned(),
            concurrency: 8,
            services: vec![
                Service { name: "chat".to_owned(), resumable: self.number == 0, ..Service::default() },
                Service { name: IDEMPOTENT.to_owned(), idempotent: true, ..Service::default() },
            ],
            open: self.calls.iter().map(offer).collect(),
            ..Hello::default()
        }
    }

    /// Takes a call, or says why not.
    fn called(&mut self, call: &CallFrame, draining: bool, around: &Surroundings) -> Option<Frame> {
        let CallFrame { run, message, service, attempt, .. } = call;
        let (goes_on, attempt) = (call.checkpoint.is_some(), attempt.unwrap_or(1));
        let of = |run: &String| (run.clone(), message.clone(), service.clone());
        let (called, message, service) = of(run);
        around.history.add(What::Called { run: called, message, service, attempt, goes_on });
        let fault = match self.chance.between(1, 30) {
            _ if goes_on || around.is_calm() => None,
            1 => Some(Fault::WorkerRefused),
            2 => Some(Fault::WorkerRetryable),
            _ => None,
        };
        if !draining && fault.is_none() {
            self.accept(call);
            return None;
        }
        if let Some(fault) = fault {
            around.history.fault(fault);
        }
        around.history.add(What::Declined { run: run.clone() });
        let (code, retry_after_ms) = match fault {
            Some(Fault::WorkerRefused) => ("overloaded", None),
            Some(_) => ("upstream_error", Some(self.chance.between(0, 1500))),
            None => ("no_worker", None),
        };
        let (code, message) = (code.to_owned(), "not now".to_owned());
        let error = WorkerError { code, message, retryable: true, retry_after_ms, ..WorkerError::default() };
        Some(Frame::Error { corr: call.corr, seq: Some(0), error })
    }

    /// Takes a call without a word.
    pub fn accept(&mut self, call: &CallFrame) {
        self.calls.insert(call.run.clone(), Work::new(call));
    }

    /// Takes in what the gateway says.
    ///
    /// # Panics
    /// When that is not in the protocol.
    pub fn take(&mut self, frame: Frame, history: &History) {
        match frame {
            Frame::Welcome(Welcome { resumed, dropped, .. }) => {
                for run in dropped {
                    self.calls.remove(&run);
                }
                for resumed in resumed {
                    if let Some(work) = self.calls.get_mut(&resumed.run) {
                        history.add(What::Resumed { run: resumed.run });
                        (work.corr, work.ack, work.next) = (resumed.corr, resumed.ack, resumed.ack);
                        // Instants of another life of the gateway mean nothing in this one.
                        (work.ended, work.due) = (None, Instant::now());
                    }
                }
            }
            Frame::Credit { corr, ack } => {
                if let Some(work) = self.calls.values_mut().find(|work| work.corr == corr) {
                    work.ack = work.ack.max(ack);
                }
                self.calls.retain(|_, work| work.ended.is_none_or(|end| work.ack <= end));
            }
            Frame::Answer { corr, request, payload } => {
                let granted = serde_json::from_slice::<Value>(&payload).expect("an answer is JSON")["granted"] == true;
                if let Some((run, work)) = self.calls.iter_mut().find(|(_, work)| work.corr == corr) {
                    history.add(What::Answered { run: run.clone(), request, granted });
                    (work.answered, work.due) = (true, Instant::now());
                }
            }
            Frame::Cancel { corr } => {
                if let Some(work) = self.calls.values_mut().find(|work| work.corr == corr) {
                    work.cancelled = true;
                }
            }
            _ => {}
        }
    }

    /// What it has to say by now.
    pub fn due(&mut self) -> Vec<Frame> {
        let now = Instant::now();
        self.calls.values_mut().flat_map(|work| work.due(now)).collect()
    }
}

impl Work {
    fn new(call: &CallFrame) -> Self {
        let payload: Value = serde_json::from_slice(&call.payload).expect("the client's payload is JSON");
        let number = |name: &str| payload[name].as_u64().unwrap_or_default();
        let checkpoint = call.checkpoint.as_deref().map(|bytes| std::str::from_utf8(bytes).expect("as it was written"));
        let base = checkpoint.map_or(0, |checkpoint| checkpoint.parse().expect("a number"));
        Self {
            corr: call.corr,
            message: call.message.clone(),
            base,
            events: number("texts") - base,
            bytes: usize::try_from(number("bytes")).expect("small"),
            pace: Duration::from_millis(number("pace")),
            end: payload["end"].as_str().unwrap_or_default().to_owned(),
            next: 0,
            ended: None,
            ack: 0,
            window: call.window.expect("a window"),
            cancelled: false,
            due: Instant::now() + Duration::from_millis(number("thinks")),
            // A call that goes on from there has its answer.
            asks_at: (payload["asks"] == true && base == 0).then(|| number("texts") / 2),
            answered: false,
            attempt: call.attempt,
        }
    }

    /// Whether it has asked, and was not answered.
    fn waits(&self) -> bool {
        self.asks_at.is_some_and(|at| at < self.next) && !self.answered
    }

    fn due(&mut self, now: Instant) -> Vec<Frame> {
        let mut frames = Vec::new();
        while self.ended.is_none() && self.due <= now && !self.cancelled && !self.waits() && self.next < self.events {
            if self.next >= self.ack + self.window {
                return frames;
            }
            frames.push(self.event(self.next));
            self.next += 1;
            self.due = if self.pace.is_zero() { now } else { self.due + self.pace };
        }
        let is_done = self.next >= self.events && self.end != "never";
        if self.ended.is_none() && (self.cancelled || (is_done && !self.waits())) {
            self.ended = Some(self.next);
            frames.push(self.terminal());
        }
        frames
    }

    fn event(&self, number: u64) -> Frame {
        if self.asks_at == Some(number) {
            let payload = Bytes::from_static(br#"{"kind":"approval","message":"Shall I go on?"}"#);
            let (corr, request) = (self.corr, QUESTION.to_owned());
            let checkpoint = Some(Bytes::from((number + 1).to_string()));
            return Frame::Ask(Ask { corr, seq: number, request, codec: Codec::Json, payload, checkpoint });
        }
        let (seq, number) = (number, self.base + number);
        let (kind, payload) = if is_other(number) {
            let kind = ChunkKind::Event { name: "tool_output".to_owned(), codec: Codec::Json };
            (kind, json!({ "number": number, "message": self.message }).to_string())
        } else {
            (ChunkKind::Text, text(&self.message, number, self.bytes))
        };
        Frame::Chunk(Chunk { corr: self.corr, seq, kind, payload: Bytes::from(payload), buffers: Vec::new() })
    }

    fn terminal(&self) -> Frame {
        let (corr, seq) = (self.corr, self.next);
        let error = |code: &str| {
            let error = WorkerError { code: code.to_owned(), message: "as asked".to_owned(), ..WorkerError::default() };
            Frame::Error { corr, seq: Some(seq), error }
        };
        match &*self.end {
            _ if self.cancelled => error("cancelled"),
            "fails" => error("upstream_error"),
            "returns" => {
                let payload = Bytes::from_static(b"true");
                Frame::Result { corr, seq, codec: Codec::Json, payload, buffers: Vec::new() }
            }
            _ => Frame::End { corr, seq },
        }
    }
}

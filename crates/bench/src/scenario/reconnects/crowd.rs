//! The clients: each asks for a stream, loses its connection at its own times and once with many others, comes back, and
//! counts what it has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::link::{Heard, Left, Link};
use super::random::Random;
use crate::clock;
use crate::scenario::numbered::{Tally, tokens};
use crate::statistics::Latencies;

/// How long everyone is away: long enough to miss something.
pub(super) const AWAY: Duration = Duration::from_secs(5);

/// After a connect that failed.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

/// Of each client: so few of one address of the load that connections that have ended do not use up its ports.
const ADDRESS_SHARE: usize = 20;

/// What happens when, by the monotonic clock.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) server: SocketAddr,
    pub(super) clients: usize,
    /// Clients that the cut takes.
    pub(super) cut: usize,
    /// When all streams are over.
    pub(super) ends: Duration,
    pub(super) every: Duration,
    pub(super) begins: Duration,
    /// Over which the streams begin one after the other.
    pub(super) ramp: Duration,
    /// Until when connections are lost at random, from the end of the ramp on.
    pub(super) kills_end: Duration,
    /// Mean time between two losses of one client.
    pub(super) kill_every: Duration,
    pub(super) cut_at: Duration,
}

/// What a client found.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) tally: Tally,
    /// From the new connection's begin to the last token that was missed.
    pub(super) replays: Latencies,
    /// The same after the cut.
    pub(super) returns: Latencies,
    pub(super) connects: u32,
    pub(super) failed_connects: u32,
    /// Returns where the server did not go on from where the connection was lost.
    pub(super) not_resumed: u32,
    /// Clients that tried for [`GIVE_UP_AFTER`] and were not let in.
    pub(super) gave_up: u32,
    /// Connections that the server, or nobody, ended.
    pub(super) unplanned: u32,
    /// Records that did not follow the one before them, and runs that failed.
    pub(super) broken: u32,
    /// What one of those said, or of those that gave up.
    pub(super) broken_first: Option<String>,
}

impl Outcome {
    /// Adds another client's.
    pub(super) fn merge(&mut self, other: Self) {
        self.tally.merge(other.tally);
        self.replays.append(other.replays);
        self.returns.append(other.returns);
        self.connects += other.connects;
        self.failed_connects += other.failed_connects;
        self.not_resumed += other.not_resumed;
        self.gave_up += other.gave_up;
        self.unplanned += other.unplanned;
        self.broken += other.broken;
        self.broken_first = self.broken_first.take().or(other.broken_first);
    }
}

/// A return that is not complete: since when, and when the last of what was missed came.
#[derive(Debug)]
struct Return {
    scheduled: Duration,
    last: Duration,
    is_of_cut: bool,
}

/// One client.
#[derive(Debug)]
struct Member {
    number: usize,
    plan: Arc<Plan>,
    random: Random,
    next_kill: Duration,
    is_cut_ahead: bool,
    catching_up: Option<Return>,
    outcome: Outcome,
}

/// Why a connection is read no further.
enum Pause {
    Ended,
    Killed,
    Cut,
    Lost,
}

/// The address of the load that a client connects from, as [`crate::client::connect_tcp`] wants it.
pub(super) const fn connection_number(client: usize) -> usize {
    client * ADDRESS_SHARE
}

/// Lives through the plan.
pub(super) async fn live(number: usize, mut link: Link, plan: Arc<Plan>) -> anyhow::Result<Outcome> {
    let mut member = Member::new(number, plan);
    let begins = member.own_begin();
    sleep(begins.saturating_sub(clock::now())).await;
    let tokens = u32::try_from(member.plan.ends.saturating_sub(begins).as_millis() / member.plan.every.as_millis())?;
    link.ask(tokens, u32::try_from(member.plan.every.as_millis())?).await?;
    loop {
        let pause = member.listen(&mut link).await;
        let is_of_cut = matches!(pause, Pause::Cut);
        let away = match pause {
            Pause::Ended => break,
            Pause::Killed => AWAY,
            Pause::Cut => (member.plan.cut_at + AWAY).saturating_sub(clock::now()),
            Pause::Lost => {
                member.outcome.unplanned += 1;
                Duration::ZERO
            }
        };
        let left = link.cut();
        member.caught_up();
        let scheduled = clock::now() + away;
        sleep(away).await;
        let Some(back) = member.come_back(left, scheduled, is_of_cut).await else { break };
        link = back;
    }
    member.caught_up();
    member.outcome.tally.close(tokens);
    Ok(member.outcome)
}

impl Member {
    fn new(number: usize, plan: Arc<Plan>) -> Self {
        let mut random = Random::new(number);
        let next_kill = plan.begins + plan.ramp + random.around(plan.kill_every);
        let is_cut_ahead = number < plan.cut;
        Self { number, plan, random, next_kill, is_cut_ahead, catching_up: None, outcome: Outcome::default() }
    }

    fn own_begin(&self) -> Duration {
        self.plan.begins + self.plan.ramp.mul_f64(as_f64(self.number) / as_f64(self.plan.clients))
    }

    /// Reads until the stream or the connection ends. One that is still catching up is not killed, only cut.
    async fn listen(&mut self, link: &mut Link) -> Pause {
        loop {
            let heard = tokio::select! {
                heard = link.receive() => heard,
                () = until(self.kill_ahead()) => return Pause::Killed,
                () = until(self.is_cut_ahead.then_some(self.plan.cut_at)) => {
                    self.is_cut_ahead = false;
                    return Pause::Cut;
                }
            };
            match heard {
                Ok(Heard::Text(text)) => self.count(&text),
                Ok(Heard::End) => return Pause::Ended,
                Ok(Heard::Broken(why)) => {
                    self.outcome.broken += 1;
                    self.outcome.broken_first.get_or_insert(why);
                    return Pause::Ended;
                }
                Ok(Heard::Other) => {}
                Err(_) => return Pause::Lost,
            }
        }
    }

    fn kill_ahead(&self) -> Option<Duration> {
        (self.catching_up.is_none() && self.next_kill < self.plan.kills_end).then_some(self.next_kill)
    }

    fn count(&mut self, text: &str) {
        let now = clock::now();
        for token in tokens(text) {
            self.outcome.tally.add(token);
            match &mut self.catching_up {
                Some(back) if token.made < back.scheduled => back.last = now,
                Some(_) => self.caught_up(),
                None => {}
            }
        }
    }

    /// Ends a return; one that is interrupted counts as long as it has lasted.
    fn caught_up(&mut self) {
        if let Some(Return { scheduled, last, is_of_cut }) = self.catching_up.take() {
            let latencies = if is_of_cut { &mut self.outcome.returns } else { &mut self.outcome.replays };
            latencies.add(last.saturating_sub(scheduled));
            self.next_kill = clock::now() + self.random.around(self.plan.kill_every);
        }
    }

    /// A new connection; none where the server does not go on, because then nothing more can come.
    async fn come_back(&mut self, left: Left, scheduled: Duration, is_of_cut: bool) -> Option<Link> {
        loop {
            self.outcome.connects += 1;
            match Link::resume(left.clone(), self.plan.server, connection_number(self.number)).await {
                Ok((link, true)) => {
                    self.catching_up = Some(Return { scheduled, last: clock::now(), is_of_cut });
                    return Some(link);
                }
                Ok((_, false)) => {
                    self.outcome.not_resumed += 1;
                    return None;
                }
                Err(error) => {
                    self.outcome.failed_connects += 1;
                    if clock::now().saturating_sub(scheduled) > GIVE_UP_AFTER {
                        self.outcome.gave_up += 1;
                        self.catching_up = Some(Return { scheduled, last: clock::now(), is_of_cut });
                        self.caught_up();
                        self.outcome.broken_first.get_or_insert(format!("a client could not come back: {error:#}"));
                        return None;
                    }
                    sleep(TRY_AGAIN_AFTER).await;
                }
            }
        }
    }
}

/// Until this time of the monotonic clock; never, if there is none.
async fn until(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time.saturating_sub(clock::now())).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^53 clients")]
const fn as_f64(count: usize) -> f64 {
    count as f64
}

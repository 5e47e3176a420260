//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! The admission worker. Each line is led by one worker at a time, by a lease that the
//! admission script itself takes and renews; but even without it the script would admit
//! nobody twice. A worker also takes the gone out of its lines, reserves numbers ahead, and
//! notes in Postgres what must survive the loss of Redis; it does so beside the passes, which
//! need Redis alone and must not wait for Postgres.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tracing::warn;
use urr_contract::EventId;
use urr_kit::{Runtime, telemetry::chain};
use uuid::Uuid;

use crate::{
    State,
    domain::snapshot::Snapshot,
    lines::or_log,
    redis::{ADMISSION_BATCH, Admitted, Ended},
    store::{
        lines,
        revocations::{self, Revocation},
        slots::{self, NotedSlot},
    },
};

/// How often a busy line is passed. Much shorter than the second that the rate bucket
/// holds, so that no part of the rate is ever lost.
const PASS_EVERY: Duration = Duration::from_millis(200);
/// How often a line is passed in which nobody waits: joins enter by themselves then.
const IDLE_PASS_EVERY: Duration = Duration::from_secs(1);
/// How often a line is looked at whose sale is long over: it may be moved.
const PAST_PASS_EVERY: Duration = Duration::from_mins(1);
/// How often the lines in use are looked up, and each is noted in Postgres.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// The longest that one line's upkeep, or the look for lines, may take: Postgres may hang.
const UPKEEP_LIMIT: Duration = Duration::from_secs(5);
/// Lines passed, or kept up, at the same time.
const CONCURRENCY: usize = 32;
/// Calls in one pass while each lets in as many as one call may.
const CALLS_PER_PASS: usize = 20;

/// One worker.
#[derive(Debug)]
pub struct Worker {
    state: Arc<State>,
    owner: String,
    served: Mutex<HashMap<EventId, Served>>,
}

/// What a worker remembers of a line.
#[derive(Clone, Debug)]
struct Served {
    next_pass: Instant,
    next_note: Instant,
    next_sweep: Instant,
    leads: bool,
    /// Redis does not know the line, or not all that it once knew.
    is_lost: bool,
    /// Nobody is heard of.
    is_silent: bool,
    waiting: u64,
    inside: u64,
    /// What Postgres has; `None` until this worker has made it so.
    noted: Option<Noted>,
}

/// What Postgres has of the people inside.
#[derive(Clone, Debug)]
struct Noted {
    epoch: u32,
    inside: HashMap<i64, NotedSlot>,
    /// Of ended admissions, all whose tokens end up to this second.
    ended_to: i64,
}

/// Starts a worker that gives its leases back at shutdown.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    let worker = Arc::new(Worker::new(Arc::clone(state)));
    let mut next_look = Instant::now();
    let keep_up = move |worker: Arc<Worker>| {
        let is_due = Instant::now() >= next_look;
        if is_due {
            next_look = Instant::now() + NOTE_EVERY;
        }
        async move {
            if is_due && let Err(error) = in_time(worker.look_for_lines()).await {
                warn!(error = %chain(&*error), "cannot look up the lines in use");
            }
            worker.keep_up_all().await;
            Ok(())
        }
    };
    runtime
        .tasks
        .every("upkeep of lines", PASS_EVERY, &worker, keep_up);
    let tasks = runtime.tasks.clone();
    runtime.tasks.spawn("admission", async move {
        while !tasks.sleep(PASS_EVERY).await {
            worker.pass_all().await;
        }
        worker.release_all().await;
    });
}

async fn in_time<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(UPKEEP_LIMIT, work).await?
}

impl Worker {
    /// A worker that serves nothing yet.
    pub fn new(state: Arc<State>) -> Self {
        Self {
            state,
            owner: Uuid::new_v4().to_string(),
            served: Mutex::default(),
        }
    }

    /// Serves the lines that are in use, and no others.
    pub async fn look_for_lines(&self) -> anyhow::Result<()> {
        let events = lines::in_use(&self.state.pool).await?;
        self.state.lines.forget_unused();
        let mut served = self.served.lock();
        served.retain(|event, _| events.contains(event));
        for event in events {
            let begun = Instant::now();
            served.entry(event).or_insert_with(|| Served {
                next_pass: begun,
                next_note: begun,
                next_sweep: begun + self.state.settings.sweep_every,
                leads: false,
                is_lost: false,
                is_silent: false,
                waiting: 0,
                inside: 0,
                noted: None,
            });
        }
        self.gauge(&served);
        Ok(())
    }

    fn gauge(&self, served: &HashMap<EventId, Served>) {
        let sum = |part: fn(&Served) -> u64| {
            let led = served.values().filter(|served| served.leads);
            i64::try_from(led.map(part).sum::<u64>()).unwrap_or(i64::MAX)
        };
        self.state.metrics.waiting.set(sum(|served| served.waiting));
        self.state.metrics.inside.set(sum(|served| served.inside));
    }

    /// Passes every line whose time has come.
    pub async fn pass_all(&self) {
        let now = Instant::now();
        let due: Vec<EventId> = {
            let served = self.served.lock();
            let due = served.iter().filter(|(_, served)| served.next_pass <= now);
            due.map(|(event, _)| *event).collect()
        };
        stream::iter(due)
            .for_each_concurrent(CONCURRENCY, async |event| {
                if let Err(error) = self.lead(event).await {
                    tracing::debug!(event.id = %event, error = %chain(&*error), "a pass failed");
                }
            })
            .await;
    }

    /// One pass of one line with all its upkeep: what the two loops of a worker do.
    pub async fn pass(&self, event: EventId) -> anyhow::Result<Admitted> {
        let mut admitted = self.lead(event).await?;
        if is_lost(&admitted) {
            let line = self.state.lines.line(event);
            self.state.lines.renew(&line).await?;
            admitted = self.lead(event).await?;
        }
        if leads(&admitted) {
            self.note(event, is_silent(&admitted)).await?;
            self.sweep(event).await?;
        }
        Ok(admitted)
    }

    /// Lets people in, where this worker leads. Redis is all that this waits for.
    async fn lead(&self, event: EventId) -> anyhow::Result<Admitted> {
        let admitted = self.admit(event).await;
        self.schedule(event, admitted.as_ref().ok());
        admitted
    }

    /// Does what is due for every line that this worker leads, or that Redis has lost.
    pub async fn keep_up_all(&self) {
        let now = Instant::now();
        let due: Vec<(EventId, bool)> = {
            let served = self.served.lock();
            let due = served
                .iter()
                .filter(|(_, served)| served.is_lost || (served.leads && served.next_note <= now));
            due.map(|(event, served)| (*event, served.is_silent))
                .collect()
        };
        stream::iter(due)
            .for_each_concurrent(CONCURRENCY, async |(event, silent)| {
                if let Err(error) = in_time(self.keep_up(event, silent)).await {
                    tracing::debug!(event.id = %event, error = %chain(&*error), "cannot note a line");
                }
            })
            .await;
    }

    async fn keep_up(&self, event: EventId, is_silent: bool) -> anyhow::Result<()> {
        let sweep = {
            let now = Instant::now();
            let mut all = self.served.lock();
            let Some(served) = all.get_mut(&event) else {
                return Ok(());
            };
            served.is_lost = false;
            served.next_note = now + NOTE_EVERY;
            let sweep = served.next_sweep <= now;
            if sweep {
                served.next_sweep = now + self.state.settings.sweep_every;
            }
            sweep
        };
        if sweep {
            self.sweep(event).await?;
        }
        self.note(event, is_silent).await
    }

    /// Takes the gone out of the line, and out of Postgres what is over. Tells gateways of
    /// the line again, whatever became of the set that does.
    async fn sweep(&self, event: EventId) -> anyhow::Result<()> {
        let rooms = self.state.lines.rooms();
        rooms.announce(&[event]).await?;
        let gone = rooms.line(event).sweep().await?;
        self.state.metrics.gone.inc_by(gone);
        Ok(revocations::forget_over(&self.state.pool, event).await?)
    }

    async fn admit(&self, event: EventId) -> anyhow::Result<Admitted> {
        let rooms = self.state.lines.rooms();
        let mut total = rooms.line(event).admit(&self.owner).await?;
        let mut last = total.clone();
        for _ in 1..CALLS_PER_PASS {
            if last.admitted < ADMISSION_BATCH && last.ended < ADMISSION_BATCH {
                break;
            }
            last = rooms.line(event).admit(&self.owner).await?;
            total = Admitted {
                admitted: total.admitted + last.admitted,
                ended: total.ended + last.ended,
                ..last.clone()
            };
        }
        self.state.metrics.admitted.inc_by(total.admitted);
        self.state.metrics.slots_ended.inc_by(total.ended);
        Ok(total)
    }

    /// Remembers what a pass found; `None` where it failed.
    fn schedule(&self, event: EventId, admitted: Option<&Admitted>) {
        let mut all = self.served.lock();
        let Some(served) = all.get_mut(&event) else {
            return;
        };
        let is_busy = admitted.is_some_and(|admitted| {
            admitted.backlog || admitted.admitted > 0 || admitted.ended > 0 || is_lost(admitted)
        });
        let pause = if is_busy { PASS_EVERY } else { IDLE_PASS_EVERY };
        // Whoever waits for the opening must not wait for a pass as well.
        let opens_in = admitted.map(|admitted| admitted.opens_in_ms);
        let opens_in = opens_in.filter(|opens_in| *opens_in > 0);
        let pause = opens_in.map_or(pause, |opens_in| pause.min(Duration::from_millis(opens_in)));
        served.next_pass = Instant::now() + pause;
        served.is_lost = admitted.is_some_and(is_lost);
        served.is_silent = admitted.is_some_and(is_silent);
        served.leads = admitted.is_some_and(leads);
        if !served.leads {
            // Whoever leads now changes what Postgres has.
            served.noted = None;
        }
    }

    /// Notes who is inside and how far people were called, and reserves numbers ahead.
    async fn note(&self, event: EventId, is_silent: bool) -> anyhow::Result<()> {
        let line = self.state.lines.line(event);
        self.state.lines.renew(&line).await?;
        let Some(view) = line.view() else {
            return Ok(());
        };
        let snapshot = &view.snapshot;
        if snapshot.is_past() {
            if let Some(served) = self.served.lock().get_mut(&event) {
                served.next_pass = Instant::now() + PAST_PASS_EVERY;
            }
            return Ok(());
        }
        let pool = &self.state.pool;
        // People of whom nobody is heard may be long gone: they do not keep a line in use.
        let is_used = !is_silent && (snapshot.waiting.total() > 0 || !snapshot.slots.is_empty());
        let serving = i64::try_from(snapshot.serving)?;
        let admitted = i64::try_from(snapshot.admitted)?;
        lines::note_serving(pool, event, serving, admitted, is_used).await?;
        // Until all is given back after a loss, Postgres knows better than Redis.
        if snapshot.is_whole() {
            self.note_inside(event, snapshot).await?;
        }
        if let Some(served) = self.served.lock().get_mut(&event) {
            served.waiting = snapshot.waiting.total();
            served.inside = snapshot.inside(view.now_ms);
        }
        let left = snapshot.reserved_to.saturating_sub(snapshot.last_number);
        if left < u64::from(self.state.settings.number_block) / 2 {
            self.state
                .lines
                .reserve(event, snapshot.last_number)
                .await?;
        }
        Ok(())
    }

    /// Makes Postgres know who is inside, whose slots they are, and which admissions ended.
    async fn note_inside(&self, event: EventId, snapshot: &Snapshot) -> anyhow::Result<()> {
        let before = self
            .noted(event)
            .filter(|noted| noted.epoch == snapshot.epoch);
        let ended_to = before.as_ref().map_or(0, |noted| noted.ended_to);
        let keys = self.state.lines.rooms().line(event);
        let ended = keys.ended_after(ended_to).await?;
        let noted = Noted {
            epoch: snapshot.epoch,
            inside: as_noted(snapshot)?,
            ended_to: self.all_ended_to(snapshot, ended_to, &ended),
        };
        let is_news = !ended.is_empty()
            || before
                .as_ref()
                .is_none_or(|before| before.inside != noted.inside);
        let is_noted = !is_news
            || self
                .write_note(event, snapshot.taken_ms, before, &noted, &ended)
                .await?;
        let mut all = self.served.lock();
        if let Some(served) = all.get_mut(&event).filter(|served| served.leads) {
            served.noted = is_noted.then_some(noted);
        }
        Ok(())
    }

    /// The second up to which no further admission can end: those that end from now on
    /// have tokens that live longer.
    fn all_ended_to(&self, snapshot: &Snapshot, before: i64, ended: &[Ended]) -> i64 {
        let ttl = snapshot
            .rules
            .as_ref()
            .map_or(self.state.settings.token_ttl_seconds, |rules| {
                rules.token_ttl_seconds
            });
        let over = (snapshot.taken_ms / 1000 - 1).saturating_add_unsigned(ttl);
        let newest = ended.iter().map(|(_, tokens_end)| *tokens_end).max();
        newest.map_or(before, |newest| newest.min(over).max(before))
    }

    /// False where another worker has noted something newer.
    async fn write_note(
        &self,
        event: EventId,
        taken_ms: i64,
        before: Option<Noted>,
        noted: &Noted,
        ended: &[Ended],
    ) -> anyhow::Result<bool> {
        let mut transaction = self.state.pool.begin().await?;
        let epoch = i32::try_from(noted.epoch)?;
        if !lines::begin_note(&mut *transaction, event, epoch, taken_ms).await? {
            return Ok(false);
        }
        let before = match before {
            Some(before) => before.inside,
            None => by_number(slots::of_event(&mut *transaction, event).await?),
        };
        let (new, over) = difference(&before, &noted.inside);
        if !over.is_empty() {
            slots::forget(&mut *transaction, event, &over).await?;
        }
        if !new.is_empty() {
            slots::note(&mut *transaction, event, &new).await?;
        }
        if !ended.is_empty() {
            let ended: Vec<_> = ended.iter().copied().map(as_revocation).collect();
            revocations::note(&mut *transaction, event, &ended).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    fn noted(&self, event: EventId) -> Option<Noted> {
        self.served.lock().get(&event)?.noted.clone()
    }

    /// Gives all leases back, so that another worker need not wait for their end.
    pub async fn release_all(&self) {
        let served: Vec<EventId> = self.served.lock().keys().copied().collect();
        let rooms = self.state.lines.rooms();
        for event in served {
            or_log(
                rooms.line(event).release(&self.owner).await,
                "a lease could not be given back",
            );
        }
    }
}

fn leads(admitted: &Admitted) -> bool {
    admitted.status != "busy" && !is_lost(admitted)
}

fn is_lost(admitted: &Admitted) -> bool {
    matches!(admitted.status.as_str(), "unloaded" | "behind")
}

fn is_silent(admitted: &Admitted) -> bool {
    admitted.status == "silent"
}

fn by_number(slots: impl IntoIterator<Item = NotedSlot>) -> HashMap<i64, NotedSlot> {
    let slots = slots.into_iter();
    slots.map(|slot| (slot.number, slot)).collect()
}

fn as_noted(snapshot: &Snapshot) -> anyhow::Result<HashMap<i64, NotedSlot>> {
    let slots = snapshot.slots.iter().map(|(number, slot)| {
        let number = i64::try_from(*number)?;
        let noted = NotedSlot {
            number,
            admission_id: slot.admission,
            appeared: slot.appeared,
            person: slot.person,
            since_ms: slot.since_ms,
        };
        Ok((number, noted))
    });
    slots.collect()
}

fn as_revocation((admission_id, tokens_end_at): Ended) -> Revocation {
    Revocation {
        admission_id,
        tokens_end_at,
    }
}

/// Slots to note and numbers to forget, so that `before` becomes `noted`.
fn difference(
    before: &HashMap<i64, NotedSlot>,
    noted: &HashMap<i64, NotedSlot>,
) -> (Vec<NotedSlot>, Vec<i64>) {
    let new = noted
        .values()
        .filter(|slot| before.get(&slot.number) != Some(slot))
        .copied();
    let over = before
        .keys()
        .filter(|number| !noted.contains_key(number))
        .copied();
    (new.collect(), over.collect())
}

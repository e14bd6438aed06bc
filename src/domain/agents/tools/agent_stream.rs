//! `agent_stream`: an agent runs, told as it goes.

use futures::future::BoxFuture;
use tokio::sync::mpsc;

use crate::capability::Streaming;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::engine::input::Input;
use crate::domain::agents::engine::running::Run;
use crate::domain::agents::engine::telling::Item;
use crate::domain::agents::finding::load;
use crate::kernel::fault::Fault;

/// Runs an agent and tells of it as it goes.
pub(in crate::domain::agents) struct AgentStream;

/// So many pieces wait for a slow reader before the run does.
const WAITING: usize = 16;

impl Streaming for AgentStream {
    type Input = Input;
    type Item = Item;
    const SPEC: Spec = Spec::create(
        "agent_stream",
        Domain::Agents,
        Route::post("/agents/{id}/stream"),
        Permit::on(Resource::Runs, Action::Create),
        "Runs an agent as agent_invoke does and tells of it as it goes: steps, words of the model, tools that start and end, and last the whole \
         answer.",
    )
    .reaches()
    .spends();

    async fn run(
        cx: &Cx,
        input: Input,
    ) -> Result<impl futures::Stream<Item = Result<Item, Fault>> + Send + 'static, Fault> {
        let (items, heard) = mpsc::channel(WAITING);
        let agent = load(cx, &input.id, Action::Read).await?;
        let run = Box::pin(Run::prepare(cx, agent, &input, Some(items))).await?;
        let going = Going { work: Some(Box::pin(run.told())), heard, end: None };
        Ok(futures::stream::unfold(going, Going::next))
    }
}

/// A run that goes on as long as somebody reads: whoever stops reading drops it.
struct Going {
    work: Option<BoxFuture<'static, Result<Item, Fault>>>,
    heard: mpsc::Receiver<Item>,
    end: Option<Result<Item, Fault>>,
}

impl Going {
    async fn next(mut self) -> Option<(Result<Item, Fault>, Self)> {
        if let Some(work) = &mut self.work {
            tokio::select! {
                biased;
                Some(item) = self.heard.recv() => return Some((Ok(item), self)),
                end = work => self.end = Some(end),
            }
            self.work = None;
        }
        // What was told just before the end comes before it.
        match self.heard.try_recv() {
            Ok(item) => Some((Ok(item), self)),
            Err(_) => self.end.take().map(|end| (end, self)),
        }
    }
}

//! Asking the installation of the data folder: through its owner, or by owning it for the time of the question.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::exit::Failure;
use super::house::{House, Plan};
use super::output;
use crate::kernel::id::new_uuid;
use crate::runtime::owner::calls::{self, Through};
use crate::runtime::owner::join::{Breaches, Joined, PATIENCE, join};
use crate::runtime::owner::protocol::{Told, What, Wish};

/// Asks, and tells what is answered as it comes. Should the owner go meanwhile, the next one is asked: a call has a key by
/// which it happens once.
pub(super) async fn ask(plan: &Plan, what: What, told: mpsc::Sender<Told>) -> Result<(), Failure> {
    let what = keyed(plan, what);
    let mut heard = 0;
    let mut breaches = Breaches::default();
    loop {
        match join(plan.data(), &plan.holder(), &Wish::Call, PATIENCE).await? {
            Joined::Guest(mut owner) => {
                let before = heard;
                if calls::through(&mut owner, what.clone(), &told, &mut heard).await? == Through::Told {
                    return Ok(());
                }
                if heard > before {
                    breaches.forget();
                }
                breaches.pause(plan.data()).await?;
            }
            Joined::Owner(lock) => {
                let house = plan.open(lock).await?;
                own(&house, what, &told, heard).await;
                house.close().await;
                return Ok(());
            }
        }
    }
}

async fn own(house: &House, what: What, told: &mpsc::Sender<Told>, heard: usize) {
    if house.app.first_key().is_some() && output::is_watched() {
        output::note("This was the first start on the data folder. 'convoke keys reset' shows an administrator key.");
    }
    let (all, mut answers) = mpsc::channel::<Told>(16);
    let hand_on = async {
        let mut skip = heard;
        while let Some(answer) = answers.recv().await {
            if answer.counts() && skip > 0 {
                skip -= 1;
                continue;
            }
            if told.send(answer).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(calls::run(house.app.gate(), what, all, CancellationToken::new()), hand_on);
}

fn keyed(plan: &Plan, what: What) -> What {
    match what {
        What::Call { tool, input, idempotency_key: None } => {
            let key = new_uuid(plan.clock.now()).to_string();
            What::Call { tool, input, idempotency_key: Some(key) }
        }
        other => other,
    }
}

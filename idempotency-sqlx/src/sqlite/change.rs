//! Changes: all operations that write, and the claims that are answered without writing.

use idempotency_core::store::{Claim, Claimed};
use idempotency_core::{KeyDigest, StoreError};
use tokio::time::Instant;

use super::Shared;
use super::decide::{Decision, Operation};
use super::fault::Fault;
use super::found::Found;
use super::locked::find;
use super::transaction::Transaction;

impl Shared {
    /// Claims a key. Only a claim that may be granted takes the write lock.
    pub(super) async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let deadline = self.deadline();
        match self.answer_of_duplicate(claim, deadline).await? {
            Some(answer) => Ok(answer),
            None => Ok(self.change(&claim, deadline).await?),
        }
    }

    /// Claims several keys, those that may be granted in one transaction.
    pub(super) async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        let deadline = self.deadline();
        let (mut answers, mut open) = (Vec::new(), Vec::new());
        for (place, claim) in claims.iter().enumerate() {
            match self.answer_of_duplicate(claim, deadline).await.transpose() {
                Some(answer) => answers.push((place, answer.map_err(StoreError::from))),
                None => open.push((place, claim)),
            }
        }
        let claims: Vec<_> = open.iter().map(|(_, claim)| *claim).collect();
        let granted = self.change_many_by(&claims, deadline).await;
        answers.extend(open.into_iter().map(|(place, _)| place).zip(granted));
        in_order(answers)
    }

    /// Carries out several operations in one transaction.
    pub(super) async fn change_many<O: Operation>(
        &self,
        operations: &[O],
    ) -> Vec<Result<O::Answer, StoreError>> {
        self.change_many_by(operations, self.deadline()).await
    }

    /// Carries out one operation.
    pub(super) async fn change_one<O: Operation>(&self, operation: O) -> Result<O::Answer, StoreError> {
        Ok(self.change(&operation, self.deadline()).await?)
    }

    async fn change_many_by<O: Operation>(
        &self,
        operations: &[O],
        deadline: Instant,
    ) -> Vec<Result<O::Answer, StoreError>> {
        match self.change_all(operations, deadline).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(fault) => operations.iter().map(|_| Err(fault.clone().into())).collect(),
        }
    }

    async fn change<O: Operation>(&self, operation: &O, deadline: Instant) -> Result<O::Answer, Fault> {
        let answers = self.change_all(std::slice::from_ref(operation), deadline).await?;
        Ok(answers.into_iter().next().expect("there is an answer to each operation"))
    }

    /// Carries out all operations in one transaction, in the order of their keys' digests. Returns their answers in
    /// the order of the operations.
    ///
    /// Atomic: the transaction has the write lock while it reads, decides and writes. A record and its mark change
    /// together.
    async fn change_all<O: Operation>(
        &self,
        operations: &[O],
        deadline: Instant,
    ) -> Result<Vec<O::Answer>, Fault> {
        if operations.is_empty() {
            return Ok(Vec::new());
        }
        let mut sorted: Vec<_> = operations.iter().enumerate().collect();
        sorted.sort_by_key(|(_, operation)| operation.digest());
        let mut transaction = self.begin(deadline).await?;
        // Read under the lock, so that times of changes are in the order of the changes.
        let now = self.now();
        let (mut answers, mut freed) = (Vec::new(), Vec::new());
        for (place, operation) in sorted {
            let changed = transaction.locked().change(operation, &self.namespace, now).await?;
            answers.push((place, changed.answer));
            if changed.is_free {
                freed.push(operation.digest());
            }
        }
        transaction.commit().await?;
        freed.into_iter().for_each(|digest| self.waiters.wake(digest));
        Ok(in_order(answers))
    }

    /// Answers a claim that is not granted from a plain read, which needs no lock. `None` if it may be granted.
    async fn answer_of_duplicate(&self, claim: &Claim, deadline: Instant) -> Result<Option<Claimed>, Fault> {
        let digest = claim.key.digest();
        self.prepare(deadline).await?;
        let found = self.read(digest, deadline).await?;
        let now = self.now();
        if found.live(now).is_none() {
            return Ok(None);
        }
        let Decision { answer, write } = claim.decide(&found, now);
        let is_final = match answer {
            // A later read would show the same, so these answers do not depend on when the clock was read.
            Claimed::Completed(_) | Claimed::Mismatch => true,
            // The clock was read after the record. Between the two, the lease may have been renewed.
            Claimed::InFlight { .. } | Claimed::InDoubt => {
                self.read(digest, deadline).await?.is_same_row(&found)
            }
            Claimed::Granted(_) => write.is_none(),
            Claimed::Stale { .. } => false,
        };
        Ok(is_final.then_some(answer))
    }

    /// Waits for the write lock.
    pub(super) async fn begin(&self, deadline: Instant) -> Result<Transaction<'_>, Fault> {
        self.prepare(deadline).await?;
        Transaction::begin(&self.writer, &self.statements, deadline).await
    }

    /// Reads a record as it was at some time during this call.
    pub(super) async fn read(&self, digest: KeyDigest, deadline: Instant) -> Result<Found, Fault> {
        let mut lent = self.readers.lend(deadline).await?;
        let found = find(&mut lent.connection, &self.statements, deadline, digest, None).await?;
        lent.give_back();
        Ok(found)
    }
}

fn in_order<A>(mut answers: Vec<(usize, A)>) -> Vec<A> {
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

//! How a counterexample prints operations.

use std::fmt;

use super::{Action, Answer, Micros, Operation};

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Micros| format!("{}.{:03}", time / 1000, time % 1000);
        let end = self.answer.map_or_else(|| "?".to_owned(), |(end, _)| ms(end));
        write!(f, "[{:>9} .. {end:>9}] worker {} key {} ", ms(self.call), self.worker, self.key)?;
        match self.action {
            Action::Claim { owner, fingerprint, lease, in_doubt, is_ordered } => {
                write!(f, "claim as {} for {} ms", short(owner), lease / 1000)?;
                if let Some(fingerprint) = fingerprint {
                    write!(f, ", fingerprint {}", short(fingerprint))?;
                }
                f.write_str(if in_doubt { ", at most once" } else { "" })?;
                f.write_str(if is_ordered { ", ordered" } else { "" })?;
            }
            Action::Renew { owner, fence, lease } => {
                write!(f, "renew {}/{fence} for {} ms", short(owner), lease / 1000)?;
            }
            Action::Complete { owner, fence, outcome } => {
                write!(f, "complete {}/{fence} with {}", short(owner), short(outcome))?;
            }
            Action::Release { owner, fence, how } => {
                write!(f, "release {}/{fence} as {how:?}", short(owner))?;
            }
            Action::Adopt { owner, fence, adopter, lease } => {
                write!(f, "adopt {}/{fence} as {} for {} ms", short(owner), short(adopter), lease / 1000)?;
            }
            Action::Raise { owner } => write!(f, "raise the mark for {}", short(owner))?,
            Action::GiveBack { owner, why } => write!(f, "give back the grant of {}: {why:?}", short(owner))?,
            Action::Load => f.write_str("load")?,
            Action::Forget => f.write_str("forget")?,
            Action::Resolve { outcome: None } => f.write_str("resolve as released")?,
            Action::Resolve { outcome: Some(outcome) } => {
                write!(f, "resolve as completed with {}", short(outcome))?;
            }
        }
        match self.answer {
            Some((_, Answer::Completed { outcome })) => write!(f, " -> Completed {}", short(outcome)),
            Some((_, answer)) => write!(f, " -> {answer:?}"),
            None => f.write_str(" -> ?"),
        }
    }
}

fn short(id: u64) -> String {
    format!("{:04x}", id >> 48)
}

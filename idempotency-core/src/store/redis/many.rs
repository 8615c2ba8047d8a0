//! Several commands at once: one round trip to each master that they are about.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use redis::{Pipeline, RedisResult, Value};

use super::Shared;
use super::call::Failure;
use super::command::Command;
use super::fault::{self, Verdict};
use super::link::Link;
use super::script::Script;

/// Commands for one master, each with its place among all.
type Group<'a> = Vec<(usize, &'a Command)>;

impl Shared {
    /// Sends commands, once each, and gives their replies in the same order. Those to one master share a round trip, and the
    /// masters are asked at once. What is redirected goes its own way.
    pub(super) async fn carry_out_all(self: &Arc<Self>, commands: &[Command]) -> Vec<Result<Value, Failure>> {
        let mut replies: Vec<Option<Result<Value, Failure>>> = Vec::new();
        replies.resize_with(commands.len(), || None);
        let mut groups: Vec<(Arc<Link>, Group<'_>)> = Vec::new();
        for (place, command) in commands.iter().enumerate() {
            match self.route.link(command.name()).await {
                Ok(link) => match groups.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &link)) {
                    Some((_, group)) => group.push((place, command)),
                    None => groups.push((link, vec![(place, command)])),
                },
                Err(cause) => replies[place] = Some(Err(Failure::NotSent(cause))),
            }
        }
        let sent = groups.into_iter().map(async |(link, group)| {
            let answered = self.carry_out_group(&link, &group).await;
            group.into_iter().map(|(place, _)| place).zip(answered).collect::<Vec<_>>()
        });
        for (place, reply) in join_all(sent).await.into_iter().flatten() {
            replies[place] = Some(reply);
        }
        replies.into_iter().map(|reply| reply.unwrap_or_else(|| Err(missing()))).collect()
    }

    async fn carry_out_group(
        self: &Arc<Self>,
        link: &Arc<Link>,
        group: &Group<'_>,
    ) -> Vec<Result<Value, Failure>> {
        let commands: Vec<&Command> = group.iter().map(|(_, command)| *command).collect();
        let mut replies = self.exchange_all(link, &commands, false).await;
        let unknown: Vec<usize> = places(&replies, |failure| failure.is(fault::is_unknown_script));
        if !unknown.is_empty() {
            let again: Vec<&Command> = unknown.iter().map(|place| commands[*place]).collect();
            let known = self.exchange_all(link, &again, true).await;
            for (place, reply) in unknown.into_iter().zip(known) {
                replies[place] = reply;
            }
        }
        // Not executed: the server keeps the slot no more, or moves it just now.
        let elsewhere = places(&replies, |failure| match failure {
            Failure::Sent(cause) => self.route.redirect(link, cause).is_some(),
            _ => false,
        });
        for place in elsewhere {
            replies[place] = self.carry_out(commands[place]).await;
        }
        replies
    }

    /// Sends commands to one server in one pipeline. `with_texts`, the first of each script goes by its text, which makes the
    /// server know it before it reads the next.
    async fn exchange_all(
        self: &Arc<Self>,
        link: &Link,
        commands: &[&Command],
        with_texts: bool,
    ) -> Vec<Result<Value, Failure>> {
        let mut connection = match link.connection().await {
            Ok(connection) => connection,
            Err(cause) => {
                self.route.doubt();
                return commands.iter().map(|_| Err(Failure::NotSent(cause.clone()))).collect();
            }
        };
        if !self.probed.load(Ordering::Relaxed) {
            self.start_probing();
        }
        let pipeline = pipeline(commands, with_texts);
        let sent = connection.commands.send_packed_commands(&pipeline, 0, commands.len());
        let replies: Vec<RedisResult<Value>> = match sent.await {
            Ok(replies) if replies.len() == commands.len() => {
                replies.into_iter().map(Value::extract_error).collect()
            }
            Ok(_) => commands.iter().map(|_| Err(lost_count())).collect(),
            Err(cause) => commands.iter().map(|_| Err(cause.clone())).collect(),
        };
        let verdicts = replies.iter().filter_map(|reply| reply.as_ref().err()).map(fault::verdict);
        let verdict = verdicts.max().unwrap_or(Verdict::Alive);
        if link.report(&connection, verdict) {
            self.route.doubt();
        }
        replies.into_iter().map(|reply| reply.map_err(Failure::Sent)).collect()
    }
}

fn pipeline(commands: &[&Command], with_texts: bool) -> Pipeline {
    let mut pipeline = redis::pipe();
    let mut known: Vec<*const Script> = Vec::new();
    for command in commands {
        let script = command
            .as_script()
            .map(std::ptr::from_ref)
            .filter(|script| with_texts && !known.contains(script));
        known.extend(script);
        pipeline.add_command(command.packed(script.is_some()));
    }
    pipeline
}

fn places(replies: &[Result<Value, Failure>], is_one: impl Fn(&Failure) -> bool) -> Vec<usize> {
    let failed = replies.iter().enumerate().filter_map(|(place, reply)| Some((place, reply.as_ref().err()?)));
    failed.filter(|(_, failure)| is_one(failure)).map(|(place, _)| place).collect()
}

/// A missing reply must not be taken for a nil, which grants a claim.
fn lost_count() -> redis::RedisError {
    std::io::Error::other("a reply is missing").into()
}

fn missing() -> Failure {
    Failure::Sent(lost_count())
}

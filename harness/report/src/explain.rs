//! A run's failures as text, for terminals, pipes and programs.

use crate::conversation::Execution;
use crate::run::Run;
use crate::test::Test;
use crate::text::{cut, indented, line};
use std::fmt::Write;
use std::path::Path;

/// The longest line of a conversation, in characters.
const WIDE: usize = 600;
/// Lines of a log and events of a history that are printed, the last ones.
const LAST: usize = 25;

/// Everything of the chosen tests as one JSON object, `schema` 1.
///
/// # Errors
/// Never in practice: all of it is JSON.
pub fn json(run: &Run, chosen: &[&Test]) -> anyhow::Result<String> {
    let told = serde_json::json!({
        "schema": 1, "run": run.id, "commit": run.commit, "exit_code": run.exit_code, "causes": run.causes,
        "doubts": run.doubts,
        "tests": chosen,
    });
    Ok(serde_json::to_string(&told)?)
}

/// The chosen tests, one after the other; `wanted` by name.
pub fn text(run: &Run, chosen: &[&Test], wanted: bool, dir: &Path) -> String {
    let mut text = String::new();
    let failed = run.tests.iter().filter(|test| test.failed()).count();
    let code = run
        .exit_code
        .map_or("was killed or still runs".to_owned(), |code| {
            format!("exit code {code}")
        });
    let unknown = run.tests.iter().filter(|it| it.outcome == "unknown");
    let unknown = match unknown.count() {
        0 => String::new(),
        count => format!(", of {count} it is not known"),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "run {}: {failed} of {} tests did not pass{unknown}, {code}",
        run.id,
        run.tests.len()
    );
    for doubt in &run.doubts {
        text += &indented(doubt, "  ");
    }
    for cause in &run.causes {
        text += &indented(cause, "  ");
    }
    for test in chosen {
        text += &one(test);
    }
    if chosen.is_empty() && !wanted {
        let known = if unknown.is_empty() {
            ""
        } else {
            "is known to have "
        };
        let _ = writeln!(text, "no test {known}failed");
    }
    let _ = writeln!(text, "\nall of it: {}", dir.display());
    text
}

fn one(test: &Test) -> String {
    let mut text = format!(
        "\n{} {} after {:.1} s\n",
        test.name,
        test.outcome.to_uppercase(),
        test.seconds
    );
    text += &indented(&test.first, "  ");
    if let Some(found) = &test.difference {
        let _ = writeln!(
            text,
            "  - {}{}{}",
            found.before, found.expected, found.after
        );
        let _ = writeln!(text, "  + {}{}{}", found.before, found.came, found.after);
    }
    if !test.details.is_empty() {
        text += &indented(&cut(&test.details, 4000), "  ");
    }
    if !test.steps.is_empty() {
        text += "\n  what it did\n";
        let first = test.began.unwrap_or_default();
        for step in &test.steps {
            let after = (step.at - first).max(0);
            let _ = writeln!(text, "  {:>6} ms  {}", after, cut(&step.what, WIDE));
            if step.kind == "command" {
                text += &indented(&cut(&step.detail, WIDE), "             ");
            }
        }
    }
    for execution in &test.executions {
        text += &conversation(execution);
    }
    for script in &test.scripts {
        let _ = writeln!(
            text,
            "\n  model script/{}: {} answers left",
            script.key, script.unused
        );
        for question in &script.questions {
            if question.repeated > 0 {
                let (n, repeated) = (question.n, question.repeated);
                let _ = writeln!(
                    text,
                    "  {n:>3} asked  the {repeated} messages of the request before, and"
                );
            }
            for asked in &question.asked {
                let _ = writeln!(
                    text,
                    "  {:>3} asked  {}",
                    question.n,
                    cut(&line(asked), WIDE)
                );
            }
            let said = if question.said.is_empty() {
                "nothing"
            } else {
                &question.said
            };
            let _ = writeln!(
                text,
                "  {:>3} said   {} ({})",
                question.n,
                cut(&line(said), WIDE),
                question.ended
            );
        }
    }
    for history in &test.histories {
        let _ = writeln!(text, "\n  workflow of {}", history.id);
        for event in last(&history.events) {
            let mark = if event.failed { "!" } else { " " };
            let _ = writeln!(text, "  {mark} {} {}", event.kind, event.what);
        }
    }
    for log in &test.logs {
        let _ = writeln!(text, "\n  {} said of it", log.service);
        let lines: Vec<&str> = log.text.lines().collect();
        for line in last(&lines) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

fn last<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(LAST)..]
}

fn conversation(execution: &Execution) -> String {
    let phase = if execution.phase.is_empty() {
        "of unknown state"
    } else {
        &execution.phase
    };
    let mut text = format!("\n  execution {} {phase}", execution.id);
    if !execution.why.is_empty() {
        let _ = write!(text, ": {}", line(&execution.why));
    }
    text.push('\n');
    for message in &execution.messages {
        let _ = writeln!(
            text,
            "  {:>6}  {}",
            message.role,
            cut(&line(&message.text), WIDE)
        );
        for call in &message.calls {
            let answer = if call.error.is_empty() {
                &call.result
            } else {
                &call.error
            };
            let _ = writeln!(
                text,
                "          {}({}) {} {}",
                call.name,
                cut(&call.args, WIDE),
                call.status,
                cut(&line(answer), WIDE)
            );
        }
    }
    for sub in &execution.sub_agents {
        let answer = if sub.error.is_empty() {
            &sub.output
        } else {
            &sub.error
        };
        let _ = writeln!(
            text,
            "     sub  {} was told: {}",
            sub.name,
            cut(&line(&sub.input), WIDE)
        );
        let _ = writeln!(
            text,
            "          {} {}",
            sub.status,
            cut(&line(answer), WIDE)
        );
    }
    text
}

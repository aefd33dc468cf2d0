//! Spans of the platform, as a collector takes them.

use anyhow::Context;
use serde_json::json;
use stigmer_api::resource::Resource;
use test_e2e::{Answer, Api, NewAgent, Result, Stack, bail, ensure};

use super::{
    collector::{Collector, Exported, tree},
    exporting::{Env, Exporting, LIBRARIAN, asking, headers, run},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'a>(spans: &'a [Exported], name: &str) -> Vec<&'a Exported> {
    spans.iter().filter(|it| it.span.name == name).collect()
}

/// The spans of the command's trace; what the test itself asked for is of another.
fn of_command(collector: &Collector) -> Result<Vec<Exported>> {
    let spans = collector.spans()?;
    let command = named(&spans, "stigmer run");
    let [command] = command.as_slice() else {
        bail!("not one command: {spans:?}")
    };
    let trace = &command.span.trace_id;
    let of_it = spans.iter().filter(|it| it.span.trace_id == *trace);
    Ok(of_it.cloned().collect())
}

#[tokio::test]
async fn an_execution_is_one_tree_of_spans_over_three_processes_and_many_histories() -> Result {
    let stack = Stack::get()?;
    let collector = Collector::start().await?;
    let headers = headers();
    let told = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
    ];
    let mut control = stack.control().await?;
    let Exporting { server, runner, .. } = Exporting::start(&mut control, &told).await?;
    let (agent, script) = asking(&stack, &server, "spans").await?;
    run(&stack, &server, &agent, &script, &told).await?.ok()?;
    let invoked = format!("invoke_agent {}", agent.name());
    collector.until(&invoked).await?;
    ensure!(control.stop(&runner).await?.code == Some(0));
    ensure!(control.stop(&server).await?.code == Some(0));

    let spans = of_command(&collector)?;
    let chat = format!("agent-runner: chat {}", script.model());
    let shown = tree(&spans);
    let expected = [
        "stigmer: stigmer run".to_owned(),
        "  stigmer-server: AgentQueryController/getByReference".to_owned(),
        "  stigmer-server: AgentExecutionCommandController/create".to_owned(),
        format!("    agent-runner: {invoked}"),
        format!("      {chat}"),
        "      agent-runner: execute_tool note".to_owned(),
        format!("      {chat}"),
        "      agent-runner: invoke_agent librarian".to_owned(),
        format!("        {chat}"),
        format!("      {chat}"),
        "  stigmer-server: AgentExecutionQueryController/subscribe".to_owned(),
    ];
    ensure!(shown == expected, "{shown:#?}");
    for exported in &spans {
        let span = &exported.span;
        ensure!(
            span.start_time_unix_nano <= span.end_time_unix_nano,
            "{span:?}"
        );
        ensure!(
            span.status.is_none() && exported.attribute("error.type").is_empty(),
            "{span:?}"
        );
    }

    // Whoever was asked knows which span asked.
    let asked = script.finish().await?;
    let chats = named(&spans, &format!("chat {}", script.model()));
    for request in &asked {
        let told = request.headers.get("traceparent").context("no trace")?;
        ensure!(
            chats.iter().any(|it| told.contains(&hex(&it.span.span_id))),
            "{told}"
        );
    }
    for words in ["hush", LIBRARIAN, "Moby Dick", "There,"] {
        ensure!(!collector.has_heard(words), "{words:?} was exported");
    }
    Ok(())
}

#[tokio::test]
async fn spans_say_what_the_conventions_ask_for() -> Result {
    let stack = Stack::get()?;
    let collector = Collector::start().await?;
    let headers = headers();
    let told = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
    ];
    let mut control = stack.control().await?;
    let Exporting { server, runner, .. } = Exporting::start(&mut control, &told).await?;
    let (agent, script) = asking(&stack, &server, "attributes").await?;
    let output = run(&stack, &server, &agent, &script, &told).await?.ok()?;
    let mut words = output.stdout.split_whitespace();
    let id = words.find(|it| it.starts_with("aex-"));
    let api = Api::new(server.url()?)?;
    let done = api.get_execution(id.context("no execution")?).await?;
    let session = done.spec.as_ref().map_or("", |it| &it.session_id);
    collector
        .until(&format!("invoke_agent {}", agent.name()))
        .await?;
    control.stop(&runner).await?;
    control.stop(&server).await?;

    let spans = of_command(&collector)?;
    let said = |name: &str, attributes: &[(&str, &str)]| {
        let found = named(&spans, name);
        let first = found
            .first()
            .with_context(|| format!("no {name}: {spans:?}"))?;
        for (key, value) in attributes {
            let said = first.attribute(key);
            ensure!(said == *value, "{key} of {name}");
        }
        Ok::<_, test_e2e::Failure>(())
    };
    said(
        &format!("chat {}", script.model()),
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", script.model()),
            ("gen_ai.response.finish_reasons", "tool_calls"),
            ("gen_ai.usage.input_tokens", "11"),
            ("gen_ai.usage.output_tokens", "7"),
        ],
    )?;
    let call = &done.status.as_ref().context("no status")?.tool_calls[0].id;
    said(
        "execute_tool note",
        &[
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "note"),
            ("gen_ai.tool.call.id", call),
        ],
    )?;
    for (name, input, output) in [(agent.name(), "16", "10"), ("librarian", "5", "3")] {
        said(
            &format!("invoke_agent {name}"),
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.name", name),
                ("gen_ai.conversation.id", session),
                ("gen_ai.usage.input_tokens", input),
                ("gen_ai.usage.output_tokens", output),
            ],
        )?;
    }
    let create = "ai.stigmer.agentic.agentexecution.v1.AgentExecutionCommandController/create";
    said(
        create,
        &[
            ("rpc.system.name", "grpc"),
            ("rpc.method", create),
            ("rpc.response.status_code", "OK"),
        ],
    )
}

#[tokio::test]
async fn what_goes_wrong_is_named_and_a_restarted_runner_goes_on_in_the_tree() -> Result {
    let stack = Stack::get()?;
    let collector = Collector::start().await?;
    let headers = headers();
    let endpoint = format!("{}/v1/traces", collector.address);
    let told = vec![
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", headers.as_str()),
        ("OTEL_SERVICE_NAME", "house"),
    ];
    let mut control = stack.control().await?;
    let Exporting {
        server,
        runner,
        env,
    } = Exporting::start(&mut control, &told).await?;
    let script = stack.script("restarted").await?;
    // The tool says so itself.
    let fails = Answer::tool("fail", json!({ "message": "hush" }));
    script.answer(fails).await?;
    let held = Answer::pieces(["It "]).hold().then("is.");
    script.answer(held).await?;
    script.answer(Answer::status(400)).await?;
    let api = Api::new(server.url()?)?;
    let agent = NewAgent::new("restarted").stdio(&stack, &[])?;
    let agent = agent.apply(&api).await?;
    let running = run(&stack, &server, &agent, &script, &told);
    let restarting = async {
        script.asked(2).await?;
        control.stop(&runner).await?;
        let env = env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let env: Env<'_> = env.collect();
        let runner = control.start("runner", &env).await?;
        Ok::<_, test_e2e::Failure>(runner)
    };
    let (output, runner) = futures::join!(running, restarting);
    ensure!(output?.code == Some(1), "it did not fail");
    let runner = runner?;
    let invoked = format!("invoke_agent {}", agent.name());
    collector.until(&invoked).await?;
    control.stop(&runner).await?;
    control.stop(&server).await?;
    let spans = of_command(&collector)?;
    let lines: Vec<_> = tree(&spans)
        .into_iter()
        .filter(|it| it.starts_with("    "))
        .collect();
    let chat = format!("      house: chat {}", script.model());
    let expected = [
        format!("    house: {invoked}"),
        chat.clone(),
        "      house: execute_tool fail".to_owned(),
        chat.clone(),
        chat,
    ];
    ensure!(lines == expected, "{lines:#?}");
    let error = |name: &str| {
        let found = named(&spans, name);
        let kinds: Vec<_> = found.iter().map(|it| it.attribute("error.type")).collect();
        kinds.join(" ")
    };
    ensure!(error("execute_tool fail") == "tool_error");
    ensure!(error(&invoked) == "execution_failed");
    let chats = error(&format!("chat {}", script.model()));
    ensure!(
        chats.contains("cancelled") && chats.contains("ModelRefused"),
        "{chats}"
    );
    ensure!(error("stigmer run") == "1");
    ensure!(!collector.has_heard("hush"));
    Ok(())
}

// Start one: its input as JSON, checked while it is typed, and a key that keeps a second press from starting a second one.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { executionOf } from "../api/calls";
import { get, newKey, NoAnswer, post, Problem } from "../api/client";
import { definitionQuery, systemQuery } from "../api/queries";
import { shortId, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { check, JsonEditor } from "../json/editor";
import { preview, pretty } from "../json/lines";
import { Command } from "../parts/copy";
import { Icon } from "../parts/icons";
import { Menu } from "../parts/menu";
import { Empty, Failed, sentence, Skeleton } from "../parts/panels";
import { Ago } from "../parts/time";
import "../parts/sheet.css";

const LAST = 5;

export function Start() {
  const { id } = useParams({ from: "/workflows/$id/start" });
  const { from } = useSearch({ from: "/workflows/$id/start" });
  const definition = useQuery(definitionQuery(id));
  const name = definition.data?.name ?? id;
  return (
    <>
      <Heading
        back={
          <Link to="/workflows/$id" params={{ id }} className="back">
            ‹ <bdi>{visible(name)}</bdi>
          </Link>
        }
        title="Start"
        tab={`Start ${visible(name)}`}
      />
      <div className="sheet sheet-narrow">
        {definition.isPending ? (
          <Skeleton rows={8} />
        ) : definition.data ? (
          <Form key={id} id={id} version={definition.data.version} name={name} from={from} />
        ) : definition.error instanceof Problem && definition.error.status === 404 ? (
          <Empty icon="workflows" title="There is no workflow with this id. It may have been deleted.">
            <Link to="/workflows">All workflows</Link>
          </Empty>
        ) : (
          <Failed error={definition.error} onRetry={() => void definition.refetch()} />
        )}
      </div>
    </>
  );
}

function Form({ id, version, name, from }: { id: string; version: number; name: string; from: string | undefined }) {
  const navigate = useNavigate();
  const system = useQuery(systemQuery);
  const [text, setText] = useState<string | null>(null);
  const [key, setKey] = useState("");
  // Without a key of the person's own the page makes one: a press after a lost answer must not start a second one.
  const [ownKey] = useState(newKey);
  const copied = useQuery({
    queryKey: ["execution", from, "input"],
    queryFn: ({ signal }) => executionOf(from ?? "", {}, signal),
    enabled: from !== undefined,
  });
  const last = useQuery({
    queryKey: ["workflow", id, "inputs"],
    queryFn: ({ signal }) => get("/executions", { query: { workflowId: id, limit: LAST, include: "input" }, signal }),
  });
  useEffect(() => {
    if (copied.data) setText((before) => before ?? pretty(copied.data.input));
  }, [copied.data]);
  const shown = text ?? (from === undefined ? "{}" : "");
  const { value, problem } = useMemo(() => check(shown, system.data ? { bytesMax: system.data.limits.payloadBytesMax } : {}), [shown, system.data]);
  const start = useMutation({
    // The text goes as it is: large numbers and the order of keys survive.
    mutationFn: () => post("/workflows/{id}/executions", { path: { id }, body: `{"input":${shown.trim() === "" ? "{}" : shown}}`, idempotencyKey: key.trim() || ownKey }),
    onSuccess: (execution) => void navigate({ to: "/executions/$id", params: { id: execution.id } }),
  });
  const submit = (): void => {
    if (problem === null && !start.isPending) start.mutate();
  };
  const inputs = [...(last.data?.executions ?? [])].flatMap((one) => ("input" in one && one.input !== undefined ? one : []));
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <p className="quiet-text">
        A new execution of <bdi>{visible(name)}</bdi>, on v{version}.
      </p>
      {from !== undefined && copied.isError && <Failed error={copied.error} what={`The input of ${shortId(from)} could not be read.`} onRetry={() => void copied.refetch()} />}
      <JsonEditor
        label="Input"
        value={shown}
        onChange={setText}
        problem={problem}
        rows={14}
        onSubmit={submit}
        extra={
          inputs.length > 0 && (
            <Menu
              label="Earlier inputs"
              className="button quiet small"
              align="end"
              button={
                <>
                  Earlier inputs <Icon name="down" size={12} />
                </>
              }
              items={inputs.map((one) => ({
                key: one.id,
                label: <code className="start-input cut">{visible(preview(one.input, 48))}</code>,
                hint: <Ago at={one.startedAt} />,
                run: () => setText(pretty(one.input)),
              }))}
            />
          )
        }
      />
      <label>
        <span>
          Idempotency key <span className="meta">optional: the same key gives the same execution, however often it is sent</span>
        </span>
        <input className="field mono" value={key} maxLength={255} autoComplete="off" spellCheck={false} placeholder="order-ord_123" onChange={(event) => setKey(event.target.value)} />
      </label>
      <div className="form-actions">
        {system.data?.access === "read" ? (
          <p className="quiet-text">This token may look, not start.</p>
        ) : (
          <button type="submit" className="button primary" disabled={problem !== null || start.isPending}>
            {start.isPending ? "Starting…" : "Start execution"}
          </button>
        )}
        <span className="meta">
          <kbd>Ctrl</kbd> <kbd>Enter</kbd>
        </span>
      </div>
      {start.isError && (
        <p className="form-problem" role="alert">
          {start.error instanceof NoAnswer ? "No answer came, so we do not know whether it was started. Pressing again does not start a second one." : sentence(start.error)}
        </p>
      )}
      {problem === null && <Command line={`workflow start ${id} --input '${JSON.stringify(value)?.replaceAll("'", "'\\''") ?? "{}"}'`} />}
    </form>
  );
}

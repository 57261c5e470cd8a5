// What a person can do with the execution: buttons with their keys, each asked about before it is done. Nothing is shown as done
// before the server's event says so; a refusal stands where it was asked for.

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useRef, useState } from "react";
import { get, newKey, NoAnswer, post, Problem } from "../api/client";
import { definitionQuery } from "../api/queries";
import { pretty } from "../json/lines";
import { check, JsonEditor } from "../json/editor";
import { HIDDEN, hidesAnything, isHidden } from "../json/lines";
import { useKeys } from "../frame/keys";
import { Command } from "../parts/copy";
import { Dialog, Popover } from "../parts/dialog";
import { Menu, type MenuItem } from "../parts/menu";
import { visible } from "../format/text";
import { sentence } from "../parts/panels";
import { retryPlan } from "./facts";
import { hasEnded, type Status } from "./history";
import { useOpen, useShown } from "./hooks";

export type ActionName = "pause" | "resume" | "retry" | "replay" | "cancel" | "runNow";

interface ActionsProps {
  id: string;
  status: Status;
  /** The step that waits for its retry, when one does. */
  retrying: string | undefined;
  /** In the past nothing can be done. */
  past: boolean;
  readOnly: boolean;
  /** The server has taken it: read on. */
  onDone(): void;
}

type Done = { kind: "no" } | { kind: "busy" } | { kind: "refused"; text: string } | { kind: "unsure" };

export function allowed(status: Status, retrying: string | undefined): ActionName[] {
  const all: ActionName[] = [];
  if (status === "failed") all.push("retry");
  if (status === "paused") all.push("resume");
  if (retrying !== undefined && (status === "waiting" || status === "running")) all.push("runNow");
  if (!hasEnded(status) && status !== "paused") all.push("pause");
  all.push("replay");
  if (!hasEnded(status)) all.push("cancel");
  return all;
}

const LABELS: Record<ActionName, string> = { pause: "Pause", resume: "Resume", retry: "Retry", replay: "Replay…", cancel: "Cancel execution…", runNow: "Run now" };
const KEYS: Record<ActionName, string> = { pause: "p", resume: "p", retry: "r", replay: "Shift+r", cancel: "c", runNow: "n" };

export function Actions({ id, status, retrying, past, readOnly, onDone }: ActionsProps) {
  const [asked, setAsked] = useState<ActionName>();
  const [done, setDone] = useState<Done>({ kind: "no" });
  const buttons = useRef(new Map<ActionName, HTMLElement | null>());
  const more = useRef<HTMLSpanElement>(null);
  const can = readOnly ? [] : allowed(status, retrying);
  const ask = (action: ActionName) => {
    if (past || !can.includes(action)) return;
    setDone({ kind: "no" });
    setAsked(action);
  };
  useKeys("This execution", can.map((action) => ({ keys: KEYS[action], label: LABELS[action].replace("…", ""), run: () => ask(action) })));
  const run = async (action: ActionName) => {
    setDone({ kind: "busy" });
    const idempotencyKey = newKey();
    try {
      if (action === "runNow") await post("/executions/{id}/steps/{stepId}/run-now", { path: { id, stepId: retrying ?? "" }, idempotencyKey });
      else await post(`/executions/{id}/${action}`, { path: { id }, idempotencyKey });
      setDone({ kind: "no" });
      setAsked(undefined);
      onDone();
    } catch (error) {
      setDone(error instanceof NoAnswer ? { kind: "unsure" } : { kind: "refused", text: refusal(error) });
      if (error instanceof Problem && error.status === 409) onDone();
    }
  };
  const primary = can.filter((action) => action !== "replay" && action !== "cancel").slice(0, 2);
  const rest = can.filter((action) => !primary.some((other) => other === action));
  const items = rest.map((action): MenuItem => ({ key: action, label: LABELS[action], hint: KEYS[action], danger: action === "cancel", disabled: past, run: () => ask(action) }));
  const close = () => {
    if (done.kind !== "busy") setAsked(undefined);
  };
  const anchor = { get current() { return (asked === undefined ? undefined : buttons.current.get(asked)) ?? more.current; } };
  return (
    <div className="actions">
      {primary.map((action, index) => (
        <button
          key={action}
          ref={(element) => void buttons.current.set(action, element)}
          type="button"
          className={`button ${index === 0 && action !== "pause" ? "primary" : ""}`}
          disabled={past}
          title={past ? "Go live to act" : `${LABELS[action]} (${KEYS[action]})`}
          onClick={() => ask(action)}
        >
          {LABELS[action]}
        </button>
      ))}
      {rest.length > 0 && (
        <span ref={more}>
          <Menu label="More actions" button={<span aria-hidden="true">⋯</span>} items={items} align="end" />
        </span>
      )}
      {(asked === "pause" || asked === "resume" || asked === "retry" || asked === "runNow") && (
        <Popover anchor={anchor} label={LABELS[asked]} align="end" onClose={close}>
          <Ask action={asked} id={id} step={retrying} done={done} onRun={() => void run(asked)} onClose={close} onCheck={onDone} />
        </Popover>
      )}
      {asked === "cancel" && (
        <Cancelling id={id} done={done} onRun={() => void run("cancel")} onClose={close} onCheck={onDone} />
      )}
      {asked === "replay" && <Replay id={id} onClose={() => setAsked(undefined)} />}
    </div>
  );
}

/** The focus begins on keeping it: what is cancelled cannot be taken back. */
function Cancelling({ id, done, onRun, onClose, onCheck }: Omit<AskProps, "action" | "step">) {
  return (
    <Dialog
      title="Cancel this execution?"
      onClose={onClose}
      busy={done.kind === "busy"}
      actions={
        <>
          <button type="button" className="button" data-autofocus="" onClick={onClose}>
            Keep it
          </button>
          <button type="button" className="button danger" disabled={done.kind === "busy"} onClick={onRun}>
            {done.kind === "busy" ? "Cancelling…" : "Cancel execution"}
          </button>
        </>
      }
    >
      <p>Running steps are told to stop. It cannot be resumed; Replay starts a new one.</p>
      <Command line={`workflow cancel ${id}`} />
      <Outcome done={done} what="the cancellation" onCheck={onCheck} />
    </Dialog>
  );
}

interface AskProps {
  action: "pause" | "resume" | "retry" | "runNow";
  id: string;
  step: string | undefined;
  done: Done;
  onRun(): void;
  onClose(): void;
  onCheck(): void;
}

/** In a popover at the button, so that `p` `Enter` is enough. */
function Ask({ action, id, step, done, onRun, onClose, onCheck }: AskProps) {
  const words: Record<AskProps["action"], { text: ReactNode; doing: string; line: string; what: string }> = {
    pause: { text: <PauseWords />, doing: "Pausing…", line: `workflow pause ${id}`, what: "the pause" },
    resume: { text: "Resume? Timers that fell due meanwhile fire at once.", doing: "Resuming…", line: `workflow resume ${id}`, what: "Resume" },
    retry: { text: <RetryWords />, doing: "Retrying…", line: `workflow retry ${id}`, what: "the retry" },
    runNow: { text: <>Try <code>{visible(step ?? "")}</code> now, without waiting for its delay?</>, doing: "Running…", line: "", what: "it" },
  };
  const { text, doing, line, what } = words[action];
  return (
    <div className="popover-text">
      <div>{text}</div>
      {line !== "" && <Command line={line} />}
      <Outcome done={done} what={what} onCheck={onCheck} />
      <div className="popover-actions">
        <button type="button" className="button primary" data-autofocus="" disabled={done.kind === "busy"} onClick={onRun}>
          {done.kind === "busy" ? doing : LABELS[action]}
        </button>
        <button type="button" className="button" onClick={onClose}>
          Not now
        </button>
      </div>
    </div>
  );
}

function PauseWords() {
  const open = useOpen();
  const { looks } = useShown(open);
  const running = looks.filter((look) => look.kind === "running").length;
  if (running === 0) return <>Pause? Nothing new starts.</>;
  return <>Pause? Nothing new starts. {running === 1 ? "1 running step is" : `${running} running steps are`} allowed to finish.</>;
}

function RetryWords() {
  const open = useOpen();
  const { execution } = useShown(open);
  const plan = retryPlan(open.graph, execution);
  const { version } = open.graph;
  return (
    <div className="plan">
      <p>
        Retry{version === undefined ? "" : `, on v${version}`}?
      </p>
      <dl>
        <PlanLine name="Runs again" steps={plan.again} />
        <PlanLine name="Then" steps={plan.then} />
        <PlanLine name="Kept" steps={plan.kept} />
      </dl>
    </div>
  );
}

const PLAN_MAX = 6;

function PlanLine({ name, steps }: { name: string; steps: readonly string[] }) {
  if (steps.length === 0) return null;
  const more = steps.length - PLAN_MAX;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {steps.slice(0, PLAN_MAX).map((step) => (
          <code key={step}>
            <bdi>{visible(step)}</bdi>
          </code>
        ))}
        {more > 0 && ` and ${more} more`}
      </dd>
    </>
  );
}

function Outcome({ done, what, onCheck }: { done: Done; what: string; onCheck(): void }) {
  if (done.kind === "refused") return <p className="refused" role="alert">{done.text}</p>;
  if (done.kind !== "unsure") return null;
  return (
    <p className="refused" role="alert">
      No answer came, so we do not know whether {what} happened.{" "}
      <button type="button" className="linklike" onClick={onCheck}>
        Check now
      </button>
    </p>
  );
}

const refusal = (error: unknown): string => (error instanceof Problem && error.detail !== "" ? visible(error.detail) : sentence(error));

const STILL_HIDDEN = `"${HIDDEN}" stands for a value that is not shown: write the real one, or take back every change.`;

/** With the input in an editor; a new execution, on the newest version. */
function Replay({ id, onClose }: { id: string; onClose(): void }) {
  const open = useOpen();
  const navigate = useNavigate();
  const { version, workflow } = open.graph;
  // The whole input: what the screen has may be cut.
  const input = useQuery({
    queryKey: ["input", id],
    queryFn: ({ signal }) => get("/executions/{id}/history/{seq}", { path: { id, seq: 1 }, signal }),
    staleTime: Infinity,
  });
  const newest = useQuery(definitionQuery(workflow));
  const given = input.data?.type === "start" ? input.data.data.input : undefined;
  const original = input.data === undefined ? undefined : pretty(given ?? {});
  const [text, setText] = useState<string>();
  const [done, setDone] = useState<Done>({ kind: "no" });
  const key = useRef(newKey());
  const shown = text ?? original ?? "";
  // What nobody changed is not sent, and what was changed goes as it was written: every digit of a number counts.
  const edited = text !== undefined && text !== original;
  const problem = edited ? (check(shown).problem ?? (hidesAnything(given) && shown.includes(HIDDEN) ? STILL_HIDDEN : null)) : null;
  const start = async () => {
    if (problem !== null || original === undefined) return;
    setDone({ kind: "busy" });
    try {
      const body = edited ? `{"input":${shown.trim() === "" ? "{}" : shown}}` : {};
      const started = await post("/executions/{id}/replay", { path: { id }, idempotencyKey: key.current, body });
      await navigate({ to: "/executions/$id", params: { id: started.id } });
      onClose();
    } catch (error) {
      if (error instanceof Problem) key.current = newKey();
      setDone(error instanceof NoAnswer ? { kind: "unsure" } : { kind: "refused", text: refusal(error) });
    }
  };
  const on = newest.data?.version;
  return (
    <Dialog
      wide
      title="Start a new execution with this input?"
      onClose={onClose}
      busy={done.kind === "busy"}
      actions={
        <>
          <button type="button" className="button" onClick={onClose}>
            Not now
          </button>
          <button type="button" className="button primary" disabled={problem !== null || original === undefined || done.kind === "busy"} onClick={() => void start()}>
            {done.kind === "busy" ? "Starting…" : "Start replay"}
          </button>
        </>
      }
    >
      {on !== undefined && (
        <p>
          On {on === version ? `v${on}, as this one` : `the newest version, v${on} (this one ran v${version ?? "?"})`}.
        </p>
      )}
      <HiddenInput given={given} />
      {input.error ? <p className="refused">{sentence(input.error)}</p> : <JsonEditor label="Input" value={shown} onChange={setText} problem={problem} onSubmit={() => void start()} autoFocus />}
      <Command line={`workflow replay ${id}`} />
      {done.kind === "unsure" ? (
        <p className="refused" role="alert">
          No answer came. Start replay again: the same key is sent, so nothing is started twice.
        </p>
      ) : (
        <Outcome done={done} what="the replay" onCheck={onClose} />
      )}
    </Dialog>
  );
}

function HiddenInput({ given }: { given: unknown }) {
  if (!hidesAnything(given)) return null;
  return (
    <p className="meta">
      {isHidden(given) ? "The input is" : "Some of the input is"} hidden: the definition calls it sensitive. Unchanged, the execution starts with the real values; whoever changes it has to write them.
    </p>
  );
}

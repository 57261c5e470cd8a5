// Before many are changed: how many, which, in words, with a few of them, and the possibility to try one first. What is
// counted here is what is done: the selection is frozen at the moment of the count.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { createJob, previewJob } from "../api/calls";
import { newKey, NoAnswer } from "../api/client";
import { now } from "../api/clock";
import type { JobAction, JobBody, JobPreview } from "../api/types";
import { count, counted, shortId, visible } from "../format/text";
import { Command } from "../parts/copy";
import { Dialog } from "../parts/dialog";
import { Failed, sentence } from "../parts/panels";
import { kindOf, Mark, WORDS } from "../parts/status";
import { Ago } from "../parts/time";
import type { ExecutionsSearch } from "../router/search";
import { inWords, jobFilter } from "./filter";
import { outcome } from "./outcome";
import { Piece } from "./Row";
import { VERBS } from "./SelectionBar";

export interface BulkOf {
  action: JobAction;
  /** These; without them all that match. */
  ids?: string[];
  all?: true;
}

const MEANS: Record<JobAction, string> = {
  retry: "Each goes on from the steps that failed. What completed is kept.",
  replay: "Each is started again as a new execution with the same input, on the newest version.",
  pause: "Nothing new starts. Running steps are allowed to finish.",
  resume: "What has fallen due meanwhile is done now.",
  cancel: "Running steps are told to stop. They cannot be resumed; Replay starts new ones.",
};

const KINDS: Record<JobAction, string> = { retry: "failed execution", replay: "ended execution", pause: "execution", resume: "paused execution", cancel: "execution" };

export function Bulk({ of, search, onClose }: { of: BulkOf; search: ExecutionsSearch; onClose(): void }) {
  const navigate = useNavigate();
  const [request] = useState<{ key: string; body: JobBody }>(() => {
    const asOf = Math.floor(now());
    return { key: newKey(), body: { action: of.action, asOf, ...(of.ids ? { ids: of.ids } : { filter: jobFilter(search, asOf) }) } };
  });
  const [canary, setCanary] = useState(false);
  const preview = useQuery({
    queryKey: ["jobs", "preview", request.key],
    queryFn: () => previewJob(request.body),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const make = useMutation({
    // The key is that of this dialog: pressing again after a lost answer does not do it twice.
    mutationFn: () => createJob({ ...request.body, ...(canary && { canary: true }) }, request.key),
    onSuccess: (job) => void navigate({ to: "/jobs/$id", params: { id: job.id } }),
  });
  const verb = VERBS[of.action];
  const matched = preview.data?.matched;
  const go = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Once it can be pressed, Enter is enough; not for what cannot be taken back.
    if (matched && of.action !== "cancel" && document.activeElement?.tagName === "DIALOG") go.current?.focus();
  }, [matched, of.action]);
  const words = of.all ? inWords(search) : "";
  const title = matched === undefined ? `${verb} executions?` : `${verb} ${counted(matched, KINDS[of.action])}?`;
  const canTry = matched !== undefined && matched > 1 && (of.action === "retry" || of.action === "replay");
  return (
    <Dialog
      title={title}
      onClose={onClose}
      wide
      busy={make.isPending}
      actions={
        <>
          <button type="button" className="button" onClick={onClose} disabled={make.isPending} data-autofocus={of.action === "cancel" ? "" : undefined}>
            {of.action === "cancel" ? "Keep them" : "Not now"}
          </button>
          <button
            ref={go}
            type="button"
            className={`button ${of.action === "cancel" ? "danger" : "primary"}`}
            disabled={!matched || make.isPending}
            onClick={() => make.mutate()}
          >
            {make.isPending ? "Asking…" : canary && canTry ? "Try 1 first" : `${verb} ${matched === undefined ? "" : count(matched)}`}
          </button>
        </>
      }
    >
      <p className="quiet-text">{MEANS[of.action]}</p>
      {preview.isError && <Failed error={preview.error} onRetry={() => void preview.refetch()} />}
      {words && <p>Executions{words}.</p>}
      {matched === 0 && <p>None of them is in a state that allows it. They may have changed meanwhile.</p>}
      {preview.isPending && <p className="meta">Counting…</p>}
      {preview.data && preview.data.sample.length > 0 && <Sample of={preview.data} />}
      {canTry && (
        <label className="check">
          <input type="checkbox" checked={canary} onChange={(event) => setCanary(event.target.checked)} />
          Try 1 first: the others wait until you have seen what came of it
        </label>
      )}
      {of.ids && of.ids.length === 1 && <Command line={`workflow ${of.action} ${of.ids[0]}`} />}
      {make.isError && (
        <p className="form-problem" role="alert">
          {make.error instanceof NoAnswer ? "No answer came, so we do not know whether it was begun. Pressing again does not do it twice." : sentence(make.error)}
        </p>
      )}
    </Dialog>
  );
}

function Sample({ of: { sample, matched } }: { of: JobPreview }) {
  return (
    <ul className="ex-sample">
      {sample.map((row) => (
        <li key={row.id}>
          <Mark kind={kindOf(row.status, row.attention)} title={WORDS[kindOf(row.status, row.attention)]} />
          <bdi className="cut ex-sample-name">{visible(row.workflowName ?? row.workflowId)}</bdi>
          <span className="cut quiet-text">
            {outcome(row).map((part, at) => (
              <Piece key={at} part={part} />
            ))}
          </span>
          <code title={row.id}>{shortId(row.id)}</code>
          <Ago at={row.startedAt} className="meta" />
        </li>
      ))}
      {matched > sample.length && <li className="meta">and {count(matched - sample.length)} more</li>}
    </ul>
  );
}

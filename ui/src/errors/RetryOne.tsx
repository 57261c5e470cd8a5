// Retry one of a kind, see what comes of it, then retry the rest. The newest is taken: it is what happens now.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { executionOf, summaries } from "../api/calls";
import { newKey, post } from "../api/client";
import type { ErrorKind, Execution } from "../api/types";
import { Bulk } from "../executions/Bulk";
import { duration } from "../format/duration";
import { count, shortId } from "../format/text";
import { sentence } from "../parts/panels";
import { Mark } from "../parts/status";
import { type ErrorsSearch, type ExecutionsSearch, said } from "../router/search";

interface Tried {
  id: string;
  /** Its history when it was retried: what is said after that is news. */
  at: number;
}

/** An answer of the server, up to this long; a step that takes longer is looked at on its own screen. */
const WAIT = "20s";

export function RetryOne({ kind, search, small = false }: { kind: ErrorKind; search: ErrorsSearch; small?: boolean }) {
  // What the screen is narrowed to is what is retried.
  const among = { workflowId: search.workflow, version: search.workflow === undefined ? undefined : search.version };
  const [all, setAll] = useState(false);
  const retry = useMutation({
    mutationFn: async (): Promise<Tried> => {
      const page = await summaries({ ...among, errorFingerprint: kind.fingerprint, status: "failed", limit: 1 });
      const id = page.executions[0]?.id;
      if (id === undefined) throw new NoneLeft();
      await post("/executions/{id}/retry", { path: { id }, idempotencyKey: newKey() });
      return { id, at: Date.now() };
    },
  });
  const outcome = useQuery({
    queryKey: ["retried", retry.data?.id, retry.data?.at],
    queryFn: ({ signal }) => executionOf(retry.data?.id ?? "", { wait: WAIT }, signal),
    enabled: retry.data !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const size = small ? "button small" : "button primary";
  return (
    <span className="er-retry">
      {retry.data === undefined ? (
        <button type="button" className={size} data-retry-one="" disabled={retry.isPending} onClick={() => retry.mutate()}>
          {retry.isPending ? "Retrying…" : "Retry one"}
        </button>
      ) : (
        <Outcome kind={kind} id={retry.data.id} at={retry.data.at} execution={outcome.data} onAll={() => setAll(true)} />
      )}
      {retry.isError && (
        <span role="alert" className="form-problem">
          {retry.error instanceof NoneLeft ? "None of this kind is failed any more." : sentence(retry.error)}
        </span>
      )}
      {all && <Bulk of={{ action: "retry", all: true }} search={said({ workflow: search.workflow === undefined ? undefined : [search.workflow], version: among.version, error: kind.fingerprint, status: ["failed"] }) as ExecutionsSearch} onClose={() => setAll(false)} />}
    </span>
  );
}

class NoneLeft extends Error {}

function Outcome({ kind, id, at, execution, onAll }: { kind: ErrorKind; id: string; at: number; execution: Execution | undefined; onAll(): void }) {
  const link = (
    <Link to="/executions/$id" params={{ id }} className="mono" title={id}>
      {shortId(id)}
    </Link>
  );
  if (execution === undefined) {
    return (
      <span className="er-outcome" role="status">
        <Mark kind="running" size={14} /> {link} is running again
      </span>
    );
  }
  if (execution.status === "completed") {
    return (
      <span className="er-outcome" role="status">
        <Mark kind="completed" size={14} /> {link} completed in {duration((execution.completedAt ?? at) - at)}.{" "}
        {kind.failedNow > 1 && (
          <button type="button" className="button small" onClick={onAll}>
            Retry the other {count(kind.failedNow - 1)}…
          </button>
        )}
      </span>
    );
  }
  if (execution.status === "failed") {
    const same = execution.errorFingerprint === kind.fingerprint;
    return (
      <span className="er-outcome" role="status">
        <Mark kind="failed" size={14} /> {link} failed again{same ? " in the same way" : " in another way"}: nothing else was touched
      </span>
    );
  }
  return (
    <span className="er-outcome" role="status">
      <Mark kind={execution.status} size={14} /> {link} goes on
    </span>
  );
}

// One kind of error: an example with its stack, what differs, where it happens, and the executions it stopped.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { summaries } from "../api/calls";
import { get, Problem } from "../api/client";
import { systemQuery } from "../api/queries";
import type { ErrorDetail } from "../api/types";
import { Piece } from "../executions/Row";
import { outcome } from "../executions/outcome";
import { count, oneLine, shortId, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { Copy } from "../parts/copy";
import { Empty, Failed, Skeleton } from "../parts/panels";
import { useRowKeys } from "../parts/rows";
import { Sparkline } from "../parts/sparkline";
import { kindOf, Status } from "../parts/status";
import { Ago } from "../parts/time";
import type { ErrorsSearch } from "../router/search";
import { RetryOne } from "./RetryOne";
import { Template } from "./Template";
import "../parts/sheet.css";
import "./errors.css";

export function OneErrorKind() {
  const { fingerprint } = useParams({ from: "/errors/$fingerprint" });
  const search = useSearch({ from: "/errors/$fingerprint" });
  const found = useQuery({
    queryKey: ["error", fingerprint, search],
    queryFn: ({ signal }) => get("/errors/{fingerprint}", { path: { fingerprint }, query: { window: search.window ?? "7d", workflowId: search.workflow, version: search.version }, signal }),
    refetchInterval: 10_000,
  });
  const gone = found.error instanceof Problem && found.error.status === 404;
  return (
    <>
      <Heading
        back={
          <Link to="/errors" search={search} className="back">
            ‹ Errors
          </Link>
        }
        title={found.data ? <Template text={found.data.template} /> : "Error"}
        tab={found.data ? oneLine(found.data.template, 60) : "Error"}
      />
      <div className="sheet">
        {found.isPending ? (
          <Skeleton rows={8} />
        ) : gone ? (
          <Empty icon="errors" title="Nothing failed in this way in the time that is looked at.">
            <Link to="/errors/$fingerprint" params={{ fingerprint }} search={{ window: "30d" }}>
              Look at the last 30 days
            </Link>
          </Empty>
        ) : found.data ? (
          <Kind kind={found.data} search={search} />
        ) : (
          <Failed error={found.error} onRetry={() => void found.refetch()} />
        )}
      </div>
    </>
  );
}

function Kind({ kind, search }: { kind: ErrorDetail; search: ErrorsSearch }) {
  const system = useQuery(systemQuery);
  return (
    <>
      <header className="er-head">
        <p className="quiet-text num">
          <strong className={kind.failedNow > 0 ? "er-bad" : ""}>{count(kind.failedNow)} failed now</strong> · {count(kind.retryingNow)} retrying · {count(kind.total)} failed attempts · first{" "}
          <Ago at={kind.firstSeen} />, last <Ago at={kind.lastSeen} />
        </p>
        <Sparkline className="bad" values={kind.buckets.map((bucket) => bucket.count)} label={`${count(kind.total)} failed attempts over the time`} width={480} height={48} />
        {kind.failedNow > 0 && system.data?.access !== "read" && <RetryOne kind={kind} search={search} />}
      </header>
      <div className="er-columns">
        <section>
          <h2>Example</h2>
          <p className="er-message">
            <bdi>{visible(kind.sample.message)}</bdi> <Copy text={kind.sample.message} label="Copy the message" />
          </p>
          {kind.sample.stack !== undefined && <pre className="stack scrolls" tabIndex={0} aria-label="Stack">{visible(kind.sample.stack)}</pre>}
          <p className="meta">
            from{" "}
            <Link to="/executions/$id" params={{ id: kind.sample.executionId }} className="mono" title={kind.sample.executionId}>
              {shortId(kind.sample.executionId)}
            </Link>
          </p>
        </section>
        <section>
          <h2>Where</h2>
          <dl className="facts">
            {kind.steps.map((step) => (
              <Fact key={`${step.workflowId} ${step.stepId ?? ""}`} name={<Link to="/workflows/$id" params={{ id: step.workflowId }}><bdi>{visible(step.workflowId)}</bdi></Link>}>
                {step.stepId !== undefined && <code><bdi>{visible(step.stepId)}</bdi></code>} <span className="meta">{count(step.count)}</span>
              </Fact>
            ))}
            {kind.versions.map((one) => (
              <Fact key={`${one.workflowId} v${one.version}`} name={<bdi>{visible(one.workflowId)}</bdi>}>
                v{one.version} <span className="meta">{count(one.count)}</span>
              </Fact>
            ))}
          </dl>
          {kind.examples.length > 1 && (
            <>
              <h3 className="er-differ">How it differs</h3>
              <ul className="er-examples">
                {kind.examples.map((one) => (
                  <li key={one.executionId + one.at} className="cut">
                    <Link to="/executions/$id" params={{ id: one.executionId }} title={visible(one.message)}>
                      <bdi>{oneLine(one.message, 120)}</bdi>
                    </Link>
                  </li>
                ))}
              </ul>
            </>
          )}
        </section>
      </div>
      <Executions fingerprint={kind.fingerprint} />
    </>
  );
}

function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Executions({ fingerprint }: { fingerprint: string }) {
  const found = useQuery({
    queryKey: ["error", fingerprint, "executions"],
    queryFn: ({ signal }) => summaries({ errorFingerprint: fingerprint, limit: 20 }, signal),
    refetchInterval: 10_000,
  });
  const table = useRowKeys("Executions");
  return (
    <section>
      <h2 className="sheet-head">
        Executions
        <Link to="/executions" search={{ error: fingerprint }}>
          All of them
        </Link>
      </h2>
      {found.isPending ? (
        <Skeleton rows={4} />
      ) : found.isError ? (
        <Failed error={found.error} onRetry={() => void found.refetch()} />
      ) : found.data.executions.length === 0 ? (
        <p className="meta">None has this error any more.</p>
      ) : (
        <table ref={table} className="grid stacks" aria-label="Executions with this error">
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col">Execution</th>
              <th scope="col">Now or outcome</th>
              <th scope="col" className="right">Started</th>
            </tr>
          </thead>
          <tbody>
            {found.data.executions.map((row) => (
              <tr key={row.id}>
                <td className="nowrap">
                  <Status kind={kindOf(row.status, row.attention)} />
                </td>
                <td className="nowrap">
                  <Link to="/executions/$id" params={{ id: row.id }} className="mono" title={row.id} data-row="">
                    {shortId(row.id)}
                  </Link>
                </td>
                <td className="wide">
                  {outcome(row).map((part, at) => (
                    <Piece key={at} part={part} />
                  ))}
                </td>
                <td className="right quiet-text">
                  <Ago at={row.startedAt} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

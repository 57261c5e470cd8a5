// Which execution this is: workflow and version, id, when it started and by whom, what it comes from.

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { definitionQuery } from "../api/queries";
import type { Execution as Answered } from "../api/types";
import { middle, shortId, visible } from "../format/text";
import { Heading } from "../frame/Frame";
import { neighbours } from "../executions/list";
import { useKeys } from "../frame/keys";
import { copy, Copy } from "../parts/copy";
import { Icon } from "../parts/icons";
import type { MarkKind } from "../parts/status";
import { Ago, Clock } from "../parts/time";

export function Identity({ head }: { head: Answered }) {
  const newest = useQuery(definitionQuery(head.workflowId));
  const newer = newest.data !== undefined && newest.data.version > head.workflowVersion ? newest.data.version : undefined;
  const { type, source } = head.triggeredBy;
  const parent = head.parent;
  return (
    <div className="identity">
      <span className="identity-id mono" title={head.id}>
        {middle(head.id, 9, 7)}
        <Copy text={head.id} label="Copy the id" />
      </span>
      <span className="identity-started">
        started <Clock at={head.startedAt} /> <Ago at={head.startedAt} className="meta" />
        {type === "event" && source !== undefined && (
          <>
            {" "}
            by <code>{visible(source)}</code>
          </>
        )}
        {type === "schedule" && " by its schedule"}
        {type === "error" && source !== undefined && (
          <>
            {" "}
            by a failure of <One id={source} />
          </>
        )}
      </span>
      {head.replayOf !== undefined && (
        <span>
          replay of <One id={head.replayOf} />
        </span>
      )}
      {parent !== undefined && type !== "error" && (
        <span>
          part of <One id={parent} />
        </span>
      )}
      {newer !== undefined && (
        <Link to="/workflows/$id" params={{ id: head.workflowId }} className="identity-newer">
          v{newer} is current
        </Link>
      )}
      <span className="identity-tools">
        <LinkToHere />
        <Neighbours id={head.id} />
      </span>
    </div>
  );
}

const SAID_MS = 2_000;

/** The address holds everything that is looked at: the moment, the step, the zoom. */
function LinkToHere() {
  const [said, setSaid] = useState("");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const take = async () => {
    setSaid((await copy(location.href)) ? "Link copied" : "The browser did not allow copying");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSaid(""), SAID_MS);
  };
  useKeys("This execution", [{ keys: "y", label: "Copy a link to what is shown", run: () => void take() }]);
  return (
    <>
      <span className="meta" role="status">
        {said}
      </span>
      <button type="button" className="button quiet small icon" aria-label="Copy a link to what is shown" title="Copy a link to what is shown (y)" onClick={() => void take()}>
        <Icon name={said === "Link copied" ? "check" : "link"} size={14} />
      </button>
    </>
  );
}

/** Along the list that the person came from, if it is still there. */
function Neighbours({ id }: { id: string }) {
  const navigate = useNavigate();
  const { view, tab } = useSearch({ from: "/executions/$id" });
  const { newer, older } = neighbours(id);
  const to = (other: string | undefined) => other !== undefined && void navigate({ to: "/executions/$id", params: { id: other }, search: { ...(view && { view }), ...(tab && { tab }) } });
  useKeys("This execution", [
    { keys: "[", label: "The execution before, in the list", run: () => to(newer) },
    { keys: "]", label: "The execution after, in the list", run: () => to(older) },
  ]);
  if (newer === undefined && older === undefined) return null;
  return (
    <>
      <button type="button" className="button quiet small icon" disabled={newer === undefined} aria-label="The execution before, in the list" title="The execution before, in the list ([)" onClick={() => to(newer)}>
        <Icon name="up" size={14} />
      </button>
      <button type="button" className="button quiet small icon" disabled={older === undefined} aria-label="The execution after, in the list" title="The execution after, in the list (])" onClick={() => to(older)}>
        <Icon name="down" size={14} />
      </button>
    </>
  );
}

/** In the bar: the workflow and its version, and the way back to the list. */
export function Name({ head, tab, status }: { head: Answered; tab: string; status: MarkKind }) {
  const newest = useQuery(definitionQuery(head.workflowId));
  const title = (
    <span className="identity-title">
      <Link to="/executions" className="identity-back" aria-label="Back to the executions" title="Back to the executions">
        <Icon name="left" />
      </Link>
      <Link to="/workflows/$id" params={{ id: head.workflowId }} className="identity-name">
        <bdi>{visible(newest.data?.name ?? head.workflowId)}</bdi>
      </Link>{" "}
      <span className="identity-version">v{head.workflowVersion}</span>
    </span>
  );
  return <Heading title={title} tab={tab} status={status} />;
}

function One({ id }: { id: string }) {
  return (
    <Link to="/executions/$id" params={{ id }} className="mono" title={id}>
      {shortId(id)}
    </Link>
  );
}

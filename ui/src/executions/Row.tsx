// One execution as a row: a line on a desktop, three short ones on a phone. It watches its own execution only.
import { memo, useEffect, useRef } from "react";
import { useWatched, type Watched } from "../api/store";
import type { ExecutionSummary } from "../api/types";
import { shortId, visible } from "../format/text";
import { kindOf, Status } from "../parts/status";
import { Ago, Took, Until } from "../parts/time";
import { outcome, type Part } from "./outcome";

interface RowProps {
  row: Watched<ExecutionSummary>;
  index: number;
  chosen: boolean;
  current: boolean;
  gone: boolean;
  phone: boolean;
  selectable: boolean;
}

/** What a row shows, without where it stands: rows that move because others came before them are not drawn again. */
type CellsProps = Pick<RowProps, "chosen" | "current" | "selectable"> & { row: ExecutionSummary };

export const Row = memo(function Row(props: RowProps) {
  const row = useWatched(props.row);
  const element = useFlash(row);
  const { index, chosen, current, gone, phone, selectable } = props;
  return (
    <tr
      ref={element}
      className={`ex-row ${phone ? "ex-row-phone" : ""}`}
      aria-rowindex={index + 2}
      aria-selected={selectable ? chosen : undefined}
      data-row={index}
      data-gone={gone}
    >
      {phone ? <PhoneCell row={row} /> : <DesktopCells row={row} chosen={chosen} current={current} selectable={selectable} />}
    </tr>
  );
});

/** The address of an execution. A plain link: the router's own component costs more than the rest of a row. */
export const addressOf = (id: string): string => `/executions/${encodeURIComponent(id)}`;

const DesktopCells = memo(function DesktopCells({ row, chosen, current, selectable }: CellsProps) {
  return (
    <>
      <td className="ex-choose">
        {selectable && (
          <input
            type="checkbox"
            tabIndex={-1}
            checked={chosen}
            aria-label={`Select ${row.id}`}
            onChange={() => undefined}
          />
        )}
      </td>
      <td>
        <Status kind={kindOf(row.status, row.attention)} />
      </td>
      <td className="cut">
        <span className="cut">
          <bdi>{visible(row.workflowName ?? row.workflowId)}</bdi> <span className="ex-version">v{row.workflowVersion}</span>
        </span>
      </td>
      <td>
        <a href={addressOf(row.id)} className="ex-id mono" title={row.id} tabIndex={current ? 0 : -1} data-open="">
          <span className="only-read-aloud">Execution </span>
          {shortId(row.id)}
        </a>
      </td>
      <td className="ex-outcome cut" title={row.error === undefined ? undefined : visible(row.error)}>
        <Outcome row={row} />
      </td>
      <td className="ex-when">
        <Ago at={row.startedAt} />
      </td>
      <td className="ex-took">
        <Took from={row.startedAt} to={row.completedAt} />
      </td>
    </>
  );
});

const PhoneCell = memo(function PhoneCell({ row }: { row: ExecutionSummary }) {
  return (
    <td>
      <a href={addressOf(row.id)} className="ex-card" data-open="">
        <span className="ex-card-head">
          <Status kind={kindOf(row.status, row.attention)} />
          <span className="cut ex-card-name">
            <bdi>{visible(row.workflowName ?? row.workflowId)}</bdi> <span className="ex-version">v{row.workflowVersion}</span>
          </span>
        </span>
        <span className="cut ex-outcome">
          <Outcome row={row} />
        </span>
        <span className="meta">
          <span className="mono">{shortId(row.id)}</span> · <Ago at={row.startedAt} /> · <Took from={row.startedAt} to={row.completedAt} />
        </span>
      </a>
    </td>
  );
});

function Outcome({ row }: { row: ExecutionSummary }) {
  return outcome(row).map((part, at) => <Piece key={at} part={part} />);
}

export function Piece({ part }: { part: Part }) {
  if (typeof part === "string") return <>{visible(part)}</>;
  if ("code" in part) {
    return (
      <code>
        <bdi>{visible(part.code)}</bdi>
      </code>
    );
  }
  if ("until" in part) return <Until at={part.until} />;
  if ("since" in part) return <Took from={part.since} />;
  return <bdi className="ex-error">{part.error}</bdi>;
}

/** The mark's background lights up once when the status changes, so that an eye that rests elsewhere can find what moved. */
function useFlash(row: ExecutionSummary) {
  const element = useRef<HTMLTableRowElement>(null);
  const before = useRef<string>(undefined);
  const shown = `${row.status} ${row.attention ?? ""}`;
  useEffect(() => {
    if (before.current !== undefined && before.current !== shown && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      element.current?.querySelector(".mark")?.animate(
        [{ boxShadow: "0 0 0 6px var(--chosen)", backgroundColor: "var(--chosen)", borderRadius: "50%" }, { boxShadow: "0 0 0 6px transparent", backgroundColor: "transparent", borderRadius: "50%" }],
        { duration: 600, easing: "ease-out" },
      );
    }
    before.current = shown;
  }, [shown]);
  return element;
}

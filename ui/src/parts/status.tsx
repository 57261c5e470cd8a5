// The mark of a status: shape, colour and word. Used by lists, nodes and bars alike, so that the same thing looks the same
// everywhere.
import type { ReactNode, SVGProps } from "react";
import type { Attention, ExecutionStatus } from "../api/types";
import "./status.css";

export type MarkKind =
  | "completed"
  | "running"
  | "retrying"
  | "noWorker"
  | "overdue"
  | "failed"
  | "failedHandled"
  | "paused"
  | "waiting"
  | "pending"
  | "notYet"
  | "skipped"
  | "cancelled";

export const WORDS: Record<MarkKind, string> = {
  completed: "Completed",
  running: "Running",
  retrying: "Retrying",
  noWorker: "No worker",
  overdue: "Overdue",
  failed: "Failed",
  failedHandled: "Failed, handled",
  paused: "Paused",
  waiting: "Waiting",
  pending: "Pending",
  notYet: "Not yet",
  skipped: "Skipped",
  cancelled: "Cancelled",
};

const OCTAGON = "M5.31 1.500h5.380L14.5 5.310v5.380L10.69 14.500H5.310L1.5 10.690V5.310z";

// Filled shapes carry their sign cut out in the colour of the surface.
const SHAPES: Record<MarkKind, ReactNode> = {
  completed: (
    <>
      <circle cx="8" cy="8" r="6.5" className="mark-fill" />
      <path d="M5.2 8.300l2 2 3.7-4.3" className="mark-sign" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="3.4" className="mark-fill" />
      <path d="M8 1.500A6.5 6.5 0 0 1 14.5 8" className="mark-line mark-arc" />
      <circle cx="8" cy="8" r="6.5" className="mark-line mark-track" />
    </>
  ),
  retrying: (
    <path d="M13.6 6.200A5.9 5.9 0 0 0 3 5.200M2.4 9.800A5.9 5.9 0 0 0 13 10.800M3 2.200v3h3M13 13.800v-3h-3" className="mark-line" />
  ),
  noWorker: (
    <path d="M5 6.500v-4M11 6.500v-4M3 6.500h10v1.700a5 5 0 0 1-10 0zM8 13.200v.01M8 15v.01" className="mark-line" />
  ),
  overdue: (
    <>
      <circle cx="8" cy="8" r="6.25" className="mark-line" />
      <path d="M8 4.500V8l2.5 2" className="mark-line" />
    </>
  ),
  failed: (
    <>
      <path d={OCTAGON} className="mark-fill" />
      <path d="M5.6 5.600l4.8 4.800M10.4 5.600l-4.8 4.8" className="mark-sign" />
    </>
  ),
  failedHandled: (
    <>
      <path d={OCTAGON} className="mark-line" />
      <path d="M5.2 5.400l3 3M8.2 5.400l-3 3M7 11.200h4.300M9.8 9.700l1.5 1.5-1.5 1.5" className="mark-line" />
    </>
  ),
  paused: (
    <>
      <rect x="2" y="2" width="12" height="12" rx="2.5" className="mark-fill" />
      <path d="M6.2 5.200v5.600M9.8 5.200v5.6" className="mark-sign" />
    </>
  ),
  waiting: <path d="M4 1.750h8M4 14.250h8M4.8 2c0 3.2 2 4.2 3.2 6-1.2 1.8-3.2 2.8-3.2 6M11.2 2c0 3.2-2 4.2-3.2 6 1.2 1.8 3.2 2.8 3.2 6M6.6 12.700h2.8" className="mark-line" />,
  pending: <circle cx="8" cy="8" r="6" className="mark-line mark-dots" />,
  notYet: <circle cx="8" cy="8" r="6" className="mark-line mark-dots" />,
  skipped: <path d="M8 1.5 14.5 8 8 14.5 1.5 8zM5.5 8h5" className="mark-line" />,
  cancelled: (
    <>
      <circle cx="8" cy="8" r="6.25" className="mark-line" />
      <path d="M3.7 12.300l8.6-8.6" className="mark-line" />
    </>
  ),
};

/** Without a title it is decoration: the word stands beside it. */
export function Mark({ kind, size = 16, title, ...rest }: SVGProps<SVGSVGElement> & { kind: MarkKind; size?: number; title?: string }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      data-kind={kind}
      focusable="false"
      {...(title === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": title })}
      {...rest}
      className={`mark ${rest.className ?? ""}`}
    >
      {SHAPES[kind]}
    </svg>
  );
}

export function Status({ kind, children }: { kind: MarkKind; children?: ReactNode }) {
  return (
    <span className="status" data-kind={kind}>
      <Mark kind={kind} />
      <span className="status-word">{children ?? WORDS[kind]}</span>
    </span>
  );
}

/** What an execution shows: what needs a look counts more than that it goes on. */
export function kindOf(status: ExecutionStatus, attention?: Attention): MarkKind {
  if (attention !== undefined && (status === "running" || status === "waiting" || status === "pending")) return attention;
  return status;
}

// What stands where data would: nothing yet, nothing at all, or why not.
import type { ReactNode } from "react";
import { NoAnswer, Problem } from "../api/client";
import { visible } from "../format/text";
import { Icon, type IconName } from "./icons";
import "./panels.css";

/** Nothing to show, and what to do about it. */
export function Empty({ icon, title, children }: { icon?: IconName; title: ReactNode; children?: ReactNode }) {
  return (
    <div className="empty">
      {icon && <Icon name={icon} size={24} />}
      <p className="empty-title">{title}</p>
      {children && <div className="empty-more">{children}</div>}
    </div>
  );
}

/** What a failed read says. The panel that failed shows it; others stay. */
export function sentence(error: unknown): string {
  if (error instanceof NoAnswer) return "The server could not be reached.";
  if (!(error instanceof Problem)) return "This page made a mistake while reading the answer.";
  const request = error.requestId === null ? "" : `, request ${visible(error.requestId).slice(0, 8)}`;
  if (error.status === 401) return "This server wants a token.";
  if (error.status === 403) return `This token does not allow it. ${visible(error.detail)}`.trim();
  if (error.status === 404 && error.code === "not_found") return `This server does not have this yet (404${request}).`;
  if (error.status >= 500) return `The server could not answer (${error.status}${request}).`;
  if (error.status === 429) return "The server has more to do than it can right now.";
  return visible(error.detail || error.title) || `The server refused (${error.status}${request}).`;
}

export function Failed({ error, onRetry, what }: { error: unknown; onRetry?: () => void; what?: string }) {
  return (
    <div className="failed-panel" role="alert">
      <Icon name="errors" />
      <p>
        {what && <>{what} </>}
        {sentence(error)}
      </p>
      {onRetry && (
        <button type="button" className="button small" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Rows of the height that is to come. They appear after 150 ms: what comes at once needs no announcement. */
export function Skeleton({ rows = 8, height = 36 }: { rows?: number; height?: number }) {
  return (
    <div className="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} className="skeleton-row" style={{ height }}>
          <span style={{ width: `${12 + ((at * 7) % 5)}%` }} />
          <span style={{ width: `${22 + ((at * 11) % 9)}%` }} />
          <span style={{ width: `${30 + ((at * 5) % 13)}%` }} />
        </div>
      ))}
    </div>
  );
}

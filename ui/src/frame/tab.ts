// What a tab says of its screen while another one is open: the title begins with a sign, and the icon is the status's shape in
// its colour. Shapes differ, so that colour is not all that tells them apart.
import type { MarkKind } from "../parts/status";

const SIGNS: Partial<Record<MarkKind, string>> = {
  completed: "✓",
  running: "●",
  retrying: "↻",
  noWorker: "!",
  overdue: "!",
  failed: "✕",
  paused: "‖",
  waiting: "⧗",
  cancelled: "⊘",
};

const RING = '<circle cx="16" cy="16" r="11.5" fill="none" stroke="COLOUR" stroke-width="5"/>';
const sign = (path: string): string => `<path d="${path}" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/>`;
const line = (path: string): string => sign(path).replace("#fff", "COLOUR");

/** On light tabs and on dark ones: the colours are between those of the two themes. */
const ICONS: Partial<Record<MarkKind, { colour: string; shape: string }>> = {
  completed: { colour: "#16875f", shape: `<circle cx="16" cy="16" r="15" fill="COLOUR"/>${sign("M9.500 16.500l4.500 4.500 8.500-9.500")}` },
  running: { colour: "#2f74ea", shape: `${RING}<circle cx="16" cy="16" r="5.500" fill="COLOUR"/>` },
  retrying: { colour: "#d08a12", shape: line("M27 13A11.500 11.500 0 0 0 6.500 10.500M5 19a11.500 11.500 0 0 0 20.500 2.500M6 4v7h7M26 28v-7h-7") },
  failed: { colour: "#c9281b", shape: `<path d="M10 1h12l9 9v12l-9 9H10l-9-9V10z" fill="COLOUR"/>${sign("M11 11l10 10M21 11l-10 10")}` },
  paused: { colour: "#8f3fc4", shape: `<rect x="1" y="1" width="30" height="30" rx="6" fill="COLOUR"/>${sign("M12 10v12M20 10v12")}` },
  waiting: { colour: "#5c7480", shape: line("M7 3h18M7 29h18M9 4c0 7 4 8 7 12-3 4-7 5-7 12M23 4c0 7-4 8-7 12 3 4 7 5 7 12") },
  cancelled: { colour: "#7b7c74", shape: `${RING}${line("M9 23L23 9")}` },
  noWorker: { colour: "#d08a12", shape: `<path d="M16 2l15 27H1z" fill="COLOUR"/>${sign("M16 12v7M16 24v.1")}` },
};

/** The address of the icon, drawn here; none without a status. */
export function iconOf(status: MarkKind | undefined): string | undefined {
  const icon = status === undefined ? undefined : (ICONS[status] ?? (status === "overdue" ? ICONS.noWorker : undefined));
  if (icon === undefined) return undefined;
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${icon.shape.replaceAll("COLOUR", icon.colour)}</svg>`)}`;
}

export function titleOf(text: string, status: MarkKind | undefined): string {
  const before = status === undefined ? undefined : SIGNS[status];
  return `${before === undefined ? "" : `${before} `}${text} · workflow.do`;
}

/** The page's own icon, as the document has it. */
let own: string | undefined;

/** Says it in the tab. */
export function showInTab(text: string, status: MarkKind | undefined): void {
  document.title = titleOf(text, status);
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (!link) return;
  own ??= link.href;
  const icon = iconOf(status) ?? own;
  if (link.href !== icon) link.href = icon;
}

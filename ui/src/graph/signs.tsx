// Small signs beside names: drawn, since not every system's fonts have them.

const PATHS = {
  timer: "M3 1.5h6M3 10.5h6M3.6 1.7c0 2.3 1.500 3 2.400 4.300-.9 1.300-2.400 2-2.400 4.300M8.400 1.700c0 2.300-1.500 3-2.400 4.300.9 1.300 2.400 2 2.400 4.300",
  condition: "M6 1.200 10.800 6 6 10.800 1.200 6z",
  error: "M3 1.500v3.500a2.500 2.500 0 0 0 2.500 2.500H9.500M7.500 5.300l2.200 2.200-2.200 2.200M3 5v5.500",
  critical: "M6 2.500 9.500 6 6 9.500 2.500 6z",
  fork: "M3 1v10M3 6h6",
  first: "M2.500 2.500v7M9.500 2.500 5 6l4.500 3.500z",
  back: "M8 2.500 4 6l4 3.500z",
  play: "M3.500 2.200 9.500 6l-6 3.800z",
  stop: "M3.800 2.500v7M8.200 2.500v7",
  on: "M4 2.500 8 6 4 9.500z",
} as const;

const FILLED: ReadonlySet<SignName> = new Set(["critical", "back", "on", "first"]);

export type SignName = keyof typeof PATHS;

/** Decoration: whatever it says is said in words too. */
export function Sign({ name, title, size = 12 }: { name: SignName; title?: string; size?: number }) {
  return (
    <svg className="sign" data-sign={name} viewBox="0 0 12 12" width={size} height={size} aria-hidden="true" focusable="false">
      {title !== undefined && <title>{title}</title>}
      <path d={PATHS[name]} fill={FILLED.has(name) ? "currentColor" : "none"} stroke="currentColor" strokeWidth="1.3" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

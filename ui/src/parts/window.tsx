// The choice of how far back numbers count.
import { Icon } from "./icons";
import { Menu } from "./menu";

export const WINDOW_WORDS = { "1h": "Last hour", "24h": "Last 24 h", "7d": "Last 7 d", "30d": "Last 30 d" } as const;
/** Within a sentence. */
export const WINDOW_LONG = { "1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days" } as const;
export type WindowKey = keyof typeof WINDOW_WORDS;

export function WindowMenu<W extends WindowKey>({ value, among, onChange }: { value: W; among: readonly W[]; onChange(value: W): void }) {
  return (
    <Menu
      label="How far back"
      className="button small"
      button={
        <>
          {WINDOW_WORDS[value]} <Icon name="down" size={12} />
        </>
      }
      items={among.map((one) => ({ key: one, label: WINDOW_WORDS[one], checked: one === value, run: () => onChange(one) }))}
    />
  );
}

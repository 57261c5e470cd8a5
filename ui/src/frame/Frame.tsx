// What is around every screen: the rail, the bar with the search, the line that says when the connection is lost, the field
// for a token, the list of keys.
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { createContext, type ReactNode, use, useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { useWatched } from "../api/store";
import { token, tokenWanted } from "../api/token";
import { Icon, type IconName } from "../parts/icons";
import type { MarkKind } from "../parts/status";
import { cycleTheme, useTheme } from "../theme/theme";
import { ConnectionLine, LiveDot } from "./connection";
import { Help } from "./Help";
import { listenForKeys, useKeys } from "./keys";
import { Search } from "./Search";
import { showInTab } from "./tab";
import { TokenDialog } from "./TokenDialog";
import "./frame.css";

const PLACES = [
  { to: "/executions", name: "Executions", icon: "executions", key: "e" },
  { to: "/workflows", name: "Workflows", icon: "workflows", key: "w" },
  { to: "/errors", name: "Errors", icon: "errors", key: "r" },
  { to: "/events", name: "Events", icon: "events", key: "v" },
  { to: "/system", name: "System", icon: "system", key: "s" },
] as const satisfies readonly { to: string; name: string; icon: IconName; key: string }[];

export { PLACES };

const Bar = createContext<HTMLElement | null>(null);

interface HeadingProps {
  title: ReactNode;
  /** What the tab says, without the status's sign. */
  tab: string;
  /** What the tab's icon shows; without one the page's own. */
  status?: MarkKind | undefined;
  back?: ReactNode;
  children?: ReactNode;
}

/** The title of a screen, in the bar, and in the tab. */
export function Heading({ title, tab, status, back, children }: HeadingProps) {
  const bar = use(Bar);
  useEffect(() => {
    showInTab(tab, status);
  }, [tab, status]);
  return (
    bar &&
    createPortal(
      <>
        {back}
        <h1 className="cut">{title}</h1>
        {children}
      </>,
      bar,
    )
  );
}

export function Frame() {
  const [bar, setBar] = useState<HTMLElement | null>(null);
  const [help, setHelp] = useState(false);
  const navigate = useNavigate();
  useEffect(listenForKeys, []);
  useKeys("Everywhere", [
    { keys: "/", label: "Search", run: () => document.getElementById("search")?.focus() },
    ...PLACES.map((place) => ({ keys: `g ${place.key}`, label: `Go to ${place.name}`, run: () => void navigate({ to: place.to }) })),
    { keys: "t", label: "Light, dark, as the system", run: cycleTheme },
    { keys: "?", label: "Keys", run: () => setHelp(true) },
  ]);
  return (
    <div className="frame">
      <a className="skip" href="#main">
        To the content
      </a>
      <Rail />
      <div className="frame-column">
        <header className="bar">
          <div className="bar-title" ref={setBar} />
          <Search />
          <div className="bar-tools">
            <LiveDot />
            <ThemeButton />
            <button type="button" className="button quiet icon bar-help" aria-label="Keys" title="Keys (?)" onClick={() => setHelp(true)}>
              <Icon name="help" />
            </button>
          </div>
        </header>
        <ConnectionLine />
        <Bar value={bar}>
          <main id="main" className="main" tabIndex={-1}>
            <Outlet />
          </main>
        </Bar>
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
      <Token />
    </div>
  );
}

function Rail() {
  return (
    <nav className="rail" aria-label="Screens">
      <Link to="/executions" className="rail-brand" aria-label="workflow.do, to the executions" tabIndex={-1}>
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="var(--accent)" />
          <g fill="none" stroke="var(--on-accent)" strokeWidth="2.5" strokeLinecap="round">
            <path d="M11 10h3.5c3 0 3 6 6 6M11 22h3.5c3 0 3-6 6-6" />
          </g>
          <g fill="var(--on-accent)">
            <circle cx="8.5" cy="10" r="3" />
            <circle cx="8.5" cy="22" r="3" />
            <circle cx="23.5" cy="16" r="3" />
          </g>
        </svg>
        <span className="rail-word">workflow.do</span>
      </Link>
      <ul className="rail-list">
        {PLACES.map((place) => (
          <li key={place.to}>
            <Link to={place.to} className="rail-link" activeOptions={{ exact: false, includeSearch: false }} title={place.name}>
              <Icon name={place.icon} size={18} />
              <span className="rail-name">{place.name}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const words = { system: "as the system", light: "light", dark: "dark" }[theme];
  return (
    <button type="button" className="button quiet icon bar-theme" aria-label={`Theme: ${words}`} title={`Theme: ${words} (t)`} onClick={cycleTheme}>
      <Icon name={theme === "light" ? "sun" : theme === "dark" ? "moon" : "theme"} />
    </button>
  );
}

function Token() {
  const wanted = useWatched(tokenWanted);
  const value = useWatched(token);
  const client = useQueryClient();
  useEffect(() => {
    // What was refused without the token is asked again with it.
    if (value !== null) void client.invalidateQueries();
  }, [value, client]);
  return wanted === "no" ? null : <TokenDialog refused={wanted === "refused"} />;
}

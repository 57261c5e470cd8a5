// Whether what is seen is what is: the dot in the bar, and the line below it when the connection is lost.
import { useEffect, useRef, useState } from "react";
import { connection, livePaused, reconnectNow } from "../api/stream";
import { useWatched } from "../api/store";
import { clock } from "../format/time";
import { keepTrue } from "../parts/time";

export function LiveDot() {
  const state = useWatched(connection);
  // A screen without live changes: the place stays, so that nothing in the bar moves.
  if (state.kind === "none") return <span className="live" aria-hidden="true" />;
  const words = {
    connecting: "Catching up",
    live: "Live",
    paused: "Paused by you",
    lost: "Not connected",
    refused: "Not live",
  }[state.kind];
  const hint = state.kind === "paused" ? "Changes are not shown. Click to go on" : "Click to stop changes";
  return (
    <button
      type="button"
      className="button quiet live"
      data-state={state.kind}
      aria-pressed={state.kind === "paused"}
      title={state.kind === "refused" ? "This server does not offer live changes here" : hint}
      onClick={() => livePaused.set(!livePaused.get())}
    >
      <span className="live-dot" aria-hidden="true" />
      <span className="live-word">{words}</span>
    </button>
  );
}

export function ConnectionLine() {
  const state = useWatched(connection);
  const back = useBack(state.kind);
  if (back) {
    return (
      <p className="connection-line connection-back" role="status">
        Live again. What changed meanwhile has been loaded.
      </p>
    );
  }
  if (state.kind !== "lost") return null;
  return (
    <p className="connection-line" role="status">
      <span>
        Connection lost at {clock(state.since)}. What you see is from then. <Countdown at={state.retryAt} />
      </span>{" "}
      <button type="button" className="linklike" onClick={reconnectNow}>
        Reconnect now
      </button>
    </p>
  );
}

/** For five seconds after the connection stands again. */
function useBack(kind: string): boolean {
  const [back, setBack] = useState(false);
  const lost = useRef(false);
  useEffect(() => {
    if (kind === "lost") lost.current = true;
    if (kind !== "live" || !lost.current) return;
    lost.current = false;
    setBack(true);
    const timer = setTimeout(() => setBack(false), 5000);
    return () => {
      clearTimeout(timer);
      setBack(false);
    };
  }, [kind]);
  return back;
}

function Countdown({ at }: { at: number }) {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      element.current
        ? keepTrue(element.current, () => {
            const left = Math.ceil((at - Date.now()) / 1000);
            return left > 0 ? `Reconnecting in ${left} s.` : "Reconnecting…";
          })
        : undefined,
    [at],
  );
  return <span ref={element} aria-hidden="true" />;
}

import { counted } from "../format/text";
import { Clock } from "../parts/time";

/** That what is shown is not the present, unmistakably. */
export function Past({ at, behind, onLive }: { at: number; behind: number; onLive(): void }) {
  return (
    <p className="past">
      As it was at <Clock at={at} precision="milliseconds" />
      <button type="button" className="button small" onClick={onLive}>
        Go live{behind > 0 ? ` · ${counted(behind, "entry", "entries")} later` : ""}
      </button>
    </p>
  );
}

// `?`: the keys that this screen takes, and the switch that turns single keys off.
import { useState } from "react";
import { useWatched } from "../api/store";
import { Dialog } from "../parts/dialog";
import { keysOn, listedKeys, names, setKeysOn } from "./keys";

const SHOWN: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space" };

export function Help({ onClose }: { onClose(): void }) {
  const [scopes] = useState(listedKeys);
  const on = useWatched(keysOn);
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <div className="help">
        {scopes.map((scope) => (
          <section key={scope.name}>
            <h3>{scope.name}</h3>
            <dl>
              {scope.keys.map((key) => (
                <div key={names(key).join()} className="help-key">
                  <dt>
                    {names(key).map((name, at) => (
                      <span key={name}>
                        {at > 0 && <span className="meta"> or </span>}
                        <Keys name={name} />
                      </span>
                    ))}
                  </dt>
                  <dd>{key.label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label className="check">
        <input type="checkbox" checked={on} onChange={(event) => setKeysOn(event.target.checked)} />
        Single keys do things. Off, only Enter, Esc and the arrows do.
      </label>
    </Dialog>
  );
}

function Keys({ name }: { name: string }) {
  return name.split(" ").length > 1 && name !== " " ? (
    <>
      {name.split(" ").map((one) => (
        <kbd key={one}>{one}</kbd>
      ))}
    </>
  ) : (
    <>
      {name.split("+").map((one) => (
        <kbd key={one}>{SHOWN[one] ?? one}</kbd>
      ))}
    </>
  );
}

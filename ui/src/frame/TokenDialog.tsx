// A server with tokens has refused a call. Everything waits for the token; nothing of the page is lost.
import { type FormEvent, useState } from "react";
import { setToken, tokenWanted } from "../api/token";
import { Dialog } from "../parts/dialog";

export function TokenDialog({ refused }: { refused: boolean }) {
  const [text, setText] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() !== "") setToken(text.trim());
  };
  return (
    <Dialog
      title="This server wants a token"
      onClose={() => tokenWanted.set("no")}
      actions={
        <button type="submit" form="token-form" className="button primary" disabled={text.trim() === ""}>
          Use this token
        </button>
      }
    >
      <form id="token-form" onSubmit={submit} className="token-form">
        <label htmlFor="token">Token</label>
        <input
          id="token"
          className="field mono"
          type="password"
          autoComplete="off"
          spellCheck={false}
          data-autofocus=""
          value={text}
          aria-invalid={refused}
          aria-describedby="token-about"
          onChange={(event) => setText(event.target.value)}
        />
        <p id="token-about" className={refused ? "form-problem" : "meta"}>
          {refused ? "The server does not know this token, or it was revoked." : "It is kept in this tab only."}
        </p>
        <p className="meta">
          Whoever runs the server makes one: <code>workflow token create NAME --role operator</code>
        </p>
      </form>
    </Dialog>
  );
}

// `Card <n> declined`, with what was taken out set apart from what was said.
import { visible } from "../format/text";

const HOLES = { n: "a number", id: "an id", host: "an address", email: "a mail address", time: "a time", s: "a text" } as const;

export function Template({ text }: { text: string }) {
  return (
    <bdi>
      {text.split(/(<(?:n|id|host|email|time|s)>)/).map((part, at) => {
        const hole = /^<(n|id|host|email|time|s)>$/.exec(part)?.[1] as keyof typeof HOLES | undefined;
        return hole === undefined ? (
          visible(part)
        ) : (
          <span key={at} className="er-hole" title={`${HOLES[hole]} that differs`}>
            {hole}
          </span>
        );
      })}
    </bdi>
  );
}

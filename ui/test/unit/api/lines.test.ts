import { describe, expect, it } from "vitest";
import { EventLines, type StreamEvent } from "../../../src/api/stream";

function read(...chunks: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const lines = new EventLines((event) => events.push(event));
  for (const chunk of chunks) lines.add(chunk);
  return events;
}

const TEXT = ': ping\nid: 7\nevent: upsert\ndata: {"a":\ndata: 1}\n\ndata: plain\n\nevent: end\nid: 8\ndata\n\n';
const EVENTS = [
  { event: "upsert", id: "7", data: '{"a":\n1}' },
  { event: "message", id: null, data: "plain" },
  { event: "end", id: "8", data: "" },
];

describe("server-sent events", () => {
  it("are read", () => expect(read(TEXT)).toEqual(EVENTS));

  it("are the same however they are cut", () => {
    for (let at = 1; at < TEXT.length; at += 1) expect(read(TEXT.slice(0, at), TEXT.slice(at)), `cut at ${at}`).toEqual(EVENTS);
    expect(read(...TEXT)).toEqual(EVENTS);
  });

  it("may end their lines in any way that the standard knows", () => {
    const crlf = TEXT.replaceAll("\n", "\r\n");
    expect(read(crlf)).toEqual(EVENTS);
    for (let at = 1; at < crlf.length; at += 1) expect(read(crlf.slice(0, at), crlf.slice(at)), `cut at ${at}`).toEqual(EVENTS);
  });

  it("without data are none", () => expect(read("event: hello\nid: 1\n\n")).toEqual([]));
});

// An execution that is waited for: the server answers when it has ended, and is asked again if that takes long.
import { useQuery } from "@tanstack/react-query";
import { executionOf } from "../api/calls";
import type { Execution } from "../api/types";

const ENDED = new Set(["completed", "failed", "cancelled"]);

export function useExecution(id: string): Execution | undefined {
  const now = useQuery({
    queryKey: ["execution", id, "now"],
    queryFn: ({ signal }) => executionOf(id, {}, signal),
  });
  const ended = useQuery({
    queryKey: ["execution", id, "ended"],
    queryFn: ({ signal }) => executionOf(id, { wait: "30s" }, signal),
    refetchInterval: ({ state }) => (state.data && ENDED.has(state.data.status) ? false : 500),
  });
  return ended.data ?? now.data;
}

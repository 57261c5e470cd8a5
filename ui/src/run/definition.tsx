import { useQuery } from "@tanstack/react-query";
import { definitionQuery } from "../api/queries";
import { JsonTree } from "../json/tree";
import { useOpen } from "./hooks";

/** The version that this execution runs, as it was registered. */
export function DefinitionTab() {
  const { graph } = useOpen();
  const { data } = useQuery(definitionQuery(graph.workflow, graph.version));
  return data === undefined ? null : (
    <div className="state">
      <JsonTree value={data} label={`definition of ${graph.workflow}`} depth={3} />
    </div>
  );
}

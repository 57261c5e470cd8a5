// Lays graphs out beside the page, so that a large one never holds it up.

import { layOut, type LayoutRequest } from "./layout";

self.onmessage = (message: MessageEvent<{ id: number; request: LayoutRequest }>) => {
  const { id, request } = message.data;
  self.postMessage({ id, layout: layOut(request) });
};

// Which address shows which screen. The list is in the first script; every other screen comes when it is wanted, or when a
// link to it is pointed at.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { askExecution } from "../api/queries";
import { Executions } from "../executions/Executions";
import { Frame } from "../frame/Frame";
import { Broken, NoPage } from "../frame/NoPage";
import {
  errorsSearch,
  eventsSearch,
  executionsSearch,
  jobSearch,
  parseSearch,
  runSearch,
  startSearch,
  stringifySearch,
  systemSearch,
  workflowSearch,
  workflowsSearch,
} from "./search";

const root = createRootRoute({ component: Frame, notFoundComponent: NoPage, errorComponent: Broken });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/executions", replace: true });
  },
});

const executions = createRoute({
  getParentRoute: () => root,
  path: "/executions",
  validateSearch: executionsSearch,
  component: Executions,
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/executions/$id",
  validateSearch: runSearch,
  // Asked for while the screen's script comes.
  loader: ({ params, cause }) => (cause === "preload" ? undefined : void askExecution(params.id)),
  component: lazyRouteComponent(() => import("../run/Run"), "Run"),
});

const workflows = createRoute({
  getParentRoute: () => root,
  path: "/workflows",
  validateSearch: workflowsSearch,
  component: lazyRouteComponent(() => import("../workflows/Workflows"), "Workflows"),
});

const workflow = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$id",
  validateSearch: workflowSearch,
  component: lazyRouteComponent(() => import("../workflows/Workflow"), "Workflow"),
});

const start = createRoute({
  getParentRoute: () => root,
  path: "/workflows/$id/start",
  validateSearch: startSearch,
  component: lazyRouteComponent(() => import("../start/Start"), "Start"),
});

const errors = createRoute({
  getParentRoute: () => root,
  path: "/errors",
  validateSearch: errorsSearch,
  component: lazyRouteComponent(() => import("../errors/Errors"), "Errors"),
});

const error = createRoute({
  getParentRoute: () => root,
  path: "/errors/$fingerprint",
  validateSearch: errorsSearch,
  component: lazyRouteComponent(() => import("../errors/ErrorKind"), "OneErrorKind"),
});

const events = createRoute({
  getParentRoute: () => root,
  path: "/events",
  validateSearch: eventsSearch,
  component: lazyRouteComponent(() => import("../events/Events"), "Events"),
});

const job = createRoute({
  getParentRoute: () => root,
  path: "/jobs/$id",
  validateSearch: jobSearch,
  component: lazyRouteComponent(() => import("../jobs/OneJob"), "OneJob"),
});

const system = createRoute({
  getParentRoute: () => root,
  path: "/system",
  validateSearch: systemSearch,
  component: lazyRouteComponent(() => import("../system/System"), "System"),
});

export const router = createRouter({
  routeTree: root.addChildren([home, executions, run, workflows, workflow, start, errors, error, events, job, system]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPreloadDelay: 60,
  scrollRestoration: true,
  defaultPendingMs: 150,
  defaultStructuralSharing: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

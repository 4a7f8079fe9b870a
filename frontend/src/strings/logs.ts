/** Words of the logs: the product's, and a deployment's tries. */

export const attempts = {
  choose: "Which try",
  all: "All tries",
  states: { running: "running", stopped: "stopped", failed: "failed", lost: "lost" },
  one: (replica: string, attempt: number, state: string, began: string) =>
    `${replica} · try ${attempt} · ${state} · ${began}`,
  why: "Why it ended",
  failed: "The tries could not be read: retry",
  gone: "This try is no longer kept",
  goneWhy: "Its lines made room for newer ones. Look at all tries, or at another.",
  dropped: (lines: string) =>
    `${lines} lines of this try were dropped: they came faster than they could be kept.`,
};

export const productLog = {
  title: "Logs",
  lead: "What the gateway, the control plane and the other processes did. Give a request's id to follow it through all of them and the engines.",
  label: "Lines of the product's log",
  filter: "Text in the line",
  process: "Process",
  anyProcess: "All processes",
  processes: {
    gateway: "Gateway",
    "control-plane": "Control plane",
    steward: "Steward",
    ray: "Ray",
    downloads: "Downloads",
    browser: "Browsers",
    engine: "Engines",
  } as Record<string, string>,
  level: "Level",
  anyLevel: "All levels",
  levels: {
    debug: "debug and up",
    info: "info and up",
    warning: "warnings and errors",
    error: "errors",
  } as Record<string, string>,
  request: "Request id",
  deployment: "Deployment",
  followRequest: (id: string) => `Follow request ${id}`,
  none: "No line matches",
  noneWhy: "Widen the filter, or look at older lines.",
  failed: "The log could not be read",
  clear: "Clear the filter",
  gap: "Lines are missing here: more came than are read at once. Download the log to have them all.",
  anyDeployment: "All deployments",
};

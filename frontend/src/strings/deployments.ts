/** Words of a deployment's model and memory. */

export const deployments = {
  fetching: "Fetching the model",
  stalled: "stalled",
  ofBytes: (done: string, total: string) => `${done} of ${total}`,
  perSecond: (speed: string) => `${speed}/s`,
  left: (time: string) => `${time} left`,
  toDownloads: "All downloads",
  memory: "Memory",
  noEstimate: "Nothing was estimated: the model's figures could not be read, or it was forced.",
  notMeasured: "The engine has not said yet what it uses.",
  part: "Part",
  tokens: "tokens in the KV cache",
  offBy: "Off by",
} as const;

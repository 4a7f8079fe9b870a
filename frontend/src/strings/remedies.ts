/** Words of what mends a deployment, or an alert. */

export const remedies = {
  failed: (label: string) => `Could not do it: ${label}`,
  token: "Hugging Face token",
  tokenTitle: "Set a Hugging Face token",
  tokenWhy: "Everybody's models are fetched with it. The deployment is started again then.",
  set: "Set and start again",
  stopTitle: (name: string) => `Stop ${name}?`,
  stopWhy:
    "Requests under way are finished. When it has stopped, this deployment is started again.",
  stop: "Stop it",
  stopItselfWhy: "Requests under way are finished. It stays stopped until somebody starts it.",
  giveUpWhy: "It is not tried again, and stays stopped until somebody starts it.",
  restartTitle: (name: string) => `Restart ${name}?`,
  restartWhy:
    "It serves now. Requests under way are finished; new ones wait or are refused until it is ready again.",
  restart: "Restart it",
  scaled: (name: string, replicas: number) => `${name}: ${replicas} replicas are wanted`,
};

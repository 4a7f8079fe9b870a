/** What the page says of a deployment's speed. */

export const performance = {
  title: "Why is it slow?",
  ask: "Look at the last five minutes",
  again: "Look again",
  asOf: (clock: string) => `As of ${clock}`,
  share: (share: number) => `${Math.round(share * 100)} %`,
};

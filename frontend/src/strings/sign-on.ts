/** What the pages of single sign-on say. */

export const signOn = {
  or: "or",
  with: (name: string) => `Log in with ${name}`,
  going: "Opening the login…",
  leaves: "It leads away and back to this page; what you typed here is not kept.",
  arriving: "Logging in…",
  failed: "The login did not work",
  again: "Back to the login",
} as const;

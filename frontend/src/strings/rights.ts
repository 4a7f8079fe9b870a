/** Words about who may do what. */

export const rights = {
  title: "This is not for your role",
  why: (roles: string[]) => `It needs the role ${roles.join(" or ")}. Ask an administrator.`,
  masked: "Kept as it is, and shown to nobody. Type a new value to replace it.",
  roles: {
    administrator: "administrator",
    operator: "operator",
    member: "member",
    viewer: "viewer",
  },
};

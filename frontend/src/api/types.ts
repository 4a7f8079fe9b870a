/** The API's nouns under the names that the interface uses, whatever the generator calls them. */

import type { ArgumentInfo, Deployment, SessionView, UserDetails } from "./gen";

export type {
  Deployment,
  DeploymentChange,
  DeploymentEvent,
  DeploymentRequest,
  DeploymentSpec,
  LogLine,
  Operation,
  ProblemDetails,
  Remedy,
  Replica,
  TimelineStep,
} from "./gen";
export type EngineArgument = ArgumentInfo;
export type Session = SessionView;
export type Phase = Deployment["phase"];
export type Role = UserDetails["role"];
